"""Puts the index of a folder together with the settings: where it lies, what is masked, which model it has.

The command line, the background worker and the engine all come through here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.config.paths import workspace_dir
from codemad_jupyter.context.indexing import Indexer, Progress, Report
from codemad_jupyter.context.manifest import Held
from codemad_jupyter.context.reading import Index
from codemad_jupyter.context.search import Hit, Searcher
from codemad_jupyter.protocol.errors import CodemadError

if TYPE_CHECKING:
    from codemad_jupyter.config.settings import Settings
    from codemad_jupyter.context.watching import Changes

PATIENCE = 600.0
"""How long a command waits for another process that is building the same index."""
WATCHING = 10.0
"""How long it may take until a folder is watched."""


def index_folder(root: Path, settings: Settings) -> Path:
    """Where the index of ``root`` lies: never in the folder itself."""
    if settings.index_dir is None:
        return workspace_dir(root, settings=settings) / "index"
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:24]
    return settings.index_dir.absolute() / name


def _mask(root: Path) -> Callable[[str], str]:
    """What masks secrets; also called in processes that only read files."""
    from codemad_jupyter.config.settings import load_settings

    return load_settings(root, lenient=True).redact


class FolderIndex:
    """The index of one folder: brought up to date, and asked."""

    def __init__(
        self,
        root: Path,
        settings: Settings,
        *,
        processes: int = 1,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.root = root.resolve()
        self.folder = index_folder(self.root, settings)
        self._stop = threading.Event()
        self._watching = threading.Event()
        self.fault = ""
        self._indexer = Indexer(
            self.root,
            self.folder,
            mask=partial(_mask, self.root),
            processes=processes,
            progress=progress,
            stopped=self._stop.is_set,
        )
        self._searcher = Searcher(Index(self.folder))
        self._watcher: threading.Thread | None = None

    def update(self, *, wait: float = PATIENCE, anew: bool = False) -> Report:
        """Look at the whole folder."""
        return self._indexer.update(wait=wait, anew=anew)

    def search(self, query: str, *, limit: int = 50) -> list[Hit]:
        """The places that fit best."""
        return self._searcher.search(query, limit=limit)

    def follow(self) -> None:
        """Keep the index up to date from now on, in a thread, until `close`; returns once it watches."""
        self._watcher = threading.Thread(target=self.watch, name="codemad-index", daemon=True)
        self._watcher.start()
        self._watching.wait(timeout=WATCHING)

    def watch(self) -> None:
        """Keep the index up to date from now on, until `stop`."""
        from codemad_jupyter.context.watching import watch_folder

        for changes in watch_folder(self.root, self._stop):
            self._watching.set()
            try:
                self._take_up(changes)
                self.fault = ""
            except (CodemadError, OSError) as error:
                self.fault = f"The index does not follow the folder: {error}"

    def _take_up(self, changes: Changes) -> None:
        # Who holds the index takes up the change itself: it watches too, or looks at everything.
        with contextlib.suppress(Held):
            if changes.all:
                self._indexer.update(wait=5)
            elif changes.paths:
                self._indexer.change(changes.paths)

    def stop(self) -> None:
        """End following, and an update at its next file."""
        self._stop.set()

    def close(self) -> None:
        """`stop`, and wait until it has."""
        self.stop()
        self.join(timeout=10)

    def join(self, *, timeout: float | None = None) -> None:
        """Wait until following has ended."""
        if self._watcher is not None:
            self._watcher.join(timeout)
