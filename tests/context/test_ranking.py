"""The order of what is found: cells by their headings, copies below what they are copies of."""

import json
from pathlib import Path

import numpy as np
import pytest

from codemad_jupyter.context.indexing import Indexer
from codemad_jupyter.context.kinds import kinds_of
from codemad_jupyter.context.ranking import best_of, rank_chunks
from codemad_jupyter.context.reading import Index
from codemad_jupyter.context.scoring import Asked
from codemad_jupyter.context.search import Hit, Searcher
from codemad_jupyter.context.words import query_terms


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "load.py").write_text("def load_patients(path):\n    return read_table(path)\n")
    return folder


def find(root: Path, query: str) -> list[Hit]:
    place = root.with_name("index")
    Indexer(root, place).update()
    return Searcher(Index(place)).search(query)


def paths(root: Path, query: str) -> list[str]:
    return list(dict.fromkeys(hit.path for hit in find(root, query)))


def notebook(*cells: tuple[str, str]) -> str:
    made = [{"cell_type": kind, "metadata": {}, "source": text, "outputs": []} for kind, text in cells]
    return json.dumps({"cells": made, "nbformat": 4, "nbformat_minor": 4})


def test_a_cell_is_found_by_the_headings_above_it(root: Path) -> None:
    (root / "fitting.ipynb").write_text(
        notebook(
            ("markdown", "# Regression"),
            ("code", "y = a * x + noise  # regression line"),
            ("markdown", "## Outliers left out"),
            ("code", "fit = model(x, y)\nfit.summary()"),
            ("code", "outliers = find(y)\noutliers.plot()"),
            ("markdown", "## Elsewhere"),
            ("code", "fit = model(z)\nfit.summary()"),
        )
    )
    hits = find(root, "model summary with outliers left out")
    assert (hits[0].path, hits[0].cell) == ("fitting.ipynb", 3)


def test_a_copy_stands_below_what_it_is_a_copy_of(root: Path) -> None:
    text = notebook(("code", "rates = exchange('EUR')"))
    (root / "Draft-Copy1.ipynb").write_text(text)
    (root / "pkg_old").mkdir()
    (root / "pkg_old" / "load.py").write_text((root / "pkg" / "load.py").read_text())
    (root / "plan_v2.py").write_text("def exchange(currency):\n    return rates[currency]\n")
    (root / "Draft.ipynb").write_text(text)
    assert paths(root, "load patients")[:2] == ["pkg/load.py", "pkg_old/load.py"]
    assert next(path for path in paths(root, "exchange rates eur") if "Draft" in path) == "Draft.ipynb"
    assert list(kinds_of(["plan_v2.py", "plan.py"]) > 0) == [True, False]
    assert list(kinds_of(["plan_v2.py", "study.ipynb"]) > 0) == [False, False]


def test_a_file_of_blank_lines_is_no_place(root: Path) -> None:
    (root / "thallium.py").write_text("\n\n")
    (root / ".git").write_text("gitdir: ../thallium\n")
    (root / "notes.py").write_text("measured = 'thallium'\n")
    assert paths(root, "thallium") == ["notes.py"]


def test_meaning_is_shared_with_the_places_beside_within_a_file() -> None:
    words = np.array([1, 1, 1, 1, 0], dtype=np.float32)
    near = np.array([0, 0.5, 0, 0, 1], dtype=np.float32)
    owners = np.array([0, 0, 0, 1, 2], dtype=np.int32)
    kinds = np.zeros(5, dtype=np.uint8)
    found = rank_chunks(words, kinds, owners, near)
    assert found[1] > found[0] == found[2] > found[3] == 1
    assert list(rank_chunks(words, kinds, owners)) == list(words)


def test_few_of_the_words_count_little_beside_the_meaning() -> None:
    near = np.array([0, 1, 0, 1], dtype=np.float32)
    owners, kinds = np.arange(4, dtype=np.int32), np.zeros(4, dtype=np.uint8)
    chance = rank_chunks(np.array([0.4, 0.1, 0.3, 0], dtype=np.float32), kinds, owners, near)
    assert chance[1] > chance[3] > chance[0] > chance[2]
    asked_for = rank_chunks(np.array([0.9, 0.1, 0.3, 0], dtype=np.float32), kinds, owners, near)
    assert asked_for[0] > asked_for[1]


def test_a_word_that_stands_nowhere_is_lacking_in_every_place(root: Path) -> None:
    place = root.with_name("index")
    Indexer(root, place).update()
    snapshot = Index(place).current()
    assert snapshot is not None
    weights, every = {"body": 1.0}, np.arange(snapshot.chunks)
    known = Asked(snapshot, query_terms("table")).together(weights, every, flat=0.1)
    half = Asked(snapshot, query_terms("table thallium")).together(weights, every, flat=0.1)
    assert 0 < half.max() < known.max() / 2 <= 0.5


def test_a_file_has_the_mean_of_its_best_places() -> None:
    scores = np.array([0.5, 0.25, 0.5, 0.0, 0.75, 1.0, 0.5, 0.25], dtype=np.float32)
    owners = np.array([0, 0, 0, 1, 2, 3, 3, 3], dtype=np.int32)
    one, two, three = best_of(scores, owners, 5, best=3)
    assert one.tolist() == [0.5, 0, 0.75, 1, 0]
    assert two.tolist() == [0.5, 0, 0.375, 0.75, 0]
    assert three.tolist() == pytest.approx([1.25 / 3, 0, 0.25, 1.75 / 3, 0])


def test_places_asked_for_alone_score_as_when_all_are_asked_for(root: Path) -> None:
    (root / "more.py").write_text(
        "def read_table(path):\n    return path\n\n\ndef other(table):\n    table\n"
    )
    place = root.with_name("index")
    Indexer(root, place).update()
    (root / "later.py").write_text("def read_later(table):\n    return read(table)\n")
    Indexer(root, place).update()
    snapshot = Index(place).current()
    assert snapshot is not None
    assert len(snapshot.segments) == 2
    asked = Asked(snapshot, {"read": 1.0, "table": 1.0, "path": 2.0})
    weights = {"body": 1.0, "symbol": 0.5, "whole": 0.5}
    every = asked.together(weights, np.arange(snapshot.chunks), flat=1.0)
    some = np.arange(snapshot.chunks)[::-2]
    assert asked.together(weights, some, flat=1.0).tolist() == every[some].tolist()
    assert (every > 0).all()
