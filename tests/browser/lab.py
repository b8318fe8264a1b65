"""A real JupyterLab with folders of its own, token and XSRF checks on, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
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

import psutil

import codemad_jupyter
from tests.waiting import LIMIT

STOPPED_WITHIN = 30.0
QUIET = {"fetchNews": "false", "checkForUpdates": False}  # the news pop-up would cover our panel's button


@dataclass(frozen=True)
class Lab:
    url: str
    token: str
    root: Path
    """The folder that JupyterLab shows."""
    log: Path

    def address(self, notebook: str = "") -> str:
        """Where a browser opens a fresh workspace, with a notebook of `root` in front if one is named."""
        tree = f"/tree/{notebook}" if notebook else ""
        return f"{self.url}/lab{tree}?token={self.token}&reset"

    def get(self, path: str) -> bytes:
        return self._answer(path, None)

    def command(self, **command: object) -> dict[str, Any]:
        """Give the engine a command, as a front end does; its acknowledgement."""
        answer: dict[str, Any] = json.loads(self._answer("/codemad/commands", json.dumps(command).encode()))
        return answer

    def _answer(self, path: str, body: bytes | None) -> bytes:
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return bytes(answer.read())


@contextmanager
def running_lab(folder: Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[Lab]:
    """Start JupyterLab with all that it writes below `folder`; options and variables are passed on."""
    lab = Lab(f"http://127.0.0.1:{free_port()}", secrets.token_hex(16), folder / "root", folder / "lab.log")
    lab.root.mkdir(parents=True, exist_ok=True)
    with lab.log.open("wb") as log:
        process = subprocess.Popen(
            command(lab, *options),
            env={**os.environ, **own_folders(folder), "JUPYTER_TOKEN": lab.token, **(env or {})},
            cwd=lab.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_up(lab, process)
            yield lab
        finally:
            end_kernels(process)
            stop(process)


def command(lab: Lab, *options: str) -> list[str]:
    port = lab.url.rpartition(":")[2]
    server = [f"--ServerApp.root_dir={lab.root}", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    page = ["--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly", "--no-browser"]
    root = ["--allow-root"] if os.geteuid() == 0 else []
    return [sys.executable, "-m", "jupyterlab", *server, "--ServerApp.port_retries=0", *page, *root, *options]


def own_folders(folder: Path) -> dict[str, str]:
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
    serve_own_front_end(folder / "share" / "labextensions")
    names = {
        "JUPYTER_PATH": "share",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "XDG_DATA_HOME": "xdg-data",
        "XDG_STATE_HOME": "xdg-state",
        "XDG_CONFIG_HOME": "xdg-config",
        "XDG_CACHE_HOME": "xdg-cache",
    }
    # A process that follows the folder for each server would cost more than the tests.
    return {"CODEMAD_INDEX": "false", **{name: str(folder / place) for name, place in names.items()}}


def serve_own_front_end(folder: Path) -> None:
    """The extension built beside the package under test, even where another checkout's is installed."""
    built = Path(codemad_jupyter.__file__).parent / "labextension"
    link = folder / "codemad-jupyter"
    if built.is_dir() and not link.exists():
        folder.mkdir(parents=True, exist_ok=True)
        link.symlink_to(built)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until_up(lab: Lab, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            lab.get("/api")
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start within {LIMIT:.0f} s:\n{lab.log.read_text()}")


def end_kernels(process: subprocess.Popen[bytes]) -> None:
    """End what pages that are closed left running: of dozens of kernels a server takes leave for too long."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if any("ipykernel" in word for word in child.cmdline()):
                    child.kill()


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
