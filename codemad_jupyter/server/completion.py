"""The route that continues what a person types. A request whose browser has given up is cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from codemad_jupyter.server.rest import BodyHandler

if TYPE_CHECKING:
    from codemad_jupyter.server.host import EngineHost


@web.stream_request_body
class CompletionHandler(BodyHandler):
    """Takes a `CompletionRequest`, answers with a `Completion`."""

    _track_activity = False

    def initialize(self, host: EngineHost) -> None:
        super().initialize(host)
        self._working: asyncio.Task[str] | None = None

    @web.authenticated
    @authorized
    async def post(self) -> None:
        self._working = asyncio.create_task(self._complete())
        try:
            await self.answer(self._result)
        except asyncio.CancelledError:
            self.log.debug("CodeMAD: a completion was given up")

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self._working is not None:
            self._working.cancel()

    async def _result(self) -> str:
        assert self._working is not None  # noqa: S101 - made just before
        return await self._working

    async def _complete(self) -> str:
        from pydantic import ValidationError

        from codemad_jupyter.protocol.completions import CompletionRequest
        from codemad_jupyter.protocol.errors import UsageError

        try:
            request = CompletionRequest.model_validate_json(self.body())
        except ValidationError as error:
            raise UsageError(
                f"This is no completion request: {error.errors()[0]['msg']}.",
                hint="Send prefix, suffix and language.",
            ) from None
        engine = await self.host.engine()
        return (await engine.complete(request)).model_dump_json()
