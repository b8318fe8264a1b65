"""Starts the lab as a launch of Binder does and executes the tour in it: how long it takes, how much memory
it needs. Part of `binder/check.py --measure`; Linux alone, where /proc tells what a process really takes."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from apart import BINDER, copied, environment

LIMIT = 300.0
"""Seconds for each step."""
MOST = 1_000_000_000
"""Bytes that Binder guarantees a visitor: the lab with a demo open has to stay below."""


class Memory(NamedTuple):
    """Bytes of all its processes: shared pages divided among those that share them (pss), or counted for each
    (rss)."""

    processes: int
    pss: int
    rss: int


@dataclass
class Launch:
    """A lab that runs in a copy of the folder: its process, its address, and the steps with their seconds and
    the memory after each."""

    folder: Path
    url: str
    token: str
    process: subprocess.Popen[bytes]
    steps: list[tuple[str, float, Memory]] = field(default_factory=list)

    def step(self, name: str, began: float) -> None:
        self.steps.append((name, time.monotonic() - began, memory(self.process.pid)))

    def get(self, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, headers)  # noqa: S310 - this machine's
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if path.startswith("/api") else text


@contextmanager
def launched(**more: str) -> Iterator[Launch]:
    """The lab, started by `binder/start` in a copy of the folder and in an empty home; ``more`` is in its
    environment."""
    with tempfile.TemporaryDirectory(prefix="codemad-launch-", ignore_cleanup_errors=True) as name:
        folder, token, port = Path(name), secrets.token_hex(16), _free_port()
        copied(BINDER, folder / "binder")
        env = _settled(folder)
        root = ["--allow-root"] if os.geteuid() == 0 else []
        command = [
            str(folder / "binder" / "start"),
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            *root,
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"],
                env=env | {"JUPYTER_TOKEN": token} | more,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Launch(folder, f"http://127.0.0.1:{port}", token, process)
        finally:
            process.terminate()
            process.wait(LIMIT)


def _settled(folder: Path) -> dict[str, str]:
    """The environment of a launch, after what the build does for the first page."""
    (folder / "home").mkdir()
    prefix = folder / "prefix"
    env = environment(folder / "home") | {"NB_PYTHON_PREFIX": str(prefix)}
    subprocess.run(
        [folder / "binder" / "first_page"], env=env, check=True, capture_output=True, timeout=LIMIT
    )
    return env | {
        "JUPYTER_CONFIG_PATH": str(prefix / "etc" / "jupyter"),
        "JUPYTER_PATH": str(prefix / "share"),
    }


def measured() -> int:
    """Print the table; how many figures are too large."""
    with launched() as launch:
        began = time.monotonic()
        until_up(launch)
        launch.step("server answers", began)
        launch.get("/lab/tree/tour.ipynb")
        launch.step("first page", began)
        cells = execute(launch, "tour.ipynb")
        launch.step(f"tour open, its {cells} cells executed", began)
    print(f"\n{'after the start':<36}{'seconds':>8}{'processes':>11}{'PSS':>9}{'RSS':>9}")
    for name, seconds, size in launch.steps:
        print(f"{name:<36}{seconds:>8.1f}{size.processes:>11}{_shown(size.pss)}{_shown(size.rss)}")
    large = max(size.rss for _, _, size in launch.steps) >= MOST
    print(f"{'limit':<36}{'':>28}{_shown(MOST)}  {'FAILED' if large else 'ok'}")
    return int(large)


def _shown(size: int) -> str:
    return f"{size / 1e6:>6.0f} MB"


def execute(launch: Launch, notebook: str) -> int:
    """Open a notebook's kernel as the lab does, and run its cells in it; how many."""
    from jupyter_client import BlockingKernelClient

    kernel = {"name": "python3"}
    asked = {"path": notebook, "name": notebook, "type": "notebook", "kernel": kernel}
    session = launch.get("/api/sessions", asked)
    runtime = launch.folder / "home" / ".local" / "share" / "jupyter" / "runtime"
    client = BlockingKernelClient(connection_file=str(runtime / f"kernel-{session['kernel']['id']}.json"))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=LIMIT)
        cells = json.loads((launch.folder / "binder" / "demo" / notebook).read_text(encoding="utf-8"))[
            "cells"
        ]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        for source in sources:
            client.execute_interactive(source, timeout=LIMIT, output_hook=lambda message: None)
    finally:
        client.stop_channels()
    return len(sources)


def memory(pid: int) -> Memory:
    """That of a process and all below it."""
    sizes = [_own(each) for each in family(pid)]
    return Memory(len(sizes), sum(pss for pss, _ in sizes), sum(rss for _, rss in sizes))


def family(pid: int) -> set[int]:
    """A process and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _own(pid: int) -> tuple[int, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has ended meanwhile
        return 0, 0
    sizes = {line.split()[0]: 1024 * int(line.split()[1]) for line in lines[1:]}
    return sizes["Pss:"], sizes["Rss:"]


def until_up(launch: Launch) -> None:
    """Wait for the server; ends the program with its log if it does not come."""
    deadline = time.monotonic() + LIMIT
    while launch.process.poll() is None and time.monotonic() < deadline:
        try:
            launch.get("/api/status")
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    sys.exit(f"The lab did not start:\n{(launch.folder / 'log').read_text(encoding='utf-8')}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
