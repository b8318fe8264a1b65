"""Owns an index as it is read: its segments in memory, and how well each text of a field fits a query.

Readers take no lock. A snapshot stays what it was while the index goes on; `Index.current` looks whether
there is a newer one.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.context import manifest as listed
from codemad_jupyter.context.container import Damaged, read_arrays, strings
from codemad_jupyter.context.manifest import Manifest
from codemad_jupyter.context.segment import FIELDS, Space, term_hash

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
        self._segments = segments
        chunks = [len(arrays["start"]) for arrays in segments]
        files = [len(arrays["size"]) for arrays in segments]
        self._bases = {
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

        bases = self._bases["file"]
        pieces = [
            np.repeat(
                np.arange(len(arrays["size"]), dtype=np.int32) + bases[number], np.diff(arrays["first"])
            )
            for number, arrays in enumerate(self._segments)
        ]
        return np.concatenate([np.zeros(0, np.int32), *pieces]).astype(np.int32)

    @cached_property
    def _firsts(self) -> NDArray[np.int64]:
        import numpy as np

        bases = self._bases["chunk"]
        pieces = [arrays["first"][:-1] + bases[at] for at, arrays in enumerate(self._segments)]
        return np.concatenate([*pieces, bases[-1:]]).astype(np.int64)

    def range_of(self, file: int) -> tuple[int, int]:
        """The first chunk of a file, and the one behind its last."""
        return int(self._firsts[file]), int(self._firsts[file + 1])

    @cached_property
    def paths(self) -> list[str]:
        """The path of every file."""
        return [path for arrays in self._segments for path in strings(arrays, "path")]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of every file that counts, by its path."""
        return {path: at for at, path in enumerate(self.paths) if self.alive[at]}

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """The name of every chunk's text among the vectors."""
        import numpy as np

        return np.concatenate([np.zeros(0, np.uint64), *(arrays["key"] for arrays in self._segments)])

    @cached_property
    def chunk_kinds(self) -> NDArray[np.uint8]:
        """1 for chunks of cells of prose, 2 for those that are a heading, 0 for others."""
        import numpy as np

        return np.concatenate([np.zeros(0, np.uint8), *(arrays["kind"] for arrays in self._segments)])

    @cached_property
    def cells(self) -> NDArray[np.int32]:
        """The number of the cell of every chunk, -1 outside notebooks."""
        import numpy as np

        return np.concatenate([np.zeros(0, np.int32), *(arrays["cell"] for arrays in self._segments)])

    @cached_property
    def times(self) -> NDArray[np.int64]:
        """When every file was last written, as far as that is known."""
        import numpy as np

        return np.concatenate([np.zeros(0, np.int64), *(arrays["mtime"] for arrays in self._segments)])

    def place(self, chunk: int) -> tuple[int, int, int, str, str]:
        """First line, last line, cell, cell id and symbol of a chunk."""
        import numpy as np

        bases = self._bases["chunk"]
        number = int(np.searchsorted(bases, chunk, side="right")) - 1
        arrays, at = self._segments[number], chunk - int(bases[number])
        return (
            int(arrays["start"][at]),
            int(arrays["end"][at]),
            int(arrays["cell"][at]),
            _string(arrays, "cell_id", at),
            _string(arrays, "symbol", at),
        )

    def scores(self, field: str, terms: Mapping[str, float]) -> NDArray[np.float32]:
        """How well each text of the field fits the terms (BM25); 0 for files that no longer count."""
        import numpy as np

        space = FIELDS[field].space
        found = np.zeros(int(self._bases[space][-1]), dtype=np.float32)
        places = self._holding(field, terms)
        for number, weight in enumerate(terms.values()):
            rarity = self._rarity(space, places[number])
            if rarity:
                self._count(found, field, places[number], rarity * weight)
        return self._counting(found, space)

    def together(
        self,
        weights: Mapping[str, float],
        terms: Mapping[str, float],
        chunks: NDArray[np.intp],
        *,
        flat: float,
    ) -> NDArray[np.float32]:
        """How well each of these chunks fits when its fields and its file's are one text.

        A word counts as much as it does in all fields together, weighted, and levels off the sooner the
        smaller ``flat`` is: a place with each word somewhere beats one that repeats a few in every field.
        """
        import numpy as np

        found = np.zeros(len(chunks), dtype=np.float32)
        owners = self.file_of[chunks]
        places = {field: self._holding(field, terms) for field in weights}
        for number, weight in enumerate(terms.values()):
            rarity = self._rarity("chunk", places["body"][number])
            if not rarity:
                continue
            held = np.zeros_like(found)
            for field, much in weights.items():
                space = FIELDS[field].space
                counted = np.zeros(int(self._bases[space][-1]), dtype=np.float32)
                self._count(counted, field, places[field][number], much)
                held += counted[chunks] if space == "chunk" else counted[owners]
            found += held / (held + np.float32(flat)) * np.float32(rarity * weight)
        return found

    def _holding(self, field: str, terms: Mapping[str, float]) -> list[list[tuple[int, int]]]:
        """For every term where each segment lists the texts that hold it."""
        import numpy as np

        hashes = np.array([term_hash(term) for term in terms], dtype=np.uint64)
        found = [_slices(arrays, field, hashes) for arrays in self._segments]
        return [[of[number] for of in found] for number in range(len(terms))]

    def _rarity(self, space: Space, places: list[tuple[int, int]]) -> float:
        """How much a term says that these texts hold; 0 where none does."""
        holding = sum(end - begin for begin, end in places)
        total = int(self._bases[space][-1])
        return math.log(1 + (total - holding + 0.5) / (holding + 0.5)) if holding else 0.0

    def _count(
        self, found: NDArray[np.float32], field: str, places: list[tuple[int, int]], much: float
    ) -> None:
        """Add to each text that holds a term how much the term counts in it."""
        import numpy as np

        bases = self._bases[FIELDS[field].space]
        for segment, (begin, end) in enumerate(places):
            if begin < end:
                arrays = self._segments[segment]
                part = found[bases[segment] : bases[segment + 1]]
                part[arrays[f"{field}:docs"][begin:end]] += arrays[f"{field}:weights"][
                    begin:end
                ] * np.float32(much / 255)

    def _counting(self, found: NDArray[np.float32], space: Space) -> NDArray[np.float32]:
        if self.manifest_dead:
            found *= self.alive if space == "file" else self.alive[self.file_of]
        return found

    @cached_property
    def manifest_dead(self) -> bool:
        """Whether any file of the segments no longer counts."""
        return any(part.dead for part in self.manifest.parts)


def _slices(arrays: Arrays, field: str, hashes: NDArray[np.uint64]) -> list[tuple[int, int]]:
    """Where the texts that hold each term stand in a segment's list."""
    terms, places = arrays[f"{field}:terms"], arrays[f"{field}:at"]
    if not len(terms):
        return [(0, 0)] * len(hashes)
    found = terms.searchsorted(hashes)
    found[found == len(terms)] = 0
    return [
        (int(places[at]), int(places[at + 1])) if terms[at] == wanted else (0, 0)
        for at, wanted in zip(found.tolist(), hashes, strict=True)
    ]


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
