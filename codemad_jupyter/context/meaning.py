"""Owns the second stage of a search: how near chunks are to a query in meaning.

What fails here never fails a search: it goes on by words, and ``fault`` says why.
"""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.context.vectors import VectorStore
from codemad_jupyter.protocol.errors import CodemadError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codemad_jupyter.context.embeddings import Embedder
    from codemad_jupyter.context.reading import Snapshot

QUERY = 1_000
"""Characters of a query that are read."""
AGAIN = 60.0
"""Seconds until a model that could not be used is tried again."""


class Meaning:
    """The vectors of one model for the index in ``folder``."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self.embedder = embedder
        self._folder = folder
        self._store: VectorStore | None = None
        self.fault = ""
        self._failed = float("-inf")
        self._vector = lru_cache(maxsize=200)(self._embedded)

    @property
    def store(self) -> VectorStore:
        """The vectors; raises `ModelError` where the model cannot be used."""
        if self._store is None:
            self._store = VectorStore(self._folder, model=self.embedder.name, size=self.embedder.size)
        return self._store

    def __call__(self, query: str, snapshot: Snapshot) -> NDArray[np.float32] | None:
        """How near each chunk is (0 to 1); None where that cannot be said."""
        if self.fault and time.monotonic() < self._failed + AGAIN:
            return None
        self.fault = ""
        try:
            if not self.embedder.ready or not len(self.store.keys()):
                return None  # nothing to compare with yet: the model need not be loaded
            return self.store.near(self._vector(query[:QUERY]), snapshot)
        except CodemadError as error:
            self._fail(str(error))
        except (OSError, ValueError, RuntimeError) as error:
            self._fail(f"The embedding model cannot be used: {error}")
        return None

    def _fail(self, fault: str) -> None:
        self.fault, self._failed = fault, time.monotonic()

    def lacking(self, snapshot: Snapshot) -> int:
        """How many chunks have no vector yet; where the model cannot be used, ``fault`` says so."""
        try:
            known = self.store.rows_of(snapshot) >= 0 if self.embedder.ready else None
        except (CodemadError, OSError, ValueError) as error:
            self._fail(str(error))
            return 0
        return len(lacking_chunks(snapshot, known, self.embedder))

    def _embedded(self, query: str) -> NDArray[np.float32]:
        return self.embedder.embed_query(query)


def lacking_chunks(
    snapshot: Snapshot, known: NDArray[np.bool_] | None, embedder: Embedder
) -> NDArray[np.intp]:
    """The chunks that are to have a vector and have none; ``known`` are those that have one."""
    import numpy as np

    lacking = snapshot.alive[snapshot.file_of] > 0
    if known is not None:
        lacking &= ~known
    for file in np.unique(snapshot.file_of[lacking]).tolist():
        if not embedder.takes(snapshot.paths[file]):
            lacking[slice(*snapshot.range_of(file))] = False
    return np.flatnonzero(lacking)
