"""Lays a snapshot out as a folder of its own, with a git repository of its own that shares the objects.

It is no `git worktree` of the person's repository: that one would share its configuration, its hooks,
its refs and its locks with whoever works here. Nothing in here can reach those.
"""

import os
import shutil
from pathlib import Path

from codemad_jupyter.git.files import folder_of, is_safe
from codemad_jupyter.git.places import ATTRIBUTES, excluded
from codemad_jupyter.git.repo import Deadline, Git, find_root
from codemad_jupyter.git.values import Saved, Snapshot
from codemad_jupyter.protocol.errors import GitError, UsageError

CACHES = (
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".ipynb_checkpoints",
    ".hypothesis",
    ".benchmarks",
)
MOST_CARRIED = 2 * 1024**3
"""Bytes of ignored files that are copied at most."""


def lay_out(tree: Path, snapshot: Snapshot, saved: Saved, *, source: Git, branch: str) -> None:
    """Make the folder ``tree`` with what ``source`` holds of the snapshot, on a branch whose first commit
    is the snapshot upon HEAD. Everything is byte for byte and with the permission bits it had."""
    deadline = Deadline(300)
    tree.mkdir(mode=0o700)
    git = Git(tree / ".git", tree)
    git.run("init", "--quiet", "--template=", deadline=deadline)
    _share(git, source, snapshot, saved)
    git.run("symbolic-ref", "HEAD", f"refs/heads/{branch}", deadline=deadline)
    content = source.run("rev-parse", f"{snapshot.commit}^{{tree}}", deadline=deadline).decode().strip()
    parents = ("-p", head) if (head := _head(source, snapshot, deadline)) else ()
    message = b"The workspace as it was, with what was not committed\n"
    commit = git.run("commit-tree", content, *parents, data=message, deadline=deadline).decode().strip()
    git.run("update-ref", f"refs/heads/{branch}", commit, deadline=deadline)
    git.run("read-tree", commit, deadline=deadline)
    git.run("checkout-index", "--all", "--force", "--quiet", deadline=deadline)
    _modes(tree / saved.manifest.prefix, saved)
    git.run("update-index", "-q", "--refresh", deadline=deadline)


def _share(git: Git, source: Git, snapshot: Snapshot, saved: Saved) -> None:
    objects = os.fsencode(source.git_dir / "objects")
    if b"\n" in objects or objects.startswith((b"#", b'"')):
        raise GitError(f"{source.git_dir} has a path that git cannot share.", hint="Rename the folder.")
    repository = find_root(source.work_tree)
    for name, data in (
        ("objects/info/alternates", objects + b"\n"),
        ("info/exclude", excluded(repository) + _caches(saved)),
        ("info/attributes", ATTRIBUTES.encode() if snapshot.kind == "own" else b""),
    ):
        file = git.git_dir / name
        file.parent.mkdir(exist_ok=True)
        if data:
            file.write_bytes(data)


def _caches(saved: Saved) -> bytes:
    """What running programs leaves behind is no work of an agent, unless the person keeps such files."""
    kept = {part for path in saved.entries for part in path.split("/")}
    return "".join(f"\n{name}/" for name in CACHES if name not in kept).encode() + b"\n"


def _head(source: Git, snapshot: Snapshot, deadline: Deadline) -> str:
    """The person's HEAD where their repository is plain and has one."""
    if snapshot.kind != "ref":
        return ""
    try:
        return source.run("rev-parse", "--verify", "HEAD^{commit}", deadline=deadline).decode().strip()
    except GitError:  # nothing was committed yet
        return ""


def _modes(folder: Path, saved: Saved) -> None:
    """The permission bits that git does not keep, and the folders without files."""
    for path, entry in saved.entries.items():
        file = folder / path
        if not entry.link and file.lstat().st_mode & 0o7777 != entry.mode:
            file.chmod(entry.mode)
    for path in saved.manifest.bare:
        if path != ".":
            (folder / path).mkdir(parents=True, exist_ok=True)
    for path in sorted(saved.modes, reverse=True):  # what is below comes first: one may be read-only
        if path:
            (folder / path).chmod(saved.modes[path])


def carry(root: Path, folder: Path, paths: tuple[str, ...]) -> None:
    """Copy ignored files and folders, which a snapshot leaves out: a copy, for through a link whoever
    works there would change the person's own data. Raises `UsageError`, before anything is copied."""
    total = 0
    for path in paths:
        total += _size(root, path)
        if total > MOST_CARRIED:
            raise UsageError(
                f"{path} is too much to copy: the limit is {MOST_CARRIED // 1024**3} GB.",
                hint="Name single files, or let the work read it by its absolute path.",
            )
    for path in paths:
        source, target = root / path, folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target, follow_symlinks=False)


def _size(root: Path, path: str) -> int:
    if not is_safe(path) or not os.path.lexists(root / path):
        raise UsageError(f"There is no {path!r} in {root}.", hint="Name files or folders of the workspace.")
    try:
        with folder_of(root, path):
            pass  # no folder above it is a link
    except OSError:
        raise UsageError(f"{path!r} is reached through a link.", hint="Name what it leads to.") from None
    place = root / path
    if place.is_dir() and not place.is_symlink():
        return sum(file.lstat().st_size for file in place.rglob("*"))
    return place.lstat().st_size


def as_carried(root: Path, folder: Path, path: str) -> bool:
    """Whether a copied file or folder still is as what it was copied from."""
    there, here = _marks(root / path), _marks(folder / path)
    return here.items() <= there.items()


def _marks(place: Path) -> dict[str, tuple[int, int]]:
    if place.is_symlink() or not place.is_dir():
        return {"": _mark(place)} if os.path.lexists(place) else {}
    files = (file for file in place.rglob("*") if file.is_symlink() or not file.is_dir())
    return {file.relative_to(place).as_posix(): _mark(file) for file in files}


def _mark(file: Path) -> tuple[int, int]:
    status = file.lstat()
    return status.st_size, status.st_mtime_ns
