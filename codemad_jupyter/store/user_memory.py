"""Owns the facts that hold in every workspace of the person: one small file in their data folder.

A store file of a workspace belongs to one process; this file is read and changed by all of them, each
change under a lock and in one step. What is forgotten is not in the file any more.
"""

import asyncio
import base64
import contextlib
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from codemad_jupyter.disk import write_whole
from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.store.codec import decode, encode
from codemad_jupyter.store.memory import Vector

FILE = "memory.json"
VERSION = 1
_LARGEST = 20_000_000
PATIENCE = 5.0
"""Seconds to wait for another process that changes the file."""

_Rows = dict[str, dict[str, Any]]
_EMBED = ("embedder", "embedding")


class UserMemory:
    """The facts of the user scope. Answers as `store.Store` does for the other scopes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    async def memories(self) -> tuple[Memory, ...]:
        """Every fact, oldest first. Raises `StoreError` where the file cannot be read."""
        rows = await asyncio.to_thread(self._read)
        return tuple(sorted(map(_memory, rows.values()), key=lambda each: (each.created, each.id)))

    async def put_memory(self, fact: Memory) -> None:
        """Keep a fact in place of the one with its id; a new wording loses its vector."""

        def change(rows: _Rows) -> None:
            known = rows.get(fact.id, {})
            vector = {
                name: known[name] for name in _EMBED if known.get("text") == fact.text and name in known
            }
            rows[fact.id] = {**fact.model_dump(), **vector}

        await self._change(change)

    async def remove_memories(self, ids: Collection[str]) -> None:
        """Forget facts."""

        def change(rows: _Rows) -> None:
            for id in ids:
                rows.pop(id, None)

        await self._change(change)

    async def use_memories(self, ids: Collection[str], at: float) -> None:
        """Note that these facts were sent."""

        def change(rows: _Rows) -> None:
            for id in rows.keys() & set(ids):
                rows[id] |= {"uses": rows[id]["uses"] + 1, "used": at}

        await self._change(change)

    async def memory_vectors(self, embedder: str) -> dict[str, bytes]:
        """By fact, the vector which that model made of it."""
        rows = await asyncio.to_thread(self._read)
        own = {id: row for id, row in rows.items() if row.get("embedder") == embedder}
        return {id: base64.b64decode(row["embedding"]) for id, row in own.items()}

    async def put_memory_vectors(self, vectors: Sequence[Vector]) -> None:
        """Keep vectors of facts; of a fact that is gone, nothing."""

        def change(rows: _Rows) -> None:
            for each in vectors:
                if each.memory in rows:
                    body = base64.b64encode(each.body).decode()
                    rows[each.memory] |= {"embedder": each.embedder, "embedding": body}

        await self._change(change)

    async def _change(self, change: Callable[[_Rows], None]) -> None:
        def work() -> None:
            with _locked(Path(f"{self._path}.lock")):
                rows = self._read()
                change(rows)
                self._write(rows)

        try:
            await asyncio.to_thread(work)
        except OSError as error:
            raise StoreError(
                f"What is remembered of you could not be changed in {self._path}: {error.strerror}.",
                hint="Check the folder's permissions and the space on the disk, then try again.",
            ) from error

    def _read(self) -> _Rows:
        try:
            with self._path.open("rb") as file:
                kept = decode(file.read(_LARGEST).decode())
            if kept["version"] > VERSION:
                raise _unreadable(self._path, "a later CodeMAD wrote it")
            rows: _Rows = {str(row["id"]): row for row in kept["memories"]}
            for row in rows.values():
                _memory(row)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _unreadable(self._path, error.strerror or type(error).__name__) from error
        except (ValueError, LookupError, TypeError, ValidationError) as error:
            raise _unreadable(self._path, "it is damaged") from error
        return rows

    def _write(self, rows: _Rows) -> None:
        kept = encode({"version": VERSION, "memories": list(rows.values())})
        write_whole(self._path, kept.encode())


def _memory(row: dict[str, Any]) -> Memory:
    return Memory.model_validate({name: each for name, each in row.items() if name not in _EMBED})


def _unreadable(path: Path, why: str) -> StoreError:
    return StoreError(
        f"What is remembered of you cannot be read from {path}: {why}.",
        hint="Mend the file or move it away; until then nothing of it is used or changed.",
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Alone among all processes, where the system has such locks; the file stays, empty."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        if sys.platform != "win32":
            _wait_for(descriptor)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int) -> None:
    import fcntl

    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
