"""A text as lines that remember their own line ends, and the splices that change only some of them.

Owns line ends and the missing last one. Where a change belongs is decided in `ladder`.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

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
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    if not a and not b:
        return []
    if len(a) * len(b) > MOST_COMPARED or not a or not b:
        return [(head, head + len(a), head, head + len(b))]
    codes = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [(i + head, j + head, k + head, m + head) for tag, i, j, k, m in codes if tag != "equal"]
