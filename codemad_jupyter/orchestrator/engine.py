"""The engine: the one door. Commands are taken by `Engine.submit`, events read by `Engine.events`."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import assert_never

from codemad_jupyter.orchestrator import completing, merging
from codemad_jupyter.orchestrator import undo as undoing
from codemad_jupyter.orchestrator.approvals import Approvals
from codemad_jupyter.orchestrator.checkpointing import Checkpointer
from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.run import Run
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session, title_of
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.commands import Ack, Command
from codemad_jupyter.protocol.completions import Completion, CompletionRequest
from codemad_jupyter.protocol.errors import Conflict, UsageError
from codemad_jupyter.protocol.events import ApprovalSettled, Event, Notice, Restored, RunFinished, RunStarted
from codemad_jupyter.protocol.merging import MergeView
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.models import ModelInfo
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

    async def start(self) -> None:
        """Mark what a crash left running as interrupted. Call once, before the first command."""
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

    async def close(self) -> None:
        """Stop the runs, store what was said, let go of providers and store."""
        for opened in self._sessions.values():
            await self._stop(opened)
            await opened.session.bus.saved()
        await self.services.router.aclose()
        await self.services.store.close()

    @property
    def busy(self) -> bool:
        """Whether a run goes on."""
        return any(opened.busy for opened in self._sessions.values())

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
                if command.run is None or command.run == opened.run:
                    await self._stop(opened)
            case cmd.Approve():
                opened.approvals.answer(command.approval, yes=True)
            case cmd.Reject():
                opened.approvals.answer(command.approval, yes=False, reason=command.reason)
            case cmd.AcceptEdit():
                await opened.reviewer.accept(command.edit, command.hunks, execute=command.execute)
            case cmd.RejectEdit():
                await opened.reviewer.reject(command.edit, command.hunks)
            case cmd.TryEdit():
                raise UsageError("not here yet", hint="")
            case cmd.AcceptRun() | cmd.RejectRun():
                raise UsageError("not here yet", hint="")
            case cmd.MakeCheckpoint() | cmd.NameCheckpoint() | cmd.PruneCheckpoints():
                raise UsageError("not here yet", hint="")
            case cmd.VerifyNotebook():
                raise UsageError("not here yet", hint="")
            case cmd.ResolveMerge():
                await self._resolve(opened, command)
            case cmd.ChooseDataLevel():
                raise UsageError("not here yet", hint="")
            case cmd.RestoreCheckpoint():
                raise UsageError("not here yet", hint="")
            case cmd.Undo() | cmd.Redo():
                await self._restore(opened, command)
            case cmd.NewSession() | cmd.Prompt():
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

    async def _restore(self, opened: _Open, command: cmd.Undo | cmd.Redo) -> None:
        if opened.busy:
            raise Conflict("A run is going on.", hint="Stop it first, then undo.")
        async with opened.lock:
            given = (self.services, opened.session, opened.checkpointer)
            restored: Restored
            if isinstance(command, cmd.Undo):
                restored = await undoing.undo(*given, command.run)
            else:
                restored = await undoing.redo(*given)
            opened.session.bus.emit(restored, run=restored.runs[0] if restored.runs else None)
            await opened.session.bus.saved()

    async def _prompt(self, prompt: cmd.Prompt) -> Ack:
        if not prompt.text.strip():
            raise UsageError("The prompt is empty.", hint="Type a question or what should be done.")
        if len(prompt.text) > MAX_PROMPT:
            raise UsageError(
                f"The prompt has {len(prompt.text):,} characters; the limit is {MAX_PROMPT:,}.",
                hint="Put the text into a file of the workspace and ask about the file.",
            )
        opened = await self._open(prompt.session)
        async with opened.lock:
            if opened.busy:
                raise Conflict("A run is going on in this session.", hint="Wait for it or stop it first.")
            model = prompt.model or opened.session.state.model or self.default_model
            self.services.router.provider_for(model)
            return await self._begin(opened, prompt, model)

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
        )
        opened.run = run
        opened.task = asyncio.create_task(work.go(), name=f"codemad {run}")
        return Ack(session=session.id, run=run, seq=seq)

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
                session = await Session.load(id, self.services.store, on_event=self._on_event)
                checkpointer = Checkpointer(self.services, session)
                self._sessions[id] = _Open(
                    session,
                    checkpointer,
                    Reviewer(self.services, session, checkpointer),
                    Approvals(session.bus.emit, patience=self.services.patience),
                )
            return self._sessions[id]

    def _on_event(self, event: Event) -> None:
        self.services.hooks.hook.on_event(event=event)
