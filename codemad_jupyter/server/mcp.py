"""The MCP server on this Jupyter server: streamable HTTP at ``codemad/mcp``, behind Jupyter's own locks.

Carries requests of tornado to the SDK's session manager, which speaks ASGI, and its answers back. What is
offered, and through which gate, is the business of ``app.mcp_server``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from codemad_jupyter.server.rest import BodyHandler

if TYPE_CHECKING:
    from codemad_jupyter.server.host import EngineHost

OWN = {"content-length", "transfer-encoding", "connection", "date", "server"}
"""Headers that tornado writes itself."""


@web.stream_request_body
class McpHandler(BodyHandler):
    """One request of an MCP client."""

    def prepare(self, **kwargs: Any) -> Any:
        """No page of another origin gets in, whatever it brings along."""
        origin = self.request.headers.get("Origin")
        if origin and urlsplit(origin).netloc.lower() != self.request.host.lower():
            raise web.HTTPError(403, "The MCP server answers no page of another origin.")
        return super().prepare(**kwargs)

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self._pass_on()

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self._pass_on()

    @web.authenticated
    @authorized
    async def delete(self) -> None:
        await self._pass_on()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._gone.set()

    async def _pass_on(self) -> None:
        try:
            body, manager = self.body(), await self.host.mcp.manager()
        except Exception as error:  # the edge: nothing leaves it but a status and a value
            self.fail(error)
            return
        self.clear_header("Content-Type")
        exchange = Exchange(self, body)
        answering = asyncio.create_task(exchange.through(manager))
        leaving = asyncio.create_task(self._gone.wait())
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in (answering, leaving):
            task.cancel()
        await asyncio.gather(answering, leaving, return_exceptions=True)
        if not self._gone.is_set() and not self._finished:
            self.finish()

    def initialize(self, host: EngineHost) -> None:
        super().initialize(host)
        self._gone = asyncio.Event()


class Exchange:
    """One request and its answer, as ASGI sees them."""

    def __init__(self, handler: McpHandler, body: bytes) -> None:
        self._handler = handler
        self._body: bytes | None = body

    def scope(self) -> dict[str, Any]:
        """What ASGI calls the request."""
        request = self._handler.request
        # What lets a person in here is no business of the SDK.
        secret = {"authorization", "cookie", "x-xsrftoken"}
        headers = [(k.lower(), v) for k, v in request.headers.get_all() if k.lower() not in secret]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.protocol,
            "path": request.path,
            "raw_path": request.path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers],
            "client": None,
            "server": None,
        }

    async def through(self, manager: Any) -> None:
        """Let the SDK answer it."""
        await manager.handle_request(self.scope(), self.receive, self.send)

    async def receive(self) -> dict[str, Any]:
        """The body, then the end of the connection."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._handler._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """A part of the answer."""
        handler = self._handler
        if message["type"] == "http.response.start":
            handler.set_status(message["status"])
            for key, value in message.get("headers", ()):
                if key.decode("latin-1").lower() not in OWN:
                    handler.set_header(key.decode("latin-1"), value.decode("latin-1"))
        elif message["type"] == "http.response.body":
            handler.write(message.get("body", b""))
            try:
                await handler.flush()
            except StreamClosedError:
                handler._gone.set()
