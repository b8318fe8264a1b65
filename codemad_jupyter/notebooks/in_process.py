"""`ShellKernel`: the kernel this process is, for magics that work without a server.

The magic's own cell occupies the main thread while the engine works in another one. Looks and trials
are made from there directly; code must run on the main thread, so the magic serves it meanwhile
(`MainThreadRunner`).
"""

import asyncio
import contextlib
import queue
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from codemad_jupyter.notebooks import inspect, trial
from codemad_jupyter.notebooks.capture import run_and_capture
from codemad_jupyter.notebooks.ports import OnOutput, Stopped, TableData
from codemad_jupyter.protocol.edits import Trial
from codemad_jupyter.protocol.errors import KernelError
from codemad_jupyter.protocol.kernels import ExecutionResult, KernelReport

MARGIN = 5.0


class MainThreadRunner:
    """Hands code from any thread to the main one, which runs it in `run`."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._jobs: queue.Queue[tuple[str, OnOutput | None, Future[ExecutionResult]]] = queue.Queue()
        self._serving = False
        self._running = threading.Event()

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """While inside, code is accepted; what is left in the end fails."""
        self._serving = True
        try:
            yield
        finally:
            self._serving = False
            while not self._jobs.empty():
                _, _, future = self._jobs.get_nowait()
                if future.set_running_or_notify_cancel():
                    future.set_exception(not_served())

    def submit(self, code: str, on_output: OnOutput | None = None) -> "Future[ExecutionResult]":
        """From any thread: have the code run. Raises `KernelError` when nobody serves."""
        if not self._serving:
            raise not_served()
        future: Future[ExecutionResult] = Future()
        self._jobs.put((code, on_output, future))
        return future

    def run(self, timeout: float) -> bool:
        """On the main thread: wait up to ``timeout`` seconds for code and run it; was there any?"""
        try:
            code, on_output, future = self._jobs.get(timeout=timeout)
        except queue.Empty:
            return False
        if not future.set_running_or_notify_cancel():
            return True
        self._running.set()
        try:
            future.set_result(run_and_capture(self._shell, code, on_output))
        except KeyboardInterrupt:
            message = "The code was interrupted."
            future.set_result(
                ExecutionResult(ok=False, error_name="KeyboardInterrupt", error_message=message)
            )
        except BaseException as error:
            future.set_exception(error)
            raise
        finally:
            self._running.clear()
        return True

    def runs(self) -> bool:
        """Does the main thread run code of ours now?"""
        return self._running.is_set()

    def interrupt(self) -> None:
        """From any thread: interrupt the code that runs, not the magic that waits."""
        main = threading.main_thread().ident
        if not self._running.is_set() or main is None:
            return
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(main, signal.SIGINT)
        else:
            signal.raise_signal(signal.SIGINT)


class ShellKernel:
    """A `KernelPort` for the IPython shell of this process."""

    def __init__(self, shell: Any, runner: MainThreadRunner | None = None) -> None:
        self._shell = shell
        self._runner = runner or MainThreadRunner(shell)

    async def report(self, *, names: tuple[str, ...] = (), deadline: float = 0.5) -> KernelReport:
        """See `KernelPort.report`."""
        look = inspect.namespace(inspect.PROBE_FILES)["report"]
        try:
            async with asyncio.timeout(deadline + MARGIN):
                return inspect.parse(await asyncio.to_thread(look, names, deadline, self._shell))
        except TimeoutError:
            raise KernelError(
                f"The kernel could not be looked into within {deadline + MARGIN:.1f} s.",
                hint="It may be inside one long native call; wait for it.",
            ) from None

    async def export(self, name: str, *, cells: int) -> TableData:
        """See `KernelPort.export`."""
        look = inspect.namespace(inspect.EXPORT_FILES)["export"]
        return inspect.parse_table(await asyncio.to_thread(look, name, cells, self._shell))

    async def try_code(
        self,
        code: str,
        *,
        before: str = "",
        timeout: float = 10.0,
        memory: int = trial.MEMORY,
        method: trial.Method = "auto",
    ) -> Trial:
        """See `KernelPort.try_code`."""
        return await trial.try_by(
            self._ask_trial, code, before=before, timeout=timeout, memory=memory, method=method
        )

    async def execute(
        self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None
    ) -> ExecutionResult:
        """See `KernelPort.execute`. Runs where the magic serves it; outputs are shown in its cell."""
        begin = time.monotonic()
        loop = asyncio.get_running_loop()

        def heard(kind: str, content: dict[str, Any]) -> None:
            if on_output is not None:
                loop.call_soon_threadsafe(on_output, kind, content)

        future = self._runner.submit(code, heard if on_output is not None else None)
        waiting = asyncio.wrap_future(future)
        try:
            done, _ = await asyncio.wait({waiting}, timeout=timeout)
            if not done and not future.cancel():
                self._runner.interrupt()
                done, _ = await asyncio.wait({waiting}, timeout=MARGIN)
            if not done:
                raise KernelError(
                    f"The code did not end within {time.monotonic() - begin:.1f} s.",
                    hint="Interrupt the kernel; restart it if it does not react.",
                )
            return waiting.result()
        except asyncio.CancelledError:
            future.cancel()
            self._runner.interrupt()  # does so only while code of ours runs
            raise
        finally:
            future.cancel()

    async def stop_code(self, *, grace: float = 2.0, kill: bool = False) -> Stopped:
        """See `KernelPort.stop_code`. A kernel does not kill itself: the front end restarts it."""
        if not self._runner.runs():
            return "idle"
        self._runner.interrupt()
        for _ in range(int(grace * 20)):
            await asyncio.sleep(0.05)
            if not self._runner.runs():
                return "stopped"
        return "running"

    async def interrupt(self) -> None:
        """Interrupt the code that the engine runs."""
        self._runner.interrupt()

    async def _ask_trial(self, function: str, arguments: dict[str, Any]) -> str:
        call = inspect.namespace(trial.TRIAL_FILES)[function]
        if function == "start":
            arguments = {**arguments, "shell": self._shell}
        answer: str = await asyncio.to_thread(call, **arguments)
        return answer


def not_served() -> KernelError:
    """The error for code that nobody would run."""
    return KernelError(
        "The kernel's main thread is not serving code.", hint="Run the %%codemad cell again and let it wait."
    )
