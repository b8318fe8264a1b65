"""Compares and merges texts by lines: unified diffs for showing, and the three-way merge of a restore.

Works on bytes, so that encodings and line ends are kept as they are. Knows nothing of files or git.
"""

import difflib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

LARGEST = 4_000_000
"""Texts whose differing parts have more pairs of lines than this count as changed in one piece."""


class Change(NamedTuple):
    """The old lines ``start`` to ``end`` became the new lines ``first`` to ``last`` (ends excluded)."""

    start: int
    end: int
    first: int
    last: int


class Merge(NamedTuple):
    """The merged text, or, where both changed the same lines, ``ours`` and the line ranges in it (from 1,
    both ends included). ``rest`` has then all that could be merged beside them."""

    text: bytes
    conflicts: tuple[tuple[int, int], ...] = ()
    rest: bytes = b""


def is_text(data: bytes) -> bool:
    """Whether the bytes can be compared by lines."""
    return b"\0" not in data


def split(data: bytes) -> list[bytes]:
    """Lines with their ends; only a line feed ends one."""
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def changes(old: Sequence[bytes], new: Sequence[bytes]) -> list[Change]:
    """What has to be replaced to make the new lines from the old ones, in order."""
    shorter = min(len(old), len(new))
    start = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    tail = 0
    while tail < shorter - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    left, right = old[start : len(old) - tail], new[start : len(new) - tail]
    if len(left) * len(right) > LARGEST:
        return [Change(start, start + len(left), start, start + len(right))]
    codes = difflib.SequenceMatcher(None, left, right).get_opcodes()
    return [Change(*(start + at for at in code[1:])) for code in codes if code[0] != "equal"]


def merge(base: bytes, ours: bytes, theirs: bytes) -> Merge:
    """``ours`` with what ``theirs`` changed of ``base``. Changes that overlap or touch are conflicts
    unless they are the same."""
    old, mine, other = split(base), split(ours), split(theirs)
    merged: list[bytes] = []
    conflicts: list[tuple[int, int]] = []
    done = 0
    for left, right in _clusters(changes(old, mine), changes(old, other)):
        start = min(change.start for change in (*left, *right))
        end = max(change.end for change in (*left, *right))
        merged += old[done:start]
        first, last = _span(left, start, end)
        lines = mine[first:last]
        first_other, last_other = _span(right, start, end)
        theirs_lines = other[first_other:last_other]
        if left and right and lines != theirs_lines:
            conflicts.append((first + 1, max(first + 1, last)))
        merged += lines if left else theirs_lines
        done = end
    merged += old[done:]
    text = b"".join(merged)
    return Merge(ours if conflicts else text, tuple(conflicts), text)


def _clusters(left: list[Change], right: list[Change]) -> Iterator[tuple[list[Change], list[Change]]]:
    """Changes of both sides that overlap or touch, together."""
    waiting = sorted([(change, 0) for change in left] + [(change, 1) for change in right])
    cluster: tuple[list[Change], list[Change]] = ([], [])
    end = -1
    for change, side in waiting:
        if change.start > end and end >= 0:
            yield cluster
            cluster, end = ([], []), -1
        cluster[side].append(change)
        end = max(end, change.end)
    if end >= 0:
        yield cluster


def _span(side: list[Change], start: int, end: int) -> tuple[int, int]:
    """Where the old lines ``start`` to ``end`` are in the new text of a side that has these changes."""
    if not side:
        return 0, 0
    return side[0].first - (side[0].start - start), side[-1].last + (end - side[-1].end)


def ranges(conflicts: Sequence[tuple[int, int]]) -> str:
    """Line ranges as a person reads them."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in conflicts)


def unified(old: bytes, new: bytes, path: str, *, limit: int) -> tuple[str, bool]:
    """A unified diff of at most ``limit`` bytes in whole lines, and whether something was cut."""
    before, after = split(old), split(new)
    lines: list[str] = []
    room = limit
    for line in _hunks(before, after, path):
        room -= len(line.encode())
        if room < 0:
            return "".join(lines), True
        lines.append(line)
    return "".join(lines), False


def _hunks(before: list[bytes], after: list[bytes], path: str, context: int = 3) -> Iterator[str]:
    group: list[Change] = []
    yield from (f"--- a/{path}\n", f"+++ b/{path}\n")
    for change in changes(before, after):
        if group and change.start - group[-1].end > 2 * context:
            yield from _hunk(before, after, group, context)
            group = []
        group.append(change)
    if group:
        yield from _hunk(before, after, group, context)


def _hunk(before: list[bytes], after: list[bytes], group: list[Change], context: int) -> Iterator[str]:
    start = max(0, group[0].start - context)
    end = min(len(before), group[-1].end + context)
    first = group[0].first - (group[0].start - start)
    last = group[-1].last + (end - group[-1].end)
    yield f"@@ -{_place(start, end)} +{_place(first, last)} @@\n"
    at = start
    for change in group:
        yield from _shown(" ", before[at : change.start])
        yield from _shown("-", before[change.start : change.end])
        yield from _shown("+", after[change.first : change.last])
        at = change.end
    yield from _shown(" ", before[at:end])


def _place(start: int, end: int) -> str:
    return f"{start + 1 if end > start else start},{end - start}"


def _shown(sign: str, lines: list[bytes]) -> Iterator[str]:
    for line in lines:
        text = f"{sign}{line.decode('utf-8', 'replace')}"
        yield text if text.endswith("\n") else f"{text}\n\\ No newline at end of file\n"
