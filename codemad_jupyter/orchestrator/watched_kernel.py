"""A kernel under the eyes of its session: what it holds is remembered, its loss is told."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from codemad_jupyter.notebooks.line import KernelGone
from codemad_jupyter.notebooks.ports import KernelPort, OnOutput, Stopped, TableData
from codemad_jupyter.notebooks.trial import MEMORY, Method
from codemad_jupyter.orchestrator.kernel_watch import KernelWatch
from codemad_jupyter.protocol.edits import Trial
from codemad_jupyter.protocol.kernels import ExecutionResult, KernelReport


@dataclass(frozen=True)
class WatchedKernel:
    """A KernelPort that remembers what the kernel held and says what is lost when it is gone."""

    port: KernelPort
    watch: KernelWatch

    async def report(self, *, names: tuple[str, ...] = (), deadline: float = 0.5) -> KernelReport:
        """As the kernel does; what it holds is remembered."""
        with self._mourning():
            report = await self.port.report(names=names, deadline=deadline)
        if not names:
            self.watch.seen(report)
        return report

    async def export(self, name: str, *, cells: int) -> TableData:
        """As the kernel does."""
        with self._mourning():
            return await self.port.export(name, cells=cells)

    async def execute(
        self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None
    ) -> ExecutionResult:
        """As the kernel does."""
        with self._mourning():
            return await self.port.execute(code, timeout=timeout, on_output=on_output)

    async def try_code(
        self,
        code: str,
        *,
        before: str = "",
        timeout: float = 10.0,
        memory: int = MEMORY,
        method: Method = "auto",
    ) -> Trial:
        """As the kernel does."""
        with self._mourning():
            return await self.port.try_code(
                code, before=before, timeout=timeout, memory=memory, method=method
            )

    async def interrupt(self) -> None:
        """As the kernel does."""
        await self.port.interrupt()

    async def stop_code(self, *, grace: float = 2.0, kill: bool = False) -> Stopped:
        """As the kernel does."""
        return await self.port.stop_code(grace=grace, kill=kill)

    @contextlib.contextmanager
    def _mourning(self) -> Iterator[None]:
        try:
            yield
        except KernelGone as gone:
            raise KernelGone(gone.message, hint=self.watch.noticed()) from gone
