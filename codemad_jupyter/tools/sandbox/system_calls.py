"""The filter of system calls of confined programs: what no wall of files can refuse.

Made of the steps of `trial_filter`; here stand only which calls a command has no business with.
"""

import platform

from codemad_jupyter.notebooks.trial_filter import (
    ALLOW,
    AND_SET,
    ENOSYS,
    EPERM,
    EQUAL,
    RETURN,
    Step,
    known,
    opening,
    when,
)

DENIED = {
    "x86_64": "101 103 153 155 159 161 163 164 165 166 167 168 169 170 171 172 173 175 176 179 227 246 248"
    " 249 250 272 298 300 303 304 305 308 310 311 312 313 320 321 323 425 426 427 428 429 430 431 432 433"
    " 438 442",
    "aarch64": "39 40 41 51 58 60 89 97 104 105 106 112 116 117 142 161 162 170 171 217 218 219 224 225 241"
    " 262 264 265 266 268 270 271 272 273 280 282 294 425 426 427 428 429 430 431 432 433 438 442",
}
"""ptrace, mounts, clocks, modules, keys, name spaces, file handles, others' memory, bpf, io_uring."""
SPECIAL = {"x86_64": (56, 435, 41, 16), "aarch64": (220, 435, 198, 29)}
"""clone, clone3, socket, ioctl."""
NAME_SPACES = 0x7E020000
PUT_INTO_TERMINAL = 0x5412
NO_SUCH_FAMILY = 0x00050061
UNIX, INTERNET, INTERNET_6, NETLINK = 1, 2, 10, 16


def families(*, network: bool, unix: bool) -> tuple[int, ...]:
    """The kinds of sockets a program may make."""
    return (*((UNIX,) if unix else ()), *((INTERNET, INTERNET_6, NETLINK) if network else ()))


def steps(sockets: tuple[int, ...]) -> list[Step]:
    """The filter; empty where this machine's calls are not known."""
    machine = platform.machine()
    if not known(machine):
        return []
    clone, clone3, socket, ioctl = SPECIAL[machine]
    found = opening(machine, DENIED[machine])
    found += [(EQUAL, 0, 1, clone3), (RETURN, 0, 0, ENOSYS)]  # clone takes its place, whose flags can be seen
    found += when(clone, 0, [(AND_SET, 0, 1, NAME_SPACES), (RETURN, 0, 0, EPERM)])
    found += when(ioctl, 1, [(EQUAL, 0, 1, PUT_INTO_TERMINAL), (RETURN, 0, 0, EPERM)])
    allowed = [(EQUAL, len(sockets) - at, 0, family) for at, family in enumerate(sockets)]
    found += when(socket, 0, [*allowed, (RETURN, 0, 0, NO_SUCH_FAMILY)])
    return [*found, (RETURN, 0, 0, ALLOW)]
