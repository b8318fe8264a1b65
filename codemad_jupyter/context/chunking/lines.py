"""Lines of a text and their sizes, and windows of lines where nothing better is known.

Owns what "a line" is here: it ends at a line feed, as in every editor and in the parsers; a carriage
return before it stays part of the text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

SMALLEST = 500
"""A chunk below this size is joined with its neighbour where both fit."""
LARGEST = 1_500
LONG_LINE = 3_000
"""A longer line is cut between words,"""
ENDLESS_LINE = 20_000
"""unless it is longer than this: such a line is data, and one chunk."""


@dataclass
class Lines:
    """A text as rows (0-based) with the sum of their lengths."""

    text: str
    rows: list[str] = field(init=False)
    sums: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = self.text.split("\n")
        self.sums = [0, *accumulate(len(row) + 1 for row in self.rows)]

    def size(self, first: int, last: int) -> int:
        """Characters from the first to the last row."""
        return self.sums[last + 1] - self.sums[first]

    def blank(self, row: int) -> bool:
        """Is nothing to be seen in this row?"""
        return not self.rows[row].strip()

    def slice(self, first: int, last: int) -> str:
        """The text of these rows, without the last line feed."""
        return self.text[self.sums[first] : self.sums[last + 1] - 1]

    def trimmed(self, first: int, last: int) -> tuple[int, int] | None:
        """The rows without blank ones at both ends; None if nothing is left."""
        while first <= last and self.blank(first):
            first += 1
        while last >= first and self.blank(last):
            last -= 1
        return (first, last) if first <= last else None


def windows(lines: Lines, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Rows in windows, ended at blank lines where the size allows it."""
    start = first
    for row in range(first, last + 1):
        if row > start and lines.size(start, row) > LARGEST:
            yield start, row - 1
            start = row
        elif lines.blank(row) and lines.size(start, row) >= SMALLEST:
            yield start, row
            start = row + 1
    if start <= last:
        yield start, last


def cut(line: str) -> list[str]:
    """An over-long line in parts that are cut behind blanks; together they are the line."""
    if not LONG_LINE < len(line) <= ENDLESS_LINE:
        return [line]
    parts = []
    while len(line) > LARGEST:
        at = line.rfind(" ", SMALLEST, LARGEST) + 1 or LARGEST
        parts.append(line[:at])
        line = line[at:]
    return [*parts, line] if line.strip() else [*parts[:-1], parts[-1] + line]
