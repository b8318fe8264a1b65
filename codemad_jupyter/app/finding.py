"""The search of one workspace as the engine uses it: the index, kept up to date without making anyone wait.

A server lets a process of its own follow the folder (`start`); elsewhere the index is looked after when
something is first searched. A search answers from what there is and says what is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.app.indexing import FolderIndex
from codemad_jupyter.context.manifest import Held, load
from codemad_jupyter.context.search import Found
from codemad_jupyter.orchestrator.reranking import CANDIDATES
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.indexing import IndexProgress, IndexStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from codemad_jupyter.config.settings import Settings
    from codemad_jupyter.context.indexing import Progress
    from codemad_jupyter.context.symbols_workspace import Narrowed
    from codemad_jupyter.orchestrator.reranking import Reranker

PATIENCE = 8.0
"""Seconds a search waits for an index that is being built."""
HELD = 1.0
"""Seconds a search waits for another process that changes the index."""
FRESH = 2.0
"""An index looked after so many seconds ago is not looked after again before a search."""


class WorkspaceFinder:
    """Finds places in the workspace ``root``."""

    def __init__(self, root: Path, settings: Settings, *, reranker: Reranker | None = None) -> None:
        self.root = root
        self._reranker = reranker if settings.rerank else None
        self._settings = settings
        self._index: FolderIndex | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._progress = IndexProgress()
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
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_told(self._settings)},
        )
        listening = (self.worker, self._heard)
        self._listener = threading.Thread(target=_listen, args=listening, name="codemad-index", daemon=True)
        self._listener.start()

    async def status(self) -> IndexStatus:
        """How far the index is, with what is done about it right now."""
        index = self._opened()
        held = await asyncio.to_thread(index.status)
        now = self._progress
        fault = " ".join(dict.fromkeys(filter(None, (now.fault, held.fault, self._deserted()))))
        notice = "" if held.notice in fault else held.notice
        told = held.model_copy(update={"fault": fault, "notice": notice})
        if now.state != "ready":
            return told.model_copy(update={"state": now.state, "done": now.done, "total": now.total})
        if fault and held.state in ("none", "partial"):
            return told.model_copy(update={"state": "failed"})
        return told

    def _deserted(self) -> str:
        if self.worker is None or self.worker.poll() is None:
            return ""
        return "The process that followed the folder has ended; the index is looked after at each search."

    def _heard(self, progress: IndexProgress) -> None:
        self._progress = progress

    def _done(self, progress: Progress) -> None:
        """The same, where the index is looked after by this process."""
        self._heard(IndexProgress(state=progress.state, done=progress.done, total=progress.total))

    async def find(self, query: str, *, limit: int) -> Found:
        """The places that fit best; where the index is not whole yet, those it has."""
        index = self._opened()
        notice = await (self._followed(index) if self._followed_elsewhere() else self._looked_after(index))
        if self._reranker is None:
            hits, unordered = tuple(await asyncio.to_thread(index.search, query, limit=limit)), ""
        else:
            found = await asyncio.to_thread(index.search, query, limit=max(limit, CANDIDATES))
            hits, unordered = await self._reranker.order(query, found)
        return Found(hits[:limit], " ".join(filter(None, (notice, index.notice, unordered))))

    async def narrowed(self, name: str) -> Narrowed | None:
        """Which files may hold a name, as far as the index knows; nobody waits for one that is built."""
        return await asyncio.to_thread(self._opened().narrowed, name)

    async def close(self) -> None:
        """Stop what goes on."""
        if self.worker is not None:
            await asyncio.to_thread(_ended, self.worker)
            self.worker = None
        if self._listener is not None:
            await asyncio.to_thread(self._listener.join, PATIENCE)
        if self._index is not None:
            self._index.stop()
        if self._update is not None:
            await asyncio.wait([self._update], timeout=PATIENCE)
        if self._index is not None:
            await asyncio.to_thread(self._index.close)

    def _opened(self) -> FolderIndex:
        if self._index is None:
            self._index = FolderIndex(self.root, self._settings, progress=self._done)
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
            self._heard(IndexProgress(fault=str(error)))
            return f"The index could not be brought up to date: {error}"
        self._updated = time.monotonic()
        self._heard(IndexProgress())
        return report.notice


def _told(settings: Settings) -> dict[str, str]:
    """The settings that say where things lie, for a process that loads its own."""
    names = ("index_dir", "data_dir", "embedding_model")
    values = ((name, getattr(settings, name)) for name in names)
    return {f"CODEMAD_{name.upper()}": str(value) for name, value in values if value is not None}


def _listen(worker: subprocess.Popen[bytes], heard: Callable[[IndexProgress], None]) -> None:
    """Take in what the worker says, until it ends."""
    assert worker.stdout is not None  # noqa: S101 - asked for when it was started
    with worker.stdout as lines:
        for line in lines:
            with contextlib.suppress(ValueError):  # a line of somebody else, such as a model's library
                heard(IndexProgress.model_validate_json(line))
    heard(IndexProgress())


def _ended(worker: subprocess.Popen[bytes]) -> None:
    """The end of its input is the worker's sign to stop; it is told more plainly where it does not."""
    if worker.stdin is not None:
        worker.stdin.close()
    try:
        worker.wait(timeout=5)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait(timeout=5)
