"""Reads and writes the person's own small files: bounded, whole or not at all, for their owner alone."""

import os
import stat
from pathlib import Path

from codemad_jupyter.disk import write_whole
from codemad_jupyter.protocol.errors import UsageError

LARGEST = 1_000_000
"""A settings file has at most so many bytes."""
MEND = "Mend the file or move it away."
SPACE = "Check the folder's permissions and the space on the disk."


def read_bounded(path: Path, *, follow_links: bool = True, most: int = LARGEST) -> bytes | None:
    """The bytes of a regular file, None where there is none. Raises `UsageError` for anything odd."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", hint=MEND) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"{path} is no regular file.", hint=MEND)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", hint=MEND) from None
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise UsageError(f"{path} is larger than {most:,} bytes.", hint=MEND)
    return data


def write_private(path: Path, data: bytes, *, make_folder: bool = True) -> None:
    """Write the whole file or leave it as it was; nobody but its owner may read it. Raises `OSError`."""
    if make_folder:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, data)
