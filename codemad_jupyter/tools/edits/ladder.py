"""Where a change belongs: the first rung on which its old text stands exactly once.

Rungs: exact; blanks at line ends ignored; shifted by one indentation; Unicode punctuation folded;
elided with `...` lines. A rung decides where, and never rewrites lines that the change keeps. There
is no rung that matches by similarity, by first and last line alone, or without regard to case.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from operator import attrgetter

from codemad_jupyter.tools.edits.changes import Change
from codemad_jupyter.tools.edits.document import Document, Place, Splice, differing, feeds
from codemad_jupyter.tools.edits.elision import is_elision
from codemad_jupyter.tools.edits.folding import folded_line
from codemad_jupyter.tools.edits.headings import below
from codemad_jupyter.tools.edits.indentation import indent_of, shift_between, unit_in
from codemad_jupyter.tools.edits.text_places import MOST_PLACES, in_text

Key = Callable[[str], str]
Lines = Callable[[Document], list[str]]
Rung = tuple[str, Key, Lines, bool]
MOST_COUNTED = 20
EXACT: Rung = ("exact", str, attrgetter("texts"), False)
RUNGS: tuple[Rung, ...] = (
    ("trailing blanks", str.rstrip, attrgetter("right"), False),
    ("indentation", str.strip, attrgetter("bare"), True),
    ("punctuation", lambda line: folded_line(line).rstrip(), attrgetter("folded_right"), False),
    (
        "punctuation and indentation",
        lambda line: folded_line(line).strip(),
        attrgetter("folded_bare"),
        True,
    ),
)


def places(document: Document, change: Change) -> list[Place]:
    """All places on the first rung that has any; [] when there is none."""
    old, new = feeds(change.old), feeds(change.new)
    picked = change.every or bool(change.under) or change.line is not None or change.at_end
    most = None if picked else MOST_PLACES
    line = None if change.at_end or change.under else change.line
    if change.whole_lines:
        found = _lines_exactly(document, old, new, most, every=change.every, line=line)
    else:
        found = in_text(document, old, new, every=change.every)
    found = _narrowed(document, change, found)
    if found or not old.strip():
        return found
    a, b = as_lines(old, new)
    for name, key, lines, shifts in RUNGS:
        if name == "punctuation" and _plain(document, old):
            break
        if name == "punctuation" and not change.whole_lines:
            found = _narrowed(document, change, in_text(document, old, new, every=change.every, fold=True))
        found = found or _narrowed(
            document,
            change,
            _blocks(document, a, b, (name, key, lines, shifts), most=most, every=change.every, line=line),
        )
        if found:
            return found
    found = _narrowed(document, change, _elided(document, a, b))
    return found or _unpadded(document, change, a, b)


def _unpadded(document: Document, change: Change, old: list[str], new: list[str]) -> list[Place]:
    """As `places` without the empty lines that both texts begin and end with."""
    head = min(_blank(old), _blank(new))
    tail = min(_blank(old[::-1]), _blank(new[::-1]))
    a, b = (lines[head : len(lines) - tail] for lines in (old, new))
    if not (head or tail) or not b:
        return []
    texts = ("".join(f"{line}\n" for line in lines) for lines in (a, b))
    return places(document, replace(change, old=next(texts), new=next(texts), whole_lines=True))


def _blank(lines: Sequence[str]) -> int:
    """How many lines at the beginning are blank."""
    return next((number for number, line in enumerate(lines) if line.strip()), len(lines))


def as_lines(old: str, new: str) -> tuple[list[str], list[str]]:
    """Both texts as lines; a line end that both have (or that only the old one needs) is no line."""
    if old.endswith("\n") and (new.endswith("\n") or not new):
        return old[:-1].split("\n"), new[:-1].split("\n") if new else []
    return old.removesuffix("\n").split("\n"), new.split("\n")


def _plain(document: Document, old: str) -> bool:
    return old.isascii() and document.flat.isascii()


def _narrowed(document: Document, change: Change, found: list[Place]) -> list[Place]:
    if change.at_end:
        found = [place for place in found if place.hi == len(document.texts)]
    if change.under and found:
        found = below(document, change.under, found, lambda place: place.lo)
    if change.line is not None and len(found) > 1:
        named = [place for place in found if place.lo == change.line - 1]
        found = named or found
    return found


def _lines_exactly(
    document: Document, old: str, new: str, most: int | None, *, every: bool, line: int | None
) -> list[Place]:
    a, b = as_lines(old, new)
    return _blocks(document, a, b, EXACT, most=most, every=every, line=line)


def _blocks(
    document: Document,
    old: list[str],
    new: list[str],
    rung: Rung,
    *,
    most: int | None = MOST_PLACES,
    every: bool = False,
    line: int | None = None,
) -> list[Place]:
    name, key, lines, shifts = rung
    keyed = [key(line) for line in old]
    if name != "exact" and not any(keyed):
        return []
    found: list[Place] = []
    maker = _Maker(document, old, new, shifts=shifts)
    starts = list(islice(_starts(lines(document), keyed), most))
    spans = maker.spans(line - 1) if line is not None and line - 1 in starts else None
    if spans is not None and line is not None:
        starts = [line - 1]  # the place a diff names, among so many that may be alike
    for at in starts:
        if every and found and at < found[-1].hi:
            continue  # begins inside the one before
        spans = maker.spans(at)
        if spans is not None:
            splices = tuple(Splice(at + lo, at + hi, made) for lo, hi, made in spans)
            found.append(Place(at, at + len(old), splices, name))
    # With too many to look at, one that fits is not known to be the only one.
    crowded = len(found) == 1 and most is not None and len(starts) == most
    return found * 2 if crowded else found


Spans = list[tuple[int, int, tuple[str, ...]]]


class _Maker:
    """What a block of lines becomes, worked out once for each indentation it is found with."""

    def __init__(self, document: Document, old: list[str], new: list[str], *, shifts: bool) -> None:
        self._document, self._old, self._new, self._shifts = document, old, new, shifts
        self._known: dict[tuple[str, ...], Spans | None] = {}
        self._changed = differing(old, new)
        self._unit: str | None = None

    def spans(self, at: int) -> Spans | None:
        """The lines that change, counted from the block's first; None when it cannot be shifted there."""
        held = self._document.texts[at : at + len(self._old)] if self._shifts else []
        indents = tuple(map(indent_of, held))
        if indents not in self._known:
            self._known[indents] = self._made(held)
        return self._known[indents]

    def _made(self, held: Sequence[str]) -> Spans | None:
        made: Sequence[str] | None = self._new
        if self._shifts:
            self._unit = unit_in(self._document.texts) if self._unit is None else self._unit
            shift = shift_between(self._old, held, self._new, self._unit)
            made = shift.lines(self._new) if shift else None
        return None if made is None else [(i, j, tuple(made[k:m])) for i, j, k, m in self._changed]


def _starts(texts: Sequence[str], block: Sequence[str]) -> Iterator[int]:
    """Where a block of lines begins, found by the rarest of its first lines."""
    if not block or len(block) > len(texts):
        return
    rare, often = 0, len(texts) + 1
    for number, line in enumerate(block[:MOST_COUNTED]):
        count = texts.count(line)
        if count < often:
            rare, often = number, count
        if often < 2:
            break
    listed, at = list(block), -1
    for _ in range(often):
        at = texts.index(block[rare], at + 1)
        start = at - rare
        if start >= 0 and texts[start : start + len(listed)] == listed:
            yield start


def _elided(document: Document, old: list[str], new: list[str]) -> list[Place]:
    a, b = _pieces(old), _pieces(new)
    if len(a) < 2 or len(a) != len(b):
        return []
    splices: list[Splice] = []
    lo, at = len(document.texts), 0
    for number, (piece, made) in enumerate(zip(a, b, strict=True)):
        if not piece:
            if made or 0 < number < len(a) - 1:
                return []
            continue
        place = _one(document, piece, made)
        if place is None or place.lo < at:
            return []
        lo, at = min(lo, place.lo), place.hi
        splices += place.splices
    return [Place(lo, at, tuple(splices), "elided")] if splices else []


def _one(document: Document, old: list[str], new: list[str]) -> Place | None:
    for rung in RUNGS[:2]:
        found = _blocks(document, old, new, rung)
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _pieces(lines: list[str]) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    for line in lines:
        if is_elision(line):
            pieces.append([])
        else:
            pieces[-1].append(line)
    return pieces
