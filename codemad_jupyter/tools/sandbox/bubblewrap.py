"""Words for bubblewrap: a view of the machine in which a program sees and writes only what it may.

Only the system's own ``bwrap`` is used: one that the person or a project could have put on a path is
not a wall but a door.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from codemad_jupyter.tools.sandbox.confinement import SCRATCH, Confinement

PLACES = ("/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap", "/run/current-system/sw/bin/bwrap")
NAME_SPACES = ("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try")
MASK_SIZE = "65536"
LISTENING = re.compile(r"^\S+: \S+ \S+ \S+ \S+ \S+ +\d+ (/\S.*)$", re.MULTILINE)


def program() -> Path | None:
    """The system's bubblewrap: a file of root's that nobody else may write."""
    for text in PLACES:
        path = Path(os.path.realpath(text))
        if path.is_file() and _safe(path) and all(_safe(each) for each in path.parents):
            return path
    return None


def _safe(path: Path) -> bool:
    state = path.stat()
    return state.st_uid == 0 and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def words(bwrap: Path, confinement: Confinement, *, cwd: Path, private: Path, proc: bool) -> list[str]:
    """The command line before the program's own. ``private`` becomes its /tmp; without ``proc`` it sees the
    machine's /proc, where that cannot be mounted anew."""
    spaces = [*NAME_SPACES, *([] if confinement.network else ["--unshare-net"])]
    kernel = ["--proc", "/proc"] if proc else ["--ro-bind", "/proc", "/proc"]
    first = ["--new-session", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", *kernel]
    return [str(bwrap), *spaces, *first, *_mounts(confinement, private), "--chdir", str(cwd)]


def _mounts(confinement: Confinement, private: Path) -> Iterator[str]:
    """Shallow places first, so that a deeper one wins; a mask wins over anything else of the same place."""
    ranks: list[tuple[int, int, Path]] = []
    seen = [place for place in confinement.shown if place not in confinement.writable]
    listed = (confinement.writable, seen, confinement.protected, confinement.masked)
    for rank, places in enumerate(listed):
        ranks += [(len(place.parts), rank, place) for place in places]
    ranks += [(len(place.parts), -1, place) for place in SCRATCH if not place.is_symlink() and place.is_dir()]
    masked = []
    for _, rank, place in sorted(ranks, key=lambda each: each[:2]):
        if rank == -1:
            yield from ("--bind", str(private), str(place))
        elif rank < 3:
            yield from ("--bind" if rank == 0 else "--ro-bind", str(place), str(place))
        elif place.is_dir():
            masked.append(str(place))
            yield from ("--size", MASK_SIZE, "--tmpfs", str(place))
        else:
            yield from ("--ro-bind", "/dev/null", str(place))
    for hidden in masked:
        yield from ("--remount-ro", hidden)


def _is_socket(path: Path) -> bool:
    """One that this user cannot even look at, nobody of ours can connect to."""
    try:
        return path.is_socket()
    except OSError:
        return False


def sockets(confinement: Confinement) -> list[Path]:
    """Sockets of other programs that lie in no masked place: a wall of files does not stop a connection. The
    launcher covers those that are still there when it starts the program."""
    try:
        text = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    hidden = (*confinement.masked, *SCRATCH)
    found = {Path(os.path.realpath(match[1])) for match in LISTENING.finditer(text)}
    return [
        p
        for p in found
        if _is_socket(p) and _reachable(p) and not any(p.is_relative_to(each) for each in hidden)
    ]


def _reachable(path: Path) -> bool:
    """Whether a way leads there in a name space of ours, where root has no rights over what is others'.

    Behind a closed folder neither the program gets nor bubblewrap, which would make no sandbox at all."""
    try:
        return all(_passable(each.stat()) for each in path.parents)
    except OSError:
        return False


def _passable(state: os.stat_result) -> bool:
    if state.st_uid == os.geteuid():
        return bool(state.st_mode & stat.S_IXUSR)
    group = state.st_gid in (os.getegid(), *os.getgroups())
    return bool(state.st_mode & (stat.S_IXGRP if group else stat.S_IXOTH))
