"""Chunks as values: the rows of a text with the symbol around them, what they define and say."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from codemad_jupyter.context.chunking.lines import Lines, cut
from codemad_jupyter.context.chunking.values import ChunkKind, Definition, SourceChunk

Rows = tuple[int, int]
MARKS = re.compile(r"^[ \t]*(?:#+[!'|]?|/{2,}!?|/\*+!?|\*+/?|--+|;+|%+)[ \t]?|\*+/|\"\"\"|'''", re.MULTILINE)
NO_TITLE = re.compile(
    r"^#!|-\*-|noqa|eslint|prettier|pragma|pylint|mypy:|SPDX|copyright|licen[sc]e", re.IGNORECASE
)
MOST_PROSE = 4_000


@dataclass(frozen=True)
class Place:
    """Where a text stands: a file, or a cell of a notebook."""

    path: str
    cell: str | None = None
    cell_index: int | None = None
    cell_type: str = ""
    headings: tuple[str, ...] = ()


def chunk(place: Place, lines: Lines, rows: Rows, kind: ChunkKind, symbol: str = "") -> Iterator[SourceChunk]:
    """The chunks of these rows: one, or several parts of one long line; none for blank rows."""
    seen = lines.trimmed(*rows)
    if seen is None:
        return
    text = lines.slice(*seen)
    for part in cut(text) if seen[0] == seen[1] else [text]:
        yield SourceChunk(
            place.path,
            part,
            seen[0] + 1,
            seen[1] + 1,
            kind,
            symbol,
            headings=place.headings,
            cell=place.cell,
            cell_index=place.cell_index,
            cell_type=place.cell_type,
        )


def assemble(
    place: Place,
    lines: Lines,
    rows: Sequence[Rows],
    definitions: Iterable[Definition],
    prose: Iterable[tuple[int, str]],
    default: ChunkKind,
) -> list[SourceChunk]:
    """The chunks of a text that was read."""
    found: list[SourceChunk] = []
    around = Around(definitions)
    notes = sorted(prose)
    for first, last in rows:
        inside, owner = around.of(first + 1, last + 1)
        kind, symbol = (_kind(owner), owner.qualified) if owner is not None else (default, "")
        said = notes[bisect_left(notes, (first, "")) : bisect_left(notes, (last + 1, ""))]
        text = plain_prose(said) if said else ""
        defines = tuple(dict.fromkeys(item.qualified for item in inside))
        for number, item in enumerate(chunk(place, lines, (first, last), kind, symbol)):
            found.append(_described(item, defines, text) if number == 0 and (defines or text) else item)
    return found


def _described(item: SourceChunk, defines: tuple[str, ...], prose: str) -> SourceChunk:
    return SourceChunk(
        item.path,
        item.text,
        item.start_line,
        item.end_line,
        item.kind,
        item.symbol,
        defines,
        prose,
        item.headings,
        item.cell,
        item.cell_index,
        item.cell_type,
    )


def plain_prose(notes: Sequence[tuple[int, str]]) -> str:
    """Comments and docstrings without their marks."""
    return MARKS.sub("", "\n".join(text for _, text in notes)[:MOST_PROSE]).strip().strip("\"'")


def first_line(notes: Sequence[tuple[int, str]]) -> str:
    """What the comment or docstring at the top of a file says first; "" where there is none."""
    for row, text in sorted(notes)[:5]:
        words = plain_prose([(row, text)]).split("\n", 1)[0].strip()
        if row < 5 and any(letter.isalpha() for letter in words) and not NO_TITLE.search(text[:200]):
            return words[:100]
    return ""


class Around:
    """The definitions of a text, asked for chunk after chunk from its top to its end."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self.items = sorted(definitions, key=lambda item: (item.start_line, -item.end_line))
        self.next = 0
        self.open: list[Definition] = []

    def of(self, first: int, last: int) -> tuple[list[Definition], Definition | None]:
        """What begins in these lines, and the definition that they belong to."""
        inside: list[Definition] = []
        while self.next < len(self.items) and self.items[self.next].start_line <= last:
            inside.append(self.items[self.next])
            self.next += 1
        self.open = [item for item in self.open if item.end_line >= first]
        owner = self._owner(first, last, inside)
        self.open += [item for item in inside if item.kind != "variable" and item.end_line > last]
        return inside, owner

    def _owner(self, first: int, last: int, inside: list[Definition]) -> Definition | None:
        """The one definition that is half of the chunk; else what goes on around it; else the largest."""
        half = (last - first + 1) / 2
        named = [item for item in inside if item.kind != "variable"]
        sizes = {id(item): min(item.end_line, last) - item.start_line + 1 for item in named}
        for ended in (True, False):
            some = [item for item in named if (item.end_line <= last) == ended]
            largest = max(some, key=lambda item: sizes[id(item)], default=None)
            if largest is not None and sizes[id(largest)] >= half:
                return largest
        around = [item for item in self.open if item.end_line >= last]
        if around:
            return max(around, key=lambda item: item.start_line)
        if sum(sizes.values()) >= half:
            return max(named, key=lambda item: sizes[id(item)])
        return max(self.open, key=lambda item: item.end_line, default=None)


def _kind(item: Definition) -> ChunkKind:
    match item.kind:
        case "function" | "method" | "class" | "module":
            return item.kind
        case "type" | "table":
            return "class"
        case "macro":
            return "function"
        case _:
            return "block"
