"""Refuses folders that are too wide for checkpoints: a home, a system folder, the top of a disk."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from codemad_jupyter.protocol.errors import GitError

_SYSTEM = frozenset(
    Path(name)
    for name in (
        *("/", "/Applications", "/Library", "/System", "/Users", "/Volumes", "/bin", "/boot", "/dev"),
        *("/dev/shm", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/private", "/proc"),  # noqa: S108
        *("/root", "/run", "/sbin", "/snap", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/tmp"),  # noqa: S108
    )
)
_NO_FILES = (Path("/proc"), Path("/sys"))


def check_width(root: Path) -> None:
    """Raise `GitError` where the folder, all links resolved, is too wide to be covered."""
    reason = _reason(root)
    if reason:
        raise GitError(
            f"{root} is too wide to be covered: {reason}.", hint="Start in the folder of a project."
        )


def _reason(root: Path) -> str:
    for home in _homes():
        if root == home and not _declared(root):
            return "it is a home folder"
        if root != home and home.is_relative_to(root):
            return "a home folder is in it"
    if root in _SYSTEM and not _declared(root):
        return "it is a folder of the system"
    if any(root.is_relative_to(folder) for folder in _NO_FILES):
        return "it holds no ordinary files"
    return "it is the top of a disk" if _is_disk(root) and not (root / ".git").is_dir() else ""


def _homes() -> Iterator[Path]:
    """The person's home folders: by the environment, and by the system's list of users."""
    import pwd

    named = [os.environ.get("HOME", "")]
    with contextlib.suppress(KeyError):  # a container may run as a user that has no name
        named.append(pwd.getpwuid(os.geteuid()).pw_dir)
    yield from {Path(name).resolve() for name in named if name.startswith("/")}


def _declared(root: Path) -> bool:
    """Whether an image built from a repository says that the home folder is that repository."""
    folder = os.environ.get("REPO_DIR", "")
    return bool(folder) and Path(folder).resolve() == root and (root / ".git").is_dir()


def _is_disk(root: Path) -> bool:
    """Whether a whole file system begins here, rather than a folder that is shown at a second place."""
    if not root.is_mount():
        return False
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return True
    shown = {words[4]: words[3] for words in map(str.split, lines)}
    name = (
        str(root).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011").replace("\n", "\\012")
    )
    return shown.get(name, "/") == "/"
