"""Questions in SQL about one's own sessions, and their answers."""

from typing import Any

from pydantic import Field

from codemad_jupyter.protocol.base import Value

MOST_ROWS = 20_000


class SqlQuestion(Value):
    """One SELECT about the views; ``rows`` is how many rows are given."""

    sql: str = Field(max_length=100_000)
    rows: int = Field(1_000, ge=1, le=MOST_ROWS)


class SqlColumn(Value):
    """A column of the answer: its name and its type in DuckDB."""

    name: str
    type: str


class SqlAnswer(Value):
    """The first rows and how many there are. ``notes`` say what the answer leaves out."""

    columns: tuple[SqlColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    count: int
    notes: tuple[str, ...] = ()
