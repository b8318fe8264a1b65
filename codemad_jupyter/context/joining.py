"""Owns how segments of an index become one, without the files that no longer count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from codemad_jupyter.context.segment import FIELDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]


def join(segments: Sequence[tuple[Arrays, Sequence[int]]]) -> Arrays:
    """One segment that holds the files of all, less the dead ones of each."""
    import numpy as np

    files = [_alive(len(arrays["size"]), dead) for arrays, dead in segments]
    chunks = [
        np.repeat(alive, np.diff(arrays["first"])) for (arrays, _), alive in zip(segments, files, strict=True)
    ]
    every = [arrays for arrays, _ in segments]
    sizes = [np.diff(arrays["first"])[alive] for arrays, alive in zip(every, files, strict=True)]
    joined: Arrays = {"first": np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(sizes))])}
    for name in ("size", "mtime", "digest"):
        joined[name] = np.concatenate([a[name][keep] for a, keep in zip(every, files, strict=True)])
    for name in ("start", "end", "cell", "key", "kind"):
        joined[name] = np.concatenate([a[name][keep] for a, keep in zip(every, chunks, strict=True)])
    joined.update(_texts("path", every, files))
    for name in ("cell_id", "symbol"):
        joined.update(_texts(name, every, chunks))
    for name, kind in FIELDS.items():
        joined.update(_postings(name, every, files if kind.space == "file" else chunks))
    return joined


def _alive(count: int, dead: Sequence[int]) -> NDArray[np.bool_]:
    import numpy as np

    alive = np.ones(count, dtype=bool)
    alive[list(dead)] = False
    return alive


def _texts(name: str, every: Sequence[Arrays], keep: Sequence[NDArray[np.bool_]]) -> Arrays:
    import numpy as np

    pieces: list[NDArray[np.uint8]] = []
    lengths: list[NDArray[np.int64]] = []
    for arrays, kept in zip(every, keep, strict=True):
        size = np.diff(arrays[f"{name}.at"])
        pieces.append(arrays[f"{name}.text"][np.repeat(kept, size)])
        lengths.append(size[kept])
    places = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(lengths))])
    return {f"{name}.text": np.concatenate(pieces), f"{name}.at": places}


def _postings(name: str, every: Sequence[Arrays], keep: Sequence[NDArray[np.bool_]]) -> Arrays:
    import numpy as np

    terms, documents, weights = [], [], []
    base = 0
    for arrays, kept in zip(every, keep, strict=True):
        docs = arrays[f"{name}:docs"]
        live = kept[docs]
        numbers = np.cumsum(kept) - 1 + base
        terms.append(np.repeat(arrays[f"{name}:terms"], np.diff(arrays[f"{name}:at"]))[live])
        documents.append(numbers[docs[live]].astype(np.int32))
        weights.append(arrays[f"{name}:weights"][live])
        base += int(kept.sum())
    hashes, docs = np.concatenate(terms), np.concatenate(documents)
    order = np.lexsort((docs, hashes))
    unique, sizes = np.unique(hashes, return_counts=True)
    return {
        f"{name}:terms": unique,
        f"{name}:at": np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        f"{name}:docs": docs[order],
        f"{name}:weights": np.concatenate(weights)[order],
    }
