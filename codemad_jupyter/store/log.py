"""Owns the log of finished events: what can be replayed after a sequence number, and which runs
never ended. Text deltas are live only and never come here."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.protocol.events import EVENT, LIVE_ONLY, Event
from codemad_jupyter.store.codec import decode, encode
from codemad_jupyter.store.migrations import insert_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = tuple[object, ...]

_OPEN_RUNS = """
select session, run from events as started where type = 'run_started' and not exists (
    select 1 from events as finished where finished.type = 'run_finished'
    and finished.session = started.session and finished.run = started.run)
order by session, seq
"""


def rows_of(events: Sequence[Event]) -> list[Row]:
    """The rows of finished events; made before the writer thread is asked, for encoding takes time."""
    live = sorted({event.type for event in events} & LIVE_ONLY)
    if live:
        raise StoreError(
            f"Events of type {', '.join(live)} are live only and are not stored.",
            hint="Store the finished message instead.",
        )
    return [(event.session, event.seq, event.run, event.type, event.at, encode(event)) for event in events]


def append(cursor: "DuckDBPyConnection", rows: Sequence[Row]) -> None:
    """Write the events; their pairs of session and number must be new."""
    insert_rows(cursor, "events", rows)


def events(cursor: "DuckDBPyConnection", session: str, after: int) -> tuple[Event, ...]:
    """The session's events after that number, in order."""
    rows = cursor.execute(
        "select seq, body from events where session = ? and seq > ? order by seq", [session, after]
    ).fetchall()
    return tuple(_event(session, seq, body) for seq, body in rows)


def of_types(cursor: "DuckDBPyConnection", types: Sequence[str], session: str | None) -> tuple[Event, ...]:
    """The events of these types, of one session or of all, in order."""
    where = "" if session is None else "and session = ?"
    given: list[object] = [[*types]] if session is None else [[*types], session]
    rows = cursor.execute(
        "select session, seq, body from events where list_contains(?::varchar[], type)"  # noqa: S608 - ours
        f" {where} order by session, seq",
        given,
    ).fetchall()
    return tuple(_event(*row) for row in rows)


def silence(cursor: "DuckDBPyConnection", ids: Collection[str]) -> None:
    """Take the texts of forgotten facts out of the events that told of them."""
    rows = cursor.execute("select session, seq, body from events where type = 'memory_changed'").fetchall()
    for session, seq, body in rows:
        told = decode(body)
        if told.get("text") and set(told["memories"]) & set(ids):
            cursor.execute(
                "update events set body = ? where session = ? and seq = ?",
                [encode({**told, "text": ""}), session, seq],
            )


def last_seq(cursor: "DuckDBPyConnection", session: str) -> int:
    """The highest number stored for the session; 0 where there is none."""
    row = cursor.execute("select max(seq) from events where session = ?", [session]).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def open_runs(cursor: "DuckDBPyConnection") -> tuple[tuple[str, str], ...]:
    """Session and run of each run that began and has no end: the process died in between."""
    return tuple((str(session), str(run)) for session, run in cursor.execute(_OPEN_RUNS).fetchall())


def _event(session: str, seq: int, body: str) -> Event:
    try:
        return EVENT.validate_python(decode(body))
    except ValidationError as error:
        raise StoreError(
            f"Event {seq} of session {session!r} cannot be read by this version of CodeMAD.",
            hint="Update CodeMAD Jupyter, or begin a new session.",
        ) from error
