"""A notebook that git could not merge: seen as choices, written as chosen, taken back as one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codemad_jupyter.notebooks import merging
from codemad_jupyter.protocol.commands import ResolveMerge, Undo
from codemad_jupyter.protocol.errors import NotebookError, StaleEdit, UsageError
from tests.conflicts import book, code, conflict, git, nbdime_folder, with_nbdime
from tests.flows.conftest import MakeDesk


@pytest.fixture(autouse=True)
def nbdime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(nbdime_folder()))
    for name, value in with_nbdime().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def conflicted(tmp_path: Path) -> Path:
    """A repository in the middle of a merge that failed in ``m.ipynb``."""
    return conflict(tmp_path / "work").parent


def cells(data: bytes) -> list[tuple[str, str]]:
    return [(cell["id"], "".join(cell["source"])) for cell in json.loads(data)["cells"]]


async def test_choices_are_written_and_undone(make_desk: MakeDesk, conflicted: Path) -> None:
    desk = await make_desk(root=conflicted)
    file = conflicted / "m.ipynb"
    before = file.read_bytes()
    view = await desk.engine.merge_view("m.ipynb")
    found = [(each.part, each.ours, each.theirs) for each in view.conflicts]
    assert view.origin == "git"
    assert (view.ours_name, view.theirs_name) == ("main", "theirs")
    assert found == [
        ("source", "x = 2", "x = 3"),
        ("outputs", "2", "3"),
        ("cells", "new = 1", "more = 2"),
        ("cells", "d = 2", ""),
    ]
    choices = {1: "theirs", 2: "theirs", 3: "both", 4: "ours"}
    command = ResolveMerge.model_validate(
        {"session": desk.session, "notebook": "m.ipynb", "digest": view.digest, "choices": choices}
    )
    events = await desk.do(command)
    assert [event.type for event in events if event.type != "notice"] == [
        "run_started", "checkpoint_made", "run_finished",
    ]  # fmt: skip
    made = file.read_bytes()
    assert cells(made) == [
        ("a", "x = 3"), ("b", "y = 2\nz = 3"), ("n1", "new = 1"), ("n2", "more = 2"), ("c", "w = 1"),
        ("d", "d = 2"),
    ]  # fmt: skip
    assert made.startswith(b'{\n "cells": [\n')
    [line] = desk.engine.services.audit.lines()
    assert (line.tool, line.decision, line.outcome) == ("resolve_merge", "approved", "done")
    await desk.do(Undo(session=desk.session))
    assert file.read_bytes() == before


async def test_a_repository_below_the_workspace(make_desk: MakeDesk, conflicted: Path) -> None:
    desk = await make_desk(root=conflicted.parent)
    view = await desk.engine.merge_view(f"{conflicted.name}/m.ipynb")
    assert (view.origin, view.ours_name, view.theirs_name) == ("git", "main", "theirs")
    choices = dict.fromkeys(range(1, 5), "ours")
    before = (conflicted / "m.ipynb").read_bytes()
    command = ResolveMerge.model_validate(
        {"session": desk.session, "notebook": view.notebook, "digest": view.digest, "choices": choices}
    )
    await desk.do(command)
    assert (conflicted / "m.ipynb").read_bytes() != before
    events = await desk.do(Undo(session=desk.session))
    assert (conflicted / "m.ipynb").read_bytes() == before, events


async def test_nothing_is_written_for_a_choice_that_makes_no_sense(
    make_desk: MakeDesk, conflicted: Path
) -> None:
    desk = await make_desk(root=conflicted)
    file = conflicted / "m.ipynb"
    before = file.read_bytes()
    view = await desk.engine.merge_view("m.ipynb")
    some = {"session": desk.session, "notebook": "m.ipynb", "digest": view.digest}
    every: dict[int, str] = dict.fromkeys(range(1, 5), "ours")
    for choices, said in (
        ({1: "ours"}, "no choice for conflict 2, 3, 4"),
        (every | {9: "ours"}, "no conflict 9"),
        (every | {1: "both"}, "cannot keep both"),
    ):
        with pytest.raises(UsageError, match=said):
            await desk.engine.submit(ResolveMerge.model_validate({**some, "choices": choices}))
    file.write_bytes(before + b"\n")
    with pytest.raises(StaleEdit, match="changed meanwhile"):
        await desk.engine.submit(ResolveMerge.model_validate({**some, "choices": every}))
    assert file.read_bytes() == before + b"\n"
    with pytest.raises(UsageError, match="holds no merge conflict"):
        await desk.engine.merge_view("n.ipynb")


async def test_an_agent_is_told_and_cannot_overwrite(make_desk: MakeDesk, conflicted: Path) -> None:
    desk = await make_desk(root=conflicted)
    port = await desk.engine.services.ports.notebook(desk.target)
    assert port is not None
    with pytest.raises(NotebookError, match="codemad merge"):
        await port.view("m.ipynb")


@pytest.mark.parametrize("style", ["", "--diff3"])
def test_the_markers_alone_are_enough(tmp_path: Path, style: str) -> None:
    texts = {"ours": "x = 2", "base": "x = 1", "theirs": "x = 3"}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(book(code("a", text), code("b", "y = 1")))
    data = git(tmp_path, "merge-file", "-p", *filter(None, [style]), *texts)
    sides = merging.sides_of(data, "m.ipynb")
    assert cells(sides.ours)[0] == ("a", "x = 2")
    assert cells(sides.theirs)[0] == ("a", "x = 3")
    assert (sides.base is not None) == (style == "--diff3")
    merged = merging.merge(sides, "m.ipynb")
    assert [(each.ours, each.theirs) for each in merging.conflicts(merged)] == [("x = 2", "x = 3")]
    made = merging.resolved(merged, {1: "theirs"}, sides, "m.ipynb")
    assert cells(made) == [("a", "x = 3"), ("b", "y = 1")]


@pytest.mark.parametrize(
    "data",
    [b"<<<<<<< a\n{}\n", b"{}\n=======\n>>>>>>> b\n", b"<<<<<<< a\n{}\n<<<<<<< a\n=======\n>>>>>>> b\n"],
)
def test_markers_that_do_not_fit(data: bytes) -> None:
    with pytest.raises(NotebookError, match="conflict"):
        merging.sides_of(data, "m.ipynb")


def test_the_command_line(conflicted: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "CODEMAD_DATA_DIR": str(tmp_path / "data")}

    def codemad(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "codemad_jupyter.batch.cli", "merge", "m.ipynb", *arguments]
        return subprocess.run(
            command, cwd=conflicted, env=environment, capture_output=True, text=True, timeout=60
        )

    listed = codemad()
    assert listed.returncode == 1
    assert "[3] cells (cells)" in listed.stdout
    assert "ours (main):" in listed.stdout
    assert "x = 3" in listed.stdout
    assert codemad("--choose", "7").returncode == 2
    checked = codemad("--take", "theirs", "--check", "--json")
    assert checked.returncode == 0
    assert json.loads(checked.stdout)["written"] is False
    done = codemad("--take", "theirs", "--choose", "3=both")
    assert done.returncode == 0, done.stderr
    assert "m.ipynb is merged: 4 choices." in done.stdout
    assert [cell for cell, _ in cells((conflicted / "m.ipynb").read_bytes())] == ["a", "b", "n1", "n2", "c"]
    again = codemad()
    assert again.returncode == 2
    assert "holds no merge conflict" in again.stderr
