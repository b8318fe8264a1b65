"""Unified diffs: from git or not, with line numbers that are right, wrong or missing."""

import re
from dataclasses import dataclass, field

from codemad_jupyter.tools.edits.changes import Change, FilePatch, Refused, malformed

NULL = "/dev/null"
_HUNK = re.compile(r"@@(?: -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@.*| \.\.\. @@.*| @@.*|)\s*")
_GIT = re.compile(r"diff --git (?:\"?a/(.+?)\"?) (?:\"?b/(.+?)\"?)")
_UNSUPPORTED = re.compile(r"(old mode|new mode|GIT binary patch|Binary files|copy from)\b.*")
_QUOTED = re.compile(r"\\([0-7]{3}|.)")


def found_in(text: str) -> bool:
    """Whether the text holds such a diff."""
    return re.search(r"(?m)^(diff --git |--- [^\n]+\n\+\+\+ )", text.replace("\r\n", "\n")) is not None


@dataclass
class _Section:
    old: str = ""
    new: str = ""
    renamed: bool = False
    created: bool = False
    deleted: bool = False
    executable: bool = False
    changes: list[Change] = field(default_factory=list)

    def patch(self) -> FilePatch:
        """What the section does to its file."""
        if self.created or self.old == NULL:
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
        if self.renamed:
            return FilePatch(path=self.old, move_to=self.new, changes=changes, in_turn=False)
        if not changes:
            raise malformed(f"The diff of {self.new} has no hunk")
        instead = self.old if self.old != self.new else None
        return FilePatch(path=self.new, changes=changes, in_turn=False, instead=instead)


def parse(text: str) -> tuple[FilePatch, ...]:
    """One patch per file, in their order."""
    lines = text.replace("\r\n", "\n").split("\n")
    sections: list[_Section] = []
    at = 0
    while at < len(lines):
        line = lines[at]
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
    names = _GIT.fullmatch(line.rstrip())
    if names is None:
        raise malformed("The names after diff --git cannot be told apart", at + 1)
    return _Section(_unquoted(names[1]), _unquoted(names[2]))


def _extended(section: _Section, line: str, at: int) -> None:
    if _UNSUPPORTED.fullmatch(line) or line.startswith("new file mode 12"):
        hint = "Only text of regular files can be changed."
        raise Refused(f"{section.new}: {line.strip()[:60]!r} cannot be done.", hint=hint, cause="unsupported")
    if line.startswith("rename from "):
        section.old, section.renamed = _unquoted(line[12:].rstrip()), True
    elif line.startswith("rename to "):
        section.new, section.renamed = _unquoted(line[10:].rstrip()), True
    elif line.startswith("new file mode"):
        section.created, section.executable = True, line.rstrip().endswith("755")
    elif line.startswith("deleted file mode"):
        section.deleted = True


def _is_header(lines: list[str], at: int) -> bool:
    return lines[at].startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")


def _names(sections: list[_Section], first: str, second: str) -> None:
    old, new = (_path(line[4:]) for line in (first, second))
    prefixed = (old.startswith("a/") or old == NULL) and (new.startswith("b/") or new == NULL)
    if prefixed:
        old, new = (name if name == NULL else name[2:] for name in (old, new))
    if sections and not sections[-1].changes and _same(sections[-1], old, new):
        section = sections[-1]
        section.created, section.deleted = section.created or old == NULL, section.deleted or new == NULL
        return
    sections.append(_Section(old, new))


def _same(section: _Section, old: str, new: str) -> bool:
    return old in (section.old, NULL) and new in (section.new, NULL)


def _path(text: str) -> str:
    """The name on a --- or +++ line, without the time that may follow a tab."""
    return _unquoted(text.split("\t", 1)[0].rstrip())


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
    return stop


def _ends_here(lines: list[str], at: int) -> bool:
    follows = lines[at + 2] if at + 2 < len(lines) else ""
    return _is_header(lines, at) and (follows.startswith("@@") or not follows)
