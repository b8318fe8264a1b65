"""Markdown and reStructuredText as sections under their headings."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from codemad_jupyter.context.chunking.assembling import Place, chunk
from codemad_jupyter.context.chunking.lines import LARGEST, SMALLEST, Lines, windows
from codemad_jupyter.context.chunking.values import ChunkKind, SourceChunk

ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t])")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t\r]*$")
UNDERLINE = re.compile(r"""([=\-~^"'#*+`:.<>_])\1{2,}[ \t\r]*$""")


@dataclass(frozen=True)
class Heading:
    """A heading and the row where its section begins."""

    row: int
    level: int
    title: str


def trail_after(trail: tuple[Heading, ...], heading: Heading) -> tuple[Heading, ...]:
    """The headings above what follows a heading."""
    return (*(item for item in trail if item.level < heading.level), heading)


def titles(trail: tuple[Heading, ...]) -> tuple[str, ...]:
    """The headings' texts, outermost first."""
    return tuple(item.title for item in trail)


def markdown_headings(rows: list[str]) -> Iterator[Heading]:
    """Headings outside fenced code and front matter."""
    fence = ""
    start = _front_matter(rows)
    for number in range(start, len(rows)):
        row = rows[number]
        mark = FENCE.match(row)
        if mark is not None:
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not row.strip().strip(fence[0]):
                fence = ""
            continue
        if fence:
            continue
        atx = ATX.match(row) if "#" in row[:4] else None
        if atx is not None:
            yield Heading(number, len(atx[1]), row[atx.end() :].strip().rstrip("#").strip()[:200])
        elif number > start and SETEXT.match(row[:1_000]) and _is_title(rows, number - 1):
            yield Heading(number - 1, 1 if "=" in row[:8] else 2, rows[number - 1].strip())


def _front_matter(rows: list[str]) -> int:
    if rows and rows[0].rstrip() == "---":
        for number in range(1, min(len(rows), 200)):
            if rows[number].rstrip() in ("---", "..."):
                return number + 1
    return 0


def _is_title(rows: list[str], number: int) -> bool:
    row = rows[number].strip()
    above = rows[number - 1].strip() if number else ""
    return bool(row) and len(row) < 200 and not above and not row.startswith(("-", "*", ">", "|", "#", "<"))


def rest_headings(rows: list[str]) -> Iterator[Heading]:
    """Underlined titles; their levels go by the order in which the underlines first appear."""
    levels: dict[str, int] = {}
    for number in range(1, len(rows)):
        line = UNDERLINE.match(rows[number][:1_000])
        title = rows[number - 1].strip()
        if line is None or not title or UNDERLINE.match(title) or len(title) > len(rows[number].rstrip()) + 2:
            continue
        over = number > 1 and rows[number - 2].strip() == rows[number].strip()
        key = line[1] * (2 if over else 1)
        yield Heading(number - 2 if over else number - 1, levels.setdefault(key, len(levels) + 1), title)


def sections(
    place: Place, lines: Lines, headings: Iterable[Heading], *, above: tuple[Heading, ...] = ()
) -> tuple[list[SourceChunk], tuple[Heading, ...]]:
    """The chunks of a text under its headings, and the headings that hold at its end."""
    chunks: list[SourceChunk] = []
    starts = list(headings)
    trail = above
    at = 0
    index = 0
    while at < len(lines.rows):
        began = index
        while index < len(starts) and starts[index].row <= at:
            trail = trail_after(trail, starts[index])
            index += 1
        first_trail = trail
        end = _end(lines, starts, index, at)
        while index < len(starts) and starts[index].row <= end:
            trail = trail_after(trail, starts[index])
            index += 1
        defines = tuple(item.title for item in starts[began:index])
        chunks += _section(replace(place, headings=titles(first_trail)), lines, at, end, defines)
        at = end + 1
    for heading in starts[index:]:
        trail = trail_after(trail, heading)
    return chunks, trail


def _end(lines: Lines, starts: list[Heading], index: int, at: int) -> int:
    """The last row of the section at a row, with small deeper or neighbouring sections joined."""
    last = len(lines.rows) - 1
    end = starts[index].row - 1 if index < len(starts) else last
    while index < len(starts) and lines.size(at, max(end, at)) < SMALLEST:
        index += 1
        farther = starts[index].row - 1 if index < len(starts) else last
        if lines.size(at, farther) > LARGEST:
            break
        end = farther
    return max(end, at)


def _section(
    place: Place, lines: Lines, first: int, last: int, defines: tuple[str, ...]
) -> Iterator[SourceChunk]:
    symbol = place.headings[-1] if place.headings else ""
    kind: ChunkKind = "text" if place.cell is not None else "section"
    for rows in windows(lines, first, last) if lines.size(first, last) > LARGEST else [(first, last)]:
        for item in chunk(place, lines, rows, kind, symbol):
            yield replace(item, defines=defines)
            defines = ()
