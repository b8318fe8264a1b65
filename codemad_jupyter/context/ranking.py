"""Owns the order of what is found: evidence of several kinds, each on its own scale, added up.

Pure: arrays in, arrays out. Files get the mean of their best chunks, the names they define, the words of
their path and what their comments say; a prior puts tests, examples and generated files below source
unless the words ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

BEST = 3
"""So many of a file's chunks speak for it."""


def best_of(scores: Floats, file_of: NDArray[np.int32], files: int, *, best: int = BEST) -> Floats:
    """For every file the mean of its best chunks; chunks that do not fit count as nothing."""
    import numpy as np

    found = np.zeros(files, dtype=np.float32)
    hits = np.flatnonzero(scores)
    if not len(hits):
        return found
    owners, values = file_of[hits], scores[hits]
    order = np.lexsort((-values, owners))
    owners, values = owners[order], values[order]
    first = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    rank = np.arange(len(owners)) - np.repeat(first, np.diff(np.r_[first, len(owners)]))
    kept = rank < best
    np.add.at(found, owners[kept], values[kept] / best)
    return found


def scaled(scores: Floats) -> Floats:
    """The scores with the greatest one as 1."""
    top = float(scores.max()) if len(scores) else 0.0
    return scores / top if top > 0 else scores


FILE_WEIGHTS = {"body": 1.2, "path": 0.8, "symbols": 0.4, "comments": 0.3, "heading": 0.2, "whole": 0.0}
CHUNK_WEIGHTS = {"body": 1.0, "symbol": 0.4, "comment": 0.2, "heading": 0.3}
NEAR = 0.8
"""How much meaning counts beside words."""


def rank_chunks(scores: Mapping[str, Floats], near: Floats | None = None) -> Floats:
    """How well each chunk fits."""
    import numpy as np

    total = np.zeros_like(scores["body"])
    for name, weight in CHUNK_WEIGHTS.items():
        total += weight * scaled(scores[name])
    return total if near is None else total + NEAR * scaled(near)


def rank_files(
    scores: Mapping[str, Floats], file_of: NDArray[np.int32], files: int, near: Floats | None = None
) -> Floats:
    """How well each file fits, before its prior."""
    import numpy as np

    total = np.zeros(files, dtype=np.float32)
    for name, weight in FILE_WEIGHTS.items():
        if weight:
            found = scores[name]
            whole = (
                found if len(found) == files and name not in CHUNK_WEIGHTS else best_of(found, file_of, files)
            )
            total += weight * scaled(whole)
    return total if near is None else total + NEAR * scaled(best_of(near, file_of, files))
