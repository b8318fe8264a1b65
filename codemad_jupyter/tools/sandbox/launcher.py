"""Starts one confined program and ends all that comes of it: ``python -I -S launcher.py SPEC PROGRAM …``.

Three processes: the outer one is what its starter waits for; the keeper, in a session of its own and outside
the walls, adopts every orphan and ends them all; the inner one goes behind the walls and becomes the program.
When the starter or the outer one is killed, the keeper is told by the system. Run as a script of the
standard library and of files beside it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import struct
import sys
import time
from types import FrameType
from typing import Any, NoReturn

DEATH_SIGNAL, ADOPT, DROP_POWER = 1, 36, 24  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_CAPBSET_DROP
POWERS_VERSION = 0x20080522
FAILED = 125
"""The exit code for a sandbox that could not be made; the program was not started."""
ENDING = 10.0
LINUX = sys.platform.startswith("linux")


class _Ended(Exception):
    """The starter is gone, or wants an end."""


def main() -> None:
    """Be the outer process."""
    spec, argv = json.loads(sys.argv[1]), sys.argv[2:]
    sys.path.insert(0, spec["package"])
    _die_with(signal.SIGKILL, spec["parent"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = os.getpid()
    keeper = os.fork()
    if keeper == 0:
        _keep(spec, argv, own)

    def pass_on(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGTERM)

    signal.signal(signal.SIGTERM, pass_on)
    _, status = os.waitpid(keeper, 0)
    os._exit(_code(status))


def _keep(spec: dict[str, Any], argv: list[str], outer: int) -> NoReturn:
    """Be the keeper: start the program, wait, end what is left of it, and clear up."""
    code, group, kept = FAILED, None, []
    try:
        signal.signal(signal.SIGTERM, _raise_ended)
        os.setsid()
        _die_with(signal.SIGTERM, outer)
        if LINUX:
            ctypes.CDLL(None).prctl(ADOPT, 1, 0, 0, 0)
        from codemad_jupyter.tools.sandbox import cgroups

        group = cgroups.make(spec["limits"])
        keeper = os.getpid()
        child = os.fork()
        if child == 0:
            _become(spec, argv, keeper, group)
        code = _code(_reaped(child))
        kept = spec["reports"]
    except _Ended:
        code = 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end_all(group)
        _clear(spec["private"], kept)
        os._exit(code)


def _raise_ended(number: int, frame: FrameType | None) -> None:
    raise _Ended


def _reaped(child: int) -> int:
    """Wait for the program, taking in orphans on the way; how it ended."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            return status


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _die_with(number: int, parent: int) -> None:
    if LINUX:
        ctypes.CDLL(None).prctl(DEATH_SIGNAL, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(FAILED)


def _become(spec: dict[str, Any], argv: list[str], keeper: int, group: Any) -> NoReturn:
    """Go behind the walls and become the program; any failure on the way ends this process."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(
                number, signal.SIG_DFL
            )  # Python ignores the last two, and a program would inherit it
        os.setsid()
        _die_with(signal.SIGKILL, keeper)
        if group is not None:
            group.join()
        _limit(spec["limits"])
        words = _walled(spec)
        os.chdir(spec["cwd"])
        if "JPY_PARENT_PID" in os.environ:
            os.environ["JPY_PARENT_PID"] = "1"  # a kernel that looked for its parent would not find it here
        command = [*words, *argv]
        os.execvp(command[0], command)  # noqa: S606 - this is what it is for
    except FileNotFoundError as error:
        _say(f"There is no program {argv[0] if argv else ''} ({error}).")
        os._exit(127)
    except BaseException as error:
        _say(f"The sandbox could not be made, nothing was run: {type(error).__name__}: {error}")
    os._exit(FAILED)


def _walled(spec: dict[str, Any]) -> list[str]:
    """Put the walls up that are put up from inside; words for the program that puts up the others."""
    if not LINUX or spec["backend"] not in ("bubblewrap", "landlock"):
        return list(spec["words"])
    from codemad_jupyter.notebooks import trial_filter
    from codemad_jupyter.tools.sandbox import system_calls

    steps = system_calls.steps(tuple(spec["families"]))
    if spec["backend"] == "bubblewrap":
        return [*spec["words"], *_covered(spec["sockets"]), *_as_file(trial_filter.packed(steps)), "--"]
    from codemad_jupyter.notebooks import confined
    from codemad_jupyter.tools.sandbox.landlock import readable

    confined.confine(
        [*spec["writable"], spec["private"]],
        readable=readable(spec["masked"], spec["shown"]),
        network=spec["network"],
    )
    _drop_powers()
    if not steps or not trial_filter.load(ctypes.CDLL(None, use_errno=True), steps):
        raise OSError("this system takes no filter of system calls")
    return []


def _covered(sockets: list[str]) -> list[str]:
    """Words that close sockets; bubblewrap would fail over one that has gone since they were listed."""
    there = [place for place in sockets if os.path.lexists(place)]
    return [word for place in there for word in ("--ro-bind", "/dev/null", place)]


def _drop_powers() -> None:
    """Root's powers pass walls that hold for everybody else; the program keeps the name alone."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for power in range(64):
        libc.prctl(DROP_POWER, power, 0, 0, 0)
    nothing = ctypes.create_string_buffer(24)
    if libc.capset(ctypes.create_string_buffer(struct.pack("<Ii", POWERS_VERSION, 0)), nothing):
        raise OSError(ctypes.get_errno(), "the powers of root could not be dropped")


def _as_file(code: bytes) -> list[str]:
    if not code:
        raise OSError("the system calls of this machine are not known")
    place = os.memfd_create("filter", 0)
    os.write(place, code)
    os.lseek(place, 0, os.SEEK_SET)
    return ["--seccomp", str(place)]


def _limit(limits: dict[str, int]) -> None:
    processes = limits["processes"] and limits["processes"] + _own_tasks()
    for kind, most in (
        (resource.RLIMIT_DATA, limits["memory"]),
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_FSIZE, limits["file_size"]),
    ):
        hard = resource.getrlimit(kind)[1]
        if most and (hard == resource.RLIM_INFINITY or most < hard):
            resource.setrlimit(kind, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What runs here goes before the person's own programs where memory ends.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("1000")


def _own_tasks() -> int:
    """How many threads this user has already: the system counts those in."""
    count, own = 0, os.getuid()
    for name in _processes():
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid == own:  # noqa: PTH116
                count += len(os.listdir(f"/proc/{name}/task"))  # noqa: PTH208
    return count


def _end_all(group: Any) -> None:
    """Kill everything that descends from this process, until nothing is left."""
    until = time.monotonic() + ENDING
    while time.monotonic() < until:
        if group is not None:
            group.freeze()
        for each in _descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(each, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            break
        time.sleep(0.005)
    if group is not None:
        group.remove()


def _descendants(own: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in _processes():
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                parent = int(file.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [own]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _processes() -> list[str]:
    with contextlib.suppress(OSError):
        return [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    return []


def _clear(folder: str, kept: list[str]) -> None:
    """Remove the scratch folder, but for reports that whoever started this waits for and removes."""
    if not folder:
        return
    import shutil

    if not any(os.path.lexists(f"{folder}/{name}") for name in kept):
        shutil.rmtree(folder, ignore_errors=True)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode(errors="replace"))


if __name__ == "__main__":
    main()
