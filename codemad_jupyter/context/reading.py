"""Owns an index as it is read: its segments in memory. How well they fit a query is left to `scoring`.

Readers take no lock. A snapshot stays what it was while the index goes on; `Index.current` looks whether
there is a newer one.
"""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.context import manifest as listed
from codemad_jupyter.context.container import Damaged, read_arrays, strings
from codemad_jupyter.context.manifest import Manifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

ATTEMPTS = 5


class Snapshot:
    """The segments of one state of the index, numbered through: chunks and files from 0."""

    def __init__(self, manifest: Manifest, segments: list[Arrays]) -> None:
        import numpy as np

        self.manifest = manifest
        self.segments = segments
        chunks = [len(arrays["start"]) for arrays in segments]
        files = [len(arrays["size"]) for arrays in segments]
        self.bases = {
            "chunk": np.concatenate([[0], np.cumsum(chunks)]).astype(np.int64),
            "file": np.concatenate([[0], np.cumsum(files)]).astype(np.int64),
        }
        self.chunks, self.files = int(sum(chunks)), int(sum(files))
        alive = [np.ones(count, dtype=np.float32) for count in files]
        for flags, part in zip(alive, manifest.parts, strict=True):
            flags[list(part.dead)] = 0
        self.alive: NDArray[np.float32] = np.concatenate([np.zeros(0, np.float32), *alive])

    @cached_property
    def file_of(self) -> NDArray[np.int32]:
        """The file of every chunk."""
        import numpy as np

        bases = self.bases["file"]
        pieces = [
            np.repeat(
                np.arange(len(arrays["size"]), dtype=np.int32) + bases[number], np.diff(arrays["first"])
            )
            for number, arrays in enumerate(self.segments)
        ]
        return np.concatenate([np.zeros(0, np.int32), *pieces]).astype(np.int32)

    @cached_property
    def _firsts(self) -> NDArray[np.int64]:
        import numpy as np

        bases = self.bases["chunk"]
        pieces = [arrays["first"][:-1] + bases[at] for at, arrays in enumerate(self.segments)]
        return np.concatenate([*pieces, bases[-1:]]).astype(np.int64)

    def range_of(self, file: int) -> tuple[int, int]:
        """The first chunk of a file, and the one behind its last."""
        return int(self._firsts[file]), int(self._firsts[file + 1])

    @cached_property
    def paths(self) -> list[str]:
        """The path of every file."""
        return [path for arrays in self.segments for path in strings(arrays, "path")]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of every file that counts, by its path."""
        return {path: at for at, path in enumerate(self.paths) if self.alive[at]}

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """The name of every chunk's text among the vectors."""
        import numpy as np

        return np.concatenate([np.zeros(0, np.uint64), *(arrays["key"] for arrays in self.segments)])

    @cached_property
    def chunk_kinds(self) -> NDArray[np.uint8]:
        """1 for chunks of cells of prose, 2 for those that are a heading, 0 for others."""
        import numpy as np

        return np.concatenate([np.zeros(0, np.uint8), *(arrays["kind"] for arrays in self.segments)])

    @cached_property
    def cells(self) -> NDArray[np.int32]:
        """The number of the cell of every chunk, -1 outside notebooks."""
        import numpy as np

        return np.concatenate([np.zeros(0, np.int32), *(arrays["cell"] for arrays in self.segments)])

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """The bytes of every file when it was read."""
        import numpy as np

        return np.concatenate([np.zeros(0, np.int64), *(arrays["size"] for arrays in self.segments)])

    @cached_property
    def times(self) -> NDArray[np.int64]:
        """When every file was last written, as far as that is known."""
        import numpy as np

        return np.concatenate([np.zeros(0, np.int64), *(arrays["mtime"] for arrays in self.segments)])

    def place(self, chunk: int) -> tuple[int, int, int, str, str]:
        """First line, last line, cell, cell id and symbol of a chunk."""
        import numpy as np

        bases = self.bases["chunk"]
        number = int(np.searchsorted(bases, chunk, side="right")) - 1
        arrays, at = self.segments[number], chunk - int(bases[number])
        return (
            int(arrays["start"][at]),
            int(arrays["end"][at]),
            int(arrays["cell"][at]),
            _string(arrays, "cell_id", at),
            _string(arrays, "symbol", at),
        )

    @cached_property
    def has_dead(self) -> bool:
        """Whether any file of the segments no longer counts."""
        return any(part.dead for part in self.manifest.parts)


def _string(arrays: Arrays, name: str, at: int) -> str:
    begin, end = arrays[f"{name}.at"][at : at + 2]
    return arrays[f"{name}.text"][int(begin) : int(end)].tobytes().decode("utf-8")


class Index:
    """The index in a folder, for any number of readers in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] = ()
        self._segments: dict[str, Arrays] = {}
        self._snapshot: Snapshot | None = None
        self.fault = ""

    def current(self) -> Snapshot | None:
        """The newest state; None where there is no index to read, and then ``fault`` says why."""
        with self._lock:
            seen = listed.signature(self.folder)
            if seen and seen == self._seen:
                return self._snapshot
            self._snapshot = self._read()
            self._seen = seen
            return self._snapshot

    def _read(self) -> Snapshot | None:
        for attempt in range(ATTEMPTS):
            found, self.fault = listed.load(self.folder)
            if found is None:
                return None
            try:
                segments = {part.name: self._segment(part) for part in found.parts}
            except Damaged as error:
                # A writer may have joined segments since the list was read: the new list has others.
                self.fault = error.message
                if attempt + 1 < ATTEMPTS:
                    continue
                return None
            self._segments = segments
            return Snapshot(found, [segments[part.name] for part in found.parts])
        return None

    def _segment(self, part: listed.Part) -> Arrays:
        known = self._segments.get(part.name)
        return read_arrays(self.folder / part.name, checksum=part.checksum) if known is None else known
