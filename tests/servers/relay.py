"""A relay for shared sessions on loopback, beside a hub that says whose a token is."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tornado import httpserver, netutil, web

from codemad_jupyter.app.relay import application
from codemad_jupyter.app.relay_client import RelayClient

SCOPE = "access:services!service=codemad-share"
PREFIX = "/services/codemad-share/"


class RunningRelay:
    """The relay, which can begin anew, and clients of it by the names of people."""

    def __init__(self, port: int, hub: str, tokens: dict[str, dict[str, Any]]) -> None:
        self.url = f"http://127.0.0.1:{port}{PREFIX}"
        self.port = port
        self.tokens = tokens
        self.environ = {
            "JUPYTERHUB_API_URL": f"{hub}/hub/api",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([SCOPE]),
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        }
        self._clients: list[RelayClient] = []
        self._server: httpserver.HTTPServer | None = None

    def start(self, *, known_for: float = 10.0) -> None:
        """Serve, with nothing on the board."""
        self._server = httpserver.HTTPServer(application(self.environ, known_for=known_for))
        self._server.listen(self.port, "127.0.0.1")

    async def stop(self) -> None:
        """Be gone, with all connections."""
        assert self._server is not None
        self._server.stop()
        await self._server.close_all_connections()

    def variables(self, name: str) -> dict[str, str]:
        """What the hub puts into the environment of somebody's server."""
        return {"JUPYTERHUB_API_TOKEN": f"{name}-token", "CODEMAD_RELAY_URL": self.url}

    def client(self, name: str) -> RelayClient:
        """What somebody's server asks with."""
        self._clients.append(RelayClient(self.variables(name)))
        return self._clients[-1]

    async def close(self) -> None:
        """Let go of everything."""
        for client in self._clients:
            client.close()
        await self.stop()


class _HubUser(web.RequestHandler):
    def initialize(self, tokens: dict[str, dict[str, Any]]) -> None:
        self.tokens = tokens

    def get(self) -> None:
        found = self.tokens.get(self.request.headers["Authorization"].removeprefix("token "))
        if found is None:
            self.set_status(403)
        self.finish(found or {"message": "no"})


@asynccontextmanager
async def running_relay(*names: str) -> AsyncIterator[RunningRelay]:
    """A relay for these people, whose tokens are their names with ``-token``."""
    tokens = {f"{name}-token": {"kind": "user", "name": name, "scopes": [SCOPE]} for name in names}
    (sock,) = netutil.bind_sockets(0, "127.0.0.1", family=socket.AF_INET)
    hub = httpserver.HTTPServer(web.Application([(r"/hub/api/user", _HubUser, {"tokens": tokens})]))
    hub.add_socket(sock)
    (free,) = netutil.bind_sockets(0, "127.0.0.1", family=socket.AF_INET)
    port = free.getsockname()[1]
    free.close()
    relay = RunningRelay(port, f"http://127.0.0.1:{sock.getsockname()[1]}", tokens)
    relay.start()
    try:
        yield relay
    finally:
        await relay.close()
        hub.stop()
        await hub.close_all_connections()
        for _ in range(20):
            await asyncio.sleep(0)  # who still asked hears that the line is closed, and closes its own end
