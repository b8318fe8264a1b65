"""SEARCH/REPLACE blocks in prose: file names above, fenced or not, with five to nine marker characters."""

import re
from collections.abc import Sequence

from codemad_jupyter.tools.edits.changes import Change, FilePatch, malformed

_HEAD = re.compile(r"([<-])\1{4,8} ?(?:SEARCH|ORIGINAL)>?\s*")
_TAIL = re.compile(r"([>+])\1{4,8} ?(?:REPLACE|UPDATED)\s*")
_DIVIDER = re.compile(r"={5,9}\s*")
_FENCE = re.compile(r"\s*(?:```+|~~~+)\s*(.*)")
_WRAPPED = re.compile(r"`([^`\n]+)`|\*\*([^*\n]+)\*\*")
_LINE = re.compile(r":(start|end)_line:\s*(\d+)\s*")
_TAG = re.compile(r"<(path|file_path|filename|file)>\s*([^<>\n]+?)\s*</\1>")
_PREFIX = re.compile(r"(?i)(?:#+\s*)?(?:file(?:name)?|path)\s*:\s*(.+)")
_LOOKS = re.compile(r"[^\s:*?\"<>|]*[./][^\s:*?\"<>|]*[^\s:*?\"<>|.,;!]|[A-Z][A-Za-z]*file|LICENSE|README")


def begins(lines: Sequence[str]) -> int | None:
    """The line at which the first block begins."""
    return next((at for at, line in enumerate(lines) if _HEAD.fullmatch(line)), None)


def parse(text: str) -> tuple[FilePatch, ...]:
    """One patch per block, in their order."""
    lines = text.replace("\r\n", "\n").split("\n")
    patches: list[FilePatch] = []
    path: str | None = None
    at = since = 0
    while at < len(lines):
        if not _HEAD.fullmatch(lines[at]):
            at += 1
            continue
        path = _name(lines[since:at]) or path or _word(lines[since:at])
        if path is None:
            raise malformed("No file name stands above the block", at + 1, hint="Write it on its own line.")
        old, new, since = _block(lines, at)
        patches.append(_patch(path, *_numbered(old), new))
        at = since
    if not patches:
        raise malformed("There is no SEARCH/REPLACE block")
    return tuple(patches)


def _numbered(old: list[str]) -> tuple[list[str], int | None]:
    """The lines without a head that says at which line they stand, and that line."""
    stop = next((i for i, line in enumerate(old) if not _LINE.fullmatch(line)), len(old))
    if not stop or stop == len(old) or not re.fullmatch(r"-{5,9}\s*", old[stop]):
        return old, None
    named = _LINE.fullmatch(old[0])
    return old[stop + 1 :], int(named[2]) if named and named[1] == "start" else None


def _word(above: Sequence[str]) -> str | None:
    """A single word on the line above a block, which may be a file without a suffix."""
    line = next((line.strip() for line in reversed(above) if line.strip() and not _FENCE.fullmatch(line)), "")
    return line if re.fullmatch(r"\w[\w-]*", line) else None


def _patch(path: str, old: Sequence[str], line: int | None, new: Sequence[str]) -> FilePatch:
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
    if not before.strip():
        return FilePatch(path=path, action="create", content=after)
    return FilePatch(path=path, changes=(Change(old=before, new=after, whole_lines=True, line=line),))


def _block(lines: list[str], head: int) -> tuple[list[str], list[str], int]:
    size = len(lines[head]) - len(lines[head].lstrip(lines[head][0]))
    tail = next((i for i in range(head + 1, len(lines)) if _TAIL.fullmatch(lines[i])), None)
    inner = next((i for i in range(head + 1, len(lines)) if _HEAD.fullmatch(lines[i])), len(lines))
    if tail is None or inner < tail:
        raise malformed("A block has no end", head + 1, hint="End it with >>>>>>> REPLACE.")
    dividers = [i for i in range(head + 1, tail) if _DIVIDER.fullmatch(lines[i])]
    same = [i for i in dividers if len(lines[i].rstrip()) == size]
    chosen = dividers if len(dividers) == 1 else same
    if not chosen:
        raise malformed("A block has no ======= line", head + 1)
    if len(chosen) > 1:
        hint = "Use nine characters for the three markers where the text has such lines itself."
        raise malformed("A block has several ======= lines", chosen[1] + 1, hint=hint)
    return lines[head + 1 : chosen[0]], lines[chosen[0] + 1 : tail], tail + 1


def _name(above: Sequence[str]) -> str | None:
    """The file name in the nearest lines above a block: in the fence, or on the line above it."""
    for line in reversed(above):
        fence = _FENCE.fullmatch(line)
        if fence is None and line.strip() and not re.fullmatch(r"\s*<\w+>\s*", line):
            return _named(line)
        words = fence[1].replace(":", " ").split() if fence else []
        named = next((word for word in reversed(words) if _LOOKS.fullmatch(word)), None)
        if named is not None:
            return named
    return None


def _named(line: str) -> str | None:
    line = line.strip()
    tag = _TAG.fullmatch(line)
    if tag:
        return tag[2]
    prefix = _PREFIX.fullmatch(line.strip("*` "))
    if prefix:
        return prefix[1].strip("*` ")
    wrapped = [a or b for a, b in _WRAPPED.findall(line)]
    if wrapped:
        whole = len(wrapped) == 1 and re.fullmatch(r"[#\s*`]*" + re.escape(wrapped[0]) + r"[\s*`:]*", line)
        named = wrapped if whole else [word for word in wrapped if _LOOKS.fullmatch(word)]
        return named[0].strip("` ") if len(named) == 1 else None
    bare = re.sub(r"^(?:#+|//|--|;|<!--|/\*) *|(?: *(?:-->|\*/|:))+ *$", "", line)
    if _LOOKS.fullmatch(bare):
        return bare
    return bare if re.fullmatch(r"[^:]*\.\w{1,8}", bare) and len(bare.split()) <= 3 else None
