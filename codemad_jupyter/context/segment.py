"""Owns a segment of the index: some files with their chunks and the words of each field.

A segment is built in memory, written once and only read afterwards. How much a word counts in a text is
settled when it is written and depends on that text alone, so segments are joined by laying them together.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from codemad_jupyter.context.words import terms, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Space = Literal["chunk", "file"]


class Field(NamedTuple):
    """A field of texts: what is scored, how long its texts usually are, and how much length counts."""

    space: Space
    pivot: float
    slope: float
    saturation: float = 1.2


FIELDS: dict[str, Field] = {
    "body": Field("chunk", 110, 0.6),
    "symbol": Field("chunk", 6, 0.5),
    "comment": Field("chunk", 40, 0.6),
    "heading": Field("chunk", 12, 0.5),
    "above": Field("chunk", 40, 0.6),
    "path": Field("file", 7, 0.6, 0.8),
    "symbols": Field("file", 60, 0.7),
    "comments": Field("file", 250, 0.6),
    "whole": Field("file", 900, 0.7),
}
"""The usual lengths are those of real code; a fixed one keeps every score independent of the neighbours."""

TERM_BYTES = 8


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk as the index keeps it; ``key`` names its text for vectors, ``kind`` is 1 for a cell of prose
    and 2 for one that is a heading and little else."""

    start: int
    end: int
    cell: int
    cell_id: str
    symbol: str
    key: int
    kind: int = 0


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as the index keeps it."""

    path: str
    size: int
    mtime: int
    digest: bytes


def term_hash(term: str) -> int:
    """What stands for a term in the index: the words of a folder are not kept."""
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=TERM_BYTES).digest(), "little")


@dataclass(slots=True)
class Postings:
    """The words of texts, one text behind the other."""

    words: array[int] = field(default_factory=lambda: array("i"))
    lengths: array[int] = field(default_factory=lambda: array("i"))


class _Numbers(dict[str, tuple[int, ...]]):
    """The terms of every word of the texts, numbered as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.terms: dict[str, int] = {}

    def __missing__(self, word: str) -> tuple[int, ...]:
        known = self.terms
        found = self[word] = tuple(known.setdefault(term, len(known)) for term in terms(word))
        return found


class SegmentBuilder:
    """Gathers files for one segment."""

    def __init__(self) -> None:
        self.files: list[FileRow] = []
        self._chunks: list[ChunkRow] = []
        self._firsts: list[int] = [0]
        self._numbers = _Numbers()
        self._fields = {name: Postings() for name in FIELDS}

    @property
    def weight(self) -> int:
        """How much has been gathered, in words."""
        return sum(len(postings.words) for postings in self._fields.values())

    def add(
        self, row: FileRow, chunks: Sequence[tuple[ChunkRow, dict[str, str]]], texts: dict[str, str]
    ) -> None:
        """Add a file: its chunks with the texts of their fields, and the texts of its own fields.

        The whole of a file is what its chunks hold together, so it is not split into words again.
        """
        whole = self._fields["whole"]
        before = len(whole.words)
        for chunk, fields in chunks:
            self._chunks.append(chunk)
            for name, kind in FIELDS.items():
                if kind.space == "chunk":
                    numbers = self._add_text(name, fields.get(name, ""))
                    if name == "body":
                        whole.words.extend(numbers)
        whole.lengths.append(len(whole.words) - before)
        for name, kind in FIELDS.items():
            if kind.space == "file" and name != "whole":
                self._add_text(name, texts.get(name, ""))
        self.files.append(row)
        self._firsts.append(len(self._chunks))

    def _add_text(self, name: str, text: str) -> array[int]:
        known = self._numbers
        found: list[int] = []
        for word in words(text):
            found += known[word]
        numbers = array("i", found)
        postings = self._fields[name]
        postings.words.extend(numbers)
        postings.lengths.append(len(numbers))
        return numbers

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything gathered, as the arrays of a segment."""
        import numpy as np

        hashes = np.array([term_hash(term) for term in self._numbers.terms], dtype=np.uint64)
        found: dict[str, NDArray[Any]] = {
            "size": np.array([row.size for row in self.files], dtype=np.int64),
            "mtime": np.array([row.mtime for row in self.files], dtype=np.int64),
            "digest": np.frombuffer(b"".join(row.digest for row in self.files), dtype=np.uint8).reshape(
                -1, 16
            ),
            "first": np.array(self._firsts, dtype=np.int64),
            "start": np.array([chunk.start for chunk in self._chunks], dtype=np.int32),
            "end": np.array([chunk.end for chunk in self._chunks], dtype=np.int32),
            "cell": np.array([chunk.cell for chunk in self._chunks], dtype=np.int32),
            "kind": np.array([chunk.kind for chunk in self._chunks], dtype=np.uint8),
            "key": np.array([chunk.key for chunk in self._chunks], dtype=np.uint64),
            **laid("path", [row.path for row in self.files]),
            **laid("cell_id", [chunk.cell_id for chunk in self._chunks]),
            **laid("symbol", [chunk.symbol for chunk in self._chunks]),
        }
        for name, postings in self._fields.items():
            found.update(posted(name, FIELDS[name], postings, hashes))
        return found


def laid(name: str, texts: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Texts as one run of bytes with the place where each begins."""
    import numpy as np

    raw = [text.encode("utf-8", "replace") for text in texts]
    places = np.zeros(len(raw) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in raw], out=places[1:])
    return {f"{name}.text": np.frombuffer(b"".join(raw), dtype=np.uint8), f"{name}.at": places}


def posted(name: str, kind: Field, postings: Postings, hashes: NDArray[np.uint64]) -> dict[str, NDArray[Any]]:
    """Words of texts as lists of texts by word, with how much the word counts in each."""
    import numpy as np

    lengths = np.frombuffer(postings.lengths, dtype=np.int32) if postings.lengths else np.zeros(0, np.int32)
    words = np.frombuffer(postings.words, dtype=np.int32) if postings.words else np.zeros(0, np.int32)
    texts = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    order = np.argsort(hashes, kind="stable")
    rank = np.empty(len(hashes), dtype=np.int64)
    rank[order] = np.arange(len(hashes))
    pairs, counts = np.unique(rank[words] * max(len(lengths), 1) + texts, return_counts=True)
    ranks, documents = np.divmod(pairs, max(len(lengths), 1))
    used, sizes = np.unique(ranks, return_counts=True)
    counted = counts.astype(np.float32)
    long = 1 - kind.slope + kind.slope * lengths[documents].astype(np.float32) / kind.pivot
    weights = counted / (counted + kind.saturation * long)
    return {
        f"{name}:terms": hashes[order][used],
        f"{name}:at": np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        f"{name}:docs": documents.astype(np.int32),
        f"{name}:weights": np.maximum(np.rint(weights * 255), 1).astype(np.uint8),
    }
