"""Reading and replacing one file: confined to a root, never followed out of it, never half written."""

import contextlib
import hashlib
import os
import re
import secrets
import stat
from pathlib import Path

from codemad_jupyter.protocol.errors import Denied, NotebookError, NotFound, StaleEdit

MOST_BYTES = 200_000_000
INSIDE = "Name a file inside the workspace."


def confined(root: Path, path: str) -> Path:
    """The real file that ``path`` names. Raises `Denied` when it lies outside ``root``."""
    shown = path if len(path) <= 200 else f"{path[:200]}…"
    odd = not path or "\0" in path or len(path) > 4000 or path.startswith("~") or "://" in path
    if odd or Path(path).is_absolute() or "\\" in path:
        raise Denied(f"{shown!r} is not a path relative to the workspace.", hint=INSIDE)
    try:
        real = (root / path).resolve()
        top = root.resolve()
    except (OSError, RuntimeError) as error:
        raise NotebookError(f"{shown} cannot be followed ({error}).", hint=INSIDE) from None
    if not real.is_relative_to(top) or real == top:
        raise Denied(f"{shown} leads outside the workspace, to {real}.", hint=INSIDE)
    return real


def read_bytes(real: Path, path: str) -> bytes:
    """The content of a regular file of sensible size."""
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"There is no file {path} in the workspace.", hint="List the files to see.") from None
    except OSError as error:
        raise NotebookError(f"{path} cannot be opened ({error.strerror}).", hint="Check the file.") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise NotebookError(f"{path} is not a regular file.", hint="Name a notebook file.")
    with os.fdopen(handle, "rb") as file:
        if status.st_size > MOST_BYTES:
            size = f"{status.st_size / 1e6:.0f} MB, the limit is {MOST_BYTES / 1e6:.0f} MB"
            raise NotebookError(f"{path} is too large ({size}).", hint="Clear its outputs first.")
        return file.read()


def replace_bytes(real: Path, path: str, data: bytes, *, expected: bytes) -> None:
    """Put ``data`` in place of the file, if it still holds what was read.

    Written beside it, synced and renamed, so a reader or a crash sees the old file or the new one.
    """
    temporary = beside(real)
    try:
        mode = stat.S_IMODE(real.stat().st_mode)
        if not mode & 0o222:
            raise NotebookError(f"{path} is read-only.", hint="Allow writing to it, or save a copy.")
        _write_new(temporary, data, mode)
        if hashlib.sha256(read_bytes(real, path)).digest() != hashlib.sha256(expected).digest():
            raise StaleEdit(
                f"{path} was changed on disk meanwhile.", hint="Read it again and repeat the edit."
            )
        temporary.replace(real)
    except OSError as error:
        raise NotebookError(
            f"{path} cannot be written ({error.strerror}); it is as it was.",
            hint="Check the folder's permissions and the space on the disk.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    sync_folder(real.parent)


def beside(real: Path) -> Path:
    """A new name in the same folder, for what is on its way in or out."""
    return real.with_name(f".{real.name[:80]}.{secrets.token_hex(8)}.tmp")


def left_beside(real: Path) -> list[Path]:
    """What bears such a name: somebody writes the file, or was killed while they did."""
    form = re.compile(re.escape(f".{real.name[:80]}.") + r"[0-9a-f]{16}\.tmp")
    if not real.parent.is_dir():
        return []
    return [path for path in real.parent.iterdir() if form.fullmatch(path.name)]


def _write_new(temporary: Path, data: bytes, mode: int) -> None:
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last, where the file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
