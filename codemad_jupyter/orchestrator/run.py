"""One run: from a prompt to `RunFinished`. Whatever happens after `RunStarted` ends in an event."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from codemad_jupyter.gateway.choosing import Choice
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort, OnOutput, Stopped
from codemad_jupyter.notebooks.trial import MEMORY, Method
from codemad_jupyter.orchestrator import intent
from codemad_jupyter.orchestrator.approvals import Approvals
from codemad_jupyter.orchestrator.asking import Asking, Prepared, prepare
from codemad_jupyter.orchestrator.checkpointing import Checkpointer
from codemad_jupyter.orchestrator.compacting import Measured, within
from codemad_jupyter.orchestrator.executing import notice_of
from codemad_jupyter.orchestrator.kernel_watch import KernelWatch
from codemad_jupyter.orchestrator.loop import Outcome, Tally, run_loop
from codemad_jupyter.orchestrator.memories import RunMemory
from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.orchestrator.watched_kernel import WatchedKernel
from codemad_jupyter.orchestrator.workflow import Begun, Conclude, Enter, LoopEnded, Workflow, step
from codemad_jupyter.protocol.commands import Prompt
from codemad_jupyter.protocol.edits import Edit, Trial
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import Event, IntentDecided, Notice, PhaseChanged, RunFinished
from codemad_jupyter.protocol.kernels import ExecutionResult, KernelReport
from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.supply import Purpose
from codemad_jupyter.tools.executor import Executor, Question
from codemad_jupyter.tools.jobs import Commands, Jobs
from codemad_jupyter.tools.tool import ToolContext

_log = logging.getLogger(__name__)


@dataclass
class Run:
    """The work on one prompt."""

    id: str
    prompt: Prompt
    choice: Choice
    purpose: Purpose
    services: Services
    session: Session
    reviewer: Reviewer
    checkpointer: Checkpointer
    approvals: Approvals
    watch: KernelWatch
    jobs: Jobs
    other_session: Callable[[str, DataLevel], Awaitable[str]]
    tally: Tally = field(default_factory=Tally)

    def emit(self, event: Event) -> Event:
        """Say something as this run."""
        return self.session.bus.emit(event, run=self.id)

    def warn(self, text: str) -> None:
        """Tell the person about a degraded mode."""
        self.emit(Notice(level="warning", code="degraded", text=text))

    async def go(self) -> None:
        """Do it all; never raises but for being cancelled, and then has said so."""
        outcome = Outcome("cancelled", "Stopped.")
        try:
            outcome = await self._work()
        except CodemadError as error:
            outcome = Outcome("failed", str(error))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            _log.exception("run %s failed", self.id)
            said = self.services.redact(f"{type(error).__name__}: {error}")
            outcome = Outcome("failed", f"Internal error: {said}. The log of the process has more.")
        finally:
            self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        finished = RunFinished(
            status=outcome.status,
            text=outcome.text,
            usage=self.tally.usage,
            cost=self.tally.cost,
            seconds=round(self.tally.seconds, 3),
        )
        self.emit(finished)

    async def _work(self) -> Outcome:
        chosen, reason = intent.decide(self.prompt.text, self.prompt.intent)
        self.emit(IntentDecided(intent=chosen, reason=reason))
        workflow, instruction = step(Workflow(), Begun(chosen))
        self._follow(instruction)
        kernel, notebook = await self._ports()
        outcome = await self._loop(kernel, notebook)
        state = self.session.state
        own = (edit for id, edit in state.edits.items() if state.edit_runs[id] == self.id)
        proposed = tuple(edit for edit in own if edit.status != "rejected")
        _, instruction = step(workflow, LoopEnded(proposed))
        self._follow(instruction)
        return outcome

    def _follow(self, instruction: Enter | Conclude) -> None:
        if isinstance(instruction, Enter):
            self.emit(PhaseChanged(phase=instruction.phase))
            return
        if instruction.verified:
            self.emit(PhaseChanged(phase="verify"))
        for edit in instruction.failing:
            detail = edit.trial.detail if edit.trial else ""
            text = f"“{edit.title}” failed when it was tried: {detail}"
            self.emit(Notice(level="warning", code="trial_failed", text=text))

    async def _ports(self) -> tuple[KernelPort | None, NotebookPort | None]:
        kernel: KernelPort | None = None
        notebook: NotebookPort | None = None
        try:
            kernel = await self.services.ports.kernel(self.prompt.target)
            kernel = WatchedKernel(kernel, self.watch) if kernel is not None else None
            notebook = await self.services.ports.notebook(self.prompt.target)
        except CodemadError as error:
            self.warn(str(error))
        return kernel, notebook

    async def _loop(self, kernel: KernelPort | None, notebook: NotebookPort | None) -> Outcome:
        asking = Asking(
            services=self.services,
            choice=self.choice,
            purpose=self.purpose,
            kernel=kernel,
            notebook=notebook,
            warn=self.warn,
            other_session=self.other_session,
            news=self.watch.take_note,
        )
        prepared = await prepare(self.prompt, self.session.conversation, asking)
        self.emit(prepared.built)
        if prepared.masked:
            self.emit(Notice(level="info", code="masked", text=_masked_text(prepared.masked)))
        outcome = await run_loop(
            prepared.request,
            Measured(prepared.provider, self.services.gauge),
            run_calls=self._executor(kernel, notebook, prepared).run,
            fit=lambda request: self._fitted(request, prepared.room),
            emit=self.emit,
            keep=self._keep,
            tally=self.tally,
            limits=self.services.limits,
        )
        await self._note_use(prepared.recalled)
        return outcome

    async def _note_use(self, facts: tuple[Memory, ...]) -> None:
        try:
            await self.services.memories.used(facts)
        except CodemadError as error:
            self.warn(str(error))

    def _fitted(self, request: Request, room: int) -> Request:
        """What the results of tools have made too long for the model, without the oldest of them."""
        request, left = within(request, room)
        if left:
            text = f"Left out to fit the model's window: {', '.join(left)}."
            self.emit(Notice(level="info", code="compacted", text=text))
        return request

    async def _keep(self, message: Message) -> None:
        await self.session.append(message, run=self.id)

    def _executor(
        self, kernel: KernelPort | None, notebook: NotebookPort | None, prepared: Prepared
    ) -> Executor:
        services, level = self.services, prepared.level
        guarded = CheckpointedKernel(kernel, self.checkpointer, self.id, self.emit) if kernel else None
        context = ToolContext(
            root=services.root,
            target=self.prompt.target,
            kernel=guarded,
            notebook=notebook,
            proposals=RunProposals(self.reviewer, self.id, kernel),
            inspect_deadline=services.inspect_deadline,
            images=level == "images" and services.router.catalog.info(self.choice.model).images,
            output_limit=services.output_limit,
            cell_id=services.cell_id,
            finder=services.finder,
            diagnostics=services.diagnostics,
            memory=RunMemory(services.memories, self.session.id, self.id, self.choice.model, level),
            commands=Commands(self.jobs, lambda: self.checkpointer.around(self.id)),
            announce=self.emit,
        )
        return Executor(
            services.registry,
            context=context,
            policy=services.policy,
            ask=self._ask,
            emit=self.emit,
            redact=services.redact,
            restore=services.redact.restored,
            level=level,
            hooks=services.hooks,
        )

    async def _ask(self, question: Question) -> bool:
        return await self.approvals.ask(question, run=self.id)


def _masked_text(places: int) -> str:
    what = "1 secret was" if places == 1 else f"{places} secrets were"
    return f"{what} masked in what is sent. The model sees a placeholder in its place."


@dataclass(frozen=True)
class RunProposals:
    """What tools propose, as proposals of one run."""

    reviewer: Reviewer
    run: str
    kernel: KernelPort | None

    async def propose(self, edit: Edit) -> Edit:
        """Announce and try it."""
        return await self.reviewer.propose(edit, run=self.run, kernel=self.kernel)

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
