"""The search of one workspace as the engine uses it: the index, kept up to date without making anyone wait.

A server lets a process of its own follow the folder (`start`); elsewhere the index is looked after when
something is first searched. A search answers from what there is and says what is missing.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.app.indexing import FolderIndex
from codemad_jupyter.context.manifest import Held, load
from codemad_jupyter.context.search import Found
from codemad_jupyter.protocol.errors import CodemadError

if TYPE_CHECKING:
    from codemad_jupyter.config.settings import Settings

PATIENCE = 8.0
"""Seconds a search waits for an index that is being built."""
HELD = 1.0
"""Seconds a search waits for another process that changes the index."""
FRESH = 2.0
"""An index looked after so many seconds ago is not looked after again before a search."""


class WorkspaceFinder:
    """Finds places in the workspace ``root``."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root = root
        self._settings = settings
        self._index: FolderIndex | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self._update: asyncio.Task[str] | None = None
        self._updated = float("-inf")

    def start(self) -> None:
        """Let a process of low priority build and follow the index, until `close` or this process ends."""
        if not self._settings.index or self.worker is not None:
            return
        command = (sys.executable, "-m", "codemad_jupyter.app.index_worker", str(self.root))
        self.worker = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_told(self._settings)},
        )

    async def find(self, query: str, *, limit: int) -> Found:
        """The places that fit best; where the index is not whole yet, those it has."""
        index = self._opened()
        notice = await (self._followed(index) if self._followed_elsewhere() else self._looked_after(index))
        hits = await asyncio.to_thread(index.search, query, limit=limit)
        return Found(tuple(hits), " ".join(part for part in (notice, index.notice) if part))

    async def close(self) -> None:
        """Stop what goes on."""
        if self.worker is not None:
            await asyncio.to_thread(_ended, self.worker)
            self.worker = None
        if self._index is not None:
            self._index.stop()
        if self._update is not None:
            await asyncio.wait([self._update], timeout=PATIENCE)
        if self._index is not None:
            await asyncio.to_thread(self._index.close)

    def _opened(self) -> FolderIndex:
        if self._index is None:
            self._index = FolderIndex(self.root, self._settings)
        return self._index

    def _followed_elsewhere(self) -> bool:
        return self.worker is not None and self.worker.poll() is None

    async def _followed(self, index: FolderIndex) -> str:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found, _ = await asyncio.to_thread(load, index.folder)
            if found is not None and found.complete:
                return ""
            await asyncio.sleep(0.1)
        return "The index of this workspace is still being built: this is what it has so far."

    async def _looked_after(self, index: FolderIndex) -> str:
        if self._update is None and time.monotonic() - self._updated > FRESH:
            self._update = asyncio.create_task(self._run(index))
        if self._update is None:
            return ""
        done, _ = await asyncio.wait([self._update], timeout=PATIENCE)
        if not done:
            return "The index of this workspace is still being built: this is what it has so far."
        notice = self._update.result()
        self._update = None
        return notice

    async def _run(self, index: FolderIndex) -> str:
        """Update the index; what a person should know of it."""
        try:
            report = await asyncio.to_thread(index.update, wait=HELD)
        except Held as held:
            return held.message
        except (CodemadError, OSError) as error:
            return f"The index could not be brought up to date: {error}"
        self._updated = time.monotonic()
        return report.notice


def _told(settings: Settings) -> dict[str, str]:
    """The settings that say where things lie, for a process that loads its own."""
    names = ("index_dir", "data_dir", "embedding_model")
    values = ((name, getattr(settings, name)) for name in names)
    return {f"CODEMAD_{name.upper()}": str(value) for name, value in values if value is not None}


def _ended(worker: subprocess.Popen[bytes]) -> None:
    """The end of its input is the worker's sign to stop; it is told more plainly where it does not."""
    if worker.stdin is not None:
        worker.stdin.close()
    try:
        worker.wait(timeout=5)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait(timeout=5)
