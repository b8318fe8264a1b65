"""Owns how well the texts of an index fit the words of one query (BM25, each field by itself or together).

What each segment lists for a word is looked up once for all that is asked about the same query.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codemad_jupyter.context.segment import FIELDS, Space, term_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codemad_jupyter.context.reading import Snapshot

    Arrays = dict[str, NDArray[Any]]

Places = list[list[tuple[int, int]]]
"""For every term where each segment lists the texts that hold it."""


class Asked:
    """The words of one query, looked up in one state of the index."""

    def __init__(self, snapshot: Snapshot, terms: Mapping[str, float]) -> None:
        import numpy as np

        self._snapshot = snapshot
        self._weights = tuple(terms.values())
        self._hashes = np.array([term_hash(term) for term in terms], dtype=np.uint64)
        self._held: dict[str, Places] = {}

    def scores(self, field: str) -> NDArray[np.float32]:
        """How well each text of the field fits; 0 for files that no longer count."""
        import numpy as np

        snapshot, space = self._snapshot, FIELDS[field].space
        bases = snapshot.bases[space]
        found = np.zeros(int(bases[-1]), dtype=np.float32)
        for places, weight in zip(self._holding(field), self._weights, strict=True):
            rarity = self._rarity(space, places)
            for number, (begin, end) in enumerate(places):
                if begin < end:
                    arrays = snapshot.segments[number]
                    counted = arrays[f"{field}:weights"][begin:end] * np.float32(rarity * weight / 255)
                    # No text stands twice in a list, so this adds to each once.
                    found[bases[number] : bases[number + 1]][arrays[f"{field}:docs"][begin:end]] += counted
        if snapshot.has_dead:
            found *= snapshot.alive if space == "file" else snapshot.alive[snapshot.file_of]
        return found

    def together(
        self, weights: Mapping[str, float], chunks: NDArray[np.intp], *, flat: float
    ) -> NDArray[np.float32]:
        """How much of the query each of these chunks holds (0 to 1), its fields and its file's as one text.

        A word counts as much as it does in all fields together, weighted, and levels off the sooner the
        smaller ``flat`` is: a place with each word somewhere beats one that repeats a few in every field.
        A word that no text holds is lacking like any other, so that little is little where nothing fits.
        """
        import numpy as np

        found = np.zeros(len(chunks), dtype=np.float32)
        owners, back = np.unique(self._snapshot.file_of[chunks], return_inverse=True)
        order = np.argsort(chunks)
        wanted, back_chunks = chunks[order], np.argsort(order)
        most = 0.0
        for number, weight in enumerate(self._weights):
            rarity = self._rarity("chunk", self._holding("body")[number])
            most += rarity * weight
            held = np.zeros_like(found)
            for field, much in weights.items():
                if FIELDS[field].space == "chunk":
                    held += self._counted(field, number, wanted)[back_chunks] * np.float32(much / 255)
                else:
                    held += self._counted(field, number, owners)[back] * np.float32(much / 255)
            found += held / (held + np.float32(flat)) * np.float32(rarity * weight)
        return found / np.float32(most)

    def files_with_all(self) -> NDArray[np.intp]:
        """The files that count and hold every one of the words, wherever in them."""
        import numpy as np

        snapshot = self._snapshot
        found = snapshot.alive > 0
        for places in self._holding("whole"):
            held = np.zeros(snapshot.files, dtype=bool)
            for number, (begin, end) in enumerate(places):
                held[snapshot.segments[number]["whole:docs"][begin:end] + snapshot.bases["file"][number]] = (
                    True
                )
            found &= held
        return np.flatnonzero(found)

    def _counted(self, field: str, term: int, texts: NDArray[Any]) -> NDArray[np.float32]:
        """How much a term counts in each of these texts, which are in order; 255 is the most."""
        import numpy as np

        bases = self._snapshot.bases[FIELDS[field].space]
        found = np.zeros(len(texts), dtype=np.float32)
        cuts = texts.searchsorted(bases).tolist()
        for number, (begin, end) in enumerate(self._holding(field)[term]):
            first, last = cuts[number], cuts[number + 1]
            if begin < end and first < last:
                arrays = self._snapshot.segments[number]
                documents, counts = arrays[f"{field}:docs"][begin:end], arrays[f"{field}:weights"][begin:end]
                wanted = (texts[first:last] - bases[number]).astype(documents.dtype)
                at = documents.searchsorted(wanted)
                at[at == len(documents)] = 0
                found[first:last] = counts[at] * (documents[at] == wanted)
        return found

    def _holding(self, field: str) -> Places:
        """For every term where each segment lists the texts that hold it."""
        held = self._held.get(field)
        if held is None:
            found = [_slices(arrays, field, self._hashes) for arrays in self._snapshot.segments]
            held = self._held[field] = [[of[number] for of in found] for number in range(len(self._weights))]
        return held

    def _rarity(self, space: Space, places: list[tuple[int, int]]) -> float:
        """How much a term says that these texts hold."""
        holding = sum(end - begin for begin, end in places)
        total = int(self._snapshot.bases[space][-1])
        return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


def _slices(arrays: Arrays, field: str, hashes: NDArray[np.uint64]) -> list[tuple[int, int]]:
    """Where the texts that hold each term stand in a segment's list."""
    import numpy as np

    terms, places = arrays[f"{field}:terms"], arrays[f"{field}:at"]
    if not len(terms):
        return [(0, 0)] * len(hashes)
    found = terms.searchsorted(hashes)
    found[found == len(terms)] = 0
    ends = np.where(terms[found] == hashes, places[found + 1], 0)
    begins = np.where(ends, places[found], 0)
    return list(zip(begins.tolist(), ends.tolist(), strict=True))
