"""The bar below Python and Landlock: a seccomp filter for what neither of them can forbid native code.

Runs inside a trial (Linux, Python 3.9 or newer, standard library alone). It denies new processes,
tracing, signals to others, connections, changes of modes, owners and times, and lifting of limits.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from typing import Any

DENIED = {
    "x86_64": "29 30 42 43 46 49 50 57 58 59 64 68 90 91 92 93 94 101 129 132 155 160 161 164 165"
    " 166 169 170 171 188 189 190 197 198 199 200 227 235 240 248 249 250 260 261 268 272"
    " 280 288 297 298 304 307 308 310 311 321 322 323 424 425 434 438 452 463 466",
    "aarch64": "5 6 7 14 15 16 39 40 41 51 52 53 54 55 88 97 112 117 130 138 142 161 162 164 170 180"
    " 186 190 194 196 200 201 202 203 211 217 218 219 221 240 241 242 265 268 269 270 271"
    " 280 281 282 424 425 434 438 452 463 466",
}
"""fork, exec, ptrace, connect, bind, listen, accept, sendmsg, chmod, chown, utime, setxattr, mount,
unshare, setns, keys, System V and POSIX queues and memory, clocks, foreign memory, io_uring, bpf and
pidfds, by number."""
SPECIAL = {  # clone, clone3, kill, tgkill, sendto, prlimit64
    "x86_64": (56, 435, 62, 234, 44, 302),
    "aarch64": (220, 435, 129, 131, 206, 261),
}
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LOAD, EQUAL, AND_SET, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16
THREAD_FLAG = 0x00010000

Step = tuple[int, int, int, int]
"""``(code, jump if true, jump if false, value)`` of the kernel's packet filter."""


def install(libc: Any) -> bool:
    """Filter this thread and all it starts from now on; false where the system does not offer that."""
    machine = platform.machine()
    return known(machine) and load(libc, program(machine, os.getpid()))


def known(machine: str) -> bool:
    """Are the numbers of this machine's calls known here?"""
    return machine in DENIED and struct.calcsize("P") == 8


def packed(steps: list[Step]) -> bytes:
    """The filter as the system wants it."""
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def load(libc: Any, steps: list[Step]) -> bool:
    """Put this filter before this thread and all it starts from now on."""
    code = packed(steps)
    text = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(steps), ctypes.addressof(text)))
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS, without which only root may filter
    done: bool = libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(header)), 0, 0) == 0
    return done


def program(machine: str, own: int) -> list[Step]:
    """The filter of a trial; ``own`` is the process that may signal itself."""
    clone, clone3, kill, tgkill, sendto, limits = SPECIAL[machine]
    steps = opening(machine, DENIED[machine])
    steps += [
        (EQUAL, 0, 1, clone3),
        (RETURN, 0, 0, ENOSYS),
    ]  # libraries then use clone, whose flags can be seen
    steps += when(clone, 0, [(AND_SET, 1, 0, THREAD_FLAG), (RETURN, 0, 0, EPERM)])
    for number in (kill, tgkill):
        steps += when(number, 0, [(EQUAL, 1, 0, own), (RETURN, 0, 0, EPERM)])
    for number, place in ((sendto, 4), (limits, 2)):
        low = [(EQUAL, 1, 0, 0), (RETURN, 0, 0, EPERM)]
        high = (LOAD, 0, 0, FIRST_ARGUMENT + 8 * place + 4)
        steps += when(number, place, [*low, high, *low])  # a pointer, which must be none
    return [*steps, (RETURN, 0, 0, ALLOW)]


def opening(machine: str, denied: str) -> list[Step]:
    """How each filter begins: foreign machines' calls and those with these numbers are refused."""
    steps = [(LOAD, 0, 0, MACHINE), (EQUAL, 1, 0, ARCHITECTURE[machine]), (RETURN, 0, 0, EPERM)]
    steps.append((LOAD, 0, 0, NUMBER))
    if machine == "x86_64":
        steps += [(AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, EPERM)]  # the same calls by other numbers
    for number in sorted(int(text) for text in denied.split()):
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, EPERM)]
    return steps


def when(number: int, argument: int, judge: list[Step]) -> list[Step]:
    """Steps that judge one argument of one call, then look at the number again."""
    load = (LOAD, 0, 0, FIRST_ARGUMENT + 8 * argument)
    return [(EQUAL, 0, len(judge) + 2, number), load, *judge, (LOAD, 0, 0, NUMBER)]
