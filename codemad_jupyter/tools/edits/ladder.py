"""Where a change belongs: the first rung on which its old text stands exactly once.

Rungs: exact; blanks at line ends ignored; shifted by one indentation; Unicode punctuation folded;
elided with `...` lines. A rung decides where, and never rewrites lines that the change keeps. There
is no rung that matches by similarity, by first and last line alone, or without regard to case.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from codemad_jupyter.tools.edits.changes import Change
from codemad_jupyter.tools.edits.document import Document, Splice, differing, feeds
from codemad_jupyter.tools.edits.elision import is_elision
from codemad_jupyter.tools.edits.folding import folded, folded_line
from codemad_jupyter.tools.edits.headings import below
from codemad_jupyter.tools.edits.indentation import indent_of, shift_between, unit_in

Key = Callable[[str], str]
Lines = Callable[[Document], list[str]]
Rung = tuple[str, Key, Lines, bool]
MOST_PLACES = 40
"""Places that are looked at once it is clear that only a refusal can follow."""
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


@dataclass(frozen=True)
class Place:
    """Lines ``lo`` to ``hi`` (exclusive, 0-based) hold the old text; the splices change it."""

    lo: int
    hi: int
    splices: tuple[Splice, ...]
    rung: str = "exact"


def places(document: Document, change: Change) -> list[Place]:
    """All places on the first rung that has any; [] when there is none."""
    old, new = feeds(change.old), feeds(change.new)
    picked = change.every or bool(change.under) or change.line is not None or change.at_end
    most = None if picked else MOST_PLACES
    if change.whole_lines:
        found = _lines_exactly(document, old, new, most, every=change.every)
    else:
        found = _text(document, old, new, every=change.every)
    found = _narrowed(document, change, found)
    if found or not old.strip():
        return found
    a, b = as_lines(old, new)
    for name, key, lines, shifts in RUNGS:
        if name == "punctuation" and _plain(document, old):
            break
        if name == "punctuation" and not change.whole_lines:
            found = _narrowed(document, change, _text(document, old, new, every=change.every, fold=True))
        found = found or _narrowed(
            document,
            change,
            _blocks(document, a, b, (name, key, lines, shifts), most=most, every=change.every),
        )
        if found:
            return found
    return _narrowed(document, change, _elided(document, a, b))


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


def _text(document: Document, old: str, new: str, *, every: bool, fold: bool = False) -> list[Place]:
    flat = folded(document.flat) if fold else document.flat
    wanted = folded(old) if fold else old
    rung = "punctuation" if fold else "exact"
    if every and not fold and "\n" not in old + new:
        return _in_lines(document, old, new)
    offsets: list[int] = []
    at = flat.find(wanted)
    while at >= 0 and (every or len(offsets) < MOST_PLACES):
        offsets.append(at)
        at = flat.find(wanted, at + (len(old) if every else 1))
    if not every:
        return [_in_text(document, [at], old, new, document.line_at(at), rung) for at in offsets]
    if old.endswith("\n") and new.endswith("\n") and all(not at or flat[at - 1] == "\n" for at in offsets):
        return list(_whole(document, offsets, old, new, rung))
    return list(_every(document, offsets, old, new, rung))


def _in_lines(document: Document, old: str, new: str) -> list[Place]:
    """Each place of a text without a line end; neighbouring lines are one splice, for there may be many."""
    texts = document.texts
    found: list[Place] = []
    lines: list[str] = []
    for at, line in enumerate(texts):
        if old in line:
            lines.append(line.replace(old, new))
        elif lines:
            found.append(Place(at - len(lines), at, (Splice(at - len(lines), at, tuple(lines)),)))
            lines = []
    if lines:
        end = len(texts)
        splice = Splice(end - len(lines), end, tuple(lines), bool(document.ends[-1]))
        found.append(Place(end - len(lines), end, (splice,)))
    return found


def _whole(document: Document, offsets: list[int], old: str, new: str, rung: str) -> Iterator[Place]:
    """Places that are whole lines; where all of their lines change, neighbours are one splice."""
    a, b = old[:-1].split("\n"), tuple(new[:-1].split("\n"))
    changed = differing(a, b)
    joins = changed == [(0, len(a), 0, len(b))]
    flat, line, seen, run = document.flat, 0, 0, 0
    for number, at in enumerate(offsets):
        run += 1
        follows = number + 1 < len(offsets) and offsets[number + 1] == at + len(old)
        if joins and follows:
            continue
        start = at - (run - 1) * len(old)
        line, seen = line + flat.count("\n", seen, start), start
        spans = [(0, len(a) * run, b * run)] if joins else [(i, j, b[k:m]) for i, j, k, m in changed]
        splices = tuple(Splice(line + i, line + j, made) for i, j, made in spans)
        yield Place(line, line + len(a) * run, splices, rung)
        run = 0


def _every(document: Document, offsets: list[int], old: str, new: str, rung: str) -> Iterator[Place]:
    # Hits that share a line are one place, so that no two splices meet.
    flat, group, seen, line, stop = document.flat, list[int](), 0, 0, 0
    for at in offsets:
        if group and flat.rfind("\n", 0, at) + 1 >= stop:
            yield _in_text(document, group, old, new, line, rung)
            group = []
        if not group:
            line, seen = line + flat.count("\n", seen, at), at
        group.append(at)
        stop = _stop(flat, at + len(old), more=True)
    if group:
        yield _in_text(document, group, old, new, line, rung)


def _stop(flat: str, end: int, *, more: bool) -> int:
    """The end of the line in which a hit ends, and of the next one where that may be joined to it."""
    stop = flat.find("\n", end - 1) + 1 or len(flat)
    return (flat.find("\n", stop) + 1 or len(flat)) if more and stop < len(flat) else stop


def _in_text(document: Document, offsets: list[int], old: str, new: str, lo: int, rung: str) -> Place:
    flat = document.flat
    head = flat.rfind("\n", 0, offsets[0]) + 1
    end = offsets[-1] + len(old)
    made, said, at = "", "", head
    for offset in offsets:
        same = flat[at:offset]
        made, said, at = made + same + new, said + same + old, offset + len(old)
    stop = _stop(flat, end, more=False)
    tail = flat[at:stop]
    if made and not (made + tail).endswith("\n") and stop < len(flat):
        stop = _stop(flat, end, more=True)
        tail = flat[at:stop]
    made, said = made + tail, said + tail
    hi = lo + flat.count("\n", head, stop) + (0 if flat.endswith("\n", head, stop) else 1)
    lines = made.removesuffix("\n").split("\n") if made else []
    newline = made.endswith("\n")
    # What the model said stands there is compared, so that lines it keeps stay as the file has them.
    changed = differing(said.removesuffix("\n").split("\n"), lines)
    splices = tuple(Splice(lo + i, lo + j, tuple(lines[k:m]), newline) for i, j, k, m in changed)
    if (
        lines
        and hi == len(document.texts)
        and not any(splice.hi == hi and splice.lines for splice in splices)
    ):
        splices = _last(splices, hi, lines[-1], newline)
    return Place(lo, lo + 1 + flat.count("\n", offsets[0], end - 1), splices, rung)


def _last(splices: tuple[Splice, ...], hi: int, line: str, newline: bool) -> tuple[Splice, ...]:
    """With the last line said again, so that the way the file ends is settled."""
    if splices and splices[-1].hi == hi:
        return (*splices[:-1], Splice(splices[-1].lo - 1, hi, (line,), newline))
    return (*splices, Splice(hi - 1, hi, (line,), newline))


def _lines_exactly(document: Document, old: str, new: str, most: int | None, *, every: bool) -> list[Place]:
    a, b = as_lines(old, new)
    return _blocks(document, a, b, EXACT, most=most, every=every)


def _blocks(
    document: Document,
    old: list[str],
    new: list[str],
    rung: Rung,
    *,
    most: int | None = MOST_PLACES,
    every: bool = False,
) -> list[Place]:
    name, key, lines, shifts = rung
    keyed = [key(line) for line in old]
    if name != "exact" and not any(keyed):
        return []
    found: list[Place] = []
    maker = _Maker(document, old, new, shifts=shifts)
    starts = list(islice(_starts(lines(document), keyed), most))
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
