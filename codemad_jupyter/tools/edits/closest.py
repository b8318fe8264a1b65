"""What a refusal shows: the place a text comes closest to, drawn so that one sees why it is not it.

Closeness is only ever shown, never used to change anything.
"""

import re
from collections import Counter
from collections.abc import Sequence

from codemad_jupyter.tools.edits.document import Document, feeds
from codemad_jupyter.tools.edits.folding import drawn, folded_line

MOST_SHOWN = 10
MOST_WORDS = 8
MOST_VOTES = 50
_WORD = re.compile(r"\w{3,}")


def standing(document: Document, new: str) -> tuple[int, ...]:
    """The 1-based lines where the new text stands already, as whole lines; () when it is not there."""
    wanted = [line.rstrip() for line in feeds(new).strip("\n").split("\n")]
    if not any(wanted):
        return ()
    texts = document.right
    found: list[int] = []
    at = -1
    for _ in range(min(texts.count(wanted[0]), 1_000)):
        at = texts.index(wanted[0], at + 1)
        if texts[at : at + len(wanted)] == wanted:
            found.append(at + 1)
    if not found and len(new.strip()) >= 8 and feeds(new).strip() in document.flat:
        found = [document.line_at(document.flat.find(feeds(new).strip())) + 1]
    return tuple(found[:20])


def closest(document: Document, old: str) -> tuple[int, int] | None:
    """The 0-based span of lines that most lines, or else most words, of the old text point to."""
    wanted = feeds(old).removesuffix("\n").split("\n")
    votes = _by_lines(document, wanted) or _by_words(document, wanted)
    if not votes:
        return None
    best = max(votes.values())
    start = min(at for at, weight in votes.items() if weight == best)
    lo = max(start, 0)
    return lo, min(max(start + len(wanted), lo + 1), len(document.texts))


def _by_lines(document: Document, wanted: Sequence[str]) -> Counter[int]:
    places: dict[str, list[int]] = {}
    for number, line in enumerate(wanted):
        if line.strip():
            places.setdefault(folded_line(line).strip(), []).append(number)
    hits: dict[str, list[int]] = {}
    for at, key in enumerate(document.bare if document.flat.isascii() else document.folded_bare):
        if key in places:
            hits.setdefault(key, []).append(at)
    votes: Counter[int] = Counter()
    for key, lines in hits.items():
        for start in lines[:MOST_VOTES]:
            for number in places[key][:MOST_VOTES]:
                votes[start - number] += max(1_000 // len(lines), 1)
    return votes


def _by_words(document: Document, wanted: Sequence[str]) -> Counter[int]:
    words: dict[str, int] = {}
    for number, line in enumerate(wanted[:200]):
        for word in _WORD.findall(line[:500]):
            words.setdefault(word, number)
    votes: Counter[int] = Counter()
    for word in sorted(words, key=len, reverse=True)[:MOST_WORDS]:
        at, row, seen = document.flat.find(word), 0, 0
        for _ in range(MOST_VOTES):
            if at < 0:
                break
            row, seen = row + document.flat.count("\n", seen, at), at
            votes[row - words[word]] += len(word)
            at = document.flat.find(word, at + len(word))
    return votes


def shown(document: Document, span: tuple[int, int], old: str) -> str:
    """The span with numbers, and beside the first line that differs what was asked for."""
    lo, hi = span
    wanted = feeds(old).removesuffix("\n").split("\n")
    lines: list[str] = []
    for at in range(lo, min(hi, lo + MOST_SHOWN)):
        held = document.texts[at] + ("\r" if document.ends[at] == "\r\n" else "")
        lines.append(f"{at + 1:>5} | {drawn(held)[:200]}")
    if hi - lo > MOST_SHOWN:
        lines.append(f"      | [{hi - lo - MOST_SHOWN} more lines]")
    pairs = zip(document.texts[lo:hi], wanted, strict=False)
    odd = next(((n, held, line) for n, (held, line) in enumerate(pairs) if held != line), None)
    if odd is not None:
        number, held, line = odd
        told = drawn(line)[:200]
        codes = _codes(held, line)
        lines.append(f"Line {lo + number + 1} differs: the edit has\n      | {told}{codes}")
    return "\n".join(lines)


def _codes(held: str, wanted: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(held, wanted, strict=False)) if a != b), None)
    if at is None or (held[at].isascii() and wanted[at].isascii()):
        return ""
    return f"\n(column {at + 1}: the file has U+{ord(held[at]):04X}, the edit U+{ord(wanted[at]):04X})"
