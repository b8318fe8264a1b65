"""Landlock (Linux 5.13 or newer): a process may write nowhere but in some folders, nor its children.

Run as a script it starts a program so: ``python confined.py FOLDER PROGRAM …``; reading and the network
then stay as they are. Needs the standard library alone. Signals to others are refused where the system
offers that.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Sequence

CREATE, ADD_RULE, RESTRICT = 444, 445, 446
WRITING = 0b0001_1111_1111_0010  # write, remove, make; the bits of the first version
ALSO_WRITABLE = ("/dev/null", "/dev/shm", "/dev/tty", "/dev/ptmx", "/dev/pts", "/proc/self")  # noqa: S108
READING = 0b1101
"""Execute, read files, list folders."""
LISTING = 1 << 3
ON_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14
NEVER_OUTLIVE = 1  # PR_SET_PDEATHSIG
NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS, which Landlock wants from ordinary users


def version() -> int:
    """The version of Landlock that the system offers; 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(ctypes.CDLL(None, use_errno=True).syscall(CREATE, None, 0, 1)))


def confine(writable: Sequence[str], *, readable: Sequence[str] | None = None, network: bool = True) -> None:
    """Deny this process and its children writing but in these places. Raises `OSError` where that fails.

    ``readable`` are the only other places they may read (None: all); without ``network``
    there is no TCP, as far as the system can refuse it.
    """
    libc, offered = ctypes.CDLL(None, use_errno=True), version()
    if not offered:
        raise OSError("there is no Landlock here")
    rights = WRITING | (1 << 13 if offered >= 2 else 0) | (1 << 14 if offered >= 3 else 0)
    rights |= READING if readable is not None else 0
    reach = 0 if network else 0b11
    size = 24 if offered >= 6 else 16 if offered >= 4 else 8
    attributes = struct.pack("<QQQ", rights, reach, 0b10 | reach)[:size]
    rules = libc.syscall(CREATE, attributes, len(attributes), 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "Landlock made no rules")
    for path in (*writable, *ALSO_WRITABLE):
        _allow(libc, rules, path, rights)
    for path in readable or ():
        _allow(libc, rules, path, READING)
    if readable is not None:
        _allow(libc, rules, "/", LISTING)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    failed = libc.syscall(RESTRICT, rules, 0)
    os.close(rules)
    if failed:
        raise OSError(ctypes.get_errno(), "Landlock's rules were refused")


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        allowed = rights if os.path.isdir(path) else rights & ON_FILES  # noqa: PTH112
        if allowed and libc.syscall(ADD_RULE, rules, 1, struct.pack("<Qi", allowed, place), 0):
            raise OSError(ctypes.get_errno(), f"Landlock does not take {path}")
    finally:
        os.close(place)


def main() -> None:
    """Become the program."""
    folder, program = sys.argv[1], sys.argv[2:]
    parent = os.getppid()
    ctypes.CDLL(None).prctl(NEVER_OUTLIVE, 9, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
    confine((folder,))
    os.execvp(program[0], program)  # noqa: S606 - this is what it is for


if __name__ == "__main__":
    main()
