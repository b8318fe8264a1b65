"""Owns the facts that are remembered in one workspace: of its sessions, of the project and of roles.

Facts for every workspace of the person are in `user_memory`. Which of them a prompt is told, and who may
keep one, is decided elsewhere.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.store.codec import decode, encode
from codemad_jupyter.store.migrations import COLUMNS, insert_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FIELDS = tuple(name for name, _ in COLUMNS["memories"] if not name.startswith("embed"))
_TEXTS = ("text", "role", "session", "model")
"""Fields of free text: kept as JSON, for it may hold what no database takes."""


@dataclass(frozen=True)
class Vector:
    """What a model of embeddings made of a fact: 32-bit numbers, little-endian."""

    memory: str
    embedder: str
    body: bytes


def all_memories(cursor: "DuckDBPyConnection") -> tuple[Memory, ...]:
    """Every fact, oldest first."""
    rows = cursor.execute(f"select {', '.join(_FIELDS)} from memories order by created, id").fetchall()  # noqa: S608 - names are ours
    return tuple(_memory(row) for row in rows)


def put(cursor: "DuckDBPyConnection", fact: Memory) -> None:
    """Keep a fact in place of the one with its id."""
    known = cursor.execute(
        "select text, embedder, embedding from memories where id = ?", [fact.id]
    ).fetchone()
    plain = fact.model_dump()
    values: list[Any] = [encode(plain[name]) if name in _TEXTS else plain[name] for name in _FIELDS]
    same = known is not None and known[0] == encode(fact.text)
    cursor.execute("delete from memories where id = ?", [fact.id])
    insert_rows(cursor, "memories", [(*values, *(known[1:] if same and known else (None, None)))])


def remove(cursor: "DuckDBPyConnection", ids: Collection[str]) -> None:
    """Forget facts."""
    cursor.execute("delete from memories where list_contains(?::varchar[], id)", [[*ids]])


def use(cursor: "DuckDBPyConnection", ids: Collection[str], at: float) -> None:
    """Count one more use of each."""
    cursor.execute(
        "update memories set uses = uses + 1, used = ? where list_contains(?::varchar[], id)", [at, [*ids]]
    )


def vectors(cursor: "DuckDBPyConnection", embedder: str) -> dict[str, bytes]:
    """By fact, its vector of that model."""
    rows = cursor.execute("select id, embedding from memories where embedder = ?", [embedder]).fetchall()
    return {str(id): bytes(body) for id, body in rows if body is not None}


def put_vectors(cursor: "DuckDBPyConnection", made: Sequence[Vector]) -> None:
    """Keep the vectors of facts that are still there."""
    for each in made:
        cursor.execute(
            "update memories set embedder = ?, embedding = ? where id = ?",
            [each.embedder, each.body, each.memory],
        )


def _memory(row: tuple[Any, ...]) -> Memory:
    fields = dict(zip(_FIELDS, row, strict=True))
    return Memory.model_validate(
        {name: decode(each) if name in _TEXTS else each for name, each in fields.items()}
    )
