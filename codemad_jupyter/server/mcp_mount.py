"""Holds the MCP server of this Jupyter server: begun at the first request, ended with the server."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codemad_jupyter.server.host import EngineHost

Manager = Any


class McpMount:
    """The SDK's session manager, started at the first request and ended with the server."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host
        self._lock = asyncio.Lock()
        self._manager: Manager | None = None
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def manager(self) -> Manager:
        """The running manager. Raises `UsageError` where the SDK is not installed."""
        async with self._lock:
            if self._manager is None:
                ready: asyncio.Future[Manager] = asyncio.get_running_loop().create_future()
                self._task = asyncio.create_task(self._run(ready), name="codemad mcp server")
                self._manager = await ready
            return self._manager

    async def close(self) -> None:
        """End all connections."""
        self._over.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=5)

    async def _run(self, ready: asyncio.Future[Manager]) -> None:
        """Hold the manager open: it wants to be ended by the task that began it."""
        try:
            async with AsyncExitStack() as stack:
                made = await asyncio.to_thread(self._made)
                await stack.enter_async_context(made.run())
                ready.set_result(made)
                await self._over.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    def _made(self) -> Manager:
        """Imports take a second, so not in the loop."""
        from codemad_jupyter.app.mcp_server import McpFace, sdk_server

        host = self._host
        face = McpFace(engine=host.engine, attended=lambda: bool(host.streams))
        server = sdk_server(face)
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        # Host and Origin have been checked by Jupyter and by the handler.
        return StreamableHTTPSessionManager(app=server, json_response=True, session_idle_timeout=1800)
