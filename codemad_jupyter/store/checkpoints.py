"""Owns the records of checkpoints: what a snapshot covered, and what the run touched afterwards.

The files themselves are kept by git; what is stored about them here is opaque.
"""

from types import EllipsisType
from typing import TYPE_CHECKING, Any

from pydantic import Field

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.store.codec import decode, encode
from codemad_jupyter.store.migrations import insert_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_RECORD = 'select id, session, run, reason, "at", head, files, notebooks, touched, after from checkpoints'


class CheckpointRecord(Value):
    """A checkpoint: ``files`` is the git snapshot, ``notebooks`` the documents by path, ``head`` the
    entry the conversation stood at; ``touched`` and ``after`` say what the run did then."""

    id: str
    session: str
    run: str | None
    reason: str
    at: float
    head: str | None = None
    files: dict[str, Any] | None = None
    notebooks: dict[str, dict[str, Any]] = Field(default_factory=dict)
    touched: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] | None = None


def row_of(record: CheckpointRecord) -> tuple[object, ...]:
    """The row but for its place, which only the writer knows."""
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
    )


def save(cursor: "DuckDBPyConnection", row: tuple[object, ...]) -> None:
    """Add the checkpoint after all others."""
    last = cursor.execute("select coalesce(max(place), 0) from checkpoints").fetchone()
    insert_rows(cursor, "checkpoints", [(*row, last[0] + 1 if last else 1)])


def one(cursor: "DuckDBPyConnection", checkpoint: str) -> CheckpointRecord:
    """That checkpoint, or `NotFound`."""
    row = cursor.execute(f"{_RECORD} where id = ?", [checkpoint]).fetchone()
    if row is None:
        raise NotFound(f"There is no checkpoint {checkpoint!r}.", hint="List the checkpoints of the session.")
    return _record(row)


def of_session(cursor: "DuckDBPyConnection", session: str) -> tuple[CheckpointRecord, ...]:
    """The session's checkpoints in the order they were made."""
    rows = cursor.execute(f"{_RECORD} where session = ? order by place", [session]).fetchall()
    return tuple(_record(row) for row in rows)


def update(
    cursor: "DuckDBPyConnection",
    checkpoint: str,
    *,
    notebooks: str | EllipsisType,
    touched: str | EllipsisType,
    after: str | EllipsisType,
) -> None:
    """Note what happened since; all are encoded texts."""
    one(cursor, checkpoint)
    for column, text in (("notebooks", notebooks), ("touched", touched), ("after", after)):
        if not isinstance(text, EllipsisType):
            statement = f"update checkpoints set {column} = ? where id = ?"  # noqa: S608 - names are ours
            cursor.execute(statement, [text, checkpoint])


def _record(row: tuple[Any, ...]) -> CheckpointRecord:
    names = ("id", "session", "run", "reason", "at", "head")
    opaque = ("files", "notebooks", "touched", "after")
    plain = dict(zip(names, row[:6], strict=True))
    plain.update({name: decode(text) for name, text in zip(opaque, row[6:], strict=True)})
    return CheckpointRecord.model_validate(plain)
