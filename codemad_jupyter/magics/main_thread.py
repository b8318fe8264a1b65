"""Runs code for the engine on the thread of the magic that waits for it.

Joins two queues: the kernel port wants a future for a piece of code, the client has a thread that
waits and serves. An interrupt by the person ends the run; one by the engine (a time-out) ends the
code alone.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from codemad_jupyter.notebooks.capture import run_and_capture
from codemad_jupyter.notebooks.in_process import MainThreadRunner
from codemad_jupyter.notebooks.ports import OnOutput
from codemad_jupyter.protocol.kernels import ExecutionResult

if TYPE_CHECKING:
    from codemad_jupyter.app.client import CallerThread

INTERRUPTED = "KeyboardInterrupt"


class CallerRunner(MainThreadRunner):
    """A runner whose main thread is the one that waits in a `ThreadClient`."""

    def __init__(self, shell: Any, caller: CallerThread) -> None:
        super().__init__(shell)
        self._caller = caller
        self._ours = False

    def submit(self, code: str, on_output: OnOutput | None = None) -> Future[ExecutionResult]:
        """Call it on the engine's loop."""
        future: Future[ExecutionResult] = Future()
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._caller.run(lambda: self._served(code, on_output)))
        task.add_done_callback(lambda done: _pass_on(done, future))
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(task.cancel))
        return future

    def interrupt(self) -> None:
        self._ours = True
        super().interrupt()

    def _served(self, code: str, on_output: OnOutput | None) -> ExecutionResult:
        self._ours = False
        self._running.set()
        try:
            result = run_and_capture(self._shell, code, on_output)
        except KeyboardInterrupt:
            said = "The code was interrupted."
            result = ExecutionResult(ok=False, error_name=INTERRUPTED, error_message=said)
        finally:
            self._running.clear()
        if result.error_name == INTERRUPTED and not self._ours:
            raise KeyboardInterrupt  # IPython keeps it as the cell's error; the waiting client must see it
        return result


def _pass_on(task: asyncio.Task[ExecutionResult], future: Future[ExecutionResult]) -> None:
    if future.done():
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it as lost
    elif task.cancelled():
        future.cancel()
    elif (error := task.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(task.result())
