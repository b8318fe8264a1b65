"""Owns the daily snapshots of a store: whole copies beside it, the newest few kept.

The process that has the store open copies it, between two writes, and gives way as soon as somebody waits to
write; nobody's prompt is to wait for a copy. Backups for people, with more in them, are made in ``app``.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.store.db import Database
from codemad_jupyter.store.opening import MAIN
from codemad_jupyter.store.storefile import connect, wal_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FOLDER = "snapshots"
DAY = 86_400.0
SOON, LATER = 60.0, 3_600.0
"""Seconds until the next look: after a copy that gave way, and else."""
_PIECE = 4 * 1024 * 1024
_log = logging.getLogger(__name__)


async def copy_store(database: Database, target: Path, *, patient: bool) -> bool:
    """A copy of the open store as it is now, whole in one file; ``target`` must be new. False where it gave
    way to a write, which a ``patient`` one does. Raises `StoreError` where it cannot be written."""
    path = database.path
    if path is None:
        raise StoreError(
            "The sessions are in memory alone: there is no file to copy.",
            hint="Keep single sessions with: codemad sessions export",
        )
    stop = (lambda: bool(database.waiting)) if patient else (lambda: False)
    try:
        copied = await database.still(lambda cursor: _copy(cursor, path, target, stop))
        if copied:
            await asyncio.to_thread(_settle, target)
        else:
            await asyncio.to_thread(discard, target)
    except BaseException as error:
        await asyncio.to_thread(discard, target)
        if isinstance(error, OSError):
            said = f"The store could not be copied to {target}: {error.strerror or error}."
            raise StoreError(said, hint="Check the space on the disk, then try again.") from error
        raise
    return copied


def discard(target: Path) -> None:
    """Take away what there is of a copy."""
    for name in (target, wal_of(target)):
        if name.exists():
            name.unlink()


def _copy(cursor: "DuckDBPyConnection", path: Path, target: Path, stop: Callable[[], bool]) -> bool:
    import duckdb

    with contextlib.suppress(duckdb.Error):  # somebody reads: the changes are in the journal, copied too
        cursor.execute("checkpoint")
    pairs = [(path, target)]
    if wal_of(path).exists():
        pairs.append((wal_of(path), wal_of(target)))
    return all(_copied(source, copy, stop) for source, copy in pairs)


def _copied(source: Path, target: Path, stop: Callable[[], bool]) -> bool:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with source.open("rb") as reading, os.fdopen(os.open(target, flags, 0o600), "wb") as writing:
        while piece := reading.read(_PIECE):
            if stop():
                return False
            writing.write(piece)
    return True


def _settle(target: Path) -> None:
    """Take the journal into the copy, which shows that it can be read, and put it on the disk."""
    with contextlib.closing(connect(str(target))) as connection:
        connection.execute("select count(*) from sessions").fetchone()
        connection.execute("checkpoint")
    with target.open("rb") as file:
        os.fsync(file.fileno())


class Snapshots:
    """The snapshots of one store; ``kept`` of them, 0 for none. `stop` before the store is closed."""

    def __init__(self, database: Database, *, kept: int) -> None:
        self._database = database
        # A side store is taken into the main one at the next start.
        self._kept = kept if database.path is not None and database.path.name == MAIN else 0
        self._task: asyncio.Task[None] | None = None

    @property
    def folder(self) -> Path:
        """Where they lie."""
        path = self._database.path
        assert path is not None  # noqa: S101 - of a store in memory none are kept
        return path.parent / FOLDER

    def start(self, busy: Callable[[], bool]) -> None:
        """Take one each day in the background, while nothing is ``busy``."""
        if self._kept and self._task is None:
            self._task = asyncio.create_task(self._daily(busy), name="codemad snapshots")

    async def stop(self) -> None:
        """End the background; where a snapshot is due it is taken now, when nobody asks any more."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None
        with _told():
            if await self.due():
                await self.take()

    async def due(self) -> bool:
        """Whether the latest snapshot, or without one the first session, is more than a day old."""
        newest = await asyncio.to_thread(self._newest)
        if newest is None:
            newest = await self._database.read(_begun)
        return newest is not None and not 0 <= time.time() - newest < DAY

    async def take(self, *, patient: bool = False) -> Path | None:
        """A snapshot of now, and the oldest go; None where it gave way to a write."""
        folder = self.folder
        await asyncio.to_thread(folder.mkdir, 0o700, exist_ok=True)
        fresh = folder / f".new-{os.getpid()}-{time.monotonic_ns()}"
        if not await copy_store(self._database, fresh, patient=patient):
            return None
        path = folder / f"{time.strftime('%Y-%m-%d-%H%M%S')}.duckdb"
        await asyncio.to_thread(fresh.replace, path)
        await asyncio.to_thread(self._rotate)
        return path

    async def _daily(self, busy: Callable[[], bool]) -> None:
        pause = SOON
        while True:
            await asyncio.sleep(pause)
            pause = LATER
            with _told():
                if await self.due() and (busy() or await self.take(patient=True) is None):
                    pause = SOON

    def _newest(self) -> float | None:
        return max((path.stat().st_mtime for path in self.folder.glob("*.duckdb")), default=None)

    def _rotate(self) -> None:
        for path in sorted(self.folder.glob("*.duckdb"))[: -self._kept]:
            path.unlink(missing_ok=True)
        for left in self.folder.glob(".new-*"):  # of processes that were killed: the store has one owner
            left.unlink(missing_ok=True)


def _begun(cursor: "DuckDBPyConnection") -> float | None:
    row = cursor.execute("select min(created) from sessions").fetchone()
    return None if row is None else row[0]


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (StoreError, OSError) as error:
        _log.warning("no snapshot of the sessions was taken: %s", error)
