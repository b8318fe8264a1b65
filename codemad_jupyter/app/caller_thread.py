"""Hands work from an engine's loop to the thread that waits for the engine: in a kernel, running the person's
code has to happen there."""

import asyncio
import concurrent.futures
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from codemad_jupyter.protocol.errors import KernelError

T = TypeVar("T")


class _Job(Generic[T]):
    """Work for the waiting thread, and the future of whoever asked for it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._work = work

    def do(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self._work())
        except KeyboardInterrupt:
            self.future.set_exception(KernelError("The execution was interrupted.", hint="Run it again."))
            raise
        except BaseException as error:  # it belongs to whoever asked for the work
            self.future.set_exception(error)

    def refuse(self) -> None:
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(_nobody_waits())


class CallerThread:
    """Hands work from the engine's loop to the thread that waits for the engine."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """Do ``work`` in the waiting thread; raises what it raises, `KernelError` if nobody waits."""
        job = _Job(work)
        with self._lock:
            if not self._waiting:
                raise _nobody_waits()
            self._jobs.put(job)
        return await asyncio.wrap_future(job.future)

    def wake(self) -> None:
        """Let `serve` look around."""
        self._jobs.put(None)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within this block the thread promises to `serve`. May be nested."""
        with self._lock:
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                left = [] if self._waiting else self._drain()
            for job in left:
                job.refuse()

    def serve(self, timeout: float) -> None:
        """Do what is to be done, or wait at most ``timeout`` seconds for something."""
        try:
            job = self._jobs.get(timeout=timeout)
        except queue.Empty:
            return
        if job is not None:
            job.do()

    def _drain(self) -> list[_Job[Any]]:
        jobs = []
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None:
                jobs.append(job)
        return jobs


def _nobody_waits() -> KernelError:
    said = "The kernel runs code for CodeMAD only while one of its cells waits for CodeMAD."
    return KernelError(said, hint="Ask again from a cell.")
