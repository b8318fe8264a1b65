"""What the index costs: building, starting warm, one saved file, memory, and the time of a query.

    python tests/benchmarks/bench_index.py [--files 10000] [--chunks 100000] [--model DIR]

The folder is made of generated Python files whose words follow the law of real text (few common, many rare).
"BM25 alone" builds the plain inverted index of whole files, from the same files, as its lower bound.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from codemad_jupyter.app.indexing import FolderIndex
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.context.embeddings import LocalModel
from codemad_jupyter.context.meaning import Meaning
from codemad_jupyter.context.reading import Index
from codemad_jupyter.context.search import Searcher

DRAW = random.Random(4)
WORDS = ["".join(DRAW.choices("abcdefghijklmnoprstuvw", k=DRAW.randint(3, 9))) for _ in range(20_000)]
WEIGHTS = [1 / (rank + 3) for rank in range(len(WORDS))]


def words(count: int) -> list[str]:
    return DRAW.choices(WORDS, WEIGHTS, k=count)


def function() -> str:
    name, body = "_".join(words(3)), words(60)
    lines = []
    for at in range(0, 60, 6):
        one, two, called, *given = body[at : at + 6]
        lines.append(f"    {one}_{two} = {called}({', '.join(given)})")
    head = f'def {name}({", ".join(words(3))}):\n    """{" ".join(words(14)).capitalize()}."""\n'
    return head + "\n".join(lines)


def make(root: Path, files: int, each: int) -> None:
    for number in range(files):
        folder = root / f"part{number % 97}" / words(1)[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"m{number}_{words(1)[0]}.py").write_text(
            "\n\n\n".join(function() for _ in range(each)) + "\n"
        )


def plain(root: Path) -> float:
    """Seconds for an inverted index of whole files and nothing else."""
    began = time.perf_counter()
    postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, path in enumerate(root.rglob("*.py")):
        for word, count in Counter(re.findall(r"\w+", path.read_text().lower())).items():
            postings[word].append((number, count))
    return time.perf_counter() - began


def queries(searcher: Searcher, count: int = 200) -> str:
    """Median and 95th percentile of a query, in milliseconds, on the clock and of the processor."""
    times, busy = [], []
    for _ in range(count + 10):
        query = " ".join(words(DRAW.randint(3, 10)))
        began, spent = time.perf_counter(), time.thread_time()
        searcher.search(query, limit=50)
        times.append((time.perf_counter() - began) * 1000)
        busy.append((time.thread_time() - spent) * 1000)
    clock, cpu = (
        f"median {statistics.median(found):.1f} ms, p95 {statistics.quantiles(found, n=20)[-1]:.1f} ms"
        for found in (times[10:], busy[10:])
    )
    return f"{clock} (of the processor: {cpu})"


def saved_to_found(index: FolderIndex, root: Path) -> float:
    """Seconds from a save until a search finds it, while the folder is followed; the median of ten."""
    index.follow()
    times = []
    for number in range(10):
        word, name = "quxword" + chr(97 + number) * 3, f"saved{number}.py"
        began = time.perf_counter()
        (root / name).write_text(f"def {word}():\n    return 1\n")
        while not any(hit.path == name for hit in index.search(word)) and time.perf_counter() - began < 30:
            time.sleep(0.005)
        times.append(time.perf_counter() - began)
    index.close()
    return statistics.median(times)


def peak() -> str:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return f"{own} MB, largest helper process {child} MB"


def with_model(index: FolderIndex, model: LocalModel) -> None:
    """Queries with vectors: those of the chunks are drawn at random, that of the query is computed."""
    meaning = Meaning(index.folder, model)
    snapshot = Index(index.folder).current()
    assert snapshot is not None
    keys = np.unique(snapshot.keys)
    draw = np.random.default_rng(1)
    for at in range(0, len(keys), 10_000):
        part = keys[at : at + 10_000]
        made = draw.normal(size=(len(part), model.size)).astype(np.float32)
        meaning.store.add(part.tolist(), made / np.linalg.norm(made, axis=1, keepdims=True))
    said = queries(Searcher(Index(index.folder), meaning=meaning))
    print(f"query with a model: {said}; memory {peak()}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "work"
        make(root, options.files, max(1, options.chunks // options.files))
        settings = Settings(index_dir=Path(scratch) / "index", data_dir=Path(scratch) / "data")
        print(f"{options.files} files; BM25 alone: {plain(root):.1f} s")
        cpu = time.process_time()
        report = FolderIndex(root, settings, processes=2).update()
        child = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = time.process_time() - cpu + child.ru_utime + child.ru_stime
        print(f"cold: {report.chunks} chunks in {report.seconds:.1f} s, {cpu:.1f} s of processor; {peak()}")
        index = FolderIndex(root, settings)
        print(f"warm: nothing changed, {index.update().seconds:.2f} s")
        print(f"query by words: {queries(Searcher(Index(index.folder)))}")
        print(f"saved to found: {saved_to_found(index, root):.2f} s; threads left {threading.active_count()}")
        if options.model:
            with_model(index, LocalModel(options.model, made=Path(scratch) / "made"))


if __name__ == "__main__":
    main()
