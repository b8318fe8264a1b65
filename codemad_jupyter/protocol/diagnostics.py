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
    text: str
    unused: bool = False


class Diagnosis(Value):
    """What the language servers say. ``more`` counts problems left out; ``detail`` says what could not be
    checked and what to do about it."""

    problems: tuple[Problem, ...] = ()
    more: int = 0
    servers: tuple[str, ...] = ()
    detail: str = ""


def problem_lines(diagnosis: Diagnosis, *, path: str, cell: str | None = None, most: int) -> list[str]:
    """The problems as a line each, at most ``most``; the place is left out as far as it is ``path`` and
    ``cell``."""
    lines = [problem_line(each, path=path, cell=cell) for each in diagnosis.problems[:most]]
    left = max(len(diagnosis.problems) - most, 0) + diagnosis.more
    return [*lines, f"… and {left} more"] if left else lines


def problem_line(problem: Problem, *, path: str = "", cell: str | None = None) -> str:
    """A problem as one line."""
    place = [] if problem.path == path else [problem.path]
    place += [f"cell {problem.cell}"] if problem.cell is not None and problem.cell != cell else []
    place.append(f"line {problem.line}")
    rule = f"{problem.server} {problem.code}".strip()
    return f"{', '.join(place)}: {problem.severity}: {problem.text}" + (f" [{rule}]" if rule else "")
