"""Problems that language servers find in code, and what one look at a document gave."""

from typing import Literal

from codemad_jupyter.protocol.base import Value

Severity = Literal["error", "warning"]


class Problem(Value):
    """One problem. ``line`` and ``column`` begin at 1, in the cell where ``cell`` (an id) is given.
    ``server`` is who says so; ``unused`` marks code that only has no use (yet)."""

    path: str
    cell: str | None = None
    line: int
    column: int = 1
    severity: Severity = "error"
    code: str = ""
    server: str = ""
    message: str
    unused: bool = False


class Diagnosis(Value):
    """What the language servers say. ``more`` counts problems left out; ``detail`` says what could not be
    checked and what to do about it."""

    problems: tuple[Problem, ...] = ()
    more: int = 0
    servers: tuple[str, ...] = ()
    detail: str = ""
