"""Starts a program that may write nowhere but in one folder: ``python confined.py FOLDER PROGRAM …``.

Run as a script, with the standard library alone; becomes the program. The bar is Landlock (Linux 5.13 or
newer): writing, making and removing outside the folder is refused to the program and its children,
and where the system offers it signals to others too. Reading and the network stay as they are.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys

CREATE, ADD_RULE, RESTRICT = 444, 445, 446
WRITING = 0b0001_1111_1111_0010  # write, remove, make; the bits of the first version
ALSO_WRITABLE = ("/dev/null", "/dev/shm", "/dev/tty", "/dev/ptmx", "/dev/pts", "/proc/self")  # noqa: S108
ON_FILES = 1 << 1 | 1 << 14
NEVER_OUTLIVE = 1  # PR_SET_PDEATHSIG
NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS, which Landlock wants from ordinary users


def version() -> int:
    """The version of Landlock that the system offers; 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(ctypes.CDLL(None, use_errno=True).syscall(CREATE, None, 0, 1)))


def confine(folder: str) -> None:
    """Deny this process and its children writing outside the folder. Raises `OSError` where that fails."""
    libc, offered = ctypes.CDLL(None, use_errno=True), version()
    if not offered:
        raise OSError("there is no Landlock here")
    rights = WRITING | (1 << 13 if offered >= 2 else 0) | (1 << 14 if offered >= 3 else 0)
    attributes = struct.pack("<QQQ", rights, 0, 0b10)[: 24 if offered >= 6 else 8]
    rules = libc.syscall(CREATE, attributes, len(attributes), 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "Landlock made no rules")
    for path in (folder, *ALSO_WRITABLE):
        with contextlib.suppress(FileNotFoundError):
            _allow(libc, rules, path, rights)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    failed = libc.syscall(RESTRICT, rules, 0)
    os.close(rules)
    if failed:
        raise OSError(ctypes.get_errno(), "Landlock's rules were refused")


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        allowed = rights if os.path.isdir(path) else rights & ON_FILES  # noqa: PTH112
        if libc.syscall(ADD_RULE, rules, 1, struct.pack("<Qi", allowed, place), 0):
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
    confine(folder)
    os.execvp(program[0], program)  # noqa: S606 - this is what it is for


if __name__ == "__main__":
    main()
