"""`LiveKernel`: a kernel that runs somewhere else, reached by its connection information.

Looks and trials go by the control channel and work while a cell runs; code goes by the shell channel,
as a person's would. Nothing here waits for a dead kernel.
"""

import asyncio
import json
import queue
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

from codemad_jupyter.notebooks import inspect, trial
from codemad_jupyter.notebooks.collect import OutputLog
from codemad_jupyter.notebooks.line import RESTART, KernelLine, dead
from codemad_jupyter.notebooks.outputs import plain, strip_ansi
from codemad_jupyter.notebooks.ports import OnOutput, Stopped
from codemad_jupyter.protocol.edits import Trial
from codemad_jupyter.protocol.errors import KernelError
from codemad_jupyter.protocol.kernels import ExecutionResult, KernelReport

MARGIN = 3.0  # for transport and a busy machine, above the time the kernel may take
TICK = 1.0
AFTER_INTERRUPT = 5.0
GRACE = 2.0  # what code that is stopped may take to end by itself
LONGEST_MESSAGE = 2_000


class LiveKernel:
    """A `KernelPort`. Use one per kernel and event loop, and `close` it."""

    def __init__(
        self,
        connection: Mapping[str, Any],
        *,
        interrupt: Callable[[], Awaitable[None] | None] | None = None,
        alive: Callable[[], Awaitable[bool] | bool] | None = None,
        kill: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.connection = dict(connection)
        self._line = KernelLine(connection, alive=alive)
        self._interrupt = interrupt
        self._kill = kill
        self._runs: set[_Run] = set()
        self._is_python: bool | None = None

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The kernel of a connection file."""
        try:
            return cls(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise KernelError(
                f"The connection file {path.name} cannot be read: {error}.", hint=RESTART
            ) from error

    @classmethod
    def from_manager(cls, manager: Any) -> Self:
        """The kernel of a jupyter_client KernelManager, which also interrupts it and knows if it lives."""
        info = manager.get_connection_info(session=False)

        async def kill() -> None:
            await end_process(manager)

        return cls(info, interrupt=manager.interrupt_kernel, alive=manager.is_alive, kill=kill)

    async def report(self, *, names: tuple[str, ...] = (), deadline: float = 0.5) -> KernelReport:
        """See `KernelPort.report`."""
        text = await self._evaluate(inspect.expression(names, deadline), timeout=deadline + MARGIN)
        return inspect.parse(text)

    async def try_code(self, code: str, *, timeout: float = 10.0) -> Trial:
        """See `KernelPort.try_code`. The kernel's own process is forked; see `trial`."""

        async def call(function: str, arguments: dict[str, Any]) -> str:
            expression = inspect.call(trial.TRIAL_FILES, function, arguments)
            return await self._evaluate(expression, timeout=trial.MARGIN)

        return await trial.try_by(call, code, timeout=timeout)

    async def execute(
        self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None
    ) -> ExecutionResult:
        """See `KernelPort.execute`. After ``timeout`` seconds the code is interrupted."""
        await self._line.check_process()
        run = _Run(self._line, self.interrupt, on_output)
        self._runs.add(run)
        try:
            return await run.execute(code, timeout)
        except asyncio.CancelledError:
            await run.stop(GRACE)
            raise
        finally:
            run.let_go(self._runs.discard)

    async def stop_code(self, *, grace: float = GRACE, kill: bool = False) -> Stopped:
        """See `KernelPort.stop_code`."""
        running = [run for run in self._runs if run.running]
        if not running:
            return "idle"
        await asyncio.gather(*(run.stop(grace) for run in running))
        if not any(run.running for run in running):
            return "stopped"
        if not kill or self._kill is None:
            return "running"
        await self._kill()
        return "killed"

    async def interrupt(self) -> None:
        """Interrupt whatever runs."""
        if self._interrupt is None:
            await self._line.ask("interrupt_request", {}, timeout=MARGIN)
            return
        answer = self._interrupt()
        if answer is not None:
            await answer

    async def wait_until_ready(self, *, timeout: float = 60.0) -> None:
        """Wait for a kernel that is just starting."""
        await self._line.wait_until_ready(timeout=timeout)

    def close(self) -> None:
        """Give the sockets back."""
        for run in list(self._runs):
            run.close()
        self._runs.clear()
        self._line.close()

    async def _evaluate(self, expression: str, *, timeout: float) -> str:
        """The text of an expression, evaluated beside whatever runs."""
        await self._check_language()
        content = {
            "code": inspect.quiet_code(),
            "silent": True,
            "store_history": False,
            "user_expressions": {"answer": expression},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        reply = (await self._line.ask("execute_request", content, timeout=timeout))["content"]
        if reply.get("status") != "ok":
            cause = f"{reply.get('ename', reply.get('status'))}: {reply.get('evalue', '')}"
            raise KernelError(f"The kernel refused to be looked into ({cause}).", hint=RESTART)
        return inspect.answer(reply.get("user_expressions", {}).get("answer", {}))

    async def _check_language(self) -> None:
        if self._is_python is None:
            info = (await self._line.information())["content"]
            self._is_python = info.get("implementation") == "ipython"
        if not self._is_python:
            raise KernelError(
                "Only Python kernels (IPython) can be looked into.",
                hint="Run code in it to see its variables.",
            )


class _Run:
    """One run of code: own session, own channels, closed when the code has ended."""

    def __init__(
        self, line: KernelLine, interrupt: Callable[[], Awaitable[None]], on_output: OnOutput | None
    ) -> None:
        self._line, self._interrupt, self._on_output = line, interrupt, on_output
        self._client = line.client()
        self._log = OutputLog()
        self._kernel_session = ""
        self._started = self._unwanted = False
        self._finish: asyncio.Future[dict[str, Any]] | None = None

    @property
    def running(self) -> bool:
        """Does the kernel run this code now, not something before it?"""
        return self._started and self._finish is not None and not self._finish.done()

    async def execute(self, code: str, timeout: float | None) -> ExecutionResult:
        begin = time.monotonic()
        self._client.start_channels(stdin=False, hb=False)
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
        self._unwanted = True
        if self._finish is None or self._finish.done():
            return
        if self._started:
            await self._interrupt()
            await asyncio.wait({self._finish}, timeout=grace)

    def let_go(self, forget: "Callable[[_Run], None]") -> None:
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
        if self._finish is not None:
            self._finish.cancel()
        self._client.stop_channels()

    async def _subscribe(self) -> None:
        """Ask until an answer is also seen as published: from then on no output can be missed."""
        for _ in range(5):
            reply = await self._line.information(self._client)
            self._kernel_session = reply["header"]["session"]
            wanted = reply["parent_header"]["msg_id"]
            try:
                async with asyncio.timeout(0.5):
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
            if not self._started:
                self._started = True
                if self._unwanted:
                    await self._interrupt()
            content = message["content"]
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
            self._log.add(message["msg_type"], content)
            if self._on_output is not None and not self._unwanted:
                self._on_output(message["msg_type"], content)
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
        if not self._started:
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


async def end_process(manager: Any) -> None:
    """Kill the kernel's process; where nobody would restart it, it is restarted here.

    A server's restarter tells every front end, so it is left to do its work.
    """
    restarter = getattr(manager, "_restarter", None)
    if restarter is not None and manager.autorestart and manager.provisioner is not None:
        await manager.provisioner.kill()
        return
    answer = manager.restart_kernel(now=True)
    if answer is not None:
        await answer
