"""What the index costs: building, starting warm, one saved file, memory, and the time of a query.

    python tests/benchmarks/bench_index.py [--files 10000] [--chunks 100000] [--model DIR]

Prints one table; each row is measured in a process of its own, so that its peak of memory is its own. The
folder is made of real functions and prose (`index_corpus`). Baselines, over the same files:
"BM25 over whole files" is our own build with one field, our words, no chunks and no syntax; "inverted index"
is what plain Python needs to count words; "bm25s" is that package, where it is installed.
Time of the processor stands beside the clock: it says what an idle machine would take.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.app.indexing import FolderIndex  # noqa: E402
from codemad_jupyter.config.settings import Settings  # noqa: E402
from codemad_jupyter.context.container import write_arrays  # noqa: E402
from codemad_jupyter.context.embeddings import LocalModel  # noqa: E402
from codemad_jupyter.context.meaning import Meaning  # noqa: E402
from codemad_jupyter.context.reading import Index  # noqa: E402
from codemad_jupyter.context.search import Searcher  # noqa: E402
from codemad_jupyter.context.segment import ChunkRow, FileRow, SegmentBuilder  # noqa: E402
from codemad_jupyter.context.symbols_workspace import WorkspaceSymbols  # noqa: E402
from codemad_jupyter.context.walking import read_text, walk_files  # noqa: E402
from tests.benchmarks.index_corpus import Corpus  # noqa: E402

CHUNKS, QUERIES = 200, 210
LIMITS = {"warm": "", "saved": "0.3 s", "words": "10 ms", "meaning": "30 ms, 350 MB", "embed": "350 MB"}


class Place:
    """The folder that is measured, and where its index lies."""

    def __init__(self, scratch: Path, model: Path | None) -> None:
        self.scratch = scratch
        self.root = scratch / "work"
        self.queries = scratch / "queries.txt"
        self.settings = Settings(
            index_dir=scratch / "index", data_dir=scratch / "data", embedding_model=model
        )

    def index(self, processes: int = 1) -> FolderIndex:
        return FolderIndex(self.root, self.settings, processes=processes)

    def texts(self) -> list[str]:
        read = (read_text(self.root / entry.path, limit=20_000_000) for entry in walk_files(self.root))
        return [text for text in read if text is not None]


def inverted(place: Place) -> str:
    """An inverted index in plain Python."""
    postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, text in enumerate(place.texts()):
        for word, count in Counter(re.findall(r"\w+", text.lower())).items():
            postings[word].append((number, count))
    return f"{len(postings)} words"


def whole(place: Place) -> str:
    """BM25 over whole files, with our own words and our own file of it."""
    builder, row = SegmentBuilder(), ChunkRow(1, 1, -1, "", "", 0)
    for number, text in enumerate(place.texts()):
        builder.add(FileRow(f"{number}", len(text), 0, bytes(16)), [(row, {"body": text})], {})
    write_arrays(place.scratch / "whole.seg", builder.arrays())
    return f"{len(builder.files)} files"


def package(place: Place) -> str:
    """The package bm25s over whole files."""
    import bm25s

    texts = place.texts()
    engine = bm25s.BM25()
    engine.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)
    return f"{len(texts)} files"


def cold(place: Place) -> str:
    report = place.index(processes=2).update(anew=True)
    size = sum(path.stat().st_size for path in place.index().folder.iterdir()) / 1e6
    return f"{report.files} files, {report.chunks} chunks, {size:.0f} MB on disk"


def warm(place: Place) -> str:
    report = place.index().update()
    return f"{report.read} files read"


def saved(place: Place) -> str:
    """From a save until a search finds it, while the folder is followed."""
    index = place.index()
    index.search("anything")
    index.follow()
    times = []
    for number in range(15):
        word, name = "quxword" + chr(97 + number) * 3, f"saved{number}.py"
        began = time.perf_counter()
        (place.root / name).write_text(f"def {word}():\n    return 1\n")
        while not any(hit.path == name for hit in index.search(word)) and time.perf_counter() - began < 60:
            time.sleep(0.005)
        times.append(time.perf_counter() - began)
    index.close()
    median, best, worst = statistics.median(times), min(times), max(times)
    return f"saved to found: median {median:.2f} s, best {best:.2f}, worst {worst:.2f}"


def exactly(place: Place, chunks: int) -> str:
    """Take files away, and add one of as many short functions as are missing, until there are so many
    places: what is measured from here on is what the goals name. How many files there are then."""
    index = place.index()
    snapshot = Index(index.folder).current()
    assert snapshot is not None
    have = int(snapshot.alive[snapshot.file_of].sum())
    for path, number in snapshot.numbers.items():
        if have <= chunks:
            break
        begin, end = snapshot.range_of(number)
        (place.root / path).unlink()
        have -= end - begin
    for number in range(chunks - have):
        (place.root / f"one{number}.py").write_text(f"def one{number}():\n    return {number}\n")
    report = index.update(anew=True)
    return f"{report.files} files, {report.chunks} chunks"


def words(place: Place) -> str:
    return _timed(place, Searcher(Index(place.index().folder)))


def meaning(place: Place) -> str:
    """Queries with vectors: those of the chunks are drawn at random, that of the query is computed."""
    assert place.settings.embedding_model is not None
    folder = place.index().folder
    near = Meaning(folder, LocalModel(place.settings.embedding_model, made=place.scratch / "made"))
    snapshot = Index(folder).current()
    assert snapshot is not None
    keys = np.setdiff1d(np.unique(snapshot.keys), near.store.keys())
    draw = np.random.default_rng(1)
    for at in range(0, len(keys), 2_000):
        part = keys[at : at + 2_000]
        made = draw.normal(size=(len(part), near.embedder.size)).astype(np.float32)
        near.store.add(part.tolist(), made / np.linalg.norm(made, axis=1, keepdims=True))
    return _timed(place, Searcher(Index(folder), meaning=near))


def embed(place: Place) -> str:
    """The model at work on some chunks, in the process that also has the whole index."""
    index = place.index()
    made = 0

    def stop(progress: Any) -> None:
        nonlocal made
        made = max(made, progress.done)
        if made >= CHUNKS:
            index.stop()

    index._progress = stop
    began = time.process_time()
    index.embed()
    return f"{made / (time.process_time() - began):.0f} chunks a second of the processor"


def symbols(place: Place) -> str:
    """Where a name is defined and used, as `find_symbol` asks for it: the first time, and again."""
    reader, index, times = WorkspaceSymbols(place.root), place.index(), []
    index.search("anything")
    for _ in range(2):
        began = time.perf_counter()
        found = reader.read(holding="train_test_split", narrowed=index.narrowed("train_test_split"))
        times.append(time.perf_counter() - began)
    return f"first {times[0]:.2f} s, again {times[1]:.2f} s; {len(found.files)} files {found.notice}"


def _timed(place: Place, searcher: Searcher) -> str:
    """Median and 95th percentile of a query, in milliseconds, on the clock and of the processor."""
    times, busy = [], []
    for query in place.queries.read_text(encoding="utf-8").splitlines():
        began, spent = time.perf_counter(), time.thread_time()
        searcher.search(query, limit=50)
        times.append((time.perf_counter() - began) * 1000)
        busy.append((time.thread_time() - spent) * 1000)
    clock, cpu = (
        f"median {statistics.median(found):.1f} ms, p95 {statistics.quantiles(found, n=20)[-1]:.1f} ms"
        for found in (times[10:], busy[10:])
    )
    return f"query {clock}; of the processor {cpu}"


STAGES: dict[str, Callable[[Place], str]] = {
    stage.__name__: stage
    for stage in (whole, cold, warm, words, saved, symbols, package, inverted, embed, meaning)
}


def measure(name: str, place: Place) -> None:
    """One row, from within its own process."""
    began, spent = time.perf_counter(), _spent()
    said = STAGES[name](place)
    row = {
        "said": said,
        "clock": time.perf_counter() - began,
        "cpu": _spent() - spent,
        "own": _peak(),
        "helper": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }
    print(json.dumps(row))


def _peak() -> int:
    """Megabytes this process held at most; what `getrusage` says counts the process that started it, too."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def _spent() -> float:
    every = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in every)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        measure(options.stage, Place(options.scratch, options.model))
        return
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        corpus = Corpus()
        corpus.make(scratch / "work", files=options.files, chunks=options.chunks)
        asked = "\n".join(corpus.query() for _ in range(QUERIES))
        Place(scratch, None).queries.write_text(asked, encoding="utf-8")
        print("| what | clock s | processor s | peak MB (helper) | goal | found |\n|---|---|---|---|---|---|")
        for name in STAGES:
            if name == "words":
                print(
                    f"| from here on | | | | | {exactly(Place(scratch, None), options.chunks)} |", flush=True
                )
            skipped = (name == "package" and find_spec("bm25s") is None) or (
                name in ("embed", "meaning") and options.model is None
            )
            if not skipped:
                _row(name, options, scratch)


def _row(name: str, options: argparse.Namespace, scratch: Path) -> None:
    command = [sys.executable, __file__, "--stage", name, "--scratch", str(scratch)]
    command += ["--model", str(options.model)] if options.model else []
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    row = json.loads(done.stdout.splitlines()[-1])
    goal = LIMITS.get(name, "")
    print(
        f"| {name} | {row['clock']:.1f} | {row['cpu']:.1f} | {row['own']} ({row['helper']}) | {goal} |"
        f" {row['said']} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
