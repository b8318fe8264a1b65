"""The engine: the one door. Commands are taken by `Engine.submit`, events read by `Engine.events`."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import assert_never

from codemad_jupyter.notebooks import provenance
from codemad_jupyter.notebooks.ports import KernelFate, WatchesKernels
from codemad_jupyter.notebooks.provenance import Blame
from codemad_jupyter.orchestrator import comparing, completing, merging, run_review, timeline
from codemad_jupyter.orchestrator import undo as undoing
from codemad_jupyter.orchestrator.approvals import Approvals
from codemad_jupyter.orchestrator.checkpointing import Checkpointer, reach
from codemad_jupyter.orchestrator.committing import commit_if_due
from codemad_jupyter.orchestrator.executing import notice_of
from codemad_jupyter.orchestrator.insight import Insight
from codemad_jupyter.orchestrator.kernel_watch import KernelWatch
from codemad_jupyter.orchestrator.pruning import Gardener
from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.run import Run
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session, title_of
from codemad_jupyter.orchestrator.verifying import proof_of, verify_run
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.checkpoints import CheckpointDiff, CheckpointInfo
from codemad_jupyter.protocol.commands import Ack, Command, Target
from codemad_jupyter.protocol.completions import Completion, CompletionRequest
from codemad_jupyter.protocol.errors import Conflict, UsageError
from codemad_jupyter.protocol.events import (
    ApprovalSettled,
    DataLevelChosen,
    Event,
    Notice,
    RunFinished,
    RunStarted,
)
from codemad_jupyter.protocol.mentions import Mention
from codemad_jupyter.protocol.merging import MergeView
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.models import ModelInfo
from codemad_jupyter.protocol.privacy import ContextPreview, DataLevel
from codemad_jupyter.protocol.sessions import SessionInfo
from codemad_jupyter.tools.proposals import new_id

MAX_PROMPT = 1_000_000
"""Characters of the longest prompt."""


@dataclass
class _Open:
    """A session that is loaded, and what works on it."""

    session: Session
    checkpointer: Checkpointer
    reviewer: Reviewer
    approvals: Approvals
    watch: KernelWatch
    target: Target = field(default_factory=Target)
    task: asyncio.Task[None] | None = None
    run: str | None = None
    told: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def busy(self) -> bool:
        return self.task is not None and not self.task.done()


class Engine:
    """One engine for one workspace, on one asyncio loop. Built by ``app.build.build_engine``."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._sessions: dict[str, _Open] = {}
        self._opening = asyncio.Lock()
        self._gardener = Gardener(services)
        self._insight = Insight(services)

    async def start(self) -> None:
        """Mark what a crash left running as interrupted. Call once, before the first command."""
        if isinstance(self.services.ports, WatchesKernels):
            self.services.ports.on_kernel_fate(self._kernel_fate)
        for session, run in await self.services.store.open_runs():
            opened = await self._open(session)
            for approval in list(opened.session.state.approvals):
                gone = ApprovalSettled(
                    approval=approval, decision="expired", reason="the run was interrupted"
                )
                opened.session.bus.emit(gone, run=run)
            finished = RunFinished(
                status="interrupted",
                text="Interrupted: the process that ran it ended. Ask again to go on.",
                cost=None,
            )
            opened.session.bus.emit(finished, run=run)
            await opened.session.bus.saved()
        self._gardener.wake(self._busy_runs)

    async def close(self) -> None:
        """Stop the runs, store what was said, let go of providers and store."""
        await self._insight.mentions.close()
        for opened in self._sessions.values():
            await self._stop(opened)
            await opened.reviewer.cells.stop()
            await opened.session.bus.saved()
        await self._gardener.stop()
        await self.services.router.aclose()
        await self.services.store.close()

    @property
    def busy(self) -> bool:
        """Whether a run goes on."""
        return any(opened.busy or opened.reviewer.cells.busy for opened in self._sessions.values())

    async def sessions(self) -> tuple[SessionInfo, ...]:
        """All sessions of the workspace, latest first."""
        return await self.services.store.sessions()

    async def current_session(self) -> str:
        """The latest session of the workspace; a new one when there is none."""
        sessions = await self.sessions()
        return sessions[0].id if sessions else await self._new("")

    async def models(self, *, probe: bool = False) -> tuple[ModelInfo, ...]:
        """The models one can choose; ``probe`` asks local servers for theirs."""
        return await self.services.router.models(probe=probe)

    @property
    def default_model(self) -> str:
        """The model of a new session."""
        return self.services.router.default_model()

    async def state_seq(self, session: str) -> int:
        """The number of the session's latest event."""
        return (await self._open(session)).session.bus.seq

    async def stored(self, session: str, after: int = 0) -> tuple[Event, ...]:
        """The session's stored events after a number. Raises `NotFound`."""
        await self._open(session)
        return await self.services.store.events(session, after=after)

    async def stored_reach(self, session: str) -> int:
        """The number of the session's last stored event. Raises `NotFound`."""
        await self._open(session)
        return await self.services.store.last_seq(session)

    async def checkpoints(self, session: str | None = None) -> tuple[CheckpointInfo, ...]:
        """The checkpoints of a session (None: of the workspace), newest last."""
        return await timeline.listing(self.services, session)

    async def checkpoint_diff(self, old: str, new: str | None = None) -> CheckpointDiff:
        """What differs between two checkpoints, or between one and now. Raises `NotFound`."""
        return await comparing.compare(self.services, old, new)

    async def blame(self, notebook: str) -> tuple[Blame, ...]:
        """Who made each cell of a notebook, as it stands now."""
        return provenance.blame(await (await reach(self.services, notebook)).snapshot(notebook))

    async def events(self, session: str, after: int = 0) -> AsyncIterator[Event]:
        """The session's events after a number: stored ones first, then live, without end."""
        opened = await self._open(session)
        async for event in opened.session.bus.events(after):
            yield event

    async def submit(self, command: Command) -> Ack:
        """Take a command, or raise a `CodemadError` that says why not."""
        match command:
            case cmd.NewSession():
                return Ack(session=await self._new(command.title))
            case cmd.Prompt():
                return await self._prompt(command)
            case cmd.VerifyNotebook():
                return await self._verify(command)
            case _:
                opened = await self._open(command.session)
                seq = opened.session.bus.seq
                await self._change(opened, command)
                return Ack(session=command.session, run=opened.run, seq=seq)

    async def _change(self, opened: _Open, command: Command) -> None:
        match command:
            case cmd.RenameSession():
                await opened.session.change(title=command.title)
            case cmd.ChooseModel():
                self.services.router.provider_for(command.model)
                await opened.session.change(model=command.model)
            case cmd.Cancel():
                await self._cancel(opened, command)
            case cmd.Approve():
                opened.approvals.answer(command.approval, yes=True)
            case cmd.Reject():
                opened.approvals.answer(command.approval, yes=False, reason=command.reason)
            case cmd.AcceptEdit():
                await opened.reviewer.accept(command.edit, command.hunks, execute=command.execute)
                await self._settled(opened, opened.session.state.edit_runs.get(command.edit))
            case cmd.RejectEdit():
                await opened.reviewer.reject(command.edit, command.hunks)
                await self._settled(opened, opened.session.state.edit_runs.get(command.edit))
            case cmd.TryEdit():
                await opened.reviewer.try_again(command.edit)
            case cmd.AcceptRun():
                pair = (opened.session, opened.reviewer)
                try:
                    await run_review.accept_run(*pair, command.run, execute=command.execute)
                finally:
                    await self._settled(opened, command.run)
            case cmd.RejectRun():
                await run_review.reject_run(opened.session, opened.reviewer, command.run)
                await self._settled(opened, command.run)
            case cmd.MakeCheckpoint() | cmd.NameCheckpoint() | cmd.PruneCheckpoints():
                given = (self.services, opened.session, opened.checkpointer)
                async with opened.lock:
                    await timeline.keep(*given, command, busy=self._busy_runs())
            case cmd.ResolveMerge():
                await self._resolve(opened, command)
            case cmd.ChooseDataLevel():
                await self._choose_level(opened, command)
            case cmd.RestoreCheckpoint() | cmd.Undo() | cmd.Redo():
                await self._restore(opened, command)
            case cmd.NewSession() | cmd.Prompt() | cmd.VerifyNotebook():
                raise AssertionError("taken by submit")
            case _:
                assert_never(command)

    async def complete(self, request: CompletionRequest) -> Completion:
        """What could follow at the cursor. Raises `ModelError`."""
        return await completing.complete(self.services, request)

    async def merge_view(self, notebook: str) -> MergeView:
        """What a notebook that git could not merge leaves to choose. Raises `UsageError`."""
        return await merging.merge_view(self.services, notebook)

    async def _resolve(self, opened: _Open, command: cmd.ResolveMerge) -> None:
        if opened.busy:
            raise Conflict("A run is going on.", hint="Stop it first, then merge.")
        async with opened.lock:
            opened.run = await merging.resolve(self.services, opened.session, opened.checkpointer, command)

    async def _settled(self, opened: _Open, run: str | None) -> None:
        async with opened.lock:
            await commit_if_due(self.services, opened.session, run)

    async def _go(self, opened: _Open, work: Run) -> None:
        await work.go()
        await commit_if_due(self.services, opened.session, work.id)
        self._gardener.wake(self._busy_runs)

    def _busy_runs(self) -> set[str]:
        return {opened.run for opened in self._sessions.values() if opened.busy and opened.run}

    async def _restore(self, opened: _Open, command: cmd.RestoreCheckpoint | cmd.Undo | cmd.Redo) -> None:
        if opened.busy:
            raise Conflict("A run is going on.", hint="Stop it first, then undo.")
        async with opened.lock:
            given = (self.services, opened.session, opened.checkpointer)
            if isinstance(command, cmd.RestoreCheckpoint):
                restored = await timeline.restore(*given, command)
            elif isinstance(command, cmd.Undo):
                restored = await undoing.undo(*given, command.run)
            else:
                restored = await undoing.redo(*given)
            opened.session.bus.emit(restored, run=restored.runs[0] if restored.runs else None)
            await opened.session.bus.saved()

    def data_level(self, notebook: str | None) -> DataLevel:
        """How much of the notebook's data is sent to models."""
        return self.services.levels.of(notebook)

    async def preview(self, prompt: cmd.Prompt) -> ContextPreview:
        """What the prompt would send now; without a session, as the first of one. Calls no model, runs no
        tool, changes and keeps nothing."""
        if not prompt.session:
            return await self._insight.preview(prompt, [], prompt.model or self.default_model)
        opened = await self._open(prompt.session)
        model = self._model_for(opened, prompt)
        return await self._insight.preview(prompt, opened.session.messages, model, opened.watch)

    async def mentions(
        self, query: str, target: cmd.Target, *, session: str | None = None
    ) -> tuple[Mention, ...]:
        """What could be pointed at with ``@``, best first; ``session`` is the one that asks."""
        others = [each for each in await self.sessions() if each.id != session and each.title]
        return await self._insight.mentions.find(query, target, others)

    async def _choose_level(self, opened: _Open, command: cmd.ChooseDataLevel) -> None:
        try:
            await asyncio.to_thread(self.services.levels.choose, command.level, command.notebook)
        finally:  # where it could not be kept it holds all the same
            opened.session.bus.emit(DataLevelChosen(level=command.level, notebook=command.notebook))
            await opened.session.bus.saved()

    def _model_for(self, opened: _Open, prompt: cmd.Prompt) -> str:
        return prompt.model or opened.session.state.model or self.default_model

    async def _prompt(self, prompt: cmd.Prompt) -> Ack:
        if not prompt.text.strip():
            raise UsageError("The prompt is empty.", hint="Type a question or what should be done.")
        if len(prompt.text) > MAX_PROMPT:
            raise UsageError(
                f"The prompt has {len(prompt.text):,} characters; the limit is {MAX_PROMPT:,}.",
                hint="Put the text into a file of the workspace and ask about the file.",
            )
        prompt = self._insight.masked(prompt)
        opened = await self._open(prompt.session)
        async with opened.lock:
            if opened.busy:
                raise Conflict("A run is going on in this session.", hint="Wait for it or stop it first.")
            model = self._model_for(opened, prompt)
            self.services.router.provider_for(model)
            return await self._begin(opened, prompt, model)

    async def _verify(self, command: cmd.VerifyNotebook) -> Ack:
        opened = await self._open(command.session)
        async with opened.lock:
            if opened.busy:
                raise Conflict("A run is going on in this session.", hint="Wait for it or stop it first.")
            proof = await proof_of(command, self.services)
            session, run = opened.session, new_id("run")
            seq, model = session.bus.seq, session.state.model or self.default_model
            prompt = f"Verify {proof.path}"
            session.bus.emit(
                RunStarted(prompt=prompt, model=model, edge=command.edge, target=command.target), run=run
            )
            await session.bus.saved()
            opened.run = run
            opened.task = asyncio.create_task(
                verify_run(proof, run=run, session=session), name=f"codemad {run}"
            )
            return Ack(session=session.id, run=run, seq=seq)

    async def _begin(self, opened: _Open, prompt: cmd.Prompt, model: str) -> Ack:
        session, run = opened.session, new_id("run")
        seq = session.bus.seq
        if not session.state.title:
            await session.change(title=title_of(prompt.text), model=model)
        self._tell(opened)
        started = RunStarted(prompt=prompt.text, model=model, edge=prompt.edge, target=prompt.target)
        session.bus.emit(started, run=run)
        await session.append(Message.user(prompt.text), run=run)
        await session.bus.saved()
        work = Run(
            id=run,
            prompt=prompt,
            model=model,
            services=self.services,
            session=session,
            reviewer=opened.reviewer,
            checkpointer=opened.checkpointer,
            approvals=opened.approvals,
            watch=opened.watch,
            other_session=self._insight.session_text,
        )
        opened.run, opened.target = run, prompt.target
        opened.watch.uses(prompt.target)
        opened.task = asyncio.create_task(self._go(opened, work), name=f"codemad {run}")
        return Ack(session=session.id, run=run, seq=seq)

    async def _cancel(self, opened: _Open, command: cmd.Cancel) -> None:
        """Stop the run and the cells; with ``kill`` also what ignored an earlier stop."""
        work = [opened.reviewer.cells.stop(command.run)]
        if command.run is None or command.run == opened.run:
            work.append(self._stop(opened))
        await asyncio.gather(*work)
        if not command.kill:
            return
        kernel = await self.services.ports.kernel(opened.target)
        stopped = await kernel.stop_code(grace=self.services.stop_grace, kill=True) if kernel else "idle"
        notice = notice_of(stopped)
        if notice is not None:
            opened.session.bus.emit(notice, run=opened.run)
        if stopped == "killed":
            opened.watch.killed()
        await opened.session.bus.saved()

    def _kernel_fate(self, fate: KernelFate) -> None:
        for opened in self._sessions.values():
            opened.watch.fate(fate)

    async def _stop(self, opened: _Open) -> None:
        if opened.task is not None and not opened.task.done():
            opened.task.cancel()
            await asyncio.wait([opened.task], timeout=5)

    async def _new(self, title: str) -> str:
        id = uuid.uuid4().hex
        now = time.time()
        await self.services.store.create_session(id, title=title, model=self.default_model, created=now)
        opened = await self._open(id)
        await opened.session.change(title=title, model=self.default_model)
        self._tell(opened)
        return id

    def _tell(self, opened: _Open) -> None:
        """Say once in each session of this process what is not as it should be."""
        if not opened.told:
            opened.told = True
            for text in self.services.notices:
                opened.session.bus.emit(Notice(level="warning", code="degraded", text=text))

    async def _open(self, id: str) -> _Open:
        async with self._opening:
            if id not in self._sessions:
                await self.services.store.session(id)
                session = await Session.load(
                    id, self.services.store, on_event=self._on_event, redact=self.services.redact
                )
                checkpointer = Checkpointer(self.services, session)
                self._sessions[id] = _Open(
                    session,
                    checkpointer,
                    Reviewer(self.services, session, checkpointer),
                    Approvals(session.bus.emit, patience=self.services.patience),
                    KernelWatch(session.bus.emit),
                )
            return self._sessions[id]

    def _on_event(self, event: Event) -> None:
        self.services.hooks.hook.on_event(event=event)
