"""The store as the rest of CodeMAD sees it: asynchronous, durable when a call has returned.

Which file is opened, and what happens when it cannot be, is decided in `opening`.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from types import EllipsisType
from typing import Any

from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.figures import Dashboard
from codemad_jupyter.protocol.memories import Memory, SessionHit
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.sessions import SessionInfo
from codemad_jupyter.store import (
    branches,
    checkpoints,
    figures,
    log,
    memory,
    parts,
    session_search,
    sessions,
    views,
)
from codemad_jupyter.store.branches import Branch, Link, Whole
from codemad_jupyter.store.checkpoints import CheckpointRecord
from codemad_jupyter.store.codec import decode, encode
from codemad_jupyter.store.db import Database
from codemad_jupyter.store.memory import Vector
from codemad_jupyter.store.sessions import Entry
from codemad_jupyter.store.views import Rows, View


class Store:
    """The sessions, events and checkpoints of one workspace. Every write is on disk when it returns."""

    def __init__(self, database: Database, *, workspace: str) -> None:
        self.workspace = workspace
        self._database = database
        self._documents = asyncio.Lock()  # no cell may be swept away between two steps of keeping it

    @classmethod
    async def open(cls, path: Path | None, *, workspace: str, set_aside: bool = False) -> "Store":
        """Open or create the file; None keeps everything in memory. Raises `StoreHeld`, naming the
        holder, `StoreNewer` or `StoreDamaged`; with ``set_aside`` a damaged file is kept under a new
        name and `notices` says so."""
        database = await asyncio.to_thread(Database.open, path, set_aside=set_aside)
        try:
            await database.write(lambda cursor: _name_workspace(cursor, workspace))
        except BaseException:
            await database.close()
            raise
        return cls(database, workspace=workspace)

    @property
    def path(self) -> Path | None:
        """The file; None where the store is in memory."""
        return self._database.path

    @property
    def notices(self) -> tuple[str, ...]:
        """What the person should know of the opening."""
        return self._database.notices

    @property
    def database(self) -> Database:
        """The database underneath, for the files of this room."""
        return self._database

    async def close(self) -> None:
        """Write everything out and give the file back; a second call does nothing."""
        await self._database.close()

    @property
    def waiting(self) -> int:
        """How many writes wait for their turn."""
        return self._database.waiting

    async def probe(self) -> None:
        """Ask the database for nothing at all. Raises `StoreError` where it does not work."""
        await self._database.read(lambda cursor: cursor.execute("select 1").fetchall())

    # Sessions and entries

    async def create_session(
        self, session: str, title: str, model: str, created: float | None = None
    ) -> SessionInfo:
        """A new session without entries."""
        at = time.time() if created is None else created
        info = SessionInfo(id=session, title=title, model=model, created=at, updated=at)
        return await self._database.write(lambda cursor: sessions.create(cursor, info))

    async def sessions(self) -> tuple[SessionInfo, ...]:
        """Every session, the one used last first."""
        return await self._database.read(sessions.all_sessions)

    async def session(self, session: str) -> SessionInfo:
        """That session, or `NotFound`."""
        return await self._database.read(lambda cursor: sessions.one(cursor, session))

    async def update_session(
        self,
        session: str,
        *,
        title: str | None = None,
        model: str | None = None,
        head: str | EllipsisType | None = ...,
        pinned: bool | None = None,
        archived: bool | None = None,
    ) -> SessionInfo:
        """Change what is given. A moved head deletes nothing; None is the place before the first entry."""
        return await self._database.write(
            lambda cursor: sessions.update(
                cursor, session, title=title, model=model, head=head, pinned=pinned, archived=archived
            )
        )

    async def use_session(self, session: str) -> None:
        """Make this the session used last."""
        await self._database.write(lambda cursor: sessions.use(cursor, session))

    async def keep_whole(self, whole: Whole, events: Sequence[Event]) -> None:
        """A new session with all that belongs to it, or nothing of it."""
        rows = log.rows_of(events)
        await self._database.write(lambda cursor: branches.keep_whole(cursor, whole, rows))

    # Branches

    async def branches(self, session: str) -> tuple[Branch, ...]:
        """The session's branches, the first of them first, each with the head it has now."""
        return await self._database.read(lambda cursor: branches.of_session(cursor, session))

    async def put_branch(self, session: str, branch: Branch) -> None:
        """Keep a branch as it is now."""
        await self._database.write(lambda cursor: branches.put(cursor, session, branch))

    async def stand_on(self, session: str, *, leaving: Branch, onto: Branch) -> None:
        """Leave a branch, as it is now, and stand on another."""
        await self._database.write(
            lambda cursor: branches.stand_on(cursor, session, leaving=leaving, onto=onto)
        )

    async def links(self, session: str) -> tuple[Link, ...]:
        """All entries of the session by their places in the tree, oldest first."""
        return await self._database.read(lambda cursor: branches.links(cursor, session))

    async def append_entry(
        self, session: str, *, id: str, parent: str | None, run: str | None, message: Message, at: float
    ) -> Entry:
        """Add a message below ``parent`` (None: a root) and make it the head."""
        entry = Entry(id=id, session=session, parent=parent, run=run, message=message, at=at)
        text = encode(message)
        await self._database.write(lambda cursor: sessions.append(cursor, entry, text))
        return entry

    async def head(self, session: str) -> str | None:
        """The entry the conversation stands at; None before the first one."""
        return await self._database.read(lambda cursor: sessions.head_of(cursor, session))

    async def entries(self, session: str, head: str | None) -> tuple[Entry, ...]:
        """The entries from the root to ``head``, both included; empty where ``head`` is None."""
        return await self._database.read(lambda cursor: sessions.path(cursor, session, head))

    async def all_entries(self, session: str) -> tuple[Entry, ...]:
        """All entries of the session, parents first."""
        return await self._database.read(lambda cursor: sessions.every(cursor, session))

    async def search_sessions(self, words: str, *, limit: int = 20) -> tuple[SessionHit, ...]:
        """The messages of all sessions that hold the words, best first."""
        return await self._database.read(lambda cursor: session_search.search(cursor, words, limit))

    # Memory

    async def memories(self) -> tuple[Memory, ...]:
        """The facts of this workspace, oldest first."""
        return await self._database.read(memory.all_memories)

    async def put_memory(self, fact: Memory) -> None:
        """Keep a fact, or another wording of it; a new wording loses its vector."""
        await self._database.write(lambda cursor: memory.put(cursor, fact))

    async def remove_memories(self, ids: Collection[str]) -> None:
        """Forget facts."""
        await self._database.write(lambda cursor: memory.remove(cursor, ids))

    async def silence_memories(self, ids: Collection[str]) -> None:
        """Take the texts of facts out of the events that told of them."""
        await self._database.write(lambda cursor: log.silence(cursor, ids))

    async def use_memories(self, ids: Collection[str], at: float) -> None:
        """Note that these facts were sent."""
        await self._database.write(lambda cursor: memory.use(cursor, ids, at))

    async def memory_vectors(self, embedder: str) -> dict[str, bytes]:
        """By fact, the vector which that model made of it."""
        return await self._database.read(lambda cursor: memory.vectors(cursor, embedder))

    async def put_memory_vectors(self, vectors: Sequence[Vector]) -> None:
        """Keep vectors of facts; of a fact that is gone, nothing."""
        await self._database.write(lambda cursor: memory.put_vectors(cursor, vectors))

    # Events

    async def append_events(self, events: Sequence[Event]) -> None:
        """Keep finished events, all or none of them."""
        rows = log.rows_of(events)
        await self._database.write(lambda cursor: log.append(cursor, rows))

    async def events(self, session: str, after: int = 0) -> tuple[Event, ...]:
        """The session's events after that number, in order."""
        return await self._database.read(lambda cursor: log.events(cursor, session, after))

    async def last_seq(self, session: str) -> int:
        """The highest number stored for the session; 0 where there is none."""
        return await self._database.read(lambda cursor: log.last_seq(cursor, session))

    async def open_runs(self) -> tuple[tuple[str, str], ...]:
        """Session and run of each run that began and has no end."""
        return await self._database.read(log.open_runs)

    async def events_of(self, types: Sequence[str], session: str | None = None) -> tuple[Event, ...]:
        """The stored events of these types, of one session or of all, in order."""
        return await self._database.read(lambda cursor: log.of_types(cursor, types, session))

    async def view(self, view: View) -> Rows:
        """The latest rows of a documented view."""
        return await self._database.read(lambda cursor: views.read(cursor, view))

    async def dashboard(self, days: int) -> Dashboard:
        """The figures of the last days."""
        return await self._database.read(lambda cursor: figures.dashboard(cursor, days))

    # Checkpoints

    async def save_checkpoint(self, record: CheckpointRecord) -> None:
        """Keep a new checkpoint."""
        async with self._documents:
            bare, size = await self._kept(record.notebooks)
            row = checkpoints.row_of(record.model_copy(update={"notebooks": bare, "size": size}))
            await self._database.write(lambda cursor: checkpoints.save(cursor, row))

    async def _kept(self, notebooks: parts.Notebooks) -> tuple[parts.Notebooks, int]:
        """Store the cells that are new; the documents without them, and their whole size."""
        bare, cells = await asyncio.to_thread(parts.taken_apart, notebooks)
        new = await self._database.read(lambda cursor: parts.unknown(cursor, cells))
        rows = await asyncio.to_thread(lambda: parts.packed({name: cells[name] for name in new}))
        if rows:
            await self._database.write(lambda cursor: parts.keep(cursor, rows))
        return bare, sum(len(cells[name]) for name in parts.named(bare))

    async def checkpoint(self, checkpoint: str) -> CheckpointRecord:
        """That checkpoint, or `NotFound`."""
        return await self._database.read(lambda cursor: checkpoints.one(cursor, checkpoint))

    async def checkpoints(self, session: str) -> tuple[CheckpointRecord, ...]:
        """The session's checkpoints in the order they were made."""
        return await self._database.read(lambda cursor: checkpoints.of_session(cursor, session))

    async def outline(
        self, session: str | None = None, *, begun: bool = False
    ) -> tuple[CheckpointRecord, ...]:
        """Those of a session (None: all), in order, without cells; ``begun``: a change has no known end."""
        return await self._database.read(lambda cursor: checkpoints.outline(cursor, session, begun=begun))

    async def room(self) -> dict[str, dict[str, int]]:
        """By checkpoint, the cells it names and how many bytes each takes; equal cells are shared."""
        return await self._database.read(checkpoints.room)

    async def remove_checkpoints(self, ids: Collection[str]) -> None:
        """Forget checkpoints and what only they held."""
        async with self._documents:
            await self._database.write(lambda cursor: checkpoints.remove(cursor, ids))

    async def update_checkpoint(
        self,
        checkpoint: str,
        *,
        notebooks: dict[str, dict[str, Any]] | EllipsisType = ...,
        touched: dict[str, Any] | EllipsisType = ...,
        after: dict[str, Any] | EllipsisType | None = ...,
        name: str | EllipsisType = ...,
    ) -> None:
        """Note what happened since the checkpoint; what is not given stays."""
        changes = checkpoints.changes_of(touched=touched, after=after, name=name)
        async with self._documents:
            if not isinstance(notebooks, EllipsisType):
                bare, size = await self._kept(notebooks)
                changes |= checkpoints.changes_of(notebooks=bare) | {"size": size}
            await self._database.write(lambda cursor: checkpoints.update(cursor, checkpoint, changes))


def _name_workspace(cursor: Any, workspace: str) -> None:
    row = cursor.execute("select value from meta where key = 'workspace'").fetchone()
    if row is None or decode(row[0]) != workspace:
        cursor.execute("insert or replace into meta values ('workspace', ?)", [encode(workspace)])
