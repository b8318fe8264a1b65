"""Owns the list of what is in a workspace: files that a checkpoint covers, and what it leaves out.

What is left out is kept with its reason, so that a restore never takes "not saved" for "not there".
"""

import os
import stat
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from codemad_jupyter.git.repo import Deadline
from codemad_jupyter.protocol.errors import GitError

Mark = tuple[int, ...]
"""What tells one state of a file from another; the last number is the time of its last change."""

_SPECIAL = (".gitattributes", ".gitignore")


class TooMuch(GitError):
    """More files than a checkpoint is made for."""


class Fresh(Exception):
    """There is a new folder, of which it is not known whether it is ignored."""


class Plain(NamedTuple):
    """A folder in which everything is covered: the names in it, its files, and the folders in it."""

    names: frozenset[str]
    files: dict[str, int]
    folders: tuple[str, ...]


OTHERS = "is a repository of its own"


@dataclass
class Listing:
    """Paths are relative to the workspace, with slashes. ``files``, and ``folders`` that were looked at,
    map to permission bits; ``bare`` are the folders without a covered file; ``skipped`` maps to a
    reason; ``ignored`` end in a slash where they are folders; ``excludes`` are the .gitignore files;
    ``fresh`` are files of which it has to be asked whether they are ignored, ``young`` the covered ones
    that have just changed; ``plain`` are the folders that can be taken over as they are."""

    files: dict[str, int] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    bare: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    excludes: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    young: dict[str, Mark] = field(default_factory=dict)
    plain: dict[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What is left out: ``own`` is the path of our own data. Changes after ``since`` (in nanoseconds)
    are young."""

    own: str
    max_files: int
    max_bytes: int
    since: int


@dataclass(frozen=True)
class Bounds:
    """What is looked at: ``ignored`` and ``tracked`` come from git, which also vouches that the files in
    ``modes`` have not changed since they had these permission bits. With ``before``, the listing that
    ``ignored`` comes from, a new folder raises `Fresh`."""

    ignored: Collection[str]
    tracked: Set[str]
    limits: Limits
    modes: Mapping[str, int] = field(default_factory=dict)
    before: Listing | None = None
    touched: Set[str] = frozenset()
    """Folders in which a file has changed since."""


def walk(root: Path, bounds: Bounds, *, deadline: Deadline) -> Listing:
    """Look at every folder that is not ignored, and at the tracked files of ignored ones."""
    listing = Listing()
    holding: set[str] = set()
    waiting = [""]
    while waiting:
        deadline.check()
        folder = waiting.pop()
        count = len(listing.files)
        if not _look(root, folder, bounds, listing, waiting.append):
            listing.folders.pop(folder, None)
        if len(listing.files) > count and folder:
            holding.update((folder, *parents(folder)))
        if len(listing.files) > bounds.limits.max_files:
            raise TooMuch(
                f"{root} has more than {bounds.limits.max_files} files.",
                hint="Open a smaller folder, or list big data in .gitignore.",
            )
    for path in bounds.tracked - listing.files.keys():
        _tracked(root, path, bounds, listing)
        if path in listing.files:
            holding.update(parents(path))
    listing.bare = sorted(listing.folders.keys() - holding)
    return listing


def add(root: Path, path: str, bounds: Bounds, listing: Listing) -> None:
    """Cover one more file, whether it is ignored or in a repository of its own or neither; nothing where it
    does not exist or its folder was left out for another reason."""
    reasons = {listing.skipped.get(parent, OTHERS) for parent in parents(path)}
    if path not in listing.files and reasons <= {OTHERS}:
        reason = listing.skipped.pop(path, "")
        _one(root, path, bounds, listing)
        if reason and path not in listing.files:
            listing.skipped.setdefault(path, reason)
    if path in listing.files and path in listing.ignored:
        listing.ignored.remove(path)


def parents(path: str) -> list[str]:
    """The folders above, nearest first, without the workspace itself."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]


def _as_before(
    root: Path, folder: str, bounds: Bounds, listing: Listing, descend: Callable[[str], None]
) -> bool:
    """Take a folder over from the listing before, if that is possible: much the fastest way."""
    before = bounds.before.plain.get(folder) if bounds.before and folder not in bounds.touched else None
    if before is None:
        return False
    place = f"{root}/{folder}" if folder else str(root)
    modes: dict[str, int] = {}
    try:
        if frozenset(os.listdir(place)) != before.names:  # noqa: PTH208 - paths would take ten times as long
            return False
        for path in before.folders:
            status = os.lstat(f"{root}/{path}")
            if not stat.S_ISDIR(status.st_mode):
                return False
            modes[path] = stat.S_IMODE(status.st_mode)
    except OSError:
        return False  # looking at it says why
    listing.files.update(before.files)
    listing.folders.update(modes)
    listing.plain[folder] = before
    for path in before.folders:
        descend(path)
    return True


def _look(root: Path, folder: str, bounds: Bounds, listing: Listing, descend: Callable[[str], None]) -> bool:
    if _as_before(root, folder, bounds, listing, descend):
        return True
    start = f"{folder}/" if folder else ""
    modes = bounds.modes
    files: dict[str, int] = {}
    others: list[os.DirEntry[str]] = []
    try:
        with os.scandir(root / folder) as found:
            for entry in found:
                path = start + entry.name
                mode = modes.get(path)
                if mode is None or entry.name in _SPECIAL:
                    others.append(entry)
                else:
                    files[path] = mode
    except OSError as error:
        listing.skipped[folder or "."] = f"cannot be read ({error.strerror})"
        return False
    if folder and any(entry.name == ".git" for entry in others):
        listing.skipped[folder] = OTHERS
        return False
    listing.files.update(files)
    folders: list[str] = []
    for entry in others:
        _entry(root, start + entry.name, entry, bounds, listing, folders.append)
    for path in folders:
        descend(path)
    _note(folder, start, files, [entry.name for entry in others], folders, listing)
    return True


def _note(
    folder: str, start: str, files: dict[str, int], others: list[str], folders: list[str], listing: Listing
) -> None:
    """Remember a folder in which nothing is ignored, left out or special."""
    names = {path[len(start) :] for path in (*files, *folders)}
    for name in others:
        path = start + name
        if path in listing.files and name not in _SPECIAL:
            files[path] = listing.files[path]
        elif path != ".git" and name not in names:
            return
        names.add(name)
    listing.plain[folder] = Plain(frozenset(names), files, tuple(folders))


def _entry(
    root: Path,
    path: str,
    entry: os.DirEntry[str],
    bounds: Bounds,
    listing: Listing,
    descend: Callable[[str], None],
) -> None:
    if entry.name == ".gitattributes":
        listing.attributes.append(path)
    elif entry.name == ".gitignore":
        listing.excludes.append(path)
    if path == ".git":
        return
    if entry.name.lower() == ".git":
        listing.skipped[path] = "has a name git cannot keep"
    elif entry.is_dir(follow_symlinks=False):
        _folder(root, path, entry, bounds, listing, descend)
    elif path in bounds.ignored and path not in bounds.tracked:
        listing.ignored.append(path)
    else:
        _file(path, entry.stat(follow_symlinks=False), root, bounds, listing)
        before = bounds.before
        if before is None or path in before.files:
            return
        if path in listing.files or path not in before.skipped:
            listing.fresh.append(path)


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
    elif f"{bounds.limits.own}/".startswith(f"{path}/"):
        listing.skipped[path] = "holds CodeMAD's own data"
    else:
        before = bounds.before
        if before is not None and path not in before.folders and path not in before.skipped:
            raise Fresh
        listing.folders[path] = stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode)
        descend(path)


def _file(path: str, status: os.stat_result, root: Path, bounds: Bounds, listing: Listing) -> None:
    if stat.S_ISLNK(status.st_mode):
        if ".gitmodules" in path.lower().split("/"):  # git takes no link of this name
            listing.skipped[path] = "has a name git cannot keep"
        else:
            listing.files[path] = 0o777
    elif not stat.S_ISREG(status.st_mode):
        listing.skipped[path] = "is a pipe, a socket or a device"
    elif status.st_size > bounds.limits.max_bytes:
        listing.skipped[path] = f"is larger than {bounds.limits.max_bytes // 1024**2} MB"
    elif status.st_mode & 0o444 != 0o444 and not os.access(root / path, os.R_OK):
        listing.skipped[path] = "cannot be read (Permission denied)"
    else:
        listing.files[path] = stat.S_IMODE(status.st_mode)
    if status.st_ctime_ns > bounds.limits.since and path in listing.files:
        listing.young[path] = mark_of(status)


def mark_of(status: os.stat_result) -> Mark:
    """The mark of what has this status."""
    return (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


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
