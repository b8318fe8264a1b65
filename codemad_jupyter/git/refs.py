"""Reads the refs of a git folder as files, without running git with what that folder says."""

import os
import re
import stat
from pathlib import Path

_NAME = re.compile(rb"[0-9a-f]{40}")
_OWN = "refs/codemad/"
_MOST = 1_000_000


def refs_in(git_dir: Path) -> dict[str, str]:
    """Branches, tags, stashes and a detached HEAD with the objects they name; our own refs are left out."""
    found = dict(_packed(_content(git_dir / "packed-refs")))
    for top, _, names in os.walk(git_dir / "refs"):
        for name in names:
            file = Path(top) / name
            content = _content(file).strip()
            if _NAME.fullmatch(content):
                found[file.relative_to(git_dir).as_posix()] = content.decode()
    head = _content(git_dir / "HEAD").strip()
    if _NAME.fullmatch(head):
        found["HEAD"] = head.decode()
    return {name.removeprefix("refs/heads/"): at for name, at in found.items() if not name.startswith(_OWN)}


def _packed(content: bytes) -> list[tuple[str, str]]:
    words = [line.split(b" ") for line in content.splitlines()]
    return [
        (os.fsdecode(two[1]), two[0].decode()) for two in words if len(two) == 2 and _NAME.fullmatch(two[0])
    ]


def _content(file: Path) -> bytes:
    """The bytes of a plain file; none for anything else, which might never end."""
    try:
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST:
            return b""
        return file.read_bytes()
    except OSError:
        return b""
