"""Owns the one connection to a store file: opening it safely, one writer thread, readers beside it.

A database file belongs to one process. What is in the tables is the business of the other files here.
"""

import asyncio
import atexit
import contextlib
import os
import queue
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.store.lock import FileLock, duckdb_holder, held_by
from codemad_jupyter.store.migrations import (
    MIGRATIONS,
    Migration,
    StoreDamaged,
    check,
    migrate,
    version_of,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
Job = Callable[["DuckDBPyConnection"], T]
_Task = tuple[Job[Any], "Future[Any]"]

GROUP = 64
"""So many waiting writes at most share one transaction."""

_LOCKED_DOWN: dict[str, str | bool | int | float | list[str]] = {
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "lock_configuration": "true",
    "memory_limit": "1GB",
    "python_enable_replacements": "false",
    "threads": "2",
}

_TROUBLE = ("no space left", "permission denied", "read-only file system", "too large", "input/output error")


class Database:
    """An open store file, or a store in memory where ``path`` is None. Open it with `Database.open`."""

    def __init__(self, path: Path | None, connection: "DuckDBPyConnection", lock: FileLock | None) -> None:
        self.path = path
        self.notices: tuple[str, ...] = ()
        self._connection = connection
        self._lock = lock
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="codemad-store-read")
        self._closing = threading.Lock()
        self._closed = False
        # A daemon, so that a process that never closes its store can still end; all that was
        # acknowledged is on disk by then.
        self._writer = threading.Thread(target=self._write_all, name="codemad-store-write", daemon=True)
        self._writer.start()
        self._pid = os.getpid()
        atexit.register(self._at_exit)

    @classmethod
    def open(
        cls, path: Path | None, *, migrations: Sequence[Migration] = MIGRATIONS, set_aside: bool = False
    ) -> "Database":
        """Open, create or migrate; blocks, so call it off the event loop. With ``set_aside`` an
        unreadable file is kept under a new name and a fresh one takes its place."""
        if path is None:
            connection = _connect(":memory:")
            migrate(connection, migrations)
            return cls(None, connection, None)
        lock = FileLock.take(Path(f"{path}.lock"), store=path)
        notices: tuple[str, ...] = ()
        try:
            try:
                connection = _open_file(path, migrations)
            except StoreDamaged as damage:
                if not set_aside:
                    raise
                kept = keep_aside(path)
                notices = (f"{damage.message} It was kept as {kept}, and a fresh store was begun.",)
                connection = _open_file(path, migrations)
        except BaseException:
            lock.release()
            raise
        database = cls(path, connection, lock)
        database.notices = notices
        return database

    async def write(self, job: Job[T]) -> T:
        """Run ``job`` in a transaction on the writer thread and return after the commit.

        Waiting jobs share a transaction; when it fails each is run again alone, so a job must not
        touch anything but its cursor.
        """
        future: Future[T] = Future()
        with self._closing:
            self._refuse_closed()
            self._tasks.put((job, future))
        return await asyncio.wrap_future(future)

    async def read(self, job: Job[T]) -> T:
        """Run ``job`` on a reader thread; it sees all that was acknowledged."""
        with self._closing:
            self._refuse_closed()
            future = self._readers.submit(self._read_one, job)
        return await asyncio.wrap_future(future)

    async def close(self, *, remove: bool = False) -> None:
        """Finish what waits, write the file out and give it back; ``remove`` deletes it as well."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._tasks.put(None)
        await asyncio.to_thread(self._finish, remove)

    def _at_exit(self) -> None:
        """Close a store that nobody closed; never in a forked child, which does not own the file."""
        if os.getpid() == self._pid and not self._closed:
            self._closed = True
            self._tasks.put(None)
            self._finish(remove=False)

    def _finish(self, remove: bool) -> None:
        atexit.unregister(self._at_exit)
        self._writer.join(60)
        self._readers.shutdown()
        self._connection.close()
        if self.path is not None and remove:
            for name in (self.path, _wal(self.path)):
                name.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.release(remove=remove)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreError("The session store is closed.", hint="Start CodeMAD again to open it.")

    def _read_one(self, job: Job[T]) -> T:
        with _as_store_error(self.path), contextlib.closing(self._connection.cursor()) as cursor:
            return job(cursor)

    def _write_all(self) -> None:
        while (task := self._tasks.get()) is not None:
            group, more = [task], True
            while more and len(group) < GROUP:
                try:
                    following = self._tasks.get_nowait()
                except queue.Empty:
                    break
                more = following is not None
                if following is not None:
                    group.append(following)
            self._write_group([one for one in group if one[1].set_running_or_notify_cancel()])
            if not more:
                return

    def _write_group(self, group: list[_Task]) -> None:
        try:
            results = self._commit([job for job, _ in group])
        except Exception as error:
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            for task in group:  # one bad write must not take the others with it
                self._write_group([task])
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)

    def _commit(self, jobs: list[Job[Any]]) -> list[Any]:
        with _as_store_error(self.path, reopen=self._reopen):
            with contextlib.closing(self._connection.cursor()) as cursor:
                cursor.execute("begin")
                try:
                    results = [job(cursor) for job in jobs]
                    cursor.execute("commit")
                except BaseException:
                    _roll_back(cursor)
                    raise
            if self.path is not None:
                _tighten(_wal(self.path))
            return results

    def _reopen(self) -> None:
        """A fatal error, such as a full disk, leaves the open database useless: open it again."""
        if self.path is None:
            return
        with contextlib.suppress(Exception):  # it is broken already; the next line is what counts
            self._connection.close()
        self._connection = _connect(str(self.path))


def keep_aside(path: Path) -> Path:
    """Move an unreadable store, and what belongs to it, to a new name."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    kept = Path(f"{path}.damaged-{stamp}")
    number = 1
    while kept.is_symlink() or kept.exists():
        number += 1
        kept = Path(f"{path}.damaged-{stamp}-{number}")
    if _wal(path).exists():
        _wal(path).rename(f"{kept}.wal")
    if path.is_symlink() or path.exists():
        path.rename(kept)
    return kept


def _open_file(path: Path, migrations: Sequence[Migration]) -> "DuckDBPyConnection":
    if path.is_symlink() or path.exists():
        if not stat.S_ISREG(path.lstat().st_mode):
            raise StoreDamaged(f"The session store {path} is no regular file.")
        _bring_forward(path, migrations)
    elif _wal(path).exists():
        raise StoreDamaged(f"The session store {path} is gone; only its latest changes are left.")
    with _as_store_error(path, opening=True):
        connection = _connect(str(path))
    try:
        _tighten(path)
        with _as_store_error(path):  # a migration that fails does not make the file a damaged one
            migrate(connection, migrations)
        with _as_store_error(path, opening=True):
            connection.execute("select * from sessions").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_forward(path: Path, migrations: Sequence[Migration]) -> None:
    """Look at the version without writing, and copy the file before an older one is migrated."""
    with (
        _as_store_error(path, opening=True),
        contextlib.closing(_connect(str(path), read_only=True)) as connection,
    ):
        version = version_of(connection)
        check(version, migrations)
    if 0 < version < len(migrations):
        backup = Path(f"{path}.v{version}.backup")
        shutil.copy2(path, backup)
        _tighten(backup)
        if _wal(path).exists():
            shutil.copy2(_wal(path), _wal(backup))


def _connect(target: str, *, read_only: bool = False) -> "DuckDBPyConnection":
    import duckdb

    return duckdb.connect(target, read_only=read_only, config=_LOCKED_DOWN)


def _wal(path: Path) -> Path:
    return Path(f"{path}.wal")


def _tighten(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _roll_back(cursor: "DuckDBPyConnection") -> None:
    import duckdb

    with contextlib.suppress(duckdb.Error):  # a failed commit has ended the transaction by itself
        cursor.execute("rollback")


@contextlib.contextmanager
def _as_store_error(
    path: Path | None, *, opening: bool = False, reopen: Callable[[], None] | None = None
) -> Iterator[None]:
    """Turn DuckDB's errors into ours, each with its next step."""
    import duckdb

    where = f"the session store {path}" if path else "the session store in memory"
    try:
        yield
    except duckdb.ConstraintException as error:
        raise StoreError(
            f"This is already in {where}: {error}.", hint="Nothing was written; use a new id."
        ) from error
    except duckdb.Error as error:
        text = str(error)
        if path is not None and opening and "lock" in text.lower() and duckdb_holder(text):
            raise held_by(path, duckdb_holder(text)) from error
        if opening and not any(sign in text.lower() for sign in _TROUBLE):
            raise StoreDamaged(f"{where[0].upper()}{where[1:]} cannot be read: {text}") from error
        if reopen is not None and isinstance(error, duckdb.FatalException):
            reopen()
        raise StoreError(
            f"The database under {where} failed: {text}",
            hint="Check that the disk has space and the folder can be written, then try again.",
        ) from error
