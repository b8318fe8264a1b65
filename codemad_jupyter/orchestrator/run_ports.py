"""What the tools of one run reach the person's things through: proposals are the run's, and the kernel makes
its checkpoint before it executes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from codemad_jupyter.notebooks.ports import KernelPort, OnOutput, Stopped, TableData
from codemad_jupyter.notebooks.trial import MEMORY, Method
from codemad_jupyter.orchestrator.acting import needs_nobody, refusal
from codemad_jupyter.orchestrator.checkpointing import Checkpointer
from codemad_jupyter.orchestrator.executing import notice_of
from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.protocol.edits import Edit, Trial
from codemad_jupyter.protocol.errors import Denied
from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.kernels import ExecutionResult, KernelReport


@dataclass(frozen=True)
class RunProposals:
    """What tools propose, as proposals of one run."""

    services: Services
    reviewer: Reviewer
    run: str
    kernel: KernelPort | None

    async def propose(self, edit: Edit) -> Edit:
        """Announce and try it, and apply it where that needs nobody. Raises `Denied`."""
        given = await self.services.granted()
        rule = refusal(self.services.root, edit, given)
        if rule:
            raise Denied(f"“{edit.title}” was refused: {rule}.")
        edit = await self.reviewer.propose(edit, run=self.run, kernel=self.kernel)
        if needs_nobody(self.services.root, edit, given):
            return await self.reviewer.apply_by_itself(edit.id)
        return edit

    def pending_insert(self, cell: str) -> Edit | None:
        """The run's own proposal of that cell."""
        return self.reviewer.pending_insert(cell, run=self.run)

    def withdraw(self, edit: Edit) -> None:
        """Take it back."""
        self.reviewer.withdraw(edit, run=self.run)


@dataclass(frozen=True)
class CheckpointedKernel:
    """A KernelPort that makes the run's checkpoint before it executes, and notes changed files."""

    port: KernelPort
    checkpointer: Checkpointer
    run: str
    emit: Callable[[Event], object]

    async def report(self, *, names: tuple[str, ...] = (), deadline: float = 0.5) -> KernelReport:
        """As the kernel does."""
        return await self.port.report(names=names, deadline=deadline)

    async def export(self, name: str, *, cells: int) -> TableData:
        """As the kernel does."""
        return await self.port.export(name, cells=cells)

    async def execute(
        self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None
    ) -> ExecutionResult:
        """Execute with a checkpoint before. A person who stops it hears when the code does not end."""
        async with self.checkpointer.around(self.run):
            try:
                return await self.port.execute(code, timeout=timeout, on_output=on_output)
            except asyncio.CancelledError:
                notice = notice_of(await self.port.stop_code(grace=0))
                if notice is not None:
                    self.emit(notice)
                raise

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
        return await self.port.try_code(code, before=before, timeout=timeout, memory=memory, method=method)

    async def interrupt(self) -> None:
        """As the kernel does."""
        await self.port.interrupt()

    async def stop_code(self, *, grace: float = 2.0, kill: bool = False) -> Stopped:
        """As the kernel does."""
        return await self.port.stop_code(grace=grace, kill=kill)
