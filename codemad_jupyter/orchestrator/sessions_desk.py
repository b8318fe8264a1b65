"""What concerns sessions as a whole, or two of them: forks, comparisons, merges, exports and imports."""

import asyncio
from collections.abc import Awaitable, Callable

from codemad_jupyter.orchestrator import branch_sides, branching, copying, exporting
from codemad_jupyter.orchestrator.branch_merging import Chosen, choose
from codemad_jupyter.orchestrator.branch_sides import Side
from codemad_jupyter.orchestrator.exporting import Exporting
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.sessions import BranchComparison, ExportFormat, SessionExport

SUFFIXES: dict[ExportFormat, str] = {"markdown": "md", "ipynb": "ipynb", "json": "json"}
Opened = Callable[[str], Awaitable[Session]]


class SessionsDesk:
    """``opened`` gives a session of the workspace by its id, or raises `NotFound`."""

    def __init__(self, services: Services, opened: Opened) -> None:
        self._services = services
        self._opened = opened

    async def fork(self, asked: cmd.ForkSession) -> str:
        """Make a session of a part of another; its id."""
        session = await self._opened(asked.session)
        place = await branching.place(self._services, session, asked)
        await session.bus.saved()
        path = await self._services.store.entries(session.id, place)
        events = await self._services.store.events(session.id)
        known = {entry.id for entry in path}
        links = await self._services.store.links(session.id)
        cut = bool(path) and any(link.run == path[-1].run and link.id not in known for link in links)
        whole, told = await asyncio.to_thread(
            copying.forked, session, path, events, title=asked.title, cut=cut
        )
        await self._services.store.keep_whole(whole, told)
        return whole.info.id

    async def read(self, asked: cmd.ImportSession) -> str:
        """Make a session of an exported one; its id."""
        from codemad_jupyter.orchestrator.importing import imported

        known = frozenset(model.name for model in await self._services.router.models(probe=False))

        whole, told = await asyncio.to_thread(imported, asked.text, redact=self._services.redact, known=known)
        await self._services.store.keep_whole(whole, told)
        return whole.info.id

    async def compare(self, session: str, left: str, right: str, other: str) -> BranchComparison:
        """Two branches beside each other; the right one may be of another session."""
        one = await self._side(session, left)
        return branch_sides.compare(one, await self._side(other or session, right))

    async def chosen(self, asked: cmd.MergeBranch) -> Chosen:
        """What a merge is to take over."""
        return choose(await self._side(asked.other or asked.session, asked.branch), asked)

    async def _side(self, session: str, branch: str) -> Side:
        return await Side.of(self._services, await self._opened(session), branch)

    async def export(self, id: str, form: ExportFormat, level: DataLevel | None) -> SessionExport:
        """A session as a file, with no more of its data than the level lets out (None: the folder's)."""
        store, session = self._services.store, await self._opened(id)
        await session.bus.saved()
        what = Exporting(
            info=await store.session(id),
            branches=await store.branches(id),
            entries=await store.all_entries(id),
            events=await store.events(id),
            level=level or self._services.levels.of(None),
            redact=self._services.redact,
        )
        text = await asyncio.to_thread(_written, what, form, session)
        name = exporting.file_name(what.info, SUFFIXES[form])
        return SessionExport(name=name, format=form, text=text, withheld=what.withheld)


def _written(what: Exporting, form: ExportFormat, session: Session) -> str:
    if form == "json":
        return exporting.as_json(what)
    state = session.state
    conversation = exporting.pieces(what, session.path, state.edits, state.edit_runs)
    return (exporting.as_markdown if form == "markdown" else exporting.as_notebook)(what, conversation)
