"""Chunks: the unit of search and of the context budget."""

from codemad_jupyter.protocol.base import Value


class Chunk(Value):
    """A span of a file or a cell. Lines are 1-based and inclusive."""

    path: str
    text: str
    start_line: int = 1
    end_line: int = 1
    symbol: str = ""
    cell: str | None = None
    score: float = 0.0


class Segment(Value):
    """A part of what is sent to the model, with its estimated tokens. ``left_out`` names what was cut or
    left out of it to fit the window."""

    name: str
    tokens: int
    truncated: bool = False
    left_out: tuple[str, ...] = ()
