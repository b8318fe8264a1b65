"""One run of code in a kernel somewhere else: sent, followed, stopped, and given back as a result."""

import asyncio
import contextlib
import queue
import time
from collections.abc import Awaitable, Callable
from typing import Any

from codemad_jupyter.notebooks.collect import OutputLog
from codemad_jupyter.notebooks.line import RESTART, KernelLine, dead
from codemad_jupyter.notebooks.outputs import plain, strip_ansi
from codemad_jupyter.notebooks.ports import OnOutput
from codemad_jupyter.protocol.errors import KernelError
from codemad_jupyter.protocol.kernels import ExecutionResult

TICK = 1.0
AFTER_INTERRUPT = 5.0
GRACE = 2.0  # what code that is stopped may take to end by itself
SETTLED = 0.05  # between the word that code begins and its first instruction
HEARD = 0.3  # what the word that code has begun may take to come here
PUBLISHED = (0.5, 0.5, 1.0, 2.0, 4.0, 8.0)  # seconds; a subscription may come too late, a machine be slow
LONGEST_MESSAGE = 2_000


class LiveRun:
    """One run of code: own session, own channels, closed when the code has ended."""

    def __init__(
        self, line: KernelLine, interrupt: Callable[[], Awaitable[None]], on_output: OnOutput | None
    ) -> None:
        self._line, self._interrupt, self._on_output = line, interrupt, on_output
        self._client = line.client()
        self._log = OutputLog()
        self._kernel_session = ""
        self._begun = asyncio.Event()
        self._unwanted = False
        self._finish: asyncio.Future[dict[str, Any]] | None = None
        self._ending: asyncio.Future[None] | None = None

    @property
    def running(self) -> bool:
        """Does the kernel run this code now, not something before it?"""
        return self._begun.is_set() and self._finish is not None and not self._finish.done()

    async def execute(self, code: str, timeout: float | None) -> ExecutionResult:
        begin = time.monotonic()
        self._client.start_channels(stdin=False, hb=False)
        with self._line.connected():
            await self._subscribe()
            request = self._client.execute(code, allow_stdin=False, stop_on_error=False)
            self._finish = finish = asyncio.ensure_future(self._follow(request))
            done, _ = await asyncio.wait({finish}, timeout=timeout)
            if not done:
                await self._end_late(finish, timeout or 0.0)
            reply = await asyncio.shield(finish)
        return self._result(reply, late=not done, seconds=time.monotonic() - begin)

    async def stop(self, grace: float) -> None:
        """Interrupt the code; while it waits behind another cell, as soon as its turn comes."""
        if self._finish is not None and not self._finish.done():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._begun.wait(), HEARD)
        self._unwanted = True
        if self._ending is not None:
            await asyncio.wait({self._ending})
        elif self._finish is not None and self.running:
            await self._interrupt_twice(self._finish, grace)

    async def _interrupt_twice(self, finish: "asyncio.Future[dict[str, Any]]", grace: float) -> None:
        """A kernel that is only just beginning with the code drops the first interrupt."""
        for _ in range(2):
            await self._interrupt()
            done, _ = await asyncio.wait({finish}, timeout=grace / 2)
            if done:
                return

    async def _end_unwanted(self) -> None:
        """The turn has come of code that nobody wants any more."""
        await asyncio.sleep(SETTLED)
        if self._finish is not None:
            with contextlib.suppress(KernelError):  # gone is ended, too
                await self._interrupt_twice(self._finish, GRACE)

    def let_go(self, forget: "Callable[[LiveRun], None]") -> None:
        """Nobody waits any more: close now, or when code that was not to be stopped has ended."""

        def ended(finish: "asyncio.Future[dict[str, Any]] | None") -> None:
            if finish is not None and not finish.cancelled():
                finish.exception()  # looked at, so that nobody complains
            self.close()
            forget(self)

        if self._finish is None or self._finish.done():
            ended(self._finish)
        else:
            self._finish.add_done_callback(ended)

    def close(self) -> None:
        for work in (self._finish, self._ending):
            if work is not None:
                work.cancel()
        self._client.stop_channels()

    async def _subscribe(self) -> None:
        """Ask until an answer is also seen as published: from then on no output can be missed."""
        for seconds in PUBLISHED:
            reply = await self._line.information(self._client)
            self._kernel_session = reply["header"]["session"]
            wanted = reply["parent_header"]["msg_id"]
            try:
                async with asyncio.timeout(seconds):
                    while (await self._client.get_iopub_msg())["parent_header"].get("msg_id") != wanted:
                        pass
                return
            except TimeoutError:
                continue
        raise KernelError("The kernel answers but publishes nothing.", hint=RESTART)

    async def _follow(self, request: str) -> dict[str, Any]:
        """Collect outputs until the kernel is idle again, then its reply."""
        while True:
            message = await self._next(self._client.get_iopub_msg)
            if message["parent_header"].get("msg_id") != request:
                continue
            if not self._begun.is_set() and message["msg_type"] == "execute_input":
                self._begun.set()
                if self._unwanted:
                    self._ending = asyncio.ensure_future(self._end_unwanted())
            content = message["content"]
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
            self._hear(message["msg_type"], content)
        return await self._reply(request)

    def _hear(self, kind: str, content: dict[str, Any]) -> None:
        self._log.add(kind, content)
        if self._on_output is not None and not self._unwanted:
            self._on_output(kind, content)

    async def _reply(self, request: str) -> dict[str, Any]:
        """What the kernel answers when it is done."""
        while True:
            message = await self._next(self._client.get_shell_msg)
            if message["parent_header"].get("msg_id") == request:
                reply: dict[str, Any] = message["content"]
                return reply

    async def _next(self, get: Callable[..., Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """The next message; between messages the kernel must prove that it is the same and alive."""
        while True:
            try:
                return await get(timeout=TICK)
            except queue.Empty:
                await self._line.check_process()
            if not await self._line.beats():
                raise dead("died while the code ran")
            if await self._was_restarted():
                raise dead("was restarted while the code ran; variables are lost")

    async def _was_restarted(self) -> bool:
        try:
            reply = await self._line.ask_with(self._client, "kernel_info_request", {}, timeout=TICK)
        except KernelError:
            return False  # alive, but inside a native call: nothing is known, the next tick asks again
        return bool(reply["header"]["session"] != self._kernel_session)

    async def _end_late(self, finish: "asyncio.Future[dict[str, Any]]", timeout: float) -> None:
        """Interrupt code that took too long. Code that waits behind another cell is not ours to stop."""
        if not self._begun.is_set():
            raise KernelError(
                f"The kernel was busy with another cell for {timeout:.0f} s; the code is queued behind it.",
                hint="Wait for that cell or interrupt it.",
            )
        await self._interrupt()
        done, _ = await asyncio.wait({finish}, timeout=AFTER_INTERRUPT)
        if not done:
            raise KernelError(
                f"The code ran longer than {timeout:.0f} s and ignores the interrupt; it is still running.",
                hint="Restart the kernel to end it; its variables will be lost.",
            )

    def _result(self, reply: dict[str, Any], *, late: bool, seconds: float) -> ExecutionResult:
        ok = reply.get("status") == "ok"
        name, message = strip_ansi(str(reply.get("ename", ""))), str(reply.get("evalue", ""))
        message = plain(message, LONGEST_MESSAGE)
        if reply.get("status") == "aborted":
            name, message = "Aborted", "An earlier cell failed, so the kernel did not run this code."
        if late and not ok:
            message = "Interrupted because it ran too long."
        return ExecutionResult(
            ok=ok,
            error_name="" if ok else name[:200],
            error_message="" if ok else message,
            traceback="" if ok else plain("\n".join(reply.get("traceback", []))),
            outputs=self._log.outputs(),
            execution_count=reply.get("execution_count"),
            seconds=round(seconds, 3),
        )
