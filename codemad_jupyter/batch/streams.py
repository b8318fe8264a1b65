"""Standard output and standard error of the commands: any text can be written to them, and what nobody can
take any more is let go of."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
"""A disk that takes no more: a state of the machine, not a bug of ours."""


def prepare() -> None:
    """What the encoding of a terminal or pipe lacks is shown as an escape; a closed stream leads nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for the process
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def unread() -> None:
    """Nobody reads standard output any more: what is left for it is dropped, also what Python writes at
    exit, which it would complain about."""
    with Path(os.devnull).open("wb") as nowhere, contextlib.suppress(io.UnsupportedOperation):
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def full_text(error: OSError) -> str:
    """What to say where a disk takes no more. A file that was being written says no name of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        unread()
    what = error.filename or "The output"
    return f"{what} cannot be written: {error.strerror}. Make room on that disk, or write elsewhere."
