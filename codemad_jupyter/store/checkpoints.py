"""Owns the records of checkpoints: what a snapshot covered, and what the run touched afterwards.

The files themselves are kept by git; what is stored about them here is opaque. How the cells of the
notebook documents are kept stands in `parts`.
"""

from collections.abc import Collection
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from pydantic import Field

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.store import parts
from codemad_jupyter.store.codec import decode, encode
from codemad_jupyter.store.migrations import insert_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_RECORD = (
    'select id, session, run, reason, "at", head, name, size, files, notebooks, touched, after'
    " from checkpoints"
)


class CheckpointRecord(Value):
    """A checkpoint: ``files`` is the git snapshot, ``notebooks`` the documents by path, ``head`` the
    entry the conversation stood at; ``touched`` and ``after`` say what was done then. ``size`` is that
    of the documents in bytes, as JSON. In an outline the documents have no cells."""

    id: str
    session: str
    run: str | None
    reason: str
    at: float
    head: str | None = None
    name: str = ""
    size: int = 0
    files: dict[str, Any] | None = None
    notebooks: dict[str, dict[str, Any]] = Field(default_factory=dict)
    touched: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] | None = None


def row_of(record: CheckpointRecord) -> tuple[object, ...]:
    """The row without its place, which only the writer knows; documents are taken apart already."""
    return (
        record.id,
        record.session,
        record.run,
        record.reason,
        record.at,
        record.head,
        encode(record.files),
        encode(record.notebooks),
        encode(record.touched),
        encode(record.after),
        encode(record.name),
        record.size,
    )


def save(cursor: "DuckDBPyConnection", row: tuple[object, ...]) -> None:
    """Add the checkpoint after all others."""
    last = cursor.execute("select coalesce(max(place), 0) from checkpoints").fetchone()
    insert_rows(cursor, "checkpoints", [(*row[:-2], last[0] + 1 if last else 1, *row[-2:])])


def one(cursor: "DuckDBPyConnection", checkpoint: str) -> CheckpointRecord:
    """That checkpoint, or `NotFound`."""
    row = cursor.execute(f"{_RECORD} where id = ?", [checkpoint]).fetchone()
    if row is None:
        raise NotFound(f"There is no checkpoint {checkpoint!r}.", hint="List the checkpoints of the session.")
    return _whole(cursor, _record(row))


def of_session(cursor: "DuckDBPyConnection", session: str) -> tuple[CheckpointRecord, ...]:
    """The session's checkpoints in the order they were made."""
    rows = cursor.execute(f"{_RECORD} where session = ? order by place", [session]).fetchall()
    return tuple(_whole(cursor, _record(row)) for row in rows)


def outline(
    cursor: "DuckDBPyConnection", session: str | None, *, begun: bool = False
) -> tuple[CheckpointRecord, ...]:
    """The checkpoints of a session, or of all, in order, without the cells of their documents; with ``begun``
    those whose ``touched`` has something of that name."""
    where = "where (?::varchar is null or session = ?)"
    where += " and json_exists(touched, '$.begun')" if begun else ""
    given = [session, session]
    rows = cursor.execute(f"{_RECORD} {where} order by place", given).fetchall()
    records = (_record(row) for row in rows)
    return tuple(
        record.model_copy(update={"notebooks": {path: {} for path in record.notebooks}}) for record in records
    )


def room(cursor: "DuckDBPyConnection") -> dict[str, dict[str, int]]:
    """By checkpoint, the cells its documents name, and how many bytes each takes."""
    taken = parts.sizes(cursor)
    rows = cursor.execute("select id, notebooks from checkpoints").fetchall()
    return {id: {name: taken.get(name, 0) for name in parts.named(decode(text))} for id, text in rows}


def remove(cursor: "DuckDBPyConnection", ids: Collection[str]) -> None:
    """Forget checkpoints, and the cells that only they named."""
    cursor.execute("delete from checkpoints where list_contains(?::varchar[], id)", [[*ids]])
    left = cursor.execute("select notebooks from checkpoints").fetchall()
    parts.sweep(cursor, (name for (text,) in left for name in parts.named(decode(text))))


def update(cursor: "DuckDBPyConnection", checkpoint: str, changes: dict[str, object]) -> None:
    """Note what happened since; texts are encoded already."""
    row = cursor.execute("select 1 from checkpoints where id = ?", [checkpoint]).fetchone()
    if row is None:
        raise NotFound(f"There is no checkpoint {checkpoint!r}.", hint="List the checkpoints of the session.")
    for column, value in changes.items():
        statement = f"update checkpoints set {column} = ? where id = ?"  # noqa: S608 - names are ours
        cursor.execute(statement, [value, checkpoint])


def changes_of(**given: object) -> dict[str, object]:
    """What of the columns is given, encoded."""
    return {name: encode(value) for name, value in given.items() if not isinstance(value, EllipsisType)}


def _whole(cursor: "DuckDBPyConnection", record: CheckpointRecord) -> CheckpointRecord:
    return record.model_copy(update={"notebooks": parts.put_together(cursor, record.notebooks)})


def _record(row: tuple[Any, ...]) -> CheckpointRecord:
    names = ("id", "session", "run", "reason", "at", "head")
    opaque = ("files", "notebooks", "touched", "after")
    plain = dict(zip(names, row[:6], strict=True))
    plain |= {"name": decode(row[6] or '""'), "size": row[7] or 0}
    plain.update({name: decode(text) for name, text in zip(opaque, row[8:], strict=True)})
    return CheckpointRecord.model_validate(plain)
