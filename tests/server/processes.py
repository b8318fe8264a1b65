"""A Jupyter Server in a process of its own, for tests that look at it from outside or kill it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.lab import free_port, own_folders, stop
from tests.waiting import LIMIT

TOKEN = "a-token-for-tests"
ONLY_OURS = "--ServerApp.jpserver_extensions={'codemad_jupyter': True}"


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET, or POST where there is a body; the JSON that was answered."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/{path}", data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            value: dict[str, Any] = json.loads(answer.read())
            return value


@contextmanager
def running(
    folder: Path,
    *,
    lab: bool = False,
    flags: tuple[str, ...] = (),
    options: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Start a server on ``folder/work`` and wait until it answers; it writes in ``folder`` alone.

    Ours is its only extension; a ``lab`` has all that are installed.
    """
    root, port, log = folder / "work", free_port(), folder / f"server-{time.monotonic_ns()}.log"
    root.mkdir(exist_ok=True)
    module = ["jupyterlab"] if lab else ["jupyter_server", ONLY_OURS]
    command = [sys.executable, *flags, "-m", *module, "--allow-root", "--no-browser", *options]
    settings = {"root_dir": root, "ip": "127.0.0.1", "port": port, "port_retries": 0}
    command += [f"--ServerApp.{name}={value}" for name, value in settings.items()]
    own = {"JUPYTER_TOKEN": TOKEN, "CODEMAD_DATA_DIR": str(folder / "codemad")}
    own |= {} if lab else {"JUPYTER_NO_CONFIG": "1"}
    variables = {**os.environ, **own_folders(folder), **own, **(env or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=variables, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        server = Running(process, f"http://127.0.0.1:{port}", log)
        try:
            _wait(server)
            yield server
        finally:
            stop(process)


def _wait(server: Running) -> None:
    deadline = time.monotonic() + LIMIT
    while server.process.poll() is None and time.monotonic() < deadline:
        try:
            server.ask("api/status")
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise RuntimeError(f"The server did not start:\n{server.log.read_text()}")
