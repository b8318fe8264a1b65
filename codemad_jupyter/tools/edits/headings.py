"""Which places stand below the headings (`@@ class A`, `@@ def f`) a patch names above a hunk."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from codemad_jupyter.tools.edits.folding import folded_line
from codemad_jupyter.tools.edits.indentation import indent_of

T = TypeVar("T")


def heading_lines(texts: Sequence[str], heading: str) -> list[int]:
    """The lines that are this heading, by the first way of reading that finds any."""
    ways: tuple[Callable[[str], str], ...] = (str.rstrip, str.strip, lambda line: folded_line(line).strip())
    for way in ways:
        wanted = way(heading)
        found = [at for at, line in enumerate(texts) if way(line) == wanted]
        if found:
            return found
    return []


def scopes(texts: Sequence[str], headings: Sequence[str]) -> list[tuple[int, int]]:
    """Spans of lines below all the headings, each inside the one before."""
    spans = [(0, len(texts))]
    for heading in headings:
        lines = heading_lines(texts, heading)
        spans = [(at, min(_scope_end(texts, at), hi)) for lo, hi in spans for at in lines if lo <= at < hi]
    return spans


def below(texts: Sequence[str], headings: Sequence[str], found: list[T], line: Callable[[T], int]) -> list[T]:
    """The places inside a scope of the headings; failing that, those anywhere after them."""
    spans = scopes(texts, headings)
    inside = [each for each in found if any(lo <= line(each) < hi for lo, hi in spans)]
    if inside or not spans:
        return inside
    first = min(lo for lo, _ in spans)
    return [each for each in found if line(each) >= first]


def _scope_end(texts: Sequence[str], at: int) -> int:
    """The first line after a heading that is not deeper (closing brackets belong to it)."""
    depth = len(indent_of(texts[at]))
    for line in range(at + 1, len(texts)):
        text = texts[line]
        if text.strip() and len(indent_of(text)) <= depth and text.strip()[0] not in ")]}{":
            return line
    return len(texts)
