"""Owns the list of what an index consists of, and the lock of who may change it.

The list is replaced in one step, and nothing counts that is not on it: whenever a process is killed, the
index is what it was before or what it is after. Readers need no lock.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from codemad_jupyter.disk import write_whole
from codemad_jupyter.protocol.errors import CodemadError

FORMAT = 2
"""Raised whenever what is written changes: an index of another number is built again."""
NAME = "index.json"
LOCK = "index.lock"
SEGMENT = re.compile(r"\d{8}-[0-9a-f]{8}\.seg")


class Held(CodemadError):
    """Another process changes this index right now."""


@dataclass(slots=True)
class Part:
    """A segment as the list has it: ``dead`` are the numbers of its files that no longer count."""

    name: str
    checksum: int
    files: int
    chunks: int
    dead: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Manifest:
    """What the index consists of. ``touched`` are files whose time changed and whose text did not."""

    parts: list[Part] = field(default_factory=list)
    touched: dict[str, tuple[int, int]] = field(default_factory=dict)
    complete: bool = False
    next: int = 1
    skipped: dict[str, int] = field(default_factory=dict)
    degraded: int = 0
    format: int = FORMAT

    def new_name(self) -> str:
        """A name no segment of this index ever had, not even one that a killed process still writes."""
        name = f"{self.next:08d}-{secrets.token_hex(4)}.seg"
        self.next += 1
        return name

    @property
    def files(self) -> int:
        return sum(part.files - len(part.dead) for part in self.parts)


def load(folder: Path) -> tuple[Manifest | None, str]:
    """The list of a folder, and why there is none to go on with ("" where there never was one)."""
    path = folder / NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw.get("format") != FORMAT:
            return None, f"the index is of format {raw.get('format')}, this version reads {FORMAT}"
        return _manifest(raw), ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"the index cannot be read ({error.strerror})"
    except (ValueError, TypeError, KeyError, AttributeError):
        return None, "the list of the index is damaged"


def _manifest(raw: dict[str, Any]) -> Manifest:
    parts = [Part(**part) for part in raw["parts"]]
    for part in parts:
        if not SEGMENT.fullmatch(part.name):
            raise ValueError(part.name)
    touched = {str(path): (int(size), int(mtime)) for path, (size, mtime) in raw["touched"].items()}
    return Manifest(**{**raw, "parts": parts, "touched": touched})


def save(folder: Path, manifest: Manifest) -> None:
    """Make this the list that counts."""
    write_whole(folder / NAME, json.dumps(asdict(manifest), ensure_ascii=True).encode())


def signature(folder: Path) -> tuple[int, ...]:
    """What changes whenever the list of the index does; empty where there is none."""
    try:
        found = (folder / NAME).stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


@contextlib.contextmanager
def writing(folder: Path, *, wait: float = 0.0) -> Iterator[None]:
    """The right to change the index, for one process at a time; raises `Held` where another has it."""
    from filelock import FileLock, Timeout

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=wait)
    try:
        lock.acquire()
    except Timeout as error:
        raise Held(
            "Another process is updating this index.", hint="Search goes on with what it has written."
        ) from error
    try:
        yield
    finally:
        lock.release()


def clear(folder: Path, *, keep: Manifest | None = None) -> None:
    """Delete segments that are not on the list: what a killed process left, or an index given up."""
    kept = {part.name for part in keep.parts} if keep else set()
    for path in folder.glob("*"):
        stray = path.suffix in (".seg", ".new") or path.name.startswith(f".{NAME}.")
        if stray and path.name not in kept:
            with contextlib.suppress(OSError):  # held open elsewhere: the next run deletes it
                path.unlink()
