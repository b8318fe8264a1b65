"""The register of agents' worktrees: one folder for each, with a record beside the files, so that every
process and every later start knows whose each is. What is in a worktree is the business of `worktrees`.
"""

import contextlib
import json
import os
import re
import secrets
import time
from pathlib import Path
from typing import Literal

from codemad_jupyter.git.values import Snapshot
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_RECORD = "record.json"
PATIENCE = 60.0
"""Seconds after which a folder without a record is what a killed process left."""

State = Literal["making", "made", "removing"]


class Owner(Value):
    """A process: its number, and when it began as the system tells it (empty where it does not)."""

    pid: int
    began: str = ""

    @property
    def alive(self) -> bool:
        """Whether that very process still runs, and not another one of its number."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # somebody else's process: it is there
        return not self.began or _began(self.pid) == self.began


class Worktree(Value):
    """An agent's folder. ``prefix`` is where in the tree the workspace lies; ``owner`` is who made it or
    works in it now. ``left_out`` says what of the workspace is not in it, ``carried`` what was copied
    although git ignores it, ``plain`` why its git folder is not like a plain one (made so by us)."""

    id: str
    workspace: str
    task: str = ""
    agent: str = ""
    session: str = ""
    run: str = ""
    made: float
    state: State = "making"
    owner: Owner | None = None
    base: Snapshot | None = None
    prefix: str = ""
    plain: str = ""
    left_out: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()

    @property
    def at_work(self) -> bool:
        """Whether the process that works in it is alive."""
        return self.owner is not None and self.owner.alive


def this_process() -> Owner:
    """The process we are."""
    return Owner(pid=os.getpid(), began=_began(os.getpid()))


def check_name(name: str) -> str:
    """The name, if a worktree can be called so. Raises `UsageError`."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"An agent's worktree cannot be called {name[:60]!r}.",
            hint="Use up to 40 small letters, digits and hyphens.",
        )
    return name


class Registry:
    """The records below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, name: str) -> Path:
        """The folder of a worktree. Raises `UsageError` for a name that is none."""
        return self.folder / check_name(name)

    def claim(self, worktree: Worktree) -> None:
        """Register a new one: its folder appears in one step, with its record. Raises `Conflict`."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.folder / f".new-{secrets.token_hex(6)}"
        fresh.mkdir(mode=0o700)
        try:
            _write(fresh / _RECORD, worktree)
            fresh.rename(self.place(worktree.id))
        except OSError as error:
            _clear_fresh(fresh)
            raise Conflict(
                f"There is an agent {worktree.id} already.",
                hint="Choose another name, or see: codemad agents list",
            ) from error

    def keep(self, worktree: Worktree) -> None:
        """Put the record in place of the one before, in one step."""
        _write(self.place(worktree.id) / _RECORD, worktree)

    def find(self, name: str) -> Worktree:
        """The record. Raises `NotFound`."""
        found = self._read(self.place(name))
        if found is None:
            raise NotFound(f"There is no agent {name} here.", hint="See: codemad agents list")
        return found

    def every(self) -> tuple[Worktree, ...]:
        """All records, oldest first."""
        found = [self._read(folder) for folder in self._folders() if _NAME.fullmatch(folder.name)]
        return tuple(sorted(filter(None, found), key=lambda each: (each.made, each.id)))

    def remains(self) -> list[Path]:
        """What killed processes left of worktrees that were never there, or are not there any more."""
        remains: list[Path] = []
        for folder in self._folders():
            if folder.name.startswith(".gone-"):
                remains.append(folder)
            elif folder.name.startswith(".new-"):
                record = self._read(folder)
                if _old(folder) if record is None else not record.at_work:
                    remains.append(folder)
        return remains

    def put_aside(self, name: str) -> Path:
        """Take a worktree out of the register in one step; where its folder is now."""
        gone = self.folder / f".gone-{name}-{secrets.token_hex(6)}"
        self.place(name).rename(gone)
        return gone

    def _folders(self) -> list[Path]:
        try:
            with os.scandir(self.folder) as found:
                return [Path(entry) for entry in found if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []

    def _read(self, folder: Path) -> Worktree | None:
        try:
            if folder.is_symlink():
                return None
            found = Worktree.model_validate(json.loads((folder / _RECORD).read_bytes()))
        except (OSError, ValueError):
            return None
        return found if folder.name.startswith(".") or found.id == folder.name else None


def _old(folder: Path) -> bool:
    """Whether nobody can be just about to write the record."""
    with contextlib.suppress(FileNotFoundError):
        return time.time() - folder.stat().st_mtime > PATIENCE
    return False


def _write(path: Path, worktree: Worktree) -> None:
    temporary = path.with_name(f"{_RECORD}.{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(worktree.model_dump(), file)  # names that are no UTF-8 stay as escapes
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)


def _clear_fresh(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def _began(pid: int) -> str:
    """When the process began, with the boot it belongs to: a number alone is given out again."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return f"{boot}:{status.rpartition(')')[2].split()[19]}"
