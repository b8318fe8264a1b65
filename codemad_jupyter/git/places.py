"""Decides where snapshots are kept, and prepares that place: the person's repository behind a private
ref, or a git folder of our own outside the workspace that shares the repository's objects."""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codemad_jupyter.git.repo import Deadline, Git, find_root

ATTRIBUTES = "* -text -filter -ident -working-tree-encoding -diff -merge\n"
_EXCLUDED = "".join(
    f"{name}/\n"
    for name in (".ipynb_checkpoints", "__pycache__", "node_modules", ".venv", "venv", ".pytest_cache")
)


@dataclass(frozen=True)
class Place:
    """Where snapshots are kept: git for it, and the workspace's path below git's work tree."""

    kind: Literal["ref", "own"]
    git: Git
    prefix: str

    def inside(self, path: str) -> str:
        """A path of the workspace as git knows it."""
        return f"{self.prefix}/{path}" if self.prefix else path

    def outside(self, path: str) -> str | None:
        """A path of git's as the workspace knows it; None where it lies elsewhere."""
        if not self.prefix:
            return path
        start = f"{self.prefix}/"
        return path[len(start) :] if path.startswith(start) else None


def kept_places(root: Path, data: Path) -> Iterator[Git]:
    """Git for each place where snapshots of the folder may lie, as far as they are there."""
    repository = find_root(root)
    if repository is not None and (repository / ".git").is_dir():
        yield Git(repository / ".git", repository)
    if (data / "own.git" / "HEAD").exists():
        yield Git(data / "own.git", root)


def ref_place(root: Path, repository: Path, data: Path) -> Place:
    """The person's repository, with a private copy of its index."""
    git_dir, index = repository / ".git", data / "ref-index"
    index.with_name("ref-index.lock").unlink(missing_ok=True)  # of a git that was killed
    source = git_dir / "index"
    if not index.exists() and not any(git_dir.glob("sharedindex.*")):
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISREG(source.lstat().st_mode):
                # The time goes with it: git tells by it which files may have changed unnoticed.
                shutil.copy2(source, index)
                index.chmod(0o600)
    return Place("ref", Git(git_dir, repository, index=index), _prefix(root, repository))


def own_place(root: Path, repository: Path | None, data: Path, *, top: Path, deadline: Deadline) -> Place:
    """Our own git folder, over the work tree ``top``; no attribute of a project has an effect in it."""
    git_dir = data / "own.git"
    git = Git(git_dir, top, index=git_dir / "index")
    (git_dir / "index.lock").unlink(missing_ok=True)
    if not (git_dir / "HEAD").exists():
        git.run("init", "--quiet", "--template=", deadline=deadline)
    for folder in (git_dir / "info", git_dir / "objects" / "info"):
        folder.mkdir(exist_ok=True)
    _put(git_dir / "info" / "attributes", ATTRIBUTES.encode())
    _put(git_dir / "info" / "exclude", excluded(repository))
    _put(git_dir / "objects" / "info" / "alternates", _alternates(repository))
    return Place("own", git, _prefix(root, top))


def _prefix(root: Path, top: Path) -> str:
    relative = root.relative_to(top).as_posix()
    return "" if relative == "." else relative


def excluded(repository: Path | None) -> bytes:
    """What is ignored besides what the .gitignore files say."""
    if repository is None:
        return _EXCLUDED.encode()
    with contextlib.suppress(OSError):
        file = repository / ".git" / "info" / "exclude"
        if stat.S_ISREG(file.lstat().st_mode) and file.stat().st_size < 1_000_000:
            return file.read_bytes()
    return b""


def _alternates(repository: Path | None) -> bytes:
    if repository is None:
        return b""
    objects = repository / ".git" / "objects"
    path = os.fsencode(objects)
    if any((repository / ".git" / name).is_symlink() for name in ("", "objects")) or not objects.is_dir():
        return b""
    return b"" if b"\n" in path or path.startswith((b"#", b'"')) else path + b"\n"


def _put(path: Path, data: bytes) -> None:
    try:
        if path.read_bytes() == data:
            return
    except FileNotFoundError:
        pass  # it is written now
    path.write_bytes(data)
