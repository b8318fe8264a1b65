"""Segments: the unit of the context budget."""

from codemad_jupyter.protocol.base import Value


class Segment(Value):
    """A part of what is sent to the model, with its estimated tokens. ``left_out`` names what was cut or
    left out of it to fit the window."""

    name: str
    tokens: int
    truncated: bool = False
    left_out: tuple[str, ...] = ()
