"""``codemad sessions`` from a shell: what a person types, and what is there afterwards."""

import json
import resource
import stat
from pathlib import Path

import pytest

from codemad_jupyter.app.session_commands import write_new
from codemad_jupyter.app.session_text import pick_branch, pick_session, pick_turn, tree_text
from codemad_jupyter.app.session_words import FORMATS, LEVELS
from codemad_jupyter.batch.cli import main
from codemad_jupyter.magics.arguments import Ask, read_line
from codemad_jupyter.magics.subcommand_forms import Subcommand
from codemad_jupyter.magics.subcommand_texts import usage_of
from codemad_jupyter.protocol.errors import NotFound, UsageError
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.sessions import BranchInfo, ExportFormat, SessionInfo, SessionTree, Turn


def entry(id: str, parent: str | None, run: str, role: str, text: str) -> dict[str, object]:
    message = {"role": role, "parts": [{"type": "text", "text": text}]}
    return {"id": id, "parent": parent, "run": run, "message": message, "at": 1.0}


def told(run: str, prompt: str) -> list[dict[str, object]]:
    began = {"type": "run_started", "run": run, "prompt": prompt, "model": "m/n", "edge": "cli", "target": {}}
    return [began, {"type": "run_finished", "run": run, "status": "done", "text": "Done."}]


EXPORTED = {
    "format": "codemad-session",
    "version": 1,
    "level": "schema",
    "session": {"id": "s", "title": "Heat maps", "model": "m/n", "created": 1, "updated": 1},
    "branches": [
        {"id": "main", "name": "", "head": "3", "created": 1},
        {"id": "b", "name": "in blue", "head": "4", "created": 2},
    ],
    "entries": [
        entry("1", None, "r1", "user", "draw it"),
        entry("2", "1", "r1", "assistant", "\x1b[31mHere it is.\x1b]52;c;aGk=\x07"),
        entry("3", "2", "r2", "user", "now in red"),
        entry("4", "2", "r3", "user", "now in blue"),
    ],
    "events": [*told("r1", "draw it"), *told("r2", "now in red"), *told("r3", "now in blue")],
}


def test_a_session_is_read_shown_forked_compared_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    root, file = tmp_path / "work", tmp_path / "in.json"
    root.mkdir()
    file.write_text(json.dumps(EXPORTED))

    def codemad(*words: str, code: int = 0) -> str:
        assert main(["sessions", *words, "--root", str(root)]) == code
        said = capsys.readouterr()
        return said.out + said.err

    assert codemad("import", str(file)).startswith("Read as the session ")
    shown = codemad("show")
    assert "Heat maps" in shown
    assert [line.rsplit("  ", 1)[-1] for line in shown.splitlines()[1:]] == [
        "draw it",
        "now in red [*main]",
        "now in blue [in blue]",
    ]
    compared = codemad("compare", "in blue")
    assert "Both begin with 2 messages, the last: Here it is." in compared
    assert "1  you: now in red" in compared
    assert "\x1b" not in compared
    assert "stands on the branch “in blue”" in codemad("switch", "in blue")
    assert "[*in blue]" in codemad("show")
    assert "1 message" in codemad("merge", "main", "1")
    assert "is no number of the comparison" in codemad("merge", "main", "e1", code=2)
    assert "stands on the branch “third”" in codemad("branch", "third", "--at", "1", "--before")
    assert "Forked into the session" in codemad("fork", "--at", "1", "--title", "Elsewhere")
    assert "is now “Warm maps”" in codemad("name", "Warm", "maps", "--session", "Heat maps")
    assert "is pinned" in codemad("pin", "Warm maps")
    assert "(pinned)" in codemad("list").splitlines()[0]
    assert "is archived" in codemad("archive", "Elsewhere")
    assert "Elsewhere" not in codemad("list")
    assert "Elsewhere" in codemad("list", "--archived")
    assert "no longer archived" in codemad("archive", "Elsewhere", "--off")
    assert "now in red" in codemad("search", "red")

    out = tmp_path / "out.md"
    assert "Wrote" in codemad("export", "Elsewhere", "-o", str(out))
    assert out.read_text().startswith("# Elsewhere\n")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    planted, target = tmp_path / "planted.md", tmp_path / "target"
    target.write_text("mine")
    planted.symlink_to(target)
    assert "is there already" in codemad("export", "-o", str(planted), code=2)
    assert target.read_text() == "mine"
    again = json.loads(codemad("export", "Warm maps", "--format", "json"))
    assert [branch["name"] for branch in again["branches"]] == ["", "in blue", "third"]
    assert "cannot be read" in codemad("import", str(tmp_path / "none"), code=2)


def test_a_file_that_does_not_fit_on_the_disk_is_not_left_half(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(UsageError, match="cannot be written"):
            write_new(tmp_path / "talk.md", "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_sentence_is_no_subcommand() -> None:
    assert isinstance(read_line("sessions in the data frame are short, why?"), Ask)
    assert isinstance(read_line("sessions merge"), Ask)
    assert read_line("sessions") == Subcommand("sessions")
    assert read_line("sessions show 2") == Subcommand("sessions", words=("show", "2"))
    assert "merge" in usage_of("sessions")


def test_what_a_person_means() -> None:
    infos = [
        SessionInfo(id=id, title=title, model="", created=1, updated=at)
        for id, title, at in (("abc", "One", 1.0), ("abx", "Two", 2.0))
    ]
    assert [pick_session(infos, word).id for word in ("1", "One", "abx")] == ["abx", "abc", "abx"]
    turns = (Turn(run="run-1a", entry="1"), Turn(run="run-1b", parent="run-1a", entry="2"))
    branches = (BranchInfo(id="main", name="main"), BranchInfo(id="x1", name="x"))
    tree = SessionTree(session=infos[0], branches=branches, turns=turns)
    assert pick_turn(tree, "2").run == pick_turn(tree, "1b").run == "run-1b"
    assert pick_branch(tree, "x1").name == "x"
    for pick, words in ((pick_turn, ("1", "", "9")), (pick_branch, ("y", ""))):
        for word in words[1:]:
            with pytest.raises(NotFound):
                pick(tree, word)
    with pytest.raises(NotFound, match="more than one"):
        pick_session(infos, "ab")
    assert tree_text(tree).count("before everything") == 2


def test_the_words_are_those_of_the_protocol() -> None:
    assert ExportFormat.__args__ == FORMATS  # type: ignore[attr-defined]
    assert DataLevel.__args__ == LEVELS  # type: ignore[attr-defined]
