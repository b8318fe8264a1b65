"""One run of code that another front end sent: followed by what the kernel publishes, and stopped.

The kernel's answer goes to whoever sent the code, so the result is put together from the outputs.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from codemad_jupyter.notebooks.line import KernelLine
from codemad_jupyter.notebooks.live_run import GRACE, LiveRun
from codemad_jupyter.notebooks.ports import OnOutput
from codemad_jupyter.protocol.kernels import ExecutionResult


class FollowedRun(LiveRun):
    """Listens first, then is told which message it was; what comes in between waits in the socket."""

    def __init__(
        self,
        line: KernelLine,
        interrupt: Callable[[], Awaitable[None]],
        on_output: OnOutput | None,
        *,
        forget: Callable[[LiveRun], None],
    ) -> None:
        super().__init__(line, interrupt, on_output)
        self._request: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._forget = forget
        self._begin = time.monotonic()
        self._count: int | None = None
        self.code = ""

    @property
    def sent(self) -> bool:
        """Is it known which message it is?"""
        return self._request.done() and not self._request.cancelled()

    @property
    def outputs(self) -> tuple[dict[str, Any], ...]:
        """What has come out so far."""
        return self._log.outputs()

    async def listen(self) -> None:
        """Return when nothing can be missed any more."""
        self._client.start_channels(shell=False, stdin=False, hb=False)
        with self._line.connected():
            await self._subscribe()

    def told(self, request: str) -> None:
        """The code was sent as the message ``request``."""
        if not self._request.done():
            self._begin = time.monotonic()
            self._request.set_result(request)
            self._finish = asyncio.ensure_future(self._follow(request))

    async def ended(self) -> ExecutionResult:
        """The result. Raises `KernelError` when the kernel is lost before."""
        request = await asyncio.shield(self._request)
        if self._finish is None:
            raise AssertionError(f"{request} is not followed")
        with self._line.connected():
            reply = await asyncio.shield(self._finish)
        return self._result(reply, late=False, seconds=time.monotonic() - self._begin)

    async def stop(self, grace: float = GRACE) -> None:
        """See `LiveRun.stop`. Code that is only just being sent is waited for."""
        self._unwanted = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._request), grace / 2)
        await super().stop(grace)

    def leave(self) -> None:
        """Nobody waits any more. Code that was told to stop and waits for its turn is still ended."""
        if self._unwanted:
            self.let_go(self._forget)
        else:
            self.close()
            self._forget(self)

    async def _reply(self, request: str) -> dict[str, Any]:
        if not self._begun.is_set():
            return {"status": "aborted"}
        error = next((each for each in self.outputs if each["output_type"] == "error"), None)
        if error is None:
            return {"status": "ok", "execution_count": self._count}
        named = {name: error[name] for name in ("ename", "evalue", "traceback")}
        return {"status": "error", "execution_count": self._count, **named}

    def _hear(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "execute_input":
            self.code, self._count = str(content.get("code", "")), content.get("execution_count")
        super()._hear(kind, content)
