"""How much of a notebook's data may leave the machine, and the preview of what would."""

from typing import Literal

from codemad_jupyter.protocol.base import Value

DataLevel = Literal["schema", "statistics", "samples", "outputs", "images"]
"""Each includes those before it: names, types and shapes; + counts and ranges; + example values;
+ text outputs of cells; + images among the outputs."""


class PreviewPart(Value):
    """A part of the request as it would be sent, secrets masked. ``masked`` counts the places, ``left_out``
    names what was cut or left out of it to fit the window."""

    name: str
    text: str
    tokens: int
    truncated: bool = False
    masked: int = 0
    left_out: tuple[str, ...] = ()


class ContextPreview(Value):
    """Exactly what a prompt would send now. ``tokens`` is the estimated sum, ``window`` the model's;
    ``leaves`` is false where the model runs in this process or on this machine."""

    model: str
    level: DataLevel
    parts: tuple[PreviewPart, ...]
    tokens: int
    window: int | None = None
    images: int = 0
    leaves: bool = True
