"""How files are written: whole in one step, or a line at the end. What stands in them, and where, is their
owners' business. Errors are the system's own: `OSError`.
"""

import contextlib
import os
import tempfile
from pathlib import Path

PATIENCE = 1.0
"""Seconds that a process waits for another that puts a file aside."""


def write_whole(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Put the whole file in place or leave what was there. Only its owner may read it, unless there is a
    ``mode``."""
    # The name cannot be guessed and the file is new, so nothing planted there is followed.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def add_line(path: Path, line: bytes) -> None:
    """Add a line in one write, so that processes do not mix theirs. A link in the file's place is refused."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


class GrowingFile:
    """Lines of many processes in one file. What has grown large is put aside, as NAME.1.SUFFIX; ``kept`` of
    these stay, the newest with the lowest number."""

    def __init__(self, path: Path, *, kept: int) -> None:
        self.path = path
        self._kept = kept

    def add(self, line: bytes, *, largest: int) -> None:
        """Add a line, with its end; a new file is begun for it where this one would be larger than that
        many bytes."""
        if self._size + len(line) > largest:
            self._put_aside(largest - len(line))
        add_line(self.path, line)

    def files(self) -> list[Path]:
        """What there is of it, oldest first."""
        return [each for each in (*map(self._aside, range(self._kept, 0, -1)), self.path) if each.exists()]

    def _put_aside(self, most: int) -> None:
        from filelock import FileLock, Timeout

        with contextlib.suppress(Timeout), FileLock(self.path.with_suffix(".lock"), timeout=PATIENCE):
            if self._size > max(most, 0):  # nobody else has done it meanwhile, and there is something in it
                for number in range(self._kept - 1, 0, -1):
                    if self._aside(number).exists():
                        self._aside(number).replace(self._aside(number + 1))
                self.path.replace(self._aside(1))

    @property
    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _aside(self, number: int) -> Path:
        return self.path.with_suffix(f".{number}{self.path.suffix}")
