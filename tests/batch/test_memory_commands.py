"""``codemad memory`` and ``codemad sessions`` from a shell."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.app.memory_commands import pick, read_memory_words
from codemad_jupyter.app.memory_text import announced_line, changed_line, fact_line
from codemad_jupyter.batch.cli import main
from codemad_jupyter.magics.arguments import Ask, read_line
from codemad_jupyter.magics.subcommand_forms import Subcommand
from codemad_jupyter.magics.subcommand_texts import usage_of
from codemad_jupyter.protocol.errors import NotFound, UsageError
from codemad_jupyter.protocol.events import MemoryChanged
from codemad_jupyter.protocol.memories import Memory


def test_a_fact_is_added_listed_found_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    root, other = str(tmp_path / "work"), str(tmp_path / "other")
    (tmp_path / "work").mkdir()
    (tmp_path / "other").mkdir()

    def codemad(*words: str, root: str = root) -> str:
        assert main([*words, "--root", root]) == 0
        return capsys.readouterr().out

    added = codemad("memory", "add", "The target is", "diagnosis", "--kind", "decision")
    assert added.startswith("Remembered (project): The target is diagnosis [")
    codemad("memory", "add", "Writes German", "--scope", "user")
    (mine,) = json.loads(codemad("memory", "list", "--json", root=other))["memories"]
    assert (mine["text"], mine["who"], mine["confirmed"]) == ("Writes German", "person", True)
    assert "diagnosis" in codemad("memory", "search", "diagnosis")
    assert codemad("memory", "edit", "1", "It is outcome") == "Changed: It is outcome\n"
    assert codemad("memory", "forget", "--all", "--scope", "user") == "Forgotten: 1 fact.\n"
    assert "Nothing is remembered" in codemad("memory", "list", root=other)
    assert "No session said" in codemad("sessions", "search", "diagnosis")
    assert main(["memory", "forget", "nothing", "--root", root]) == 1
    assert "is no fact" in capsys.readouterr().err
    assert main(["memory"]) == 2


def test_a_sentence_is_no_subcommand() -> None:
    assert isinstance(read_line("memory usage of df is high, why?"), Ask)
    assert isinstance(read_line("sessions search"), Ask)
    assert read_line("memory") == Subcommand("memory")
    assert read_line('memory add "it is so" --scope user') == Subcommand(
        "memory", words=("add", "it is so", "--scope", "user")
    )
    assert read_line("memory add don't panic").words == ("add", "don't", "panic")  # type: ignore[union-attr]
    assert read_line("sessions search heat map") == Subcommand("sessions", words=("search", "heat", "map"))
    assert "forget [--all]" in usage_of("memory")
    assert "search" in usage_of("sessions")
    with pytest.raises(UsageError, match="invalid choice"):
        read_memory_words(["add", "x", "--scope", "world"])


def test_a_fact_is_named_and_told_in_one_line() -> None:
    facts = [
        Memory(id="memory-ab12", scope="user", text="a\nb\x1b[31m", created=0.0, confirmed=False, uses=2),
        Memory(id="memory-ab99", scope="role", role="main", text="c", who="model", model="x/y"),
    ]
    assert pick(facts, "2") is facts[1]
    assert pick(facts, "ab1") is facts[0]
    assert pick(facts, "memory-ab99") is facts[1]
    with pytest.raises(NotFound, match="more than one"):
        pick(facts, "ab")
    assert "\n" not in fact_line(facts[0])
    assert "\x1b" not in fact_line(facts[0])
    assert "waits: codemad memory confirm ab12" in fact_line(facts[0])
    assert "role main" in fact_line(facts[1])
    waiting = MemoryChanged(
        change="waiting", memories=("memory-ab12",), scope="user", kind="preference", text="x"
    )
    assert "codemad memory confirm ab12" in changed_line(waiting)
    assert "ab12" not in announced_line(waiting)
    forgotten = waiting.model_copy(update={"change": "forgotten", "text": ""})
    assert announced_line(forgotten) == "Forgotten: 1 fact."
