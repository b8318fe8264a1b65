"""Owns sessions and their entries: an append-only tree per session, with a head that may move.

Undo, branches and forks only move heads or add entries; nothing here deletes.
"""

import time
from types import EllipsisType
from typing import TYPE_CHECKING

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import NotFound, StoreError
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.sessions import MAIN, SessionInfo
from codemad_jupyter.store.codec import decode, encode
from codemad_jupyter.store.migrations import insert_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_INFO = "select id, title, model, created, updated, pinned, archived, branch, origin from sessions"

_PATH = """
with recursive links as materialized (select id, parent from entries where session = $session),
chain as (
    select id, parent, 0 as depth from links where id = $head
    union all
    select links.id, links.parent, chain.depth + 1 from chain join links on links.id = chain.parent
)
select entries.id, entries.session, entries.parent, entries.run, entries.message, entries."at"
from chain join entries on entries.id = chain.id order by chain.depth desc
"""


class Entry(Value):
    """A message in its place: the tree of a session is made of these."""

    id: str
    session: str
    parent: str | None
    run: str | None
    message: Message
    at: float


def create(cursor: "DuckDBPyConnection", info: SessionInfo) -> SessionInfo:
    """A new session without entries."""
    row = (info.id, encode(info.title), encode(info.model), None, info.created, info.updated)
    arranged = (info.pinned, info.archived, info.branch, info.origin)
    insert_rows(cursor, "sessions", [(*row, *arranged)])
    return info


def all_sessions(cursor: "DuckDBPyConnection") -> tuple[SessionInfo, ...]:
    """Every session, the one used last first."""
    rows = cursor.execute(f"{_INFO} order by updated desc, created desc, id").fetchall()
    return tuple(_info(row) for row in rows)


def one(cursor: "DuckDBPyConnection", session: str) -> SessionInfo:
    """That session, or `NotFound`."""
    row = cursor.execute(f"{_INFO} where id = ?", [session]).fetchone()
    if row is None:
        raise NotFound(f"There is no session {session!r}.", hint="List the sessions to see their ids.")
    return _info(row)


def update(
    cursor: "DuckDBPyConnection",
    session: str,
    *,
    title: str | None = None,
    model: str | None = None,
    head: str | EllipsisType | None = ...,
    pinned: bool | None = None,
    archived: bool | None = None,
) -> SessionInfo:
    """Change what is given; ``head`` may be None, the place before the first entry. Only what concerns the
    conversation makes the session the one used last."""
    before = one(cursor, session)
    given = {"title": title, "model": model, "pinned": pinned, "archived": archived}
    after = before.model_copy(update={name: value for name, value in given.items() if value is not None})
    moves = not isinstance(head, EllipsisType) and head != head_of(cursor, session)
    if after == before and not moves:
        return before
    if isinstance(head, str):
        _require_entry(cursor, session, head)
    if moves:
        cursor.execute("update sessions set head = ? where id = ?", [head, session])
    if moves or title is not None or model is not None:
        after = after.model_copy(update={"updated": max(time.time(), before.updated)})
    cursor.execute(
        "update sessions set title = ?, model = ?, updated = ?, pinned = ?, archived = ? where id = ?",
        [encode(after.title), encode(after.model), after.updated, after.pinned, after.archived, session],
    )
    return after


def use(cursor: "DuckDBPyConnection", session: str) -> None:
    """Make this the session used last."""
    cursor.execute("update sessions set updated = greatest(updated, ?) where id = ?", [time.time(), session])


def append(cursor: "DuckDBPyConnection", entry: Entry, message: str) -> None:
    """Add an entry below its parent and make it the head; ``message`` is the encoded message."""
    one(cursor, entry.session)
    if entry.parent is not None:
        _require_entry(cursor, entry.session, entry.parent)
    row = (entry.id, entry.session, entry.parent, entry.run, message, entry.at)
    insert_rows(cursor, "entries", [row])
    cursor.execute(
        "update sessions set head = ?, updated = greatest(updated, ?) where id = ?",
        [entry.id, entry.at, entry.session],
    )


def head_of(cursor: "DuckDBPyConnection", session: str) -> str | None:
    """The id of the entry the conversation stands at; None before the first one."""
    row = cursor.execute("select head from sessions where id = ?", [session]).fetchone()
    if row is None:
        raise NotFound(f"There is no session {session!r}.", hint="List the sessions to see their ids.")
    return None if row[0] is None else str(row[0])


def path(cursor: "DuckDBPyConnection", session: str, to: str | None) -> tuple[Entry, ...]:
    """The entries from the root to ``to``, both included; empty where ``to`` is None."""
    if to is None:
        return ()
    rows = cursor.execute(_PATH, {"session": session, "head": to}).fetchall()
    if not rows:
        raise NotFound(f"Session {session!r} has no entry {to!r}.", hint="Read its head first.")
    if rows[0][2] is not None:
        raise StoreError(
            f"The conversation of session {session!r} breaks off at entry {rows[0][0]!r}.",
            hint="Begin a new session; the store of this one is incomplete.",
        )
    return tuple(_entry(row) for row in rows)


def every(cursor: "DuckDBPyConnection", session: str) -> tuple[Entry, ...]:
    """All entries of the session, in the order they were written: parents first."""
    rows = cursor.execute(
        'select id, session, parent, run, message, "at" from entries where session = ? order by rowid',
        [session],
    ).fetchall()
    return tuple(_entry(row) for row in rows)


def _require_entry(cursor: "DuckDBPyConnection", session: str, entry: str) -> None:
    found = cursor.execute("select 1 from entries where id = ? and session = ?", [entry, session]).fetchone()
    if found is None:
        raise NotFound(f"Session {session!r} has no entry {entry!r}.", hint="Read its head first.")


def _info(row: tuple[object, ...]) -> SessionInfo:
    session, title, model, created, updated, pinned, archived, branch, origin = row
    return SessionInfo.model_validate(
        {
            "id": session,
            "title": decode(str(title)),
            "model": decode(str(model)),
            "created": created,
            "updated": updated,
            "pinned": bool(pinned),
            "archived": bool(archived),
            "branch": branch or MAIN,
            "origin": origin or "",
        }
    )


def _entry(row: tuple[object, ...]) -> Entry:
    identity, session, parent, run, message, at = row
    return Entry.model_validate(
        {
            "id": identity,
            "session": session,
            "parent": parent,
            "run": run,
            "message": decode(str(message)),
            "at": at,
        }
    )
