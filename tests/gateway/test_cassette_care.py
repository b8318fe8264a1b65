"""Looking into a cassette, and making it smaller, while others use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from codemad_jupyter.gateway.cassette import Cassette
from codemad_jupyter.gateway.cassette_care import prune, rows
from codemad_jupyter.protocol.errors import NotFound
from tests.gateway.test_cassette_files import ANSWER, asked, filled


def test_rows_tell_what_was_asked_and_answered(tmp_path: Path) -> None:
    path = tmp_path / "n.cassette.jsonl"
    filled(path, "how many rows?", "other")
    filled(path, "other")
    told = [(row.line, row.take, row.asked, row.answered, row.current) for row in rows(Cassette(path))]
    assert told == [
        (2, 1, "how many rows?", "yes", True),
        (3, 1, "other", "yes", False),
        (4, 2, "other", "yes", True),
    ]


def test_pruned_it_gives_the_same_answers(tmp_path: Path) -> None:
    path = tmp_path / "n.cassette.jsonl"
    filled(path, "one", "two", "two", "one")
    path.write_bytes(path.read_bytes() + b"damaged\n")
    writer = filled(path, "one", "three")
    path.chmod(0o640)
    keys = {text: asked(text).key for text in ("one", "two", "three")}
    before = {text: len(Cassette(path).found(key)) for text, key in keys.items()}
    size = path.stat().st_size
    assert prune(path) == 4
    pruned = Cassette(path)
    assert {text: len(pruned.found(key)) for text, key in keys.items()} == before
    assert [row.asked for row in rows(pruned)] == ["two", "two", "one", "three"]
    assert pruned.damaged == []
    assert path.stat().st_size < size
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text().count("Be brief.") == 1
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    writer.append(asked("four"), ANSWER)
    assert len(pruned) == 5
    prune(path)
    once = path.read_bytes()
    prune(path)
    assert path.read_bytes() == once


def test_what_is_not_there_cannot_be_pruned(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        prune(tmp_path / "none.jsonl")
    assert list(tmp_path.iterdir()) == []
