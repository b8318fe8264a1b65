"""A control group for one confined program, where this process may make one: a limit on all of it together.

The standard library alone: the launcher imports it. Where no group can be had there is none, and the
limits of single processes hold all the same.
"""

from __future__ import annotations

import contextlib
import os

TOP = "/sys/fs/cgroup"


class Group:
    """Folders that make one group, one for each kind of limit."""

    def __init__(self, folders: list[str]) -> None:
        self._folders = folders

    def join(self) -> None:
        """Put this process and all it will start into the group."""
        for folder in self._folders:
            _write(f"{folder}/cgroup.procs", str(os.getpid()))

    def freeze(self) -> None:
        """No process of the group may start another one from now on."""
        for folder in self._folders:
            with contextlib.suppress(OSError):
                _write(f"{folder}/pids.max", "0")

    def remove(self) -> None:
        """Take the group away; it must be empty."""
        for folder in self._folders:
            with contextlib.suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106


def make(limits: dict[str, int]) -> Group | None:
    """A new group with these limits, or None where this process may make none."""
    folders = []
    for kind, name, most in (
        ("pids", "pids.max", limits["processes"]),
        ("memory", "memory.limit_in_bytes", limits["total"]),
    ):
        above = _place(kind)
        if above is None or not most:
            continue
        folder = f"{above}/codemad-{os.getpid()}"
        name = "memory.max" if kind == "memory" and _unified(above) else name
        try:
            if folder not in folders:
                os.mkdir(folder)  # noqa: PTH102
            _write(f"{folder}/{name}", str(most))
        except OSError:
            if folder not in folders:
                with contextlib.suppress(OSError):
                    os.rmdir(folder)  # noqa: PTH106
            continue
        folders.append(folder)
    return Group(list(dict.fromkeys(folders))) if folders else None


def counts_processes() -> bool:
    """Can this process limit how many processes there are in a group? Tried, not guessed."""
    group = make({"processes": 8, "total": 0})
    if group is None:
        return False
    group.remove()
    return True


def _place(kind: str) -> str | None:
    """Where this process's group for a kind of limit lies."""
    with contextlib.suppress(OSError):
        with open("/proc/self/cgroup", encoding="utf-8") as file:  # noqa: PTH123
            lines = [line.rstrip("\n").split(":", 2) for line in file]
        for number, kinds, path in lines:
            if kind in kinds.split(","):
                return f"{TOP}/{kinds}{path}".rstrip("/")
            if number == "0" and _offers(f"{TOP}{path}", kind):
                return f"{TOP}{path}".rstrip("/")
    return None


def _offers(folder: str, kind: str) -> bool:
    with contextlib.suppress(OSError), open(f"{folder}/cgroup.subtree_control", encoding="utf-8") as file:  # noqa: PTH123
        return kind in file.read().split()
    return False


def _unified(folder: str) -> bool:
    return os.path.exists(f"{folder}/cgroup.controllers")  # noqa: PTH110


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
