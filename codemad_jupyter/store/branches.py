"""Owns the branches of sessions: named heads in the tree of entries, and which of them a session stands on.

The branch a session stands on has the session's own head; what its row says of a head is that of the time
when it was last left. Nothing here deletes.
"""

from typing import TYPE_CHECKING

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.sessions import MAIN, SessionInfo
from codemad_jupyter.store import log, sessions
from codemad_jupyter.store.codec import decode, encode
from codemad_jupyter.store.migrations import insert_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection


class Branch(Value):
    """A named head."""

    id: str
    name: str
    head: str | None
    created: float
    checkpoint: str | None = None


class Link(Value):
    """An entry without its message: its place in the tree."""

    id: str
    parent: str | None
    run: str | None
    at: float


def of_session(cursor: "DuckDBPyConnection", session: str) -> tuple[Branch, ...]:
    """The session's branches, the first of them first, each with the head it has now."""
    info = sessions.one(cursor, session)
    rows = cursor.execute(
        "select id, name, head, created, checkpoint from branches where session = ? order by created, id",
        [session],
    ).fetchall()
    found = [
        Branch(id=id, name=decode(name), head=head, created=created, checkpoint=checkpoint)
        for id, name, head, created, checkpoint in rows
    ]
    if all(branch.id != MAIN for branch in found):
        found.insert(0, Branch(id=MAIN, name="", head=None, created=info.created))
    head = sessions.head_of(cursor, session)
    return tuple(b.model_copy(update={"head": head}) if b.id == info.branch else b for b in found)


def put(cursor: "DuckDBPyConnection", session: str, branch: Branch) -> None:
    """Keep a branch as it is now."""
    sessions.one(cursor, session)
    cursor.execute("delete from branches where session = ? and id = ?", [session, branch.id])
    insert_rows(cursor, "branches", [_row(session, branch)])


def stand_on(cursor: "DuckDBPyConnection", session: str, *, leaving: Branch, onto: Branch) -> None:
    """Leave a branch, as it is now, and stand on another."""
    put(cursor, session, leaving)
    put(cursor, session, onto)
    sessions.update(cursor, session, head=onto.head)
    cursor.execute("update sessions set branch = ? where id = ?", [onto.id, session])


def links(cursor: "DuckDBPyConnection", session: str) -> tuple[Link, ...]:
    """All entries of the session by their places, oldest first."""
    rows = cursor.execute(
        'select id, parent, run, "at" from entries where session = ? order by rowid', [session]
    ).fetchall()
    return tuple(Link(id=id, parent=parent, run=run, at=at) for id, parent, run, at in rows)


class Whole(Value):
    """A session with all that belongs to it, to be kept as a whole or not at all."""

    info: SessionInfo
    head: str | None
    entries: tuple[sessions.Entry, ...]
    branches: tuple[Branch, ...] = ()


def keep_whole(cursor: "DuckDBPyConnection", whole: Whole, events: "Sequence[log.Row]") -> None:
    """A new session with its entries, branches and events."""
    session = whole.info.id
    sessions.create(cursor, whole.info)
    rows = [(e.id, e.session, e.parent, e.run, encode(e.message), e.at) for e in whole.entries]
    insert_rows(cursor, "entries", rows)
    insert_rows(cursor, "branches", [_row(session, branch) for branch in whole.branches])
    log.append(cursor, events)
    cursor.execute(
        "update sessions set head = ?, branch = ? where id = ?", [whole.head, whole.info.branch, session]
    )


def _row(session: str, branch: Branch) -> tuple[object, ...]:
    return (session, branch.id, encode(branch.name), branch.head, branch.created, branch.checkpoint)
