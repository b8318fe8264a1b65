"""Three-way merge of a cell's text by lines: what the person changed stays, what was asked for comes.

Lines are parted at line feeds, so that the last line of a cell, which has none, is a line like others.
"""

import difflib
from itertools import pairwise
from typing import NamedTuple


class Merged(NamedTuple):
    """The merged text, or the ranges of lines in ``ours`` (from 1, both ends included) where both
    changed the same."""

    text: str
    conflicts: tuple[tuple[int, int], ...] = ()


class _Change(NamedTuple):
    start: int
    end: int
    lines: tuple[str, ...]
    first: int


def merge_lines(base: str, ours: str, theirs: str) -> Merged:
    """``ours`` with what ``theirs`` changed of ``base``. Changes of neighbouring lines do not disturb
    one another; changes of the same line, or two insertions at one place, do, unless they are equal."""
    old = base.split("\n")
    mine, other = _changes(old, ours.split("\n")), _changes(old, theirs.split("\n"))
    clashing = [one for one in mine if any(one[:3] != two[:3] and _clash(one, two) for two in other)]
    if clashing:
        ranges = tuple((one.first + 1, one.first + max(1, len(one.lines))) for one in clashing)
        return Merged(ours, ranges)
    wanted = sorted({one[:3] for one in (*mine, *other)})
    lines: list[str] = []
    done = 0
    for start, end, new in wanted:
        lines += [*old[done:start], *new]
        done = end
    return Merged("\n".join([*lines, *old[done:]]))


def _changes(old: list[str], new: list[str]) -> list[_Change]:
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [_Change(i1, i2, tuple(new[j1:j2]), j1) for tag, i1, i2, j1, j2 in codes if tag != "equal"]


def _clash(one: _Change, two: _Change) -> bool:
    if one.start == one.end or two.start == two.end:  # an insertion
        if one.start == one.end and two.start == two.end:
            return one.start == two.start
        return max(one.start, two.start) < min(one.end, two.end)
    return one.start < two.end and two.start < one.end


def line_ranges(conflicts: tuple[tuple[int, int], ...]) -> str:
    """Line ranges as a person reads them."""
    joined: list[tuple[int, int]] = list(conflicts[:1])
    for before, after in pairwise(conflicts):
        if after[0] <= before[1] + 1:
            joined[-1] = (joined[-1][0], after[1])
        else:
            joined.append(after)
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in joined)
