"""Where a text may be cut: the rows of a syntax tree as groups, and their packing into chunks.

A group is what must not be joined with its surroundings: a function or class that is too large for
one chunk. Everything else is a row of units, and small neighbours in one group are joined.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codemad_jupyter.context.chunking.declarations import last_row
from codemad_jupyter.context.chunking.grammar import Words
from codemad_jupyter.context.chunking.lines import LARGEST, SMALLEST, Lines, windows

if TYPE_CHECKING:
    from tree_sitter import Node

TINY = 200
DEEPEST = 150
Rows = tuple[int, int]


@dataclass
class Unit:
    """Rows that stand together; ``parts`` are the chunks of a group that was cut, else empty."""

    first: int
    last: int
    parts: tuple[Rows, ...] = ()
    prefix: bool = False
    """A comment or the like, which goes with the unit right below it."""


def cut_tree(
    root: "Node", lines: Lines, groups: Words, prefixes: Words, *, cells: list[Rows] | None = None
) -> list[Rows]:
    """The rows of each chunk, in order; ``cells`` are rows with borders that no chunk crosses."""
    outline = Outline(lines, groups, prefixes)
    nodes = root.children
    if not cells:
        return outline.pack(nodes, 0, len(lines.rows) - 1, 0)
    starts = [node.start_point[0] for node in nodes]
    found: list[Rows] = []
    for first, last in cells:
        if lines.size(first, last) <= LARGEST:
            found.append((first, last))
        else:
            within = nodes[max(bisect_left(starts, first) - 1, 0) : bisect_right(starts, last)]
            found += outline.pack(within, first, last, 0)
    return found


def cut_rows(starts: Iterable[Rows], lines: Lines) -> list[Rows]:
    """The same where only the rows of definitions on top level are known."""
    units: list[Unit] = []
    at = 0
    for first, last in starts:
        if first < at:
            continue
        if first > at:
            units += _windowed(lines, at, first - 1)
        pieces = _windowed(lines, first, last)
        whole = tuple((unit.first, unit.last) for unit in pieces)
        units.append(Unit(first, last, whole if len(whole) > 1 else ()))
        at = last + 1
    if at < len(lines.rows):
        units += _windowed(lines, at, len(lines.rows) - 1)
    return joined(units, lines)


def _windowed(lines: Lines, first: int, last: int) -> list[Unit]:
    return [Unit(*rows) for rows in windows(lines, first, last)]


class Outline:
    """Cuts one tree."""

    def __init__(self, lines: Lines, groups: Words, prefixes: Words) -> None:
        self.lines = lines
        self.groups = groups
        self.prefixes = prefixes

    def pack(self, nodes: "list[Node]", first: int, last: int, depth: int) -> list[Rows]:
        """The chunks of rows ``first`` to ``last``, which these nodes fill."""
        units = self.units(nodes, first, last, depth)
        return joined(self.filled(self.led(units), first, last), self.lines)

    def units(self, nodes: "list[Node]", first: int, last: int, depth: int) -> list[Unit]:
        """The nodes as units; one that is too large gives way to its children."""
        found: list[Unit] = []
        stack = [(node, depth) for node in reversed(nodes)]
        while stack:
            node, level = stack.pop()
            start = max(node.start_point[0], found[-1].last + 1 if found else first)
            end = min(last_row(node), last)
            if end < start:
                continue
            kind = node.type
            if self.lines.size(start, end) <= LARGEST:
                found.append(Unit(start, end, prefix=kind in self.prefixes))
            elif level < DEEPEST and kind in self.groups:
                found.append(Unit(start, end, tuple(self.pack(node.children, start, end, level + 1))))
            elif level < DEEPEST and node.child_count:
                stack += [(child, level + 1) for child in reversed(node.children)]
            else:
                found += _windowed(self.lines, start, end)
        return found

    def led(self, units: list[Unit]) -> list[Unit]:
        """The units with the comments right above them taken in."""
        found: list[Unit] = []
        for unit in units:
            if found and found[-1].prefix and found[-1].last + 1 == unit.first:
                unit = _from(found.pop().first, unit)
            found.append(unit)
        return found

    def filled(self, units: list[Unit], first: int, last: int) -> list[Unit]:
        """The units with the rows between them, which belong to no node, added to their neighbours."""
        whole: list[Unit] = []
        at = first
        for unit in units:
            if unit.first > at:
                whole += [item for item in _windowed(self.lines, at, unit.first - 1) if self.seen(item)]
            whole.append(unit)
            at = unit.last + 1
        if at <= last:
            whole += [item for item in _windowed(self.lines, at, last) if self.seen(item)]
        return whole

    def seen(self, unit: Unit) -> bool:
        """Is there any text in these rows?"""
        return self.lines.trimmed(unit.first, unit.last) is not None


def _from(first: int, unit: Unit) -> Unit:
    """The unit, begun earlier."""
    parts = ((first, unit.parts[0][1]), *unit.parts[1:]) if unit.parts else ()
    return Unit(first, unit.last, parts, unit.prefix)


def joined(units: list[Unit], lines: Lines) -> list[Rows]:
    """Small neighbours as one; the chunks of a cut group stay as they are, but for a tiny lead."""
    chunks: list[Rows] = []
    open_one = False
    for unit in units:
        for first, last in unit.parts or ((unit.first, unit.last),):
            if chunks and open_one and _fits(lines, chunks[-1], (first, last), closed=bool(unit.parts)):
                chunks[-1] = (chunks[-1][0], last)
            else:
                chunks.append((first, last))
            open_one = not unit.parts
    return _without_tiny_ends(chunks, lines)


def _fits(lines: Lines, before: Rows, after: Rows, *, closed: bool) -> bool:
    size = lines.size(*before)
    whole = lines.size(before[0], after[1])
    if closed:
        return size < TINY and whole <= LARGEST + TINY
    return whole <= LARGEST and (size < SMALLEST or lines.size(*after) < TINY)


def _without_tiny_ends(chunks: list[Rows], lines: Lines) -> list[Rows]:
    kept: list[Rows] = []
    for first, last in chunks:
        if kept and lines.size(first, last) < TINY // 4 and lines.size(kept[-1][0], last) <= LARGEST + TINY:
            kept[-1] = (kept[-1][0], last)
        else:
            kept.append((first, last))
    return kept
