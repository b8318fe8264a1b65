"""Owns reading and changing single files of the workspace below one root, never through a link.

Every step starts at an open folder, so a folder that is swapped for a link meanwhile leads nowhere.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from codemad_jupyter.git.values import Entry

TEMPORARY = ".codemad-restore-"

_IN_THE_WAY = (errno.ENOTDIR, errno.ELOOP, errno.ENOENT)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Kind = Literal["folder", "other"]


class Found(NamedTuple):
    """What is at a path now, and a mark by which a later change is noticed."""

    what: Entry | Kind | None
    mark: tuple[int, ...] = ()


class Changed(Exception):
    """What is at the path is not what it was a moment ago."""


def is_safe(path: str) -> bool:
    """Whether a path stays below the root and out of git's own folders."""
    parts = path.split("/")
    return all(part not in ("", ".", "..") and part.lower() != ".git" for part in parts) and "\0" not in path


@contextlib.contextmanager
def folder_of(root: Path, path: str, *, create: Mapping[str, int] | None = None) -> Iterator[tuple[int, str]]:
    """The open folder that holds ``path``, and the name in it; an `OSError` where a file or a link is
    in the way. With ``create`` folders are made, with the permission bits given there by path."""
    *above, name = path.split("/")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for count, part in enumerate(above, 1):
            if create is not None:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                    mode = create.get("/".join(above[:count]))
                    if mode is not None:  # the owner may write until the restore has put its files there
                        os.chmod(part, mode | 0o700, dir_fd=folder)
            below = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        yield folder, name
    finally:
        os.close(folder)


def look(root: Path, path: str) -> Found:
    """What is at ``path`` now; nothing where a file or a link stands in place of a folder above it."""
    try:
        with folder_of(root, path) as (folder, name):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                target = os.fsencode(os.readlink(name, dir_fd=folder))
                return Found(Entry(0o777, True, blob_name(target)), _mark(status))
            if stat.S_ISDIR(status.st_mode):
                return Found("folder", _mark(status))
            if not stat.S_ISREG(status.st_mode):
                return Found("other", _mark(status))
            return _look_at_file(folder, name)
    except OSError as error:
        if error.errno in _IN_THE_WAY:
            return Found(None)
        raise


def _look_at_file(folder: int, name: str) -> Found:
    descriptor = os.open(name, _FILE, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        hasher = hashlib.sha1(b"blob %d\0" % status.st_size, usedforsecurity=False)
        while chunk := os.read(descriptor, 1 << 20):
            hasher.update(chunk)
    finally:
        os.close(descriptor)
    return Found(Entry(stat.S_IMODE(status.st_mode), False, hasher.hexdigest()), _mark(status))


def blob_name(data: bytes) -> str:
    """Git's name for this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def write(
    root: Path,
    path: str,
    entry: Entry,
    data: bytes,
    *,
    before: Found,
    folders: Mapping[str, int],
    sync: bool = True,
) -> None:
    """Put the file or link there in one step; with ``sync`` its content is on the disk by then. Folders
    that are missing get the permission bits in ``folders``. Raises `Changed` when the path is not as
    ``before``."""
    temporary = f"{TEMPORARY}{secrets.token_hex(8)}"
    with folder_of(root, path, create=folders) as (folder, name):
        try:
            if entry.link:
                os.symlink(os.fsdecode(data), temporary, dir_fd=folder)
            else:
                _write_new(folder, temporary, data, entry.mode, sync)
            _require(folder, name, before)
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            raise


def read(root: Path, path: str, *, before: Found) -> bytes:
    """The content of a file. Raises `Changed` when the path is not as ``before``."""
    with folder_of(root, path) as (folder, name):
        descriptor = os.open(name, _FILE, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read()
        _require(folder, name, before)
    return data


def make_folder(root: Path, path: str, folders: Mapping[str, int]) -> None:
    """Make the folder and those above it that are missing."""
    with folder_of(root, f"{path}/x", create=folders):
        pass


def remove_folder(root: Path, path: str) -> None:
    """Remove an empty folder; an `OSError` where something is in it."""
    with folder_of(root, path) as (folder, name):
        os.rmdir(name, dir_fd=folder)


def set_mode(root: Path, path: str, mode: int, *, before: Found) -> None:
    """Change nothing but the permission bits. Raises `Changed` when the path is not as ``before``."""
    with folder_of(root, path) as (folder, name):
        _require(folder, name, before)
        os.chmod(name, mode, dir_fd=folder)


def delete(root: Path, path: str, *, before: Found, keep: frozenset[str]) -> None:
    """Remove the file or link, and then the folders above it that are empty and not in ``keep``."""
    with folder_of(root, path) as (folder, name):
        _require(folder, name, before)
        os.unlink(name, dir_fd=folder)
    while "/" in path:
        path = path.rpartition("/")[0]
        if path in keep:
            return
        try:
            with folder_of(root, path) as (folder, name):
                os.rmdir(name, dir_fd=folder)
        except OSError:
            return  # something else is in it


def sweep(root: Path, folder: str) -> None:
    """Remove temporary files that a killed process left in ``folder``."""
    with contextlib.suppress(OSError), folder_of(root, f"{folder}/x".lstrip("/")) as (opened, _):
        for name in os.listdir(opened):  # noqa: PTH208 - an open folder has no path
            if name.startswith(TEMPORARY):
                os.unlink(name, dir_fd=opened)


def _write_new(folder: int, name: str, data: bytes, mode: int, sync: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(descriptor, mode)
        if sync:
            os.fsync(descriptor)


def _mark(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _require(folder: int, name: str, before: Found) -> None:
    try:
        mark = _mark(os.stat(name, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        mark = ()
    if mark != before.mark:
        raise Changed
