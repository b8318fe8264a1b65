"""Owns the list of what is in a workspace: files that a checkpoint covers, and what it leaves out.

What is left out is kept with its reason, so that a restore never takes "not saved" for "not there".
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from codemad_jupyter.git.repo import Deadline
from codemad_jupyter.protocol.errors import GitError


class TooMuch(GitError):
    """More files than a checkpoint is made for."""


@dataclass
class Listing:
    """Paths are relative to the workspace, with slashes. ``files``, and ``folders`` that were looked at,
    map to permission bits; ``bare`` are the folders without a covered file; ``skipped`` maps to a
    reason; ``ignored`` end in a slash where they are folders."""

    files: dict[str, int] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    bare: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Bounds:
    """What is looked at: ``ignored`` and ``tracked`` come from git; ``own`` is our own data."""

    ignored: frozenset[str]
    tracked: frozenset[str]
    own: Path
    max_files: int
    max_bytes: int


def walk(root: Path, bounds: Bounds, *, deadline: Deadline) -> Listing:
    """Look at every folder that is not ignored, and at the tracked files of ignored ones."""
    listing = Listing()
    waiting = [""]
    while waiting:
        deadline.check()
        folder = waiting.pop()
        if not _look(root, folder, bounds, listing, waiting.append):
            listing.folders.pop(folder, None)
        if len(listing.files) > bounds.max_files:
            raise TooMuch(
                f"{root} has more than {bounds.max_files} files.",
                hint="Open a smaller folder, or list big data in .gitignore.",
            )
    for path in bounds.tracked - listing.files.keys():
        _tracked(root, path, bounds, listing)
    holding = {parent for path in listing.files for parent in parents(path)}
    listing.bare = sorted(folder for folder in listing.folders if folder not in holding)
    return listing


def add(root: Path, path: str, bounds: Bounds, listing: Listing) -> None:
    """Cover one more file, whether it is ignored or not; nothing where it does not exist."""
    if path not in listing.files and not any(parent in listing.skipped for parent in parents(path)):
        listing.skipped.pop(path, None)
        _one(root, path, bounds, listing)
    if path in listing.files and path in listing.ignored:
        listing.ignored.remove(path)


def parents(path: str) -> list[str]:
    """The folders above, nearest first, without the workspace itself."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]


def _look(root: Path, folder: str, bounds: Bounds, listing: Listing, descend: Callable[[str], None]) -> bool:
    try:
        with os.scandir(root / folder) as found:
            entries = list(found)
    except OSError as error:
        listing.skipped[folder or "."] = f"cannot be read ({error.strerror})"
        return False
    if folder and any(entry.name == ".git" for entry in entries):
        listing.skipped[folder] = "is a repository of its own"
        return False
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.name == ".gitattributes":
            listing.attributes.append(path)
        if path == ".git":
            continue
        if entry.name.lower() == ".git":
            listing.skipped[path] = "has a name git cannot keep"
        elif entry.is_dir(follow_symlinks=False):
            _folder(root, path, entry, bounds, listing, descend)
        elif path in bounds.ignored and path not in bounds.tracked:
            listing.ignored.append(path)
        else:
            _file(path, entry.stat(follow_symlinks=False), root, bounds, listing)
    return True


def _folder(
    root: Path,
    path: str,
    entry: os.DirEntry[str],
    bounds: Bounds,
    listing: Listing,
    descend: Callable[[str], None],
) -> None:
    if f"{path}/" in bounds.ignored:
        listing.ignored.append(f"{path}/")
    elif bounds.own.is_relative_to(root / path) and bounds.own.parts[: len(root.parts)] == root.parts:
        listing.skipped[path] = "holds CodeMAD's own data"
    else:
        listing.folders[path] = stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode)
        descend(path)


def _file(path: str, status: os.stat_result, root: Path, bounds: Bounds, listing: Listing) -> None:
    if stat.S_ISLNK(status.st_mode):
        listing.files[path] = 0o777
    elif not stat.S_ISREG(status.st_mode):
        listing.skipped[path] = "is a pipe, a socket or a device"
    elif status.st_size > bounds.max_bytes:
        listing.skipped[path] = f"is larger than {bounds.max_bytes // 1024**2} MB"
    elif status.st_mode & 0o444 != 0o444 and not os.access(root / path, os.R_OK):
        listing.skipped[path] = "cannot be read (Permission denied)"
    else:
        listing.files[path] = stat.S_IMODE(status.st_mode)


def _tracked(root: Path, path: str, bounds: Bounds, listing: Listing) -> None:
    """A file git keeps although it lies in an ignored folder; any other is gone or was left out."""
    if any(f"{parent}/" in bounds.ignored for parent in parents(path)):
        _one(root, path, bounds, listing)


def _one(root: Path, path: str, bounds: Bounds, listing: Listing) -> None:
    above = parents(path)
    try:
        if any((root / parent).is_symlink() for parent in above):
            return
        status = (root / path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(status.st_mode):
        return
    listing.attributes.extend(f"{parent}/.gitattributes" for parent in above)
    _file(path, status, root, bounds, listing)
