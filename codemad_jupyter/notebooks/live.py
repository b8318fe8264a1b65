"""`LiveKernel`: a kernel that runs somewhere else, reached by its connection information.

Looks and trials go by the control channel and work while a cell runs; code goes by the shell channel,
as a person's would. Nothing here waits for a dead kernel.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

from codemad_jupyter.notebooks import inspect, trial
from codemad_jupyter.notebooks.followed_run import FollowedRun
from codemad_jupyter.notebooks.line import RESTART, KernelLine
from codemad_jupyter.notebooks.live_run import GRACE, LiveRun
from codemad_jupyter.notebooks.ports import OnOutput, Stopped, TableData
from codemad_jupyter.protocol.edits import Trial
from codemad_jupyter.protocol.errors import KernelError
from codemad_jupyter.protocol.kernels import ExecutionResult, KernelReport

MARGIN = 3.0  # for transport and a busy machine, above the time the kernel may take
TO_EXPORT = 30.0
TO_INTERRUPT = 10.0  # a busy machine may take its time, and nothing is gained by giving up


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
        self._runs: set[LiveRun] = set()
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

    async def export(self, name: str, *, cells: int) -> TableData:
        """See `KernelPort.export`."""
        expression = inspect.call(inspect.EXPORT_FILES, "export", {"name": name, "cells": cells})
        return inspect.parse_table(await self._evaluate(expression, timeout=TO_EXPORT))

    async def try_code(
        self,
        code: str,
        *,
        before: str = "",
        timeout: float = 10.0,
        memory: int = trial.MEMORY,
        method: trial.Method = "auto",
    ) -> Trial:
        """See `KernelPort.try_code`. The kernel's own process is forked; see `trial`."""

        async def call(function: str, arguments: dict[str, Any]) -> str:
            files = trial.TRIAL_FILES if function == "start" else trial.WATCH_FILES
            expression = inspect.call(files, function, arguments)
            return await self._evaluate(expression, timeout=trial.MARGIN)

        return await trial.try_by(call, code, before=before, timeout=timeout, memory=memory, method=method)

    async def execute(
        self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None
    ) -> ExecutionResult:
        """See `KernelPort.execute`. After ``timeout`` seconds the code is interrupted."""
        await self._line.check_process()
        run = LiveRun(self._line, self.interrupt, on_output)
        self._runs.add(run)
        try:
            return await run.execute(code, timeout)
        except asyncio.CancelledError:
            await run.stop(GRACE)
            raise
        finally:
            run.let_go(self._runs.discard)

    async def follow(self, *, on_output: OnOutput | None = None) -> FollowedRun:
        """Be ready to follow code that somebody else is about to send; let go of it in the end."""
        await self._line.check_process()
        run = FollowedRun(self._line, self.interrupt, on_output, forget=self._runs.discard)
        self._runs.add(run)
        try:
            await run.listen()
        except BaseException:
            run.leave()
            raise
        return run

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
            await self._line.ask("interrupt_request", {}, timeout=TO_INTERRUPT)
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
            "allow_stdin": True,  # nothing is asked, but a cell may ask until the request puts back what held
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
