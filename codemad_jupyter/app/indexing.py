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

from codemad_jupyter.app.embedders import Calls, embedder_for
from codemad_jupyter.config.paths import workspace_dir
from codemad_jupyter.context.embedding import EmbeddingRun
from codemad_jupyter.context.embeddings import CalledModel
from codemad_jupyter.context.indexing import Indexer, Progress, Report
from codemad_jupyter.context.manifest import Held, writing
from codemad_jupyter.context.meaning import Meaning
from codemad_jupyter.context.past import Past, write_past
from codemad_jupyter.context.reading import Index
from codemad_jupyter.context.search import Hit, Searcher
from codemad_jupyter.context.words import terms
from codemad_jupyter.git.history import read_history
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.indexing import IndexStatus, LeftOut

if TYPE_CHECKING:
    from codemad_jupyter.config.settings import Settings
    from codemad_jupyter.context.embeddings import Embedder
    from codemad_jupyter.context.reading import Snapshot
    from codemad_jupyter.context.symbols_workspace import Narrowed
    from codemad_jupyter.context.watching import Changes

PATIENCE = 600.0
"""How long a command waits for another process that is building the same index."""
VECTORS = "vectors"
NO_MODEL = (
    "Search goes by words, names and paths; no embedding model is set"
    " (embedding_model, or purposes.embed.model)."
)
WATCHING = 10.0
"""How long it may take until a folder is watched."""


def index_folder(root: Path, settings: Settings) -> Path:
    """Where the index of ``root`` lies: never in the folder itself."""
    if settings.index_dir is None:
        return workspace_dir(root, settings=settings) / "index"
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:24]
    return settings.index_dir.absolute() / name


def _mask(root: Path) -> Callable[[str], str]:
    """What masks secrets; also called in processes that only read files. The numbers of masked secrets
    differ from process to process: they are no words of the folder."""
    from codemad_jupyter.config.redaction import unnumbered
    from codemad_jupyter.config.settings import load_settings

    redact = load_settings(root, lenient=True).redact
    return lambda text: unnumbered(redact(text))


class FolderIndex:
    """The index of one folder: brought up to date, and asked."""

    def __init__(
        self,
        root: Path,
        settings: Settings,
        *,
        processes: int = 1,
        embedder: Embedder | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.root = root.resolve()
        self.folder = index_folder(self.root, settings)
        self._stop = threading.Event()
        self._watching = threading.Event()
        self._missed = threading.Event()
        self._missed.set()
        self._embedded: Snapshot | None = None
        self.fault = ""
        self._indexer = Indexer(
            self.root,
            self.folder,
            mask=partial(_mask, self.root),
            processes=processes,
            progress=progress,
            stopped=self._stop.is_set,
        )
        self._index = Index(self.folder)
        self._progress = progress or (lambda progress: None)
        self._embedder = embedder or embedder_for(self.root, settings)
        self._meaning = Meaning(self.folder, self._embedder) if self._embedder else None
        self._searcher = Searcher(self._index, meaning=self._meaning)
        self._watcher: threading.Thread | None = None

    def update(self, *, wait: float = PATIENCE, anew: bool = False) -> Report:
        """Look at the whole folder, and at what its last commits said."""
        report = self._indexer.update(wait=wait, anew=anew)
        self._remember()
        return report

    def _remember(self) -> None:
        past = Past(self.folder)
        history = read_history(self.root, known=past.head)
        if history is None or history.head == past.head:
            return
        mask = _mask(self.root)
        # Who holds the index writes the same, and search is complete without where nothing can be written.
        with contextlib.suppress(Held, OSError), writing(self.folder, wait=0):
            write_past(
                self.folder, history.head, ((mask(message), paths) for message, paths in history.changes)
            )

    def search(self, query: str, *, limit: int = 50) -> list[Hit]:
        """The places that fit best."""
        return self._searcher.search(query, limit=limit)

    def narrowed(self, name: str) -> Narrowed | None:
        """Which files may hold a name; None where the index does not know all files yet."""
        from codemad_jupyter.context.scoring import Asked
        from codemad_jupyter.context.symbols_workspace import Narrowed

        snapshot = self._index.current()
        words = terms(name)
        if snapshot is None or not snapshot.manifest.complete or not words:
            return None
        touched = snapshot.manifest.touched
        sizes, times = snapshot.sizes.tolist(), snapshot.times.tolist()
        files = Asked(snapshot, dict.fromkeys(words, 1.0)).files_with_all().tolist()
        return Narrowed(
            paths=frozenset(snapshot.paths[file] for file in files),
            seen={path: touched.get(path, (sizes[at], times[at])) for path, at in snapshot.numbers.items()},
        )

    @property
    def notice(self) -> str:
        """What search goes without, "" where it has everything."""
        return NO_MODEL if self._meaning is None else self.fault_of_model

    @property
    def calls(self) -> Calls | None:
        """What asks a provider for vectors, where one does."""
        called = self._embedder.call if isinstance(self._embedder, CalledModel) else None
        return called if isinstance(called, Calls) else None

    @property
    def leaves(self) -> str:
        """That text of the folder goes to a provider, and to which; "" where none does."""
        if self.calls is None:
            return ""
        return f"Meaning is read by {self.calls.model}: the folder's texts go there, secrets masked."

    @property
    def fault_of_model(self) -> str:
        """Why the model that is set is of no use, "" where there is none or it works."""
        return "" if self._meaning is None else self._meaning.fault

    def status(self) -> IndexStatus:
        """How far the index is; nothing is changed."""
        snapshot = self._index.current()
        if snapshot is None:
            fault = self._index.fault or self.fault
            return IndexStatus(state="failed" if fault else "none", fault=fault, notice=self.notice)
        lacking = self._meaning.lacking(snapshot) if self._meaning else 0
        manifest = snapshot.manifest
        return IndexStatus(
            state="ready" if manifest.complete else "partial",
            files=manifest.files,
            chunks=snapshot.chunks,
            lacking=lacking,
            left_out=tuple(LeftOut(reason=why, count=count) for why, count in manifest.skipped.items()),
            fault=self.fault,
            notice=" ".join(filter(None, (self.leaves, self.notice))),
        )

    def embed(self, *, wait: float = PATIENCE) -> int:
        """Give the chunks that have none yet their vectors; how many were made.

        Raises `ModelError` where the model cannot be used, and `Held` where another process is at it.
        """
        if self._meaning is None:
            return 0
        with writing(self.folder / VECTORS, wait=wait):
            store = self._meaning.store
            run = EmbeddingRun(
                self.root,
                self._meaning.embedder,
                store,
                mask=_mask(self.root),
                progress=self._progress,
                stopped=self._stop.is_set,
            )
            made = 0
            snapshot = None
            try:
                while not self._stop.is_set() and self._index.current() is not snapshot:
                    snapshot = self._index.current()
                    made += run.run(snapshot, newer=partial(self._newer, snapshot)) if snapshot else 0
            finally:
                self._progress(Progress("ready", 0, 0))
            self._embedded = snapshot
            return made

    @property
    def damaged(self) -> bool:
        """Whether there is an index that cannot be read; `update` builds it again, and says so."""
        return self._index.current() is None and bool(self._index.fault)

    def embed_new(self) -> None:
        """`embed` where anything has changed since it was last done; who is at it already is left alone."""
        if self._meaning is not None and (self._embedded is None or self._newer(self._embedded)):
            self.embed(wait=0)

    def catch_up(self) -> None:
        """Look at the whole folder if that was never done, if a change could not be taken up, or if what
        was kept is damaged."""
        if self._missed.is_set() or self.damaged:
            self._missed.clear()
            try:
                self.update(wait=0)
            except BaseException:
                self._missed.set()
                raise
            self.fault = ""

    def _newer(self, snapshot: Snapshot) -> bool:
        return self._index.current() is not snapshot

    def follow(self) -> None:
        """Keep the index up to date from now on, in a thread, until `close`; returns once it watches."""
        self._watcher = threading.Thread(target=self.watch, name="codemad-index", daemon=True)
        self._watcher.start()
        self._watching.wait(timeout=WATCHING)

    def watch(self) -> None:
        """Keep the index up to date from now on, until `stop`."""
        from codemad_jupyter.context.watching import watch_folder

        for changes in watch_folder(self.root, self._stop):
            if not self._watching.is_set():
                self._indexer.prepare()
                self._watching.set()
            try:
                self._take_up(changes)
            except (CodemadError, OSError) as error:
                self._missed.set()
                self.fault = f"The index does not follow the folder: {error}"

    def _take_up(self, changes: Changes) -> None:
        try:
            if changes.all:
                self._indexer.update(wait=5)
                self.fault = ""
            elif changes.paths:
                self._indexer.change(changes.paths)
        except Held:  # who holds it may have been past these files already
            self._missed.set()

    def stop(self) -> None:
        """End following, and an update at its next file."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def rest(self, seconds: float) -> None:
        """Do nothing for a while, or until `stop`."""
        self._stop.wait(seconds)

    def close(self) -> None:
        """`stop`, and wait until it has."""
        self.stop()
        self.join(timeout=10)
        if self.calls is not None:
            self.calls.close()

    def join(self, *, timeout: float | None = None) -> None:
        """Wait until following has ended."""
        if self._watcher is not None:
            self._watcher.join(timeout)
