"""Which places stand below the headings (`@@ class A`, `@@ def f`) a patch names above a hunk."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TypeVar

from codemad_jupyter.tools.edits.document import Document
from codemad_jupyter.tools.edits.folding import folded_line
from codemad_jupyter.tools.edits.indentation import indent_of

T = TypeVar("T")


def heading_lines(document: Document, heading: str) -> list[int]:
    """The lines that are this heading, by the first way of reading that finds any."""
    for lines, wanted in (
        (document.right, heading.rstrip()),
        (document.bare, heading.strip()),
        (document.folded_bare, folded_line(heading).strip()),
    ):
        found = [at for at, line in enumerate(lines) if line == wanted]
        if found:
            return found
    # `class A` for `class A(Base):`, cut off where a word ends.
    start = heading.strip()
    cut = re.compile(re.escape(start) + r"(?!\w)") if start[-1:].isalnum() else None
    return [at for at, line in enumerate(document.bare) if cut.match(line)] if cut else []


def scopes(document: Document, headings: Sequence[str]) -> list[tuple[int, int]]:
    """Spans of lines below all the headings, each inside the one before."""
    texts = document.texts
    spans = [(0, len(texts))]
    for heading in headings:
        lines = heading_lines(document, heading)
        inner: dict[int, int] = {}
        for lo, hi in spans:
            for at in lines[bisect_left(lines, lo) : bisect_left(lines, hi)]:
                if at not in inner or inner[at] < hi:
                    inner[at] = hi
        spans = [(at, min(_scope_end(texts, at), hi)) for at, hi in inner.items()]
    return sorted(spans)


def below(document: Document, headings: Sequence[str], found: list[T], line: Callable[[T], int]) -> list[T]:
    """The places inside a scope of the headings; failing that, those anywhere after them."""
    spans = scopes(document, headings)
    if not spans:
        return []
    starts = [lo for lo, _ in spans]
    # How far the spans that begin at or above each one reach.
    ends = list(accumulate((hi for _, hi in spans), max))
    inside = [
        each for each in found if (at := bisect_right(starts, line(each))) and line(each) < ends[at - 1]
    ]
    if inside:
        return inside
    first = starts[0]
    return [each for each in found if line(each) >= first]


def _scope_end(texts: Sequence[str], at: int) -> int:
    """The first line after a heading that is not deeper (closing brackets belong to it)."""
    depth = len(indent_of(texts[at]))
    for line in range(at + 1, len(texts)):
        text = texts[line]
        if text.strip() and len(indent_of(text)) <= depth and text.strip()[0] not in ")]}{":
            return line
    return len(texts)
