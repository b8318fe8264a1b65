"""Where a text that need not be whole lines stands in a document, and the splices that change it there.

Owns hits within lines and over line ends. Which way of looking comes first is decided in `ladder`.
"""

from collections.abc import Iterator

from codemad_jupyter.tools.edits.document import Document, Place, Splice, differing
from codemad_jupyter.tools.edits.folding import folded

MOST_PLACES = 40
"""Places that are looked at once it is clear that only a refusal can follow."""


def in_text(document: Document, old: str, new: str, *, every: bool, fold: bool = False) -> list[Place]:
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
