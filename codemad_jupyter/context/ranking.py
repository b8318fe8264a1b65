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

COUNTED = 5_000
"""So many chunks of a query speak for their files."""
BEST = 3
"""So many of a file's chunks speak for it."""


def best_of(scores: Floats, file_of: NDArray[np.int32], files: int, *, best: int) -> list[Floats]:
    """For every file the mean of its best chunk, of its best two, and so on; chunks that do not fit count
    as nothing."""
    import numpy as np

    total = np.zeros(files, dtype=np.float32)
    hits = np.flatnonzero(scores != 0)  # five times as fast as of the numbers themselves
    values = scores[hits]
    if len(hits) > COUNTED:
        # Common words are in most chunks of a big folder; the weakest of those cannot lift a file.
        kept_from = np.partition(values, len(values) - COUNTED)[len(values) - COUNTED]
        kept = values >= kept_from
        hits, values = hits[kept], values[kept]
    found: list[Floats] = []
    owners = file_of[hits]  # in order, as the chunks are
    for number in range(1, best + 1):
        if len(owners):
            first = np.flatnonzero(_begins(owners))
            top = np.maximum.reduceat(values, first)
            total[owners[first]] += top
            equal = np.flatnonzero(values == np.repeat(top, np.diff(first, append=len(values))))
            rest = np.ones(len(values), dtype=bool)
            rest[equal[_begins(owners[equal])]] = False
            owners, values = owners[rest], values[rest]
        found.append(total / np.float32(number))
    return found


def _begins(owners: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Where another file begins."""
    import numpy as np

    found = np.ones(len(owners), dtype=bool)
    np.not_equal(owners[1:], owners[:-1], out=found[1:])
    return found


def scaled(scores: Floats) -> Floats:
    """The scores with the greatest one as 1."""
    top = float(scores.max()) if len(scores) else 0.0
    return scores / top if top > 0 else scores


FILE_WEIGHTS = (
    ("body", 1, 0.6),
    ("body", BEST, 1.2),
    ("whole", 0, 0.7),
    ("path", 0, 0.5),
    ("symbols", 0, 0.15),
    ("symbol", BEST, 0.15),
    ("comments", 0, 0.1),
    ("heading", 1, 0.1),
)
"""What speaks for a file: a field, of how many chunks (0: it is a field of files), and how much it counts."""
VOTE = 0.4
"""How much past changes count beside what a file holds."""
CHUNK_WEIGHTS = {"body": 1.0, "heading": 3.0, "above": 0.8, "symbol": 0.3, "whole": 0.5}
"""What a chunk and its file hold, as one text: the headings above a place say in few words what it is."""
FLAT = 0.7
"""How much of a word is half of what it can count."""
CHUNK_FACTORS = (1.0, 0.7, 0.45)
"""Cells of prose stand below the code they speak of, headings alone below both."""
NEAR, NEAR_CHUNK = 0.8, 0.5
"""How much meaning counts beside words, for a file and for a place."""
BESIDE = 0.6
"""How much the places before and behind count beside the meaning of a place."""


def rank_chunks(
    words: Floats, kinds: NDArray[np.uint8], file_of: NDArray[np.int32], near: Floats | None = None
) -> Floats:
    """How well each chunk fits by its words and, where that is known, by its meaning.

    ``words`` is how much of the query each holds. Beside the meaning that counts squared: a place with few
    of the words has them by chance, and one with nearly all is what was asked for.
    """
    import numpy as np

    total = words
    if near is not None:
        total = words**2 + NEAR_CHUNK * scaled(near + BESIDE * _beside(near, file_of))
    return total * np.array(CHUNK_FACTORS, dtype=np.float32)[kinds]


def _beside(near: Floats, file_of: NDArray[np.int32]) -> Floats:
    """How near the chunk before or behind each is, within its file: a step says little without the others."""
    import numpy as np

    if not len(near):
        return near
    same = file_of[1:] == file_of[:-1]
    found = np.zeros_like(near)
    found[1:] = near[:-1] * same
    found[:-1] = np.maximum(found[:-1], near[1:] * same)
    return found


def rank_files(
    scores: Mapping[str, Floats], file_of: NDArray[np.int32], files: int, near: Floats | None = None
) -> Floats:
    """How well each file fits, before its prior."""
    import numpy as np

    total = np.zeros(files, dtype=np.float32)
    deepest = {name: best for name, best, _ in FILE_WEIGHTS if best}
    means = {name: best_of(scores[name], file_of, files, best=best) for name, best in deepest.items()}
    for name, best, weight in FILE_WEIGHTS:
        total += weight * scaled(means[name][best - 1] if best else scores[name])
    return total if near is None else total + NEAR * scaled(best_of(near, file_of, files, best=BEST)[-1])
