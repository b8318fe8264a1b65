"""Files of a workspace that make other programs run something, put back after a command changed them.

A wall that knows no exceptions inside a writable folder cannot keep them, and no wall keeps what is not there
yet; so they are looked at before and after. What the command left is kept beside, under a name nothing runs.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.tools.sandbox.confinement import PROTECTED

IN_GIT = ("config", "config.worktree", "info/attributes", "hooks/*")
IN_EDITORS = (".vscode/*.json", ".idea/*.xml", ".idea/runConfigurations/*")
KEPT = ".from-command"
LARGEST = 5_000_000
UNREAD = b"\0too large to be held"


@dataclass(frozen=True)
class Guarded:
    """What they held, by path; ``standing`` are the protected places that were there."""

    root: Path
    held: dict[Path, bytes]
    standing: frozenset[str]

    def put_back(self, *, walled: bool) -> tuple[str, ...]:
        """Give every changed one its former bytes, set new ones aside; their names. ``walled``: the command
        could not change what was there, so that is somebody else's change and stays."""
        changed = []
        for path in sorted({*self.held, *_present(self.root, git=".git" in self.standing)}):
            name = path.relative_to(self.root).as_posix()
            before, now = self.held.get(path), _bytes(path)
            if now == before or before == UNREAD or (walled and name.split("/")[0] in self.standing):
                continue
            changed.append(name)
            _restore(path, before)
        return tuple(changed)


def guard(root: Path) -> Guarded:
    """Remember what the files hold now."""
    standing = frozenset(name for name in PROTECTED if (root / name).exists())
    found = {path: _bytes(path) for path in _present(root, git=".git" in standing)}
    return Guarded(root, {path: data for path, data in found.items() if data is not None}, standing)


def _present(root: Path, *, git: bool) -> list[Path]:
    """Only of a repository that was there: one that a command makes is the command's own."""
    found = [root / name for name in PROTECTED]
    found += [path for pattern in IN_EDITORS for path in root.glob(pattern)]
    if git and (root / ".git").is_dir():
        found += [path for pattern in IN_GIT for path in (root / ".git").glob(pattern)]
    plain = (path for path in found if path.is_symlink() or path.is_file())
    return [path for path in plain if not path.name.endswith(KEPT)]


def _bytes(path: Path) -> bytes | None:
    """What counts of a file: of a link, where it leads."""
    try:
        if path.is_symlink():
            return b"link " + os.fsencode(path.readlink())
        return path.read_bytes() if path.stat().st_size <= LARGEST else UNREAD
    except OSError:
        return None


def _restore(path: Path, before: bytes | None) -> None:
    if path.is_symlink() or path.exists():
        path.replace(path.with_name(path.name + KEPT))
    if before is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if before.startswith(b"link "):
        path.symlink_to(os.fsdecode(before[5:]))
    else:
        path.write_bytes(before)
