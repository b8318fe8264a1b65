"""Owns the vectors of chunks: kept by the hash of the text they are of, and searched without an approximation
that could lose the best.

Two files that only grow, for keys and for vectors, in a folder named after the model. A search first compares
signs, which takes a 32nd of the memory, then the vectors themselves of those that come near.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from codemad_jupyter.context.reading import Snapshot

    Floats = NDArray[np.float32]

NEAREST = 600
"""So many chunks are compared exactly."""
READ = 4_096
"""Vectors whose signs are taken at once."""


class VectorStore:
    """The vectors of one model in the folder of an index. One process writes, others read."""

    def __init__(self, folder: Path, *, model: str, size: int) -> None:
        self.folder = folder / f"vectors-{model}-{size}"
        self.size = size
        self._keys: NDArray[np.uint64] | None = None
        self._order: NDArray[np.int64] | None = None
        self._signs: NDArray[np.uint64] | None = None
        self._rows: tuple[Snapshot, int, NDArray[np.int64]] | None = None

    @property
    def _files(self) -> tuple[Path, Path]:
        return self.folder / "keys.u64", self.folder / "vectors.f16"

    def _count(self) -> int:
        """Vectors that are whole: a kill may leave a part of one behind."""
        keys, vectors = self._files
        try:
            return min(keys.stat().st_size // 8, vectors.stat().st_size // (2 * self.size))
        except OSError:
            return 0

    def add(self, keys: Sequence[int], vectors: Floats) -> None:
        """Keep vectors; what a kill left half written is cut off first."""
        import numpy as np

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        count = self._count()
        pieces = (
            (self._files[1], vectors.astype(np.float16).tobytes(), count * 2 * self.size),
            (self._files[0], np.array(keys, dtype=np.uint64).tobytes(), count * 8),
        )
        for path, raw, at in pieces:
            with path.open("ab") as file:
                if file.tell() != at:
                    os.truncate(path, at)
                file.write(raw)

    def keys(self) -> NDArray[np.uint64]:
        """The keys of all vectors, in the order in which they were kept."""
        self._load()
        assert self._keys is not None  # noqa: S101 - set by _load
        return self._keys

    def _load(self) -> None:
        """Take in what was added since."""
        import numpy as np

        count = self._count()
        if self._keys is not None and len(self._keys) == count:
            return
        known = 0 if self._signs is None or self._keys is None or count < len(self._keys) else len(self._keys)
        if count:
            self._keys = np.fromfile(self._files[0], dtype=np.uint64, count=count)
            fresh = self._signs_of(known, count)
        else:
            self._keys, fresh = np.zeros(0, np.uint64), _signs(np.zeros((0, self.size), np.float16))
        self._signs = (
            fresh if not known or self._signs is None else np.concatenate([self._signs, fresh], axis=1)
        )
        self._order = np.argsort(self._keys, kind="stable")
        self._rows = None

    def _signs_of(self, first: int, count: int) -> NDArray[np.uint64]:
        """The signs of the vectors from ``first`` on, read in parts: all at once would take up the memory
        that comparing signs saves."""
        import numpy as np

        found = np.empty((-(-self.size // 64), count - first), dtype=np.uint64)
        with self._files[1].open("rb") as file:
            file.seek(first * 2 * self.size)
            for at in range(first, count, READ):
                rows = min(READ, count - at)
                part = np.fromfile(file, dtype=np.float16, count=rows * self.size)
                found[:, at - first : at - first + rows] = _signs(part.reshape(rows, self.size))
        return found

    def _vectors(self, rows: NDArray[np.int64]) -> Floats:
        """These vectors, read one by one: mapped, each would bring its neighbours into memory with it."""
        import numpy as np

        found = np.zeros((len(rows), self.size), dtype=np.float16)
        raw = found.view(np.uint8)
        with self._files[1].open("rb", buffering=0) as file:
            for at, row in enumerate(rows.tolist()):
                file.seek(row * 2 * self.size)
                file.readinto(memoryview(raw[at]))
        return found.astype(np.float32)

    def rows_of(self, snapshot: Snapshot) -> NDArray[np.int64]:
        """For every chunk the number of its vector, -1 where it has none yet."""
        import numpy as np

        keys = self.keys()
        if self._rows is None or self._rows[0] is not snapshot or self._rows[1] != len(keys):
            rows = np.full(snapshot.chunks, -1, dtype=np.int64)
            if len(keys) and self._order is not None:
                at = np.minimum(np.searchsorted(keys, snapshot.keys, sorter=self._order), len(keys) - 1)
                found = self._order[at]
                same = (keys[found] == snapshot.keys) & (snapshot.alive[snapshot.file_of] > 0)
                rows[same] = found[same]
            self._rows = snapshot, len(keys), rows
        return self._rows[2]

    def near(self, query: Floats, snapshot: Snapshot) -> Floats | None:
        """How near each chunk is to the query: the nearest has 1, those beyond `NEAREST` have 0."""
        import numpy as np

        rows = self.rows_of(snapshot)
        chunks = np.flatnonzero(rows >= 0)
        if not len(chunks) or self._signs is None:
            return None
        wanted = _signs(query[None, :].astype(np.float16))[:, 0]
        apart = np.zeros(self._signs.shape[1], dtype=np.uint16)
        for column, sign in zip(self._signs, wanted, strict=True):
            apart += np.bitwise_count(column ^ sign)
        distances = apart[rows[chunks]]
        if len(chunks) > NEAREST:
            chunks = chunks[np.argpartition(distances, NEAREST)[:NEAREST]]
        exact = self._vectors(rows[chunks]) @ query
        exact = np.nan_to_num(exact, nan=-1.0, posinf=-1.0, neginf=-1.0)
        low, high = float(exact.min()), float(exact.max())
        found = np.zeros(snapshot.chunks, dtype=np.float32)
        found[chunks] = (exact - low) / (high - low) if high > low else 1.0
        return found


def _signs(vectors: NDArray[np.float16]) -> NDArray[np.uint64]:
    """The signs of vectors as bits, 64 to a number, one row of the result for each 64."""
    import numpy as np

    packed = np.packbits(np.asarray(vectors) > 0, axis=1)
    padded = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8)))
    return np.ascontiguousarray(np.ascontiguousarray(padded).view(np.uint64).T)
