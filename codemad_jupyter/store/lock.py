"""Owns the lock beside a store file: who holds the file, said in words a person can act on.

The lock belongs to the process; the operating system frees it when the process ends, however it ends.
What the file holds is the business of `db`.
"""

import contextlib
import os
import re
import sys
import time
from pathlib import Path

from codemad_jupyter.protocol.errors import StoreHeld

_DUCKDB_PID = re.compile(r"\(PID (\d+)\)")


class FileLock:
    """An exclusive lock on ``path``, which holds the pid of its owner. Take it with `FileLock.take`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path, *, store: Path) -> "FileLock":
        """Lock or raise `StoreHeld`, naming the owner of ``store``."""
        while True:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(path, flags, 0o600)
            try:
                _lock(descriptor)
            except BlockingIOError:
                holder = _owner(descriptor)
                os.close(descriptor)
                raise held_by(store, holder) from None
            except BaseException:
                os.close(descriptor)
                raise
            if _is_still(path, descriptor):
                break
            os.close(descriptor)  # its former owner removed the file between our open and our lock
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return cls(path, descriptor)

    def release(self, *, remove: bool = False) -> None:
        """Give the lock back; ``remove`` also deletes its file. A second call does nothing."""
        if self._descriptor is None:
            return
        os.ftruncate(self._descriptor, 0)
        if remove:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None


def held_by(store: Path, holder: int | None) -> StoreHeld:
    """The error for a store that process ``holder`` owns."""
    if holder is None:
        who = "another process"
    elif holder == os.getpid():
        who = f"this process (pid {holder})"
    else:
        who = f"process {holder}{command_of(holder)}"
    return StoreHeld(
        f"The session store {store} is held by {who}.",
        hint="Stop that process, or go on with a store of your own until it has ended.",
        holder=holder,
    )


def duckdb_holder(text: str) -> int | None:
    """The pid that DuckDB names in its message about a conflicting lock."""
    found = _DUCKDB_PID.search(text)
    return int(found[1]) if found else None


def command_of(pid: int) -> str:
    """`` (python jupyter-lab)`` for that process where the system tells; options may carry tokens
    and are left out."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    words = [word for word in words if word]
    if not words:
        return ""
    shown = [Path(words[0]).name]
    if len(words) > 2 and words[1] == "-m":
        shown += ["-m", words[2]]
    elif len(words) > 1 and not words[1].startswith("-"):
        shown.append(Path(words[1]).name)
    return f" ({' '.join(shown)})"


def _lock(descriptor: int) -> None:
    if sys.platform != "win32":  # DuckDB's own lock is the only guard there
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _owner(descriptor: int) -> int | None:
    for _ in range(10):  # the owner may be between taking the lock and writing its pid
        text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        if text.isdigit():
            return int(text)
        time.sleep(0.02)
    return None


def _is_still(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    return False
