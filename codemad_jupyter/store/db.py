"""Owns the one connection to a store: its lock, one writer thread, and readers beside it.

A database file belongs to one process. How it is opened stands in `storefile`; what is in the tables
is the business of the other files here.
"""

import asyncio
import atexit
import contextlib
import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.store.lock import FileLock
from codemad_jupyter.store.migrations import MIGRATIONS, Migration, StoreDamaged, migrate
from codemad_jupyter.store.storefile import as_store_error, connect, keep_aside, open_file, tighten, wal_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
Job = Callable[["DuckDBPyConnection"], T]


class _Task(NamedTuple):
    job: Job[Any]
    future: "Future[Any]"
    alone: bool = False


GROUP = 64
"""So many waiting writes at most share one transaction."""


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
            connection = connect(":memory:")
            migrate(connection, migrations)
            return cls(None, connection, None)
        lock = FileLock.take(Path(f"{path}.lock"), store=path)
        notices: tuple[str, ...] = ()
        try:
            try:
                connection, former = open_file(path, migrations)
                if former is not None:
                    said = f"The session store was brought to schema version {len(migrations)}."
                    notices = (f"{said} As it was before, it is kept as {former}.",)
            except StoreDamaged as damage:
                if not set_aside:
                    raise
                kept = keep_aside(path)
                notices = (f"{damage.message} It was kept as {kept}, and a fresh store was begun.",)
                connection, _ = open_file(path, migrations)
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
        return await self._put(job, alone=False)

    async def still(self, job: Job[T]) -> T:
        """Run ``job`` on the writer thread while nothing is written and no transaction is open."""
        return await self._put(job, alone=True)

    async def _put(self, job: Job[T], *, alone: bool) -> T:
        future: Future[T] = Future()
        with self._closing:
            self._refuse_closed()
            self._tasks.put(_Task(job, future, alone))
        return await asyncio.wrap_future(future)

    async def read(self, job: Job[T]) -> T:
        """Run ``job`` on a reader thread; it sees all that was acknowledged."""
        with self._closing:
            self._refuse_closed()
            future = self._readers.submit(self._read_one, job)
        return await asyncio.wrap_future(future)

    @property
    def waiting(self) -> int:
        """How many writes wait for their turn."""
        return self._tasks.qsize()

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
            for name in (self.path, wal_of(self.path)):
                name.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.release(remove=remove)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreError("The session store is closed.", hint="Start CodeMAD again to open it.")

    def _read_one(self, job: Job[T]) -> T:
        with as_store_error(self.path), contextlib.closing(self._connection.cursor()) as cursor:
            return job(cursor)

    def _write_all(self) -> None:
        task: _Task | None = self._tasks.get()
        while task is not None:
            if task.alone:
                self._do_alone(task)
                task = self._tasks.get()
                continue
            group, following = self._gathered(task)
            self._write_group([one for one in group if one.future.set_running_or_notify_cancel()])
            task = following[0] if following else self._tasks.get()

    def _gathered(self, first: _Task) -> tuple[list[_Task], list[_Task | None]]:
        """What can share a transaction with the first, and what came after that, if it was taken."""
        group = [first]
        while len(group) < GROUP:
            try:
                following = self._tasks.get_nowait()
            except queue.Empty:
                break
            if following is None or following.alone:
                return group, [following]
            group.append(following)
        return group, []

    def _do_alone(self, task: _Task) -> None:
        if not task.future.set_running_or_notify_cancel():
            return
        try:
            with as_store_error(self.path), contextlib.closing(self._connection.cursor()) as cursor:
                task.future.set_result(task.job(cursor))
        except BaseException as error:  # handed to whoever waits
            task.future.set_exception(error)

    def _write_group(self, group: list[_Task]) -> None:
        try:
            results = self._commit([task.job for task in group])
        except Exception as error:
            if len(group) == 1:
                group[0].future.set_exception(error)
                return
            for task in group:  # one bad write must not take the others with it
                self._write_group([task])
            return
        for task, result in zip(group, results, strict=True):
            task.future.set_result(result)

    def _commit(self, jobs: list[Job[Any]]) -> list[Any]:
        with as_store_error(self.path, reopen=self._reopen):
            with contextlib.closing(self._connection.cursor()) as cursor:
                cursor.execute("begin")
                try:
                    results = [job(cursor) for job in jobs]
                    cursor.execute("commit")
                except BaseException:
                    _roll_back(cursor)
                    raise
            if self.path is not None:
                tighten(wal_of(self.path))
            return results

    def _reopen(self) -> None:
        """A fatal error, such as a full disk, leaves the open database useless: open it again."""
        if self.path is None:
            return
        with contextlib.suppress(Exception):  # it is broken already; the next line is what counts
            self._connection.close()
        self._connection = connect(str(self.path))


def _roll_back(cursor: "DuckDBPyConnection") -> None:
    import duckdb

    with contextlib.suppress(duckdb.Error):  # a failed commit has ended the transaction by itself
        cursor.execute("rollback")
