# ruff: noqa: PTH100, PTH111, PTH112, PTH115, PTH123, PTH208
"""Keeps a trial from reaching anything but its own memory: refusals before the fork, a cage after it.

Runs inside the user's kernel (Linux, Python 3.9 or newer, standard library alone). The cage has three
bars: an audit hook, which knows reasons, and where the system has them Landlock and the filter of
`trial_filter`, which native code cannot pass either. Open files become read-only, sockets and pipes
lead nowhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import resource
import signal
import stat
import struct
import sys
from typing import Any

from codemad_jupyter.notebooks.trial_filter import install

BAD_THREADS = re.compile(r"^(?:polars|tokio|rayon|ray|raylet|Java|C2 Comp|G1 |cuda|grpc)")
BAD_MAPPINGS = re.compile(r"libcuda\.so|/dev/nvidia|libjvm\.so|/dev/kfd")
SHARED_WRITABLE = re.compile(r"^\S+ .w.s \S+ \S+ \d+\s+(?!/dev/shm/sem\.|/dev/shm/sem-)(\S.*)$", re.MULTILINE)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
MOST_WRITTEN = 100_000_000
MATPLOTLIB_HOMES = ("~/.config/matplotlib", "~/.cache/matplotlib")
LANDLOCK = (444, 445, 446)
WRITE_RIGHTS = 0b0001_1111_1111_0010  # write, remove, make; the bits of the first version
CHANGES = {
    "os.remove": "files",
    "os.rename": "files",
    "os.mkdir": "files",
    "os.rmdir": "files",
    "os.truncate": "files",
    "os.link": "files",
    "os.symlink": "files",
    "os.chmod": "files",
    "os.chown": "files",
    "os.utime": "files",
    "os.setxattr": "files",
    "os.removexattr": "files",
    "os.kill": "processes",
    "os.killpg": "processes",
    "os.exec": "processes",
    "os.fork": "processes",
    "os.forkpty": "processes",
    "os.posix_spawn": "processes",
    "os.system": "processes",
    "subprocess.Popen": "processes",
    "signal.pthread_kill": "processes",
    "socket.connect": "the network",
    "socket.bind": "the network",
    "socket.sendto": "the network",
    "socket.sendmsg": "the network",
    "socket.getaddrinfo": "the network",
    "urllib.Request": "the network",
    "webbrowser.open": "the network",
}


class Untried(PermissionError):
    """Raised inside a trial for what it must not do."""


def refusal() -> str:
    """Why this process must not be forked; empty when it may."""
    if not sys.platform.startswith("linux") or not hasattr(os, "fork"):
        return "trials need Linux"
    for name in thread_names():
        if BAD_THREADS.match(name):
            return "a library's threads (" + name + ") would not survive in a copy of this kernel"
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        maps = file.read()
    found = BAD_MAPPINGS.search(maps)
    if found:
        return "the kernel uses a device or virtual machine (" + found.group() + ") that cannot be copied"
    shared = SHARED_WRITABLE.search(maps)
    if shared:
        return "the kernel shares memory with other processes or a file (" + shared.group(1)[:80] + ")"
    return ""


def thread_names() -> list[str]:
    """Names of all native threads of this process."""
    names = []
    for thread in os.listdir("/proc/self/task"):
        with (
            contextlib.suppress(OSError),
            open("/proc/self/task/" + thread + "/comm", encoding="utf-8") as file,
        ):
            names.append(file.read().strip())
    return names


def enter_cage(
    folder: str, timeout: float, refused: list[str], *, memory: int = 0, keep: tuple[int, ...] = ()
) -> str:
    """Confine this process, the child; ``folder`` stays writable, reasons are added to ``refused``.

    ``memory`` is what it may take more than it has, in bytes; the descriptors ``keep`` stay as they are.
    Says which bars the system does not offer.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: never outlive the one who waits
    limit(timeout, memory)
    cut_descriptors(keep)
    missing = []
    try:
        missing += [] if landlock(libc, folder) else ["Landlock"]
    except OSError:
        missing.append("Landlock")
    sys.dont_write_bytecode = True
    os.environ["TMPDIR"] = folder
    if not all(os.path.isdir(os.path.expanduser(path)) for path in MATPLOTLIB_HOMES):
        os.environ.setdefault("MPLCONFIGDIR", folder)  # it would complain that it can make none
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = folder  # type: ignore[attr-defined]
    sys.addaudithook(lambda event, arguments: watch(event, arguments, folder, refused))
    missing += [] if install(libc) else ["seccomp"]
    return " and ".join(missing)


def limit(timeout: float, memory: int = 0) -> None:
    """Time, memory and file size; the last watchdog is a timer whose signal Python cannot hold up."""
    seconds = int(timeout) + 2
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 5)
    available = memory_available() // 2 or memory
    more = min(memory or available, available)
    for kind, most in (
        (resource.RLIMIT_CPU, seconds * (os.cpu_count() or 1)),
        (resource.RLIMIT_FSIZE, MOST_WRITTEN),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, memory_used() + more if more else resource.RLIM_INFINITY),
    ):
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            most = hard if most == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def memory_available() -> int:
    """Bytes the machine could still give; 0 when it does not tell."""
    with contextlib.suppress(OSError), open("/proc/meminfo", encoding="utf-8") as file:
        found = re.search(r"MemAvailable:\s+(\d+) kB", file.read())
        return int(found.group(1)) * 1024 if found else 0
    return 0


def memory_used() -> int:
    """Bytes of address space this process has."""
    with open("/proc/self/statm", encoding="utf-8") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def cut_descriptors(keep: tuple[int, ...] = ()) -> None:
    """What the copy shares with the kernel must not be written through, nor read empty."""
    nowhere = os.open("/dev/null", os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if number <= 2 or number == nowhere or number in keep:
            continue
        with contextlib.suppress(OSError):
            kind = os.fstat(number).st_mode
            if stat.S_ISREG(kind):
                reopen_read_only(number)
            elif not stat.S_ISDIR(kind) and not os.readlink("/proc/self/fd/" + name).startswith("/dev/"):
                os.dup2(nowhere, number)


def reopen_read_only(number: int) -> None:
    """Give an open file a position of its own, and take away the right to write."""
    position = os.lseek(number, 0, os.SEEK_CUR)
    try:
        fresh = os.open("/proc/self/fd/" + str(number), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        fresh = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    os.dup2(fresh, number, inheritable=bool(fcntl.fcntl(number, fcntl.F_GETFD) & fcntl.FD_CLOEXEC == 0))
    os.close(fresh)
    with contextlib.suppress(OSError):
        os.lseek(number, position, os.SEEK_SET)


def landlock(libc: Any, folder: str) -> bool:
    """Deny this process all writing outside ``folder``, TCP, and signals to others, as far as offered."""
    create, add_rule, restrict = LANDLOCK
    version = libc.syscall(create, None, 0, 1)
    if version < 1:
        return False
    rights = WRITE_RIGHTS | (1 << 13 if version >= 2 else 0) | (1 << 14 if version >= 3 else 0)
    words = (rights, 0b11, 0b11)[: 1 if version < 4 else 2 if version < 6 else 3]
    attributes = struct.pack("<" + "Q" * len(words), *words)
    ruleset = libc.syscall(create, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    for path, allowed in ((folder, rights), ("/dev/null", rights & (1 << 1 | 1 << 14))):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        libc.syscall(add_rule, ruleset, 1, struct.pack("<Qi", allowed, place), 0)
        os.close(place)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS, which Landlock wants from ordinary users
    done: bool = libc.syscall(restrict, ruleset, 0) == 0
    os.close(ruleset)
    return done


def watch(event: str, arguments: Any, folder: str, refused: list[str]) -> None:
    """The audit hook: raises for what a trial must not do."""
    reason = ""
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else ""
        if path and path != "/dev/null" and not inside(path, folder):
            reason = "it writes the file " + path[-200:]
    elif event in CHANGES and not within(arguments, folder):
        reason = "it reaches " + CHANGES[event] + " (" + event + ")"
    if reason:
        refused.append(reason)
        raise Untried(reason)


def within(arguments: Any, folder: str) -> bool:
    """Do the paths lie in the trial's own folder?"""
    paths = [os.fsdecode(item) for item in arguments if isinstance(item, (str, bytes))]
    return bool(paths) and all(inside(path, folder) for path in paths)


def inside(path: str, folder: str) -> bool:
    """Is the path the folder or in it?"""
    return (os.path.abspath(path) + os.sep).startswith(folder + os.sep)
