"""A terminal's end of the stream that a Jupyter server has with each tab."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from codemad_jupyter.app.http_client import CONNECT
from codemad_jupyter.protocol.frames import SERVER_FRAME, Hello, ServerFrame, Subscribe

if TYPE_CHECKING:
    from tornado.websocket import WebSocketClientConnection

LARGEST = 2**27
"""Bytes of a frame: an event may carry the outputs of a cell."""


class ServerStream:
    """An open connection."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._over = False

    @classmethod
    async def connect(cls, address: str, headers: dict[str, str]) -> ServerStream:
        """Open the stream. Raises `OSError`, or an ``HTTPError`` or ``WebSocketError`` of tornado."""
        from tornado.httpclient import HTTPRequest
        from tornado.websocket import websocket_connect

        request = HTTPRequest(address, headers=headers, connect_timeout=CONNECT)
        return cls(await websocket_connect(request, max_message_size=LARGEST))

    async def say(self, *frames: Hello | Subscribe) -> None:
        """Send the frames, in this order."""
        for frame in frames:
            await self._connection.write_message(frame.model_dump_json())

    async def frames(self) -> AsyncIterator[ServerFrame]:
        """What comes, until the server is gone."""
        while (text := await self._read()) is not None:
            yield SERVER_FRAME.validate_json(text)

    async def leave(self) -> None:
        """Close the stream and wait for it: the socket of a loop that has ended would stay open. A server
        that does not answer is left after tornado's five seconds."""
        self._connection.close()
        while not self._over:
            await self._read()

    async def _read(self) -> str | bytes | None:
        text = await self._connection.read_message()
        self._over = text is None
        return text
