"""Text written for a terminal as the plain text a reader is left with.

Carriage returns, backspaces and cursor moves are carried out, colours and other sequences dropped,
repetitions folded, and a long text keeps its beginning and its end. Pure, in time that grows with the
text alone.
"""

import re
from itertools import groupby

MOST = 16_000_000
"""Characters that are looked at; of a longer text only the ends are, and the count tells the rest."""
MOST_MOVES = 300_000
"""Moves of the cursor that are carried out; a text with more of them is somebody's joke."""
MOST_SEQUENCES = 1_000_000
MOST_LINES = 50_000
LONGEST_BLOCK = 8

SEQUENCE = re.compile(
    r"[\x1b\x9b](?:"
    r"(?<=\x9b)[0-?]*[ -/]*[@-~]|\[[0-?]*[ -/]*[@-~]"  # colours, moves, erasing
    r"|\][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)?"  # titles and links
    r"|[PX^_][^\x1b\n]{0,4096}(?:\x1b\\)?"  # strings for devices
    r"|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])?"
)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""Signs that turn the direction of writing or carry hidden text: a reader would not see what a model does."""
SURROGATE = re.compile("[\ud800-\udfff]")
MOVES = re.compile(r"\x1b\[(\d*)([ABCDGJK])|[\r\n\x08]|[^\x1b\r\n\x08]+|\x1b")
UP_OR_ERASE = re.compile(r"\x1b\[\d*[ABCDGJK]")


def cleaned(text: str) -> str:
    """The text as a terminal would have left it, without anything invisible."""
    if len(text) > MOST:
        text = ends_of(text, MOST // 2)
    if text.count("\x1b") > MOST_SEQUENCES:
        text = ends_of(text, 1_000_000)
    if "\r" in text:
        text = re.sub("\r+\n", "\n", text)
    if "\r" in text or "\x08" in text or ("\x1b" in text and UP_OR_ERASE.search(text)):
        text = drawn(text)
    if "\x1b" in text or "\x9b" in text:
        text = SEQUENCE.sub("", text)
    return visible(text)


def visible(text: str) -> str:
    """The text without control characters, hidden signs and halves of characters."""
    if text.isascii():
        return CONTROL.sub("", text)
    return SURROGATE.sub("\ufffd", INVISIBLE.sub("", CONTROL.sub("", text)))


def drawn(text: str) -> str:
    """The text after its carriage returns, backspaces and cursor moves: a progress bar is its last state."""
    if text.count("\r") + text.count("\x08") + text.count("\x1b") > MOST_MOVES:
        text = ends_of(text, 200_000)
    # Colours have no width; what is left of the sequences moves the cursor.
    text = SEQUENCE.sub(lambda found: found[0] if UP_OR_ERASE.fullmatch(found[0]) else "", text)
    if not UP_OR_ERASE.search(text):
        return "\n".join(
            overwritten(line) if "\r" in line or "\x08" in line else line for line in text.split("\n")
        )
    screen = _Screen()
    for found in MOVES.finditer(text):
        screen.take(found)
    return "\n".join(screen.lines)


def overwritten(line: str) -> str:
    """One line after its carriage returns and backspaces."""
    left = ""
    for piece in line.split("\r"):
        written = backspaced(piece) if "\x08" in piece else piece
        left = written + left[len(written) :] if len(written) < len(left) else written or left
    return left


def backspaced(piece: str) -> str:
    """A piece of a line where each backspace steps back, and what follows replaces what was there."""
    signs: list[str] = []
    at = 0
    for sign in piece:
        if sign == "\x08":
            at = max(at - 1, 0)
            continue
        signs[at : at + 1] = sign
        at += 1
    return "".join(signs)


class _Screen:
    """Lines and a cursor, as far as progress bars need them."""

    def __init__(self) -> None:
        self.lines = [""]
        self.row = self.column = 0

    def take(self, found: re.Match[str]) -> None:
        sign, kind = found[0], found[2]
        if kind:
            self._move(kind, min(int(found[1] or "0"), 10_000))
        elif sign == "\n":
            self.row, self.column = self.row + 1, 0
            if self.row == len(self.lines):
                self.lines.append("")
        elif sign == "\r":
            self.column = 0
        elif sign == "\x08":
            self.column = max(self.column - 1, 0)
        elif sign != "\x1b":
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + sign + line[self.column + len(sign) :]
            self.column += len(sign)

    def _move(self, kind: str, number: int) -> None:
        line = self.lines[self.row]
        match kind:
            case "A":
                self.row = max(self.row - max(number, 1), 0)
            case "B":
                self.row = min(self.row + max(number, 1), len(self.lines) - 1)
            case "C":
                self.column = min(self.column + max(number, 1), 1_000)
            case "D":
                self.column = max(self.column - max(number, 1), 0)
            case "G":
                self.column = min(max(number - 1, 0), 1_000)
            case "K":
                kept = "" if number == 2 else line[: self.column]
                self.lines[self.row] = " " * self.column + line[self.column :] if number == 1 else kept
            case "J" if number == 2:
                self.lines, self.row, self.column = [""], 0, 0


def folded(text: str) -> str:
    """The text with repeated lines and blocks of lines said once, and how often they came."""
    lines = text.split("\n")
    if len(lines) > MOST_LINES:
        lines = _periodic(lines) or _ends(lines)
    if len(lines) < 3 or len(set(lines)) == len(lines):
        return "\n".join(lines)
    lines = _single(lines)
    for period in range(2, LONGEST_BLOCK + 1):
        lines = _blocks(lines, period)
    return "\n".join(lines)


def _periodic(lines: list[str]) -> list[str]:
    """Very many lines that are one block over and over; empty where they are not."""
    for period in range(1, LONGEST_BLOCK + 1):
        count = len(lines) // period
        if lines[: count * period] == lines[:period] * count:
            return [*lines[:period], _times(period, count - 1), *lines[count * period :]]
    return []


def _ends(lines: list[str]) -> list[str]:
    half = MOST_LINES // 2
    mark = f"[… {len(lines) - 2 * half:,} lines left out …]"
    return [*lines[:half], mark, *lines[-half:]]


def _times(period: int, more: int) -> str:
    above = "line above" if period == 1 else f"{period} lines above"
    return f"[… the {above} {more:,} more times …]"


def _single(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for line, group in groupby(lines):
        count = sum(1 for _ in group)
        note = _times(1, count - 1)
        saves = (count - 1) * (len(line) + 1) > len(note)
        kept += [line, note] if saves and count > 2 else [line] * count
    return kept


def _blocks(lines: list[str], period: int) -> list[str]:
    kept: list[str] = []
    at, last = 0, len(lines) - period
    while at < len(lines):
        count = 1
        if at < last and lines[at] == lines[at + period]:
            block = lines[at : at + period]
            while lines[at + count * period : at + (count + 1) * period] == block:
                count += 1
        if count > 2 and any(block):
            kept += [*block, _times(period, count - 1)]
            at += count * period
        else:
            kept.append(lines[at])
            at += 1
    return kept


def shortened(text: str, limit: int) -> str:
    """At most ``limit`` characters: the beginning, how much is missing, and the end."""
    if len(text) <= limit:
        return text
    room = max(limit - 60, 0)
    head, tail = room * 2 // 3, room - room * 2 // 3
    mark = f"\n{left_out(text[head : len(text) - tail])}\n"
    return f"{text[:head]}{mark}{text[len(text) - tail :]}" if room else mark.strip()[:limit]


def ends_of(text: str, size: int) -> str:
    """The first and the last ``size`` characters of a text that is too much to look at."""
    if len(text) <= 2 * size:
        return text
    return f"{text[:size]}\n{left_out(text[size:-size])}\n{text[-size:]}"


def left_out(text: str) -> str:
    """The mark for what is not shown."""
    lines = text.count("\n")
    more = f" on {lines + 1:,} lines" if lines else ""
    return f"[… {len(text):,} characters{more} left out …]"
