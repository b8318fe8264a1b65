"""Files of a workspace that make other programs run something, put back after a command changed them.

A wall that knows no exceptions inside a writable folder cannot keep them; so they are looked at before and
after. A limit on size keeps this quick: what is larger is left as it is.
"""

from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.tools.sandbox.confinement import PROTECTED

IN_GIT = ("config", "config.worktree", "info/attributes", "hooks/*")
IN_EDITORS = (".vscode/*.json", ".idea/*.xml", ".idea/runConfigurations/*")
LARGEST = 1_000_000


@dataclass(frozen=True)
class Guarded:
    """What they held: by path, None where there was nothing."""

    root: Path
    held: dict[Path, bytes | None]

    def put_back(self) -> tuple[str, ...]:
        """Give every changed one its former bytes, take new ones away; their names."""
        changed = []
        for path in sorted({*self.held, *_present(self.root)}):
            before = self.held.get(path)
            if path.is_symlink() or _bytes(path) != before:
                changed.append(_name(self.root, path))
                _restore(path, before)
        return tuple(changed)


def guard(root: Path) -> Guarded:
    """Remember what the files hold now."""
    held: dict[Path, bytes | None] = {root / name: None for name in PROTECTED if "." in name[1:]}
    return Guarded(root, {**held, **{path: _bytes(path) for path in _present(root)}})


def _present(root: Path) -> list[Path]:
    """Only of a repository that is there: one that a command makes is the command's own."""
    found = [root / name for name in PROTECTED if (root / name).is_file()]
    found += [path for pattern in IN_EDITORS for path in root.glob(pattern) if path.is_file()]
    if (root / ".git" / "HEAD").is_file():
        found += [path for pattern in IN_GIT for path in (root / ".git").glob(pattern)]
    return [path for path in found if path.is_symlink() or path.is_file()]


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.stat().st_size <= LARGEST else b""
    except OSError:
        return None


def _restore(path: Path, before: bytes | None) -> None:
    if before is None or path.is_symlink():
        path.unlink(missing_ok=True)
    if before:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(before)


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
