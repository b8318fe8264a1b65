"""A real Jupyter Server in the test's loop, on a real port, with its locks on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jupyter_server.serverapp import ServerApp
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.websocket import WebSocketClientConnection, websocket_connect
from traitlets.config import Config

from codemad_jupyter.server.extension import SETTING
from codemad_jupyter.server.host import EngineHost
from tests.waiting import LIMIT, PAUSE, until

TOKEN = "a-token-for-tests"


class Served:
    """The server and ways to speak to it."""

    def __init__(self, app: ServerApp, port: int) -> None:
        self.app = app
        self.port = port
        self.base = app.base_url
        self.cookies: dict[str, str] = {}
        self.tabs: list[Tab] = []

    @property
    def host(self) -> EngineHost:
        host: EngineHost = self.app.web_app.settings[SETTING]
        return host

    @property
    def token(self) -> dict[str, str]:
        return {"Authorization": f"token {TOKEN}"}

    @property
    def secret(self) -> dict[str, str]:
        return {"X-Codemad-Kernel-Token": self.host.token}

    def url(self, path: str, *, scheme: str = "http", **query: Any) -> str:
        asked = f"?{urlencode(query)}" if query else ""
        return f"{scheme}://127.0.0.1:{self.port}{self.base}{path}{asked}"

    async def fetch(
        self, path: str, *, headers: dict[str, str] | None = None, body: Any = None, **query: Any
    ) -> HTTPResponse:
        """GET, or POST where there is a body; no header means the token."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = HTTPRequest(
            self.url(path, **query),
            method="GET" if content is None else "POST",
            headers=self.token if headers is None else headers,
            body=content,
            request_timeout=LIMIT,
            follow_redirects=False,
        )
        return await AsyncHTTPClient().fetch(request, raise_error=False)

    async def command(self, **command: Any) -> dict[str, Any]:
        response = await self.fetch("codemad/commands", body=command)
        assert response.code == 200, response.body
        ack: dict[str, Any] = json.loads(response.body)
        return ack

    async def finished(self, ack: dict[str, Any]) -> dict[str, Any]:
        """The end of a run, awaited by asking for the stored events."""
        path = f"codemad/sessions/{ack['session']}/events"
        async with asyncio.timeout(LIMIT):
            while True:
                events = json.loads((await self.fetch(path, after=ack["seq"])).body)["events"]
                for event in events:
                    if event["type"] == "run_finished" and event["run"] == ack["run"]:
                        end: dict[str, Any] = event
                        return end
                await asyncio.sleep(PAUSE)

    async def session(self) -> str:
        response = await self.fetch("codemad/sessions")
        assert response.code == 200, response.body
        current: str = json.loads(response.body)["current"]
        return current

    async def tab(self, client: str = "", *notebooks: dict[str, Any], **options: Any) -> Tab:
        """A browser tab: a socket that has said hello, if it has a name."""
        headers = options.pop("headers", self.token)
        path = options.pop("path", "codemad/stream")
        request = HTTPRequest(self.url(path, scheme="ws"), headers=headers, connect_timeout=LIMIT)
        tab = Tab(await websocket_connect(request, **options))
        self.tabs.append(tab)
        if client:
            await tab.hello(client, *notebooks)
            await tab.settle()
        return tab

    async def login(self) -> dict[str, str]:
        """The cookies a browser has after it came with the token."""
        known = await self.fetch("api/status", token=TOKEN, headers={})
        form = await self.fetch("login", headers={})
        lines = known.headers.get_list("Set-Cookie") + form.headers.get_list("Set-Cookie")
        pairs = [line.partition(";")[0] for line in lines]
        self.cookies = dict(pair.split("=", 1) for pair in pairs)
        return {"Cookie": "; ".join(pairs)}


class Tab:
    """The browser's end of the stream."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket = socket
        self.over = False

    async def say(self, **frame: Any) -> None:
        await self.socket.write_message(json.dumps(frame))

    async def hello(self, client: str, *notebooks: dict[str, Any], active: str | None = None) -> None:
        await self.say(type="hello", client=client, notebooks=notebooks, active=active)

    async def settle(self) -> None:
        """Wait until the server has taken what was said so far: frames are taken in order."""
        await self.say(type="nonsense")
        await self.hear("stream_error")

    async def hear(self, kind: str | None = None, *, wait: float = LIMIT) -> dict[str, Any]:
        """The next frame, or the next of a kind."""
        while True:
            text = await asyncio.wait_for(self.socket.read_message(), wait)
            assert text is not None, "the socket was closed"
            frame: dict[str, Any] = json.loads(text)
            if kind is None or frame["type"] == kind:
                return frame

    async def event(self, kind: str) -> dict[str, Any]:
        while True:
            event: dict[str, Any] = (await self.hear("event"))["event"]
            if event["type"] == kind:
                return event

    async def reply(self, call: dict[str, Any], value: Any = None, **error: str) -> None:
        frame = {"error": error} if error else {"value": value}
        await self.say(type="port_reply", id=call["id"], **frame)

    def close(self) -> None:
        self.socket.close()

    async def closed(self) -> None:
        """Wait until the socket is closed on both ends."""
        while not self.over:
            self.over = await asyncio.wait_for(self.socket.read_message(), LIMIT) is None


async def started(kernel: Any) -> None:
    """Wait for a kernel that is just being started or restarted: it cannot be shut down in between."""
    await until(kernel.ready.done, "the start of a kernel")


@asynccontextmanager
async def serving(root: Path, *, home: Path, base_url: str = "/deep/er/") -> AsyncIterator[Served]:
    """A started server with CodeMAD on ``root``, closed afterwards."""
    sock, port = bind_unused_port()
    config = Config()
    config.ServerApp.jpserver_extensions = {"codemad_jupyter": True}
    config.ServerApp.allow_unauthenticated_access = False
    config.IdentityProvider.token = TOKEN
    config.NotebookNotary.db_file = ":memory:"
    ServerApp.clear_instance()
    app = ServerApp.instance(
        config=config,
        base_url=base_url,
        root_dir=str(root),
        port=port,
        open_browser=False,
        allow_root=True,
        reraise_server_extension_failures=True,
        ip="127.0.0.1",
        cookie_secret_file=str(home / "cookie_secret"),
    )
    app.init_signal = lambda: None  # type: ignore[method-assign]
    app.initialize(argv=[], new_httpserver=False)
    server = HTTPServer(app.web_app)
    server.add_socket(sock)
    await app.extension_manager.start_all_extensions()
    served = Served(app, port)
    try:
        yield served
    finally:
        for tab in served.tabs:
            tab.close()
            await tab.closed()
        await asyncio.gather(*map(started, app.kernel_manager._kernels.values()))
        await app._cleanup()
        server.stop()
        await server.close_all_connections()
        ServerApp.clear_instance()
