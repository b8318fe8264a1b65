"""A text as lines that remember their own line ends, and the splices that change only some of them.

Owns line ends and the missing last one. Where a change belongs is decided in `ladder`.
"""

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from codemad_jupyter.tools.edits.folding import folded_line

MOST_COMPARED = 250_000
"""Old lines times new lines that are compared to find the ones that stay."""


def feeds(text: str) -> str:
    """The text with every Windows line end written as a line feed."""
    return text.replace("\r\n", "\n")


@dataclass(frozen=True)
class Splice:
    """Lines ``lo`` to ``hi`` (exclusive) become ``lines``; ``newline``: how the file ends if it ends here."""

    lo: int
    hi: int
    lines: tuple[str, ...]
    newline: bool | None = None


@dataclass(frozen=True)
class Place:
    """Lines ``lo`` to ``hi`` (exclusive, 0-based) hold the old text; the splices change it."""

    lo: int
    hi: int
    splices: tuple[Splice, ...]
    rung: str = "exact"


class Document:
    """Lines and their ends. A lone carriage return ends a line only where no line feed stands at all."""

    def __init__(self, texts: list[str], ends: list[str]) -> None:
        self.texts, self.ends = texts, ends

    @classmethod
    def parse(cls, text: str) -> "Document":
        """The document of a text; `text` gives it back byte for byte."""
        if "\n" not in text and "\r" in text:
            return cls._cut(text, "\r")
        document = cls._cut(text, "\n")
        if "\r\n" in text:
            texts, ends = document.texts, document.ends
            for at, line in enumerate(texts):
                if ends[at] and line.endswith("\r"):
                    texts[at], ends[at] = line[:-1], "\r\n"
        return document

    @classmethod
    def _cut(cls, text: str, end: str) -> "Document":
        texts = text.split(end)
        ends = [end] * len(texts)
        if texts[-1]:
            ends[-1] = ""
        else:
            texts.pop()
            ends.pop()
        return cls(texts, ends)

    @property
    def text(self) -> str:
        """The text as it is written."""
        return "".join(text + end for text, end in zip(self.texts, self.ends, strict=True))

    @cached_property
    def flat(self) -> str:
        """The text with a line feed at every line end."""
        return "\n".join(self.texts) + ("\n" if self.ends and self.ends[-1] else "")

    @cached_property
    def right(self) -> list[str]:
        """The lines without blanks at their ends."""
        return [line.rstrip() for line in self.texts]

    @cached_property
    def bare(self) -> list[str]:
        """The lines without blanks on either side."""
        return [line.strip() for line in self.texts]

    @cached_property
    def folded(self) -> list[str]:
        """The lines with odd punctuation made plain."""
        # All at once: folding line by line takes many times as long.
        return folded_line("\n".join(self.texts)).split("\n") if self.texts else []

    @cached_property
    def folded_right(self) -> list[str]:
        """The folded lines without blanks at their ends."""
        return [line.rstrip() for line in self.folded]

    @cached_property
    def folded_bare(self) -> list[str]:
        """The folded lines without blanks on either side."""
        return [line.strip() for line in self.folded]

    @cached_property
    def end(self) -> str:
        """The line end that most lines have."""
        counts = {end: self.ends.count(end) for end in ("\n", "\r\n", "\r")}
        return max(counts, key=lambda end: counts[end])

    def line_at(self, offset: int) -> int:
        """The 0-based line of an offset in `flat`."""
        return self.flat.count("\n", 0, offset)

    def spliced(self, splices: Iterable[Splice], *, final_newline: bool | None = None) -> "Document":
        """A copy with the splices made; they must not overlap."""
        texts, ends = list(self.texts), list(self.ends)
        bare = bool(ends) and not ends[-1]
        ordered = sorted(splices, key=lambda splice: (splice.lo, splice.hi))
        for splice in reversed(ordered):
            texts[splice.lo : splice.hi] = splice.lines
            ends[splice.lo : splice.hi] = self._ends_for(splice)
        ends[:-1] = [end or self.end for end in ends[:-1]]
        last = ordered[-1] if ordered and ordered[-1].hi == len(self.texts) else None
        if ends and last is not None and last.lines:
            newline = last.newline if last.newline is not None else not bare
            ends[-1] = (ends[-1] or self.end) if newline else ""
        if ends and final_newline is not None:
            ends[-1] = (ends[-1] or self.end) if final_newline else ""
        return Document(texts, ends)

    def _ends_for(self, splice: Splice) -> list[str]:
        # A new line ends as the line it stands for, else as its neighbour: mixed files stay mixed.
        near = (self.ends[splice.lo - 1] if splice.lo else "") or self.end
        ends = []
        for at in range(splice.lo, splice.lo + len(splice.lines)):
            near = (self.ends[at] if at < splice.hi else "") or near
            ends.append(near)
        return ends


def differing(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """Spans (old from, old to, new from, new to) in which two lists of lines differ."""
    return list(_differing(old, new, 0, 0))


def _differing(old: Sequence[str], new: Sequence[str], i: int, k: int) -> Iterator[tuple[int, int, int, int]]:
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    i, k = i + head, k + head
    if not a or not b:
        if a or b:
            yield i, i + len(a), k, k + len(b)
    elif len(a) * len(b) > MOST_COMPARED:
        yield from _between(a, b, i, k)
    else:
        for tag, lo, hi, start, stop in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            if tag != "equal":
                yield i + lo, i + hi, k + start, k + stop


def _between(a: Sequence[str], b: Sequence[str], i: int, k: int) -> Iterator[tuple[int, int, int, int]]:
    """As `_differing` for texts too long to compare as a whole: cut at lines that stand once in both."""
    anchors = _anchors(a, b)
    if not anchors:
        yield i, i + len(a), k, k + len(b)
        return
    at = start = 0
    for x, y in [*anchors, (len(a), len(b))]:
        yield from _differing(a[at:x], b[start:y], i + at, k + start)
        at, start = x + 1, y + 1


def _anchors(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """The longest run of pairs, rising on both sides, of lines that stand exactly once in each."""
    often, other = Counter(a), Counter(b)
    places = {line: y for y, line in enumerate(b) if other[line] == 1}
    pairs = [(x, places[line]) for x, line in enumerate(a) if often[line] == 1 and line in places]
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, y) in enumerate(pairs):
        at = bisect_left(tops, y)
        before.append(ends[at - 1] if at else -1)
        tops[at : at + 1], ends[at : at + 1] = [y], [number]
    run: list[tuple[int, int]] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        run.append(pairs[at])
        at = before[at]
    return run[::-1]
