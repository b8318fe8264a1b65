"""The V4A format (`*** Begin Patch`): add, update, move and delete, with stacked `@@` headings."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from codemad_jupyter.tools.edits.changes import Change, FilePatch, malformed

BEGIN, END, EOF = "*** Begin Patch", "*** End Patch", "*** End of File"
_HEADER = re.compile(r"\*\*\* (Add|Update|Delete) File: (.+)")
_MOVE = re.compile(r"\*\*\* Move to: (.+)")
_ENVIRONMENT = re.compile(r"\*\*\* Environment ID: .+")
_RANGE = re.compile(r"-\d+(?:,\d+)? \+\d+(?:,\d+)? @@ ?(.*)|\.\.\.(?: @@)?()")


def begins(lines: Sequence[str]) -> int | None:
    """The line at which the first such patch begins."""
    return next((at for at, line in enumerate(lines) if line.strip() == BEGIN), None)


@dataclass
class _Hunk:
    line: int
    under: list[str] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    at_end: bool = False
    blank: int = 0
    """Empty lines without a blank before them at the end: context, or merely the end of the hunk."""

    def change(self) -> Change:
        """The change this hunk makes."""
        cut = -self.blank or None
        old, new = self.old[:cut], self.new[:cut]
        if old == new and not self.under:
            raise malformed("A hunk changes nothing", self.line)
        before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
        at_end = self.at_end or (not old and not self.under)
        return Change(old=before, new=after, whole_lines=True, under=tuple(self.under), at_end=at_end)


def parse(text: str) -> tuple[FilePatch, ...]:
    """One patch per file section, in their order."""
    lines = text.replace("\r\n", "\n").split("\n")
    begin = begins(lines)
    if begin is None:
        raise malformed(f"The patch has no {BEGIN!r} line")
    end = next((i for i in range(begin + 1, len(lines)) if lines[i].rstrip() == END), None)
    if end is None:
        end = next((i for i in range(begin + 1, len(lines)) if lines[i].strip() == END), None)
    if end is None:
        raise malformed(f"The patch has no {END!r} line", hint="It may have been cut off: send it whole.")
    if any(line.strip() == BEGIN for line in lines[end:]):
        raise malformed("There are several patches", hint="Put all files into one.")
    patches = tuple(_sections(lines, begin + 1, end))
    if not patches:
        raise malformed("The patch names no file")
    return patches


def _sections(lines: list[str], at: int, end: int) -> Iterator[FilePatch]:
    empty = True
    while at < end:
        header = _HEADER.fullmatch(lines[at].strip())
        if header is None:
            if lines[at].strip() and not (empty and _ENVIRONMENT.fullmatch(lines[at].strip())):
                raise malformed(f"{lines[at][:80]!r} is no file header", at + 1)
            at += 1
            continue
        stop = next((i for i in range(at + 1, end) if _HEADER.fullmatch(lines[i].rstrip())), end)
        empty = False
        yield _section(header[1], header[2].strip(), lines, at + 1, stop)
        at = stop


def _section(kind: str, path: str, lines: list[str], at: int, stop: int) -> FilePatch:
    if kind == "Add":
        return FilePatch(path=path, action="create", content=_added(lines, at, stop))
    if kind == "Delete":
        wrong = next((i for i in range(at, stop) if lines[i].strip()), None)
        if wrong is not None:
            raise malformed("A deleted file has no lines", wrong + 1)
        return FilePatch(path=path, action="delete")
    move = _MOVE.fullmatch(lines[at].strip()) if at < stop else None
    hunks = _hunks(lines, at + 1 if move else at, stop)
    if not hunks and move is None:
        raise malformed(f"The update of {path} has no hunk", at)
    changes = tuple(hunk.change() for hunk in hunks)
    return FilePatch(path=path, changes=changes, move_to=move[1].strip() if move else None, in_turn=False)


def _added(lines: list[str], at: int, stop: int) -> str:
    while stop > at and lines[stop - 1].strip() in ("", EOF):
        stop -= 1
    wrong = next((i for i in range(at, stop) if not lines[i].startswith("+")), None)
    if wrong is not None:
        raise malformed("A line of an added file does not begin with +", wrong + 1)
    return "".join(f"{line[1:]}\n" for line in lines[at:stop])


def _hunks(lines: list[str], at: int, stop: int) -> list[_Hunk]:
    hunks: list[_Hunk] = []
    for number in range(at, stop):
        line = lines[number]
        if line.rstrip() == "@@" or line.startswith("@@ "):
            _heading(hunks, line, number + 1)
        elif line.strip() == EOF and hunks:
            hunks[-1].at_end = True
        elif hunks and hunks[-1].at_end and line.strip():
            raise malformed(f"After {EOF!r} comes a new @@ or file", number + 1)
        elif line[:1] in (" ", "+", "-", ""):
            if not hunks and not line:
                continue
            hunks = hunks or [_Hunk(number + 1)]
            _line(hunks[-1], line)
        else:
            raise malformed(
                f"{line[:60]!r} begins with none of '+', '-' and blank",
                number + 1,
                hint="Unchanged lines begin with one blank.",
            )
    empty = next((hunk for hunk in hunks if not hunk.old and not hunk.new), None)
    if empty is not None:
        raise malformed("A hunk has no lines", empty.line)
    return hunks


def _heading(hunks: list[_Hunk], line: str, number: int) -> None:
    if not hunks or hunks[-1].old or hunks[-1].new:
        hunks.append(_Hunk(number))
    heading = line[3:]
    numbered = _RANGE.fullmatch(heading.strip())
    if numbered is None and heading.strip():
        hunks[-1].under.append(heading)


def _line(hunk: _Hunk, line: str) -> None:
    hunk.blank = 0 if line else hunk.blank + 1
    if line[:1] != "+":
        hunk.old.append(line[1:])
    if line[:1] != "-":
        hunk.new.append(line[1:])
