"""Owns the run that gives chunks their vectors: newest files first, kept as they come, gone on with later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.context.chunking import chunk_file
from codemad_jupyter.context.fields import Mask, cut, embedded_text, text_key
from codemad_jupyter.context.indexing import Progress
from codemad_jupyter.context.meaning import lacking_chunks
from codemad_jupyter.context.walking import Limits, read_text

if TYPE_CHECKING:
    from codemad_jupyter.context.embeddings import Embedder
    from codemad_jupyter.context.reading import Snapshot
    from codemad_jupyter.context.vectors import VectorStore


class EmbeddingRun:
    """Gives the chunks of a snapshot that have none their vectors."""

    def __init__(
        self,
        root: Path,
        embedder: Embedder,
        store: VectorStore,
        *,
        mask: Mask = str,
        progress: Callable[[Progress], None] = lambda progress: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._root = root
        self._embedder = embedder
        self._store = store
        self._mask = mask
        self._progress = progress
        self._stopped = stopped
        self._waiting: dict[int, str] = {}

    def run(self, snapshot: Snapshot, *, newer: Callable[[], bool] = lambda: False) -> int:
        """Work until all have theirs, or ``newer`` says that the folder has changed; how many were made."""
        import numpy as np

        chunks = lacking_chunks(snapshot, self._store.rows_of(snapshot) >= 0, self._embedder)
        lacking = np.zeros(snapshot.chunks, dtype=bool)
        lacking[chunks] = True
        files, counts = np.unique(snapshot.file_of[chunks], return_counts=True)
        total, made = int(counts.sum()), 0
        # The files last saved are those a person is likely to ask about.
        for file in files[np.argsort(-snapshot.times[files], kind="stable")].tolist():
            if self._stopped() or newer():
                break
            begin, end = snapshot.range_of(file)
            wanted = set(snapshot.keys[begin:end][lacking[begin:end]].tolist())
            self._gather(snapshot.paths[file], wanted)
            if len(self._waiting) >= self._embedder.together:
                made += self._make()
                self._progress(Progress("embedding", made, total))
        return made + self._make()

    def _gather(self, path: str, wanted: set[int]) -> None:
        text = read_text(self._root / path, limit=Limits().notebook)
        if text is None:
            return
        for chunk in chunk_file(path, cut(path, text), uses=False).chunks:
            words = embedded_text(chunk, self._mask)
            key = text_key(words)
            if key in wanted:  # else the file has changed since; the next run takes it up
                self._waiting[key] = words

    def _make(self) -> int:
        waiting = list(self._waiting.items())
        self._waiting = {}
        together = self._embedder.together
        for at in range(0, len(waiting), together):
            if self._stopped():
                return at
            part = waiting[at : at + together]
            self._store.add([key for key, _ in part], self._embedder.embed([words for _, words in part]))
        return len(waiting)
