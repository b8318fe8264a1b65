"""The engine: the one door. Commands are taken by `Engine.submit`, events read by `Engine.events`."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

from codemad_jupyter.hooks import tell
from codemad_jupyter.notebooks import provenance
from codemad_jupyter.notebooks.ports import KernelFate, WatchesKernels
from codemad_jupyter.notebooks.provenance import Blame
from codemad_jupyter.orchestrator import branching, comparing, completing, merging, timeline
from codemad_jupyter.orchestrator.acting import control
from codemad_jupyter.orchestrator.active_session import ActiveSession
from codemad_jupyter.orchestrator.checkpointing import reach
from codemad_jupyter.orchestrator.choosing_model import choice_for
from codemad_jupyter.orchestrator.insight import Insight
from codemad_jupyter.orchestrator.outside import OutsideCall
from codemad_jupyter.orchestrator.pruning import Gardener
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Conversation, Session
from codemad_jupyter.orchestrator.sessions_desk import SessionsDesk
from codemad_jupyter.orchestrator.sharing import SharingDesk
from codemad_jupyter.orchestrator.slash import completions, expanded
from codemad_jupyter.orchestrator.sql_desk import SqlDesk
from codemad_jupyter.orchestrator.starting import check_size
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.checkpoints import CheckpointDiff, CheckpointInfo
from codemad_jupyter.protocol.commands import Ack, Command
from codemad_jupyter.protocol.completions import Completion, CompletionRequest
from codemad_jupyter.protocol.events import Event, ModeChosen
from codemad_jupyter.protocol.indexing import IndexStatus
from codemad_jupyter.protocol.memories import Memory, SessionHit
from codemad_jupyter.protocol.mentions import Mention
from codemad_jupyter.protocol.merging import MergeView
from codemad_jupyter.protocol.messages import ToolResultPart
from codemad_jupyter.protocol.models import ModelInfo
from codemad_jupyter.protocol.plans import Plan
from codemad_jupyter.protocol.privacy import ContextPreview, DataLevel
from codemad_jupyter.protocol.sessions import (
    BranchComparison,
    ExportFormat,
    SessionExport,
    SessionInfo,
    SessionTree,
)


class Engine:
    """One engine for one workspace, on one asyncio loop. Built by ``app.build.build_engine``."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._active: dict[str, ActiveSession] = {}
        self._opening = asyncio.Lock()
        self._gardener = Gardener(services)
        self._insight = Insight(services)
        self._desk = SessionsDesk(services, self._opened)
        services.modes.busy = lambda: bool(self._busy_runs())
        services.modes.tell = self._tell_all
        self.sql = SqlDesk(services.store)
        self.sharing = SharingDesk(services, self._opened)

    async def start(self) -> None:
        """Mark what a crash left running as interrupted, and look at what it left half done. Call once."""
        if isinstance(self.services.ports, WatchesKernels):
            self.services.ports.on_kernel_fate(self._kernel_fate)
        for session, run in await self.services.store.open_runs():
            await (await self._activated(session)).interrupted(run)
        for record in await self.services.store.outline(begun=True):
            await (await self._activated(record.session)).recover(record)
        self._gardener.wake(self._busy_runs)

    async def close(self) -> None:
        """Stop the runs, store what was said, let go of providers and store."""
        await self._insight.mentions.close()
        for active in self._active.values():
            await active.close()
        await self._gardener.stop()
        if self.services.finder is not None:
            await self.services.finder.close()
        if self.services.mcp is not None:
            await self.services.mcp.close()
        if self.services.scripts is not None:
            await self.services.scripts.close()
        await self.services.diagnostics.close()
        await self.services.memories.likeness.finished()
        await self.services.router.aclose()
        await self.services.store.close()

    @property
    def busy(self) -> bool:
        """Whether anything goes on."""
        return any(active.busy for active in self._active.values())

    async def sessions(self) -> tuple[SessionInfo, ...]:
        """All sessions of the workspace, latest first."""
        return await self.services.store.sessions()

    async def current_session(self) -> str:
        """The latest session of the workspace; a new one when there is none."""
        sessions = [info for info in await self.sessions() if not info.archived]
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
        return (await self._activated(session)).session.bus.seq

    async def stored(self, session: str, after: int = 0) -> tuple[Event, ...]:
        """The session's stored events after a number. Raises `NotFound`."""
        await self._activated(session)
        return await self.services.store.events(session, after=after)

    async def stored_reach(self, session: str) -> int:
        """The number of the session's last stored event. Raises `NotFound`."""
        await self._activated(session)
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
        active = await self._activated(session)
        async for event in active.session.bus.events(after):
            yield event

    async def submit(self, command: Command) -> Ack:
        """Take a command, or raise a `CodemadError` that says why not."""
        match command:
            case cmd.NewSession():
                return Ack(session=await self._new(command.title))
            case cmd.ForkSession():
                return await self._made(await self._desk.fork(command))
            case cmd.ImportSession():
                return await self._made(await self._desk.read(command))
            case cmd.MergeBranch():
                active = await self._activated(command.session)
                seq = active.session.bus.seq
                await active.merge(command, await self._desk.chosen(command))
                return Ack(session=command.session, run=active.run, seq=seq)
            case cmd.Prompt():
                check_size(command)
                self.sharing.check(command)
                return await (await self._activated(command.session)).prompt(self._insight.masked(command))
            case cmd.ApprovePlan():
                return await (await self._activated(command.session)).carry_out(command)
            case cmd.VerifyNotebook():
                return await (await self._activated(command.session)).verify(command)
            case _:
                active = await self._activated(command.session)
                seq = active.session.bus.seq
                await active.take(command)
                return Ack(session=command.session, run=active.run, seq=seq)

    async def outside(self, asked: OutsideCall) -> ToolResultPart:
        """Run one tool call for an agent from elsewhere, in its session."""
        return await (await self._activated(asked.session)).outside.call(asked)

    async def complete(self, request: CompletionRequest) -> Completion:
        """What could follow at the cursor. Raises `ModelError`."""
        return await completing.complete(self.services, request)

    async def merge_view(self, notebook: str) -> MergeView:
        """What a notebook that git could not merge leaves to choose. Raises `UsageError`."""
        return await merging.merge_view(self.services, notebook)

    async def index_status(self) -> IndexStatus:
        """How far the search index of the workspace is."""
        finder = self.services.finder
        return IndexStatus(state="none") if finder is None else await finder.status()

    async def memories(self, query: str = "") -> tuple[Memory, ...]:
        """What is remembered: all by scope, or what has to do with the query, best first."""
        kept = self.services.memories
        return await (kept.search(query) if query.strip() else kept.all())

    async def search_sessions(self, words: str, limit: int = 20) -> tuple[SessionHit, ...]:
        """What past sessions said about something, best first."""
        return await self.services.store.search_sessions(words, limit=limit)

    async def session_tree(self, session: str) -> SessionTree:
        """The session as a tree of turns, with its branches. Raises `NotFound`."""
        return await branching.tree(self.services, await self._opened(session))

    async def compare_branches(
        self, session: str, left: str, right: str, other: str = ""
    ) -> BranchComparison:
        """Two branches beside each other, the right one of the session ``other`` where that is named; an
        empty name is the branch the session stands on. Raises `NotFound`."""
        return await self._desk.compare(session, left, right, other)

    async def export_session(
        self, session: str, form: ExportFormat, level: DataLevel | None = None
    ) -> SessionExport:
        """The session as a file, with no more of its data than the level lets out (None: the folder's)."""
        return await self._desk.export(session, form, level)

    def data_level(self, notebook: str | None) -> DataLevel:
        """How much of the notebook's data is sent to models."""
        return self.services.levels.of(notebook)

    async def preview(self, prompt: cmd.Prompt) -> ContextPreview:
        """What the prompt would send now; without a session, as the first of one. Nothing is kept."""
        if not prompt.session:
            prompt = expanded(prompt, self.services.commands)
            chosen = choice_for(prompt, [], router=self.services.router, session_model="")
            return await self._insight.preview(prompt, Conversation([]), *chosen)
        return await (await self._activated(prompt.session)).preview(prompt)

    async def plan(self, session: str) -> Plan | None:
        """The latest plan of the session. Raises `NotFound`."""
        return (await self._activated(session)).session.state.plan

    async def mentions(
        self, query: str, target: cmd.Target, *, session: str | None = None
    ) -> tuple[Mention, ...]:
        """What could be pointed at with ``@``, best first, or the commands that begin so, after a slash."""
        if query.startswith("/"):
            return completions(query, self.services.commands)
        infos = await self.sessions()
        others = [each for each in infos if each.id != session and each.title and not each.archived]
        return await self._insight.mentions.find(query, target, others)

    async def waiting_run(self, session: str, approval: str) -> str | None:
        """The run that waits for the answer to a question; None where nothing does."""
        return (await self._activated(session)).desk.approvals.run_of(approval)

    async def gives_rights(self, session: str, edit: str) -> bool:
        """Would this edit change a file by which rights are given?"""
        found = (await self._activated(session)).session.state.edits.get(edit)
        return found is not None and control(self.services.root, found)

    def _busy_runs(self) -> set[str]:
        return {active.run for active in self._active.values() if active.running and active.run}

    def _kernel_fate(self, fate: KernelFate) -> None:
        for active in self._active.values():
            active.desk.watch.fate(fate)

    async def _opened(self, id: str) -> Session:
        return (await self._activated(id)).session

    async def _made(self, id: str) -> Ack:
        """A session that others were made into: loaded, and said to be there."""
        await (await self._opened(id)).change()
        return Ack(session=id)

    async def _new(self, title: str) -> str:
        id = uuid.uuid4().hex
        now = time.time()
        await self.services.store.create_session(id, title=title, model=self.default_model, created=now)
        active = await self._activated(id)
        await active.session.change(title=title, model=self.default_model)
        tell(self.services.hooks, "on_session_start", session=id, root=str(self.services.root))
        return id

    async def _activated(self, id: str) -> ActiveSession:
        async with self._opening:
            if id not in self._active:
                await self.services.store.session(id)
                session = await Session.load(
                    id, self.services.store, on_event=self._on_event, redact=self.services.redact
                )
                active = ActiveSession(
                    self.services,
                    session,
                    insight=self._insight,
                    gardener=self._gardener,
                    busy_runs=self._busy_runs,
                )
                if active.desk.settle_dead(session.state):
                    await session.bus.saved()
                self._active[id] = active
            return self._active[id]

    def _tell_all(self, event: ModeChosen) -> None:
        for active in self._active.values():
            active.session.bus.emit(event)

    def _on_event(self, event: Event) -> None:
        tell(self.services.hooks, "on_event", event=event)
