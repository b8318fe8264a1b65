"""One run: from a prompt to `RunFinished`. Whatever happens after `RunStarted` ends in an event."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from codemad_jupyter.config.json_log import at_work
from codemad_jupyter.gateway.choosing import Choice
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.gateway.router import OFFLINE_MODEL
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
from codemad_jupyter.orchestrator.asking import Asking, Prepared, masked_text, prepare
from codemad_jupyter.orchestrator.compacting import Measured, within
from codemad_jupyter.orchestrator.delegating import Explorers
from codemad_jupyter.orchestrator.desk import RunDesk
from codemad_jupyter.orchestrator.equipment import Equipment
from codemad_jupyter.orchestrator.intent import Decision
from codemad_jupyter.orchestrator.loop import Outcome, run_loop
from codemad_jupyter.orchestrator.memories import RunMemory
from codemad_jupyter.orchestrator.modes import OTHERWISE, weakness
from codemad_jupyter.orchestrator.phases import Phases
from codemad_jupyter.orchestrator.plans import leave
from codemad_jupyter.orchestrator.questions import PersonOfRun
from codemad_jupyter.orchestrator.role_runs import Crew, equipped_by
from codemad_jupyter.orchestrator.roll import Roll
from codemad_jupyter.orchestrator.run_ports import CheckpointedKernel, RunProposals
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.orchestrator.tally import Limits, Tally
from codemad_jupyter.orchestrator.team_run import answer_by_team
from codemad_jupyter.orchestrator.watched_kernel import WatchedKernel
from codemad_jupyter.orchestrator.workflow import REPAIRS, Begun
from codemad_jupyter.protocol.agents import AgentState
from codemad_jupyter.protocol.commands import Prompt
from codemad_jupyter.protocol.errors import CodemadError, ModeRefused
from codemad_jupyter.protocol.events import Event, IntentDecided, MessageDone, Notice, RunFinished, RunStatus
from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.plans import Plan
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.supply import Purpose
from codemad_jupyter.tools.executor import Executor
from codemad_jupyter.tools.gate import Answered, Question, Who
from codemad_jupyter.tools.jobs import Commands
from codemad_jupyter.tools.proposals import new_id
from codemad_jupyter.tools.reach import Proposals
from codemad_jupyter.tools.tool import ToolContext

_log = logging.getLogger(__name__)


@dataclass
class Run:
    """The work on one prompt."""

    id: str
    prompt: Prompt
    decision: Decision
    choice: Choice
    purpose: Purpose
    services: Services
    session: Session
    desk: RunDesk
    other_session: Callable[[str, DataLevel], Awaitable[str]]
    equipment: Equipment
    limits: Limits
    carries_out: Plan | None = None
    """The approved plan that is carried out; the prompt is its first task."""
    tally: Tally = field(default_factory=Tally)
    roll: Roll = field(init=False)
    _phases: Phases = field(init=False)
    _explorers: Explorers | None = None

    def __post_init__(self) -> None:
        """The built-in assistant has given its best at once: it is not asked to mend anything."""
        rounds = 0 if self.choice.model == OFFLINE_MODEL else REPAIRS
        self.roll = Roll(self.emit)
        steps = self.services.phases if rounds else ()
        self._phases = Phases(self.session, self.id, self.emit, repairs=rounds, steps=steps)

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
            with at_work(self.session.id, self.id):
                outcome = await self._work()
        except CodemadError as error:
            outcome = Outcome("failed", str(error))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            with at_work(self.session.id, self.id):
                _log.exception("run %s failed", self.id)
            said = self.services.redact(f"{type(error).__name__}: {error}")
            outcome = Outcome("failed", f"Internal error: {said}. The log of the process has more.")
        finally:
            self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        ended: dict[RunStatus, AgentState] = {"done": "done", "cancelled": "stopped"}
        self.roll.close(ended.get(outcome.status, "failed"), outcome.text, self.tally)
        if self.carries_out is not None:
            leave(self.session, self.emit)
        finished = RunFinished(
            status=outcome.status,
            text=outcome.text,
            usage=self.tally.usage,
            cost=self.tally.cost,
            seconds=round(self.tally.seconds, 3),
            fault=outcome.fault,
        )
        self.emit(finished)

    async def _warn_of_mode(self) -> None:
        """An automatic mode without a sandbox that deserves the name is refused: it asks for everything."""
        if self.services.permissions.mode != "auto_sandboxed":
            return
        if why := weakness(await self.services.sandbox()):
            said = f"Mode auto_sandboxed is refused: {why}. {OTHERWISE}"
            self.emit(Notice(level="warning", code=ModeRefused.code, text=said))

    async def _work(self) -> Outcome:
        decision = self.decision
        self.emit(IntentDecided(intent=decision.intent, reason=decision.reason))
        if decision.problem:
            self.emit(Notice(level="warning", code="classify", text=decision.problem))
        self._phases.next(Begun(decision.intent, self.carries_out))
        if role := self.equipment.rights.role:
            self.roll.main.leads(role, self.prompt.text, model=self.choice.model)
        await self._warn_of_mode()
        kernel, notebook = await self._ports()
        work = self._team if decision.intent == "team" else self._loop
        return self._phases.end(await work(kernel, notebook))

    async def _team(self, kernel: KernelPort | None, notebook: NotebookPort | None) -> Outcome:
        """Several agents do it, each in a folder of its own."""
        self.roll.main.steering.close("a team does this. Tell one of its agents.")
        level = self.services.levels.of(self.prompt.target.notebook, kernel=kernel is not None)
        message = await answer_by_team(
            self.prompt.text,
            self._crew(kernel, notebook, level),
            session=self.session,
            reviewer=self.desk.reviewer,
            who=Who(session=self.session.id, run=self.id, edge=self.prompt.who),
            ask=self._ask,
        )
        await self._keep(message)
        self.emit(MessageDone(id=new_id("message"), message=message, model=self.choice.model))
        return Outcome("done", "Done.")

    async def _ports(self) -> tuple[KernelPort | None, NotebookPort | None]:
        kernel: KernelPort | None = None
        notebook: NotebookPort | None = None
        try:
            kernel = await self.services.ports.kernel(self.prompt.target)
            kernel = WatchedKernel(kernel, self.desk.watch) if kernel is not None else None
            notebook = await self.services.ports.notebook(self.prompt.target)
        except CodemadError as error:
            self.warn(str(error))
        return kernel, notebook

    async def _loop(self, kernel: KernelPort | None, notebook: NotebookPort | None) -> Outcome:
        asking = self._asking(kernel, notebook, self.choice, self.purpose, self.equipment)
        prepared = await prepare(self.prompt, self.session.conversation, asking)
        self.emit(prepared.built)
        if prepared.masked:
            self.emit(Notice(level="info", code="masked", text=masked_text(prepared.masked)))
        crew = self._crew(kernel, notebook, prepared.level)
        self._explorers = Explorers(crew)
        executor = self._executor(kernel, notebook, prepared, self.equipment, crew.proposals, self.emit)
        outcome = await run_loop(
            prepared.request,
            Measured(prepared.provider, self.services.gauge),
            run_calls=executor.run,
            fit=lambda request: self._fitted(request, prepared.room),
            emit=self.emit,
            keep=self._keep,
            tally=self.tally,
            limits=self.limits,
            steering=self.roll.main.steering,
            go_on=self._phases.go_on,
        )
        await self._note_use(prepared.recalled)
        return outcome

    def _crew(self, kernel: KernelPort | None, notebook: NotebookPort | None, level: DataLevel) -> Crew:
        return Crew(
            services=self.services,
            prompt=self.prompt,
            choice=self.choice,
            level=level,
            tally=self.tally,
            proposals=RunProposals(self.services, self.desk.reviewer, self.id, kernel),
            emit=self.emit,
            roll=self.roll,
            equip=equipped_by(self.services),
            asking=partial(self._asking, kernel, notebook),
            executor=partial(self._executor, kernel, notebook),
        )

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

    def _asking(
        self,
        kernel: KernelPort | None,
        notebook: NotebookPort | None,
        choice: Choice,
        purpose: Purpose,
        equipment: Equipment,
    ) -> Asking:
        return Asking(
            services=self.services,
            choice=choice,
            purpose=purpose,
            equipment=equipment,
            kernel=kernel,
            notebook=notebook,
            warn=self.warn,
            other_session=self.other_session,
            news=self.desk.watch.take_note,
        )

    def _executor(
        self,
        kernel: KernelPort | None,
        notebook: NotebookPort | None,
        prepared: Prepared,
        equipment: Equipment,
        proposals: Proposals,
        emit: Callable[[Event], object],
    ) -> Executor:
        services, level = self.services, prepared.level
        guarded = CheckpointedKernel(kernel, self.desk.checkpointer, self.id, self.emit) if kernel else None
        context = ToolContext(
            root=services.root,
            target=self.prompt.target,
            kernel=guarded,
            notebook=notebook,
            proposals=proposals,
            inspect_deadline=services.inspect_deadline,
            images=level == "images" and services.router.catalog.info(prepared.request.model).images,
            output_limit=services.output_limit,
            cell_id=services.cell_id,
            finder=services.finder,
            diagnostics=services.diagnostics,
            memory=RunMemory(services.memories, self.session.id, self.id, prepared.request.model, level),
            plan=self._phases.plan,
            commands=Commands(self.desk.jobs, lambda: self.desk.checkpointer.around(self.id)),
            explorers=self._explorers,
            person=self._person(emit),
            announce=emit,
        )
        return Executor(
            equipment.tools,
            context=context,
            gate=services.gate(
                self._ask, Who(session=self.session.id, run=self.id, edge=self.prompt.who), equipment.rights
            ),
            emit=emit,
            redact=services.redact,
            restore=services.redact.restored,
            level=level,
            role=equipment.rights.role,
        )

    def _person(self, emit: Callable[[Event], object]) -> PersonOfRun | None:
        """Who can be asked; nobody where none is there."""
        if self.services.permissions.mode == "batch":
            return None
        return PersonOfRun(self.desk.questions, emit, self.services.redact)

    async def _ask(self, question: Question) -> Answered:
        return await self.desk.approvals.ask(question, run=self.id)
