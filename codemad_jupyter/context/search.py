"""Owns the answer to a query: which places of the folder fit it, best first.

The first appearance of each file in the answer is its rank among files, by all that speaks for it; the cells
of notebooks stand among them by what speaks for the cell. What an index is made of is left to `indexing`, how
evidence is weighed to `ranking`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from codemad_jupyter.context.kinds import kinds_of, priors
from codemad_jupyter.context.past import Past
from codemad_jupyter.context.ranking import CHUNK_WEIGHTS, FILE_WEIGHTS, FLAT, VOTE, rank_chunks, rank_files
from codemad_jupyter.context.scoring import Asked
from codemad_jupyter.context.words import query_terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codemad_jupyter.context.reading import Index, Snapshot

    Floats = NDArray[np.float32]

FILES = 60
"""Files of an answer whose places are looked at one by one."""
OWN = 0.7
"""How much of a cell's score is its own; the rest it has from its notebook."""
DISTINCT = 20
"""So many files have room in an answer before further cells of the same notebooks."""

Meaning = Callable[[str, "Snapshot"], "Floats | None"]
"""How near each chunk is to a query in meaning (0 to 1), or None where nothing can say so."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that fits: lines are 1-based, and those of the cell in a notebook."""

    path: str
    cell: int | None
    cell_id: str | None
    start: int
    end: int
    symbol: str
    score: float

    def record(self) -> dict[str, Any]:
        """The place as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gave; ``notice`` says what it could not do, "" where all is as it should be."""

    hits: tuple[Hit, ...]
    notice: str = ""


class Searcher:
    """Answers queries from the newest state of an index."""

    def __init__(self, index: Index, *, meaning: Meaning | None = None) -> None:
        self._index = index
        self._past = Past(index.folder)
        self._meaning = meaning
        self._about: tuple[Snapshot, NDArray[np.int32], NDArray[np.intp]] | None = None

    def search(self, query: str, *, limit: int = 50) -> list[Hit]:
        """The places that fit best; nothing where there is no index."""
        import numpy as np

        snapshot = self._index.current()
        terms = query_terms(query)
        if snapshot is None or not snapshot.files or not terms or limit < 1:
            return []
        asked = Asked(snapshot, terms)
        scores = {name: asked.scores(name) for name in dict.fromkeys(name for name, _, _ in FILE_WEIGHTS)}
        near = self._meaning(query, snapshot) if self._meaning else None
        files = rank_files(scores, snapshot.file_of, snapshot.files, near)
        for path, vote in self._past.votes(terms).items():
            file = snapshot.numbers.get(path)
            if file is not None:
                files[file] += VOTE * vote
        kinds, by_name = self._paths_of(snapshot)
        files *= priors(kinds, terms) * snapshot.alive
        found = np.flatnonzero(files > 0)
        if len(found) > FILES:
            last = np.partition(files[found], len(found) - FILES)[len(found) - FILES]
            found = found[files[found] >= last]
        top = found[np.lexsort((by_name[found], -files[found]))[:FILES]]
        return _answer(snapshot, files, _chunks_of(snapshot, top, asked, near), top.tolist(), limit)

    def _paths_of(self, snapshot: Snapshot) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """What the paths say of the files, and the place of each in the order of names: what fits as well
        as another stands in that order, whatever way the index was built."""
        import numpy as np

        if self._about is None or self._about[0] is not snapshot:
            order = np.argsort(np.array(snapshot.paths, dtype=object), kind="stable")
            places = np.empty(len(order), dtype=np.intp)
            places[order] = np.arange(len(order))
            self._about = snapshot, kinds_of(snapshot.paths), places
        return self._about[1:]


def _chunks_of(snapshot: Snapshot, files: NDArray[np.intp], asked: Asked, near: Floats | None) -> Floats:
    """How well the chunks of these files fit; 0 for those of all others."""
    import numpy as np

    found = np.zeros(snapshot.chunks, dtype=np.float32)
    ranges = [np.arange(*snapshot.range_of(file)) for file in files.tolist()]
    own = np.concatenate(ranges) if ranges else np.zeros(0, dtype=np.intp)
    words = asked.together(CHUNK_WEIGHTS, own, flat=FLAT)
    found[own] = rank_chunks(
        words, snapshot.chunk_kinds[own], snapshot.file_of[own], None if near is None else near[own]
    )
    return found


def _answer(snapshot: Snapshot, files: Floats, chunks: Floats, top: list[int], limit: int) -> list[Hit]:
    chunks = chunks * (float(files.max()) / (float(chunks.max()) or 1.0))
    first: list[tuple[float, int]] = []
    cells: list[tuple[float, int]] = []
    others: list[tuple[float, int]] = []
    for file in top:
        places = _places(snapshot, file, float(files[file]), chunks, limit)
        if not places:  # a file of blank lines has a path, but no place to show
            continue
        first.append(places[0])
        notebook = snapshot.cells[places[0][1]] >= 0
        (cells if notebook else others).extend(places[1:])
    first.sort(key=lambda place: (-place[0], snapshot.paths[snapshot.file_of[place[1]]]))
    cells.sort(reverse=True)
    others.sort(reverse=True)
    room = max(limit - DISTINCT, limit // 2)
    leading = sorted([*first, *cells[:room]], key=lambda place: -place[0])
    return [_hit(snapshot, *place) for place in [*leading, *others, *cells[room:]][:limit]]


def _places(
    snapshot: Snapshot, file: int, score: float, chunks: Floats, limit: int
) -> list[tuple[float, int]]:
    """The chunks of a file that fit, best first, scored so that the best one has the score of the file.

    A cell that was cut in several chunks is one place. Cells stand for themselves more than for their
    notebook: many notebooks of a folder speak of the same things.
    """
    begin, end = snapshot.range_of(file)
    own = chunks[begin:end]
    order = (-own).argsort(kind="stable").tolist()
    values, cells = own.tolist(), snapshot.cells[begin:end].tolist()
    best = values[order[0]] if order else 0.0
    found: list[tuple[float, int]] = []
    seen: set[int] = set()
    for at in order:
        cell, value = cells[at], values[at]
        if found and (value <= 0 or len(found) >= limit):
            break
        if cell in seen:
            continue
        if cell >= 0:
            seen.add(cell)
        shared = score * value / best if best > 0 else score
        found.append((shared if cell < 0 else OWN * value + (1 - OWN) * shared, begin + at))
    return found


def _hit(snapshot: Snapshot, score: float, chunk: int) -> Hit:
    start, end, cell, cell_id, symbol = snapshot.place(chunk)
    return Hit(
        path=snapshot.paths[snapshot.file_of[chunk]],
        cell=cell if cell >= 0 else None,
        cell_id=(cell_id or None) if cell >= 0 else None,
        start=start,
        end=end,
        symbol=symbol,
        score=round(score, 4),
    )
