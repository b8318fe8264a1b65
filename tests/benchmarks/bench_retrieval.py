"""How well search finds the file of a change and the cell of a question, against simpler ways, in one run.

    python tests/benchmarks/bench_retrieval.py OWNER/NAME=PATH... [--model DIR] [--tasks N] [--span N]

Each PATH is a git repository with its history; it is read through a work tree in a temporary folder and not
changed. With ``--model`` (a folder with a sentence model) the ways that need vectors are run too. The table
has the share of tasks with a right file (or the right cell) among the first 1, 5 and 10, and the mean
reciprocal rank up to 10.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from retrieval_tasks import Task, cell_tasks, check_out, commit_tasks, git, past_changes

from codemad_jupyter.context.chunking import chunk_file
from codemad_jupyter.context.embedding import EmbeddingRun
from codemad_jupyter.context.embeddings import LocalModel
from codemad_jupyter.context.fields import cut
from codemad_jupyter.context.indexing import Indexer
from codemad_jupyter.context.meaning import Meaning
from codemad_jupyter.context.past import write_past
from codemad_jupyter.context.reading import Index
from codemad_jupyter.context.search import Searcher
from codemad_jupyter.context.walking import Limits, read_text, walk_files

Place = tuple[str, int | None]
Ranking = list[Place]
WINDOW = 1_000


class Folder:
    """The files of one state of a repository, read once, as texts, as chunks and as windows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts: dict[str, str] = {}
        for entry in walk_files(root):
            text = read_text(root / entry.path, limit=Limits().notebook)
            if text is not None:
                self.texts[entry.path] = cut(entry.path, text)

    def files(self) -> Iterator[tuple[Place, str]]:
        for path, text in self.texts.items():
            yield (path, None), text

    def chunks(self) -> Iterator[tuple[Place, str]]:
        for path, text in self.texts.items():
            for chunk in chunk_file(path, text).chunks:
                yield (path, chunk.cell_index), chunk.text

    def windows(self) -> Iterator[tuple[Place, str]]:
        for path, text in self.texts.items():
            for at in range(0, len(text), WINDOW):
                yield (path, None), text[at : at + WINDOW]


class PlainBM25:
    """BM25 as in any textbook: lower-case words, nothing split or cut."""

    def __init__(self, documents: Iterable[tuple[Place, str]]) -> None:
        self.places: list[Place] = []
        self.postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        lengths: list[int] = []
        for number, (place, text) in enumerate(documents):
            words = re.findall(r"\w+", text.lower())
            self.places.append(place)
            lengths.append(len(words))
            for word, count in Counter(words).items():
                self.postings[word].append((number, count))
        self.lengths = np.array(lengths or [0], dtype=float)

    def __call__(self, query: str) -> Ranking:
        scores: dict[int, float] = defaultdict(float)
        mean = self.lengths.mean() or 1.0
        for word in set(re.findall(r"\w+", query.lower())):
            held = self.postings.get(word, [])
            rarity = math.log(1 + (len(self.places) - len(held) + 0.5) / (len(held) + 0.5))
            for number, count in held:
                long = 0.25 + 0.75 * self.lengths[number] / mean
                scores[number] += rarity * count * 2.2 / (count + 1.2 * long)
        return [self.places[number] for number in sorted(scores, key=lambda at: -scores[at])]


class Vectors:
    """Texts ranked by the cosine of their vectors alone; vectors are kept between states."""

    def __init__(self, model: LocalModel) -> None:
        self.model = model
        self.known: dict[bytes, Any] = {}

    def ranker(self, documents: Iterable[tuple[Place, str]]) -> Callable[[str], Ranking]:
        places, keys, lacking = [], [], {}
        for place, text in documents:
            key = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).digest()
            places.append(place)
            keys.append(key)
            if key not in self.known:
                lacking[key] = text
        texts = list(lacking.values())
        for at in range(0, len(texts), 64):
            for key, vector in zip(
                list(lacking)[at : at + 64], self.model.embed(texts[at : at + 64]), strict=True
            ):
                self.known[key] = vector
        matrix = np.array([self.known[key] for key in keys])
        return lambda query: [places[at] for at in np.argsort(-(matrix @ self.model.embed([query])[0]))]


def fused(one: Callable[[str], Ranking], other: Callable[[str], Ranking]) -> Callable[[str], Ranking]:
    """Two rankings made one by the reciprocals of their ranks."""

    def ranking(query: str) -> Ranking:
        scores: dict[Place, float] = defaultdict(float)
        for way in (one, other):
            for at, place in enumerate(dict.fromkeys(way(query)[:1_000])):
                scores[place] += 1 / (60 + at)
        return sorted(scores, key=lambda place: -scores[place])

    return ranking


def ours(root: Path, place: Path, model: LocalModel | None) -> Callable[[str], Ranking]:
    """The product's own search."""
    Indexer(root, place).update()
    write_past(place, git(root, "rev-parse", "HEAD").strip(), past_changes(root))
    index = Index(place)
    meaning = Meaning(place, model) if model else None
    snapshot = index.current()
    if meaning and snapshot:
        EmbeddingRun(root, meaning.embedder, meaning.store).run(snapshot)
    searcher = Searcher(index, meaning=meaning)
    return lambda query: [(hit.path, hit.cell) for hit in searcher.search(query, limit=50)]


def ways(root: Path, scratch: Path, vectors: Vectors | None) -> dict[str, Callable[[str], Ranking]]:
    """Every way to rank, for one state of the folder."""
    folder = Folder(root)
    found: dict[str, Callable[[str], Ranking]] = {
        "BM25 over files": PlainBM25(folder.files()),
        "BM25 over chunks": PlainBM25(folder.chunks()),
        "ours without a model": ours(root, scratch / "words", None),
    }
    if vectors is not None:
        found["fixed-size chunks, vectors"] = vectors.ranker(folder.windows())
        found["our chunks, vectors alone"] = alone = vectors.ranker(folder.chunks())
        found["BM25 and vectors over chunks, RRF"] = fused(found["BM25 over chunks"], alone)
        found["ours with a model"] = ours(root, scratch / "model", vectors.model)
    return found


def rank(ranking: Ranking, task: Task) -> int:
    """The place of the first right answer, 0 where there is none."""
    if task.cells:
        candidates: list[object] = list(dict.fromkeys(ranking))
        right: frozenset[object] = task.cells
    else:
        candidates = list(dict.fromkeys(path for path, _ in ranking))
        right = task.files
    return next((at for at, candidate in enumerate(candidates, start=1) if candidate in right), 0)


def run(repository: Path, tasks: list[Task], vectors: Vectors | None, scratch: Path) -> dict[str, list[int]]:
    """The ranks of all tasks of one repository, by way."""
    tree = scratch / "tree"
    ranks: dict[str, list[int]] = defaultdict(list)
    known: dict[str, Callable[[str], Ranking]] = {}
    before = ""
    try:
        for task in tasks:
            if task.commit != before:
                check_out(repository, tree, task.commit)
                known, before = ways(tree, scratch, vectors), task.commit
            for name, way in known.items():
                ranks[name].append(rank(way(task.query), task))
    finally:
        git(repository, "worktree", "remove", "--force", str(tree))
    return ranks


def table(title: str, ranks: dict[str, list[int]]) -> None:
    count = len(next(iter(ranks.values()), []))
    if not count:
        return
    print(f"\n{title} ({count} tasks)\n{'':34s} recall@1  @5    @10   MRR")
    for name, found in ranks.items():
        shares = [sum(0 < at <= limit for at in found) / count for limit in (1, 5, 10)]
        mean = sum(1 / at for at in found if 0 < at <= 10) / count
        print(f"{name:34s} {shares[0]:8.3f} {shares[1]:6.3f} {shares[2]:6.3f} {mean:5.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repositories", nargs="+", metavar="OWNER/NAME=PATH")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--span", type=int, default=1500)
    options = parser.parse_args()
    pooled: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for item in options.repositories:
        name, _, path = item.partition("=")
        cells = cell_tasks(name, Path(path))
        tasks = cells or commit_tasks(Path(path), count=options.tasks, span=options.span)
        with tempfile.TemporaryDirectory() as scratch:
            model = LocalModel(options.model, made=Path(scratch) / "made") if options.model else None
            vectors = Vectors(model) if model else None
            ranks = run(Path(path), tasks, vectors, Path(scratch))
        table(name, ranks)
        for way, found in ranks.items():
            for task, at in zip(tasks, found, strict=True):
                kind = "question to cell" if task.cells else "commit to files"
                pooled[f"all: {kind}"][way].append(at)
                spoken = "with" if task.names_symbols else "without"
                pooled[f"all: {kind}, {spoken} symbol names"][way].append(at)
    for title in sorted(pooled):
        table(title, pooled[title])


if __name__ == "__main__":
    main()
