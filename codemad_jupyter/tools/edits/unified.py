"""Unified diffs: from git or not, with line numbers that are right, wrong or missing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from codemad_jupyter.tools.edits.changes import Change, FilePatch, Refused, malformed

NULL = "/dev/null"
_HUNK = re.compile(r"@@(?: -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@.*| \.\.\. @@.*| @@.*|)\s*")
_NAME = r'("(?:[^"\\]|\\.)*"|.+?)'
_GIT = re.compile(rf"diff --git {_NAME} {_NAME}")
_PREFIXES = (("a/", "b/"), ("i/", "w/"), ("c/", "i/"), ("c/", "w/"), ("o/", "w/"), ("1/", "2/"))
"""What git writes before the two names; the last five where it is told to say what is compared."""
_TIME = re.compile(r" +\d{4}-\d\d-\d\d \d\d:\d\d.*")
_UNSUPPORTED = re.compile(r"(GIT binary patch|Binary files|copy from)\b.*")
_COMBINED = re.compile(r"@@@+ |diff --(?:cc|combined) ")
_OUTSIDE = re.compile(r"(diff |Index: |Only in |From |-- ?$|```|~~~|\*\*\* |@@).*")
_QUOTED = re.compile(r"\\([0-7]{3}|.)")


def begins(lines: Sequence[str]) -> int | None:
    """The line at which the first such diff begins."""
    found = (at for at, line in enumerate(lines) if line.startswith("diff --") or _is_header(lines, at))
    return next(found, None)


@dataclass
class _Section:
    old: str = ""
    new: str = ""
    renamed: bool = False
    created: bool = False
    deleted: bool = False
    executable: bool | None = None
    changes: list[Change] = field(default_factory=list)

    def patch(self) -> FilePatch:
        """What the section does to its file."""
        fresh = len(self.changes) == 1 and self.changes[0].line == 0 and not self.changes[0].old
        if self.created or self.old == NULL or (fresh and not self.renamed):
            content = "".join(change.new for change in self.changes)
            if any(change.old for change in self.changes):
                raise malformed(f"The new file {self.new} has old lines")
            if self.changes and self.changes[-1].final_newline is False:
                content = content.removesuffix("\n")
            return FilePatch(path=self.new, action="create", content=content, executable=self.executable)
        changes = tuple(self.changes)
        if self.deleted or self.new == NULL:
            return FilePatch(
                path=self.old, action="delete", changes=changes, in_turn=False, checked=bool(changes)
            )
        mode = self.executable
        if self.renamed:
            return FilePatch(path=self.old, move_to=self.new, changes=changes, in_turn=False, executable=mode)
        if not changes and mode is None:
            raise malformed(f"The diff of {self.new} has no hunk")
        instead = self.old if self.old != self.new else None
        return FilePatch(path=self.new, changes=changes, in_turn=False, instead=instead, executable=mode)


def parse(text: str) -> tuple[FilePatch, ...]:
    """One patch per file, in their order."""
    lines = text.replace("\r\n", "\n").split("\n")
    sections: list[_Section] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if _COMBINED.match(line):
            raise malformed("A diff against several parents cannot be applied", at + 1)
        if line.startswith("diff --git "):
            sections.append(_git(line, at))
        elif _is_header(lines, at):
            _names(sections, line, lines[at + 1])
            at += 1
        elif _HUNK.fullmatch(line):
            if not sections:
                raise malformed("A hunk stands above all file names", at + 1, hint="Write --- and +++ lines.")
            change, at = _hunk(lines, at)
            sections[-1].changes.append(change)
            continue
        elif sections and not sections[-1].changes:
            _extended(sections[-1], line, at)
        at += 1
    if not sections:
        raise malformed("The diff names no file", hint="Write --- and +++ lines.")
    return tuple(section.patch() for section in sections)


def _git(line: str, at: int) -> _Section:
    said = line.rstrip().removeprefix("diff --git ")
    pairs = [(said[:i], said[i + 1 :]) for i, letter in enumerate(said) if letter == " "]
    same = [pair for pair in pairs if len(set(_plain(*pair))) == 1]
    names = _GIT.fullmatch(line.rstrip())
    if len(same) == 1:
        return _Section(*_plain(*same[0]))
    if names is None:
        raise malformed("The names after diff --git cannot be told apart", at + 1)
    return _Section(*_plain(names[1], names[2]))


def _plain(old: str, new: str) -> tuple[str, str]:
    """Two names without quotes, and without the prefixes that git writes before them."""
    old, new = _unquoted(old), _unquoted(new)
    for first, second in _PREFIXES:
        if (old == NULL or old.startswith(first)) and (new == NULL or new.startswith(second)):
            a, b = (name if name == NULL else name[2:] for name in (old, new))
            return a, b
    return old, new


def _extended(section: _Section, line: str, at: int) -> None:
    if _UNSUPPORTED.fullmatch(line) or re.match(r"new (file )?mode 1[26]", line):
        hint = "Only text of regular files can be changed."
        raise Refused(f"{section.new}: {line.strip()[:60]!r} cannot be done.", hint=hint, cause="unsupported")
    if line.startswith("rename from "):
        section.old, section.renamed = _unquoted(line[12:].rstrip()), True
    elif line.startswith("rename to "):
        section.new, section.renamed = _unquoted(line[10:].rstrip()), True
    elif line.startswith("new file mode"):
        section.created, section.executable = True, line.rstrip().endswith("755") or None
    elif line.startswith("new mode"):
        section.executable = line.rstrip().endswith("755")
    elif line.startswith("deleted file mode"):
        section.deleted = True


def _is_header(lines: Sequence[str], at: int) -> bool:
    return lines[at].startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")


def _names(sections: list[_Section], first: str, second: str) -> None:
    old, new = _plain(_path(first[4:]), _path(second[4:]))
    if sections and not sections[-1].changes and _same(sections[-1], old, new):
        section = sections[-1]
        section.created, section.deleted = section.created or old == NULL, section.deleted or new == NULL
        return
    sections.append(_Section(old, new))


def _same(section: _Section, old: str, new: str) -> bool:
    return old in (section.old, NULL) and new in (section.new, NULL)


def _path(text: str) -> str:
    """The name on a --- or +++ line, without the time that may follow it."""
    return _TIME.sub("", text.split("\t", 1)[0].rstrip())


def _unquoted(name: str) -> str:
    """A name as git writes it: in quotes with escapes where it has odd characters."""
    if "\\" not in name and not name.startswith('"'):
        return name
    escapes = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
    plain = _QUOTED.sub(
        lambda m: chr(int(m[1], 8)) if m[1].isdigit() else escapes.get(m[1], m[0]), name.strip('"')
    )
    try:
        return plain.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return plain


@dataclass
class _Body:
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    bare_old: bool = False
    bare_new: bool = False
    last: str = ""

    def take(self, line: str) -> None:
        """One line of the hunk."""
        if line.startswith("\\"):
            self.bare_old |= self.last in " -"
            self.bare_new |= self.last in " +"
            return
        self.last = line[:1] or " "
        if self.last != "+":
            self.old.append(line[1:])
        if self.last != "-":
            self.new.append(line[1:])


def _hunk(lines: list[str], at: int) -> tuple[Change, int]:
    head = _HUNK.fullmatch(lines[at])
    counted = head is not None and head[1] is not None
    wanted = (int(head[2] or 1), int(head[4] or 1)) if head and counted else None
    stop = _counted(lines, at + 1, wanted) if wanted else None
    if stop is None:
        stop = _end(lines, at + 1)
    body = _Body()
    for line in lines[at + 1 : stop]:
        body.take(line)
    if body.old == body.new and body.bare_old == body.bare_new:
        raise malformed("A hunk changes nothing", at + 1)
    final = None if body.bare_old == body.bare_new else body.bare_old
    old, new = ("".join(f"{line}\n" for line in each) for each in (body.old, body.new))
    number = int(head[1]) if head and counted else None
    bare = body.bare_old or body.bare_new
    change = Change(old=old, new=new, whole_lines=True, line=number, at_end=bare, final_newline=final)
    return change, stop


def _counted(lines: list[str], at: int, wanted: tuple[int, int]) -> int | None:
    """Where the hunk ends by its own count; None when the count is wrong."""
    old, new = wanted
    while (old > 0 or new > 0) and at < len(lines):
        sign = lines[at][:1] or " "
        if sign not in " +-\\":
            return None
        old -= sign in " -"
        new -= sign in " +"
        at += 1
    while at < len(lines) and lines[at].startswith("\\"):
        at += 1
    ends = at >= len(lines) or lines[at][:1] not in (" ", "+", "-") or _is_header(lines, at)
    return at if old == 0 and new == 0 and ends else None


def _end(lines: list[str], at: int) -> int:
    """Where the hunk ends by its looks. Empty lines at its end belong to what follows."""
    stop = at
    while stop < len(lines) and lines[stop][:1] in (" ", "+", "-", "\\", "") and not _ends_here(lines, stop):
        stop += 1
    while stop > at and not lines[stop - 1]:
        stop -= 1
    _no_stray(lines, stop)
    return stop


def _no_stray(lines: list[str], at: int) -> None:
    """A line without a sign must not cut a hunk in two, for the rest of it would be lost."""
    if at + 1 >= len(lines) or not lines[at] or _OUTSIDE.match(lines[at]) or _is_header(lines, at):
        return
    if lines[at + 1][:1] in ("+", "-", " ") and not _ends_here(lines, at + 1):
        hint = "Begin each unchanged line with one blank."
        raise malformed(f"{lines[at][:60]!r} begins with none of '+', '-' and blank", at + 1, hint=hint)


def _ends_here(lines: list[str], at: int) -> bool:
    follows = lines[at + 2] if at + 2 < len(lines) else ""
    signed = lines[at].rstrip() == "--" and re.fullmatch(r"\d+(\.\w+)+.*", "".join(lines[at + 1 : at + 2]))
    return bool(signed) or (_is_header(lines, at) and (follows.startswith("@@") or not follows))
