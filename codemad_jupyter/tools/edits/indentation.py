"""A uniform shift of indentation between what a model wrote and what a file holds.

Uniform means: every line is deeper (or flatter) by the same blanks, or by the same number of levels
when one side counts in tabs and the other in spaces. Anything else is no match.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

MOST_LOOKED_AT = 5_000
"""Lines of a file that are looked at to learn its unit."""


def indent_of(line: str) -> str:
    """The blanks and tabs a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def unit_of(lines: Iterable[str]) -> str:
    """The step these lines are indented by: a tab, or the spaces all indents are multiples of."""
    size = 0
    for line in lines:
        indent = indent_of(line)
        if "\t" in indent:
            return "\t"
        if line.strip():
            size = gcd(size, len(indent))
    return " " * size


def unit_in(lines: Sequence[str]) -> str:
    """The step a whole file is indented by, as most lines have it ("" when nothing is indented)."""
    indents = [indent_of(line) for line in lines[:MOST_LOOKED_AT] if line.strip()]
    tabs = sum(indent.startswith("\t") for indent in indents)
    if tabs * 2 > sum(map(bool, indents)):
        return "\t"
    sizes = map(len, indents)
    steps: Counter[int] = Counter()
    before = 0
    for size in sizes:
        if size - before > 1:
            steps[size - before] += 1
        before = size
    return " " * steps.most_common(1)[0][0] if steps else ""


@dataclass(frozen=True)
class Shift:
    """Takes lines from the model's indentation to the file's."""

    written: str
    """The unit the model wrote."""
    held: str
    """The unit of the file."""
    levels: Fraction
    """How many levels deeper the file has it."""
    prefix: str | None = None
    """Blanks the file has in addition; units are the same then."""
    cut: str = ""
    """Blanks the model wrote in addition."""

    def line(self, line: str) -> str | None:
        """The line as the file would have it; None when it cannot be that far left."""
        if not line.strip():
            return line
        indent, rest = indent_of(line), line.lstrip(" \t")
        if self.prefix is not None:
            return self.prefix + indent[len(self.cut) :] + rest if indent.startswith(self.cut) else None
        level = _level(indent, self.written) + self.levels
        if level < 0:
            return None
        whole, over = divmod(level, 1)
        width = over * len(self.written if self.written != "\t" else self.held)
        return self.held * int(whole) + " " * round(width) + rest

    def lines(self, lines: Sequence[str]) -> tuple[str, ...] | None:
        """All lines, or None when one of them cannot be shifted."""
        made = tuple(self.line(line) for line in lines)
        return None if None in made else tuple(line for line in made if line is not None)


def _level(indent: str, unit: str) -> Fraction:
    if unit == "\t":
        return Fraction(indent.count("\t")) + Fraction(indent.count(" "), 4)
    return Fraction(len(indent.replace("\t", unit)), len(unit))


def shift_between(old: Sequence[str], held: Sequence[str], new: Sequence[str], unit: str) -> Shift | None:
    """The shift from ``old`` to ``held`` (same lines but for indentation); ``unit`` is the file's."""
    pairs = [(indent_of(a), indent_of(b)) for a, b in zip(old, held, strict=True) if a.strip()]
    if not pairs:
        return None
    written = unit_of([*old, *new]) or unit or "    "
    plain = _same_unit(pairs)
    deeper = {indent_of(line) for line in new} - {a for a, _ in pairs}
    converts = bool(unit) and written != unit and bool(deeper)
    if plain is not None and not (converts and len({a for a, _ in pairs}) == 1):
        return plain
    unit = unit or written
    if len(written) < 2 and written != "\t":
        return None  # lines aligned to something: no number of levels can be told
    levels = {_level(b, unit) - _level(a, written) for a, b in pairs}
    return Shift(written, unit, levels.pop()) if len(levels) == 1 else None


def _same_unit(pairs: list[tuple[str, str]]) -> Shift | None:
    a, b = pairs[0]
    if b.endswith(a):
        more = b[: len(b) - len(a)]
        if all(held == more + old for old, held in pairs):
            return Shift("", "", Fraction(0), more)
    if a.endswith(b):
        less = a[: len(a) - len(b)]
        if all(old == less + held for old, held in pairs):
            return Shift("", "", Fraction(0), "", less)
    return None
