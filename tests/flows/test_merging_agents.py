"""The work of agents through the review: proposed as one run, settled by edit and hunk, taken back as one."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.git.registry import Worktree
from codemad_jupyter.git.worktrees import Worktrees
from codemad_jupyter.protocol.commands import AcceptEdit, AcceptRun, MergeAgents, RejectRun, Undo
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import NotFound, UsageError
from codemad_jupyter.protocol.events import EditProposed, EditSettled, Event, Notice, RunFinished
from tests.flows.conftest import NOTEBOOK, Desk, MakeDesk
from tests.git.gitlab import fill, manifest, repository

CODE = "".join(f"def f{at}():\n    return {at}\n\n\n" for at in range(6))


@pytest.fixture
async def desk(make_desk: MakeDesk, tmp_path: Path) -> Desk:
    root = tmp_path / "work"
    fill(root, {"m.py": CODE, "old.txt": "old\n", "n.ipynb": json.dumps(NOTEBOOK, indent=1) + "\n"})
    repository(root)
    fill(root, {"mine.txt": "not committed\n"})
    return await make_desk(root=root)


def worktrees(desk: Desk) -> Worktrees:
    services = desk.engine.services
    return Worktrees(services.root, services.data, services.checkpoints)


async def agent(desk: Desk, name: str, **changes: str | None) -> Worktree:
    """An agent that has changed files: ``m_py="…"``; None deletes."""
    trees = worktrees(desk)
    made = await trees.make(name)
    for key, content in changes.items():
        file = trees.folder(made) / key.replace("_", ".")
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
    return made


async def merge(desk: Desk, *agents: str) -> tuple[list[Edit], list[str], RunFinished]:
    events = await desk.do(MergeAgents(session=desk.session, agents=agents, edge="test"))
    edits = [event.edit for event in events if isinstance(event, EditProposed)]
    notices = [event.text for event in events if isinstance(event, Notice) and event.code == "left_out"]
    [finished] = [event for event in events if isinstance(event, RunFinished)]
    return edits, notices, finished


def statuses(events: list[Event]) -> list[str]:
    return [event.status for event in events if isinstance(event, EditSettled)]


def with_cell(source: str, more: str = "") -> str:
    document = json.loads(json.dumps(NOTEBOOK))
    document["cells"][1]["source"] = [source]
    if more:
        cell = {"cell_type": "markdown", "id": "more", "metadata": {}, "source": [more]}
        document["cells"].insert(1, cell)
    return json.dumps(document, indent=1)


async def test_all_of_it_is_one_review_and_one_undo(desk: Desk) -> None:
    before = manifest(desk.root)
    await agent(
        desk,
        "one",
        m_py=CODE.replace("return 1", "return 10"),
        n_ipynb=with_cell("import polars", "# More"),
        made_txt="made\n",
        other_ipynb=with_cell("x = 1"),
    )
    await agent(desk, "two", m_py=CODE.replace("return 5", "return 50"), old_txt=None)
    assert manifest(desk.root) == before
    edits, left_out, finished = await merge(desk, "one", "two")
    lines = [line for line in desk.engine.services.audit.lines() if line.tool == "merge_agents"]
    assert [line.action for line in lines] == ["propose what one, two made"]
    assert (finished.status, left_out) == ("done", [])
    assert sorted(edit.title for edit in edits) == [
        "Change cell (one)", "Change m.py (one, two)", "Create made.txt (one)", "Create other.ipynb (one)",
        "Delete old.txt (two)", "New cell (one)",
    ]  # fmt: skip
    assert manifest(desk.root) == before
    events = await desk.do(AcceptRun(session=desk.session, run=finished.run or ""))
    assert statuses(events) == ["accepted"] * 6
    code = (desk.root / "m.py").read_text()
    assert ("return 10\n" in code, "return 50\n" in code) == (True, True)
    document = json.loads((desk.root / "n.ipynb").read_text())
    assert [cell["id"] for cell in document["cells"]] == ["intro", "more", "load"]
    assert not (desk.root / "old.txt").exists()
    assert (desk.root / "other.ipynb").read_text() == with_cell("x = 1")
    again, left_out, finished = await merge(desk, "one", "two")
    assert (again, left_out, finished.text) == ([], [], "All that one, two made is in your files already.")
    await desk.do(Undo(session=desk.session))
    assert manifest(desk.root) == before


async def test_a_hunk_is_taken_and_a_hunk_is_left(desk: Desk) -> None:
    made = CODE.replace("return 1", "return 10").replace("return 5", "return 50")
    await agent(desk, "one", m_py=made)
    [edit], _, finished = await merge(desk, "one")
    await desk.do(AcceptEdit(session=desk.session, edit=edit.id, hunks=(1,)))
    await desk.do(RejectRun(session=desk.session, run=finished.run or ""))
    assert (desk.root / "m.py").read_text() == CODE.replace("return 5", "return 50")


async def test_the_persons_bytes_stay_and_conflicts_are_named_first(desk: Desk) -> None:
    await agent(desk, "one", m_py=CODE.replace("return 1", "return 10"), n_ipynb=with_cell("import one"))
    await agent(desk, "two", m_py=CODE.replace("return 1", "return 11"), mine_txt="theirs\n", old_txt=None)
    fill(desk.root, {"mine.txt": "since\n", "old.txt": "since\n", "n.ipynb": with_cell("import mine")})
    before = manifest(desk.root)
    edits, left_out, _ = await merge(desk, "one", "two")
    assert [edit.title for edit in edits] == ["Change m.py (one)"]
    assert left_out == [
        "Left out of the work of two: m.py: one has changed the same lines: 6.",
        "Left out of the work of two: mine.txt: you have changed the same lines: 1.",
        "Left out of the work of one: n.ipynb#load: you have changed the same lines: 1.",
        "Left out of the work of two: old.txt: you have changed the file, which it deletes.",
    ]
    assert manifest(desk.root) == before


async def test_what_changes_after_the_proposal_is_not_overwritten(desk: Desk) -> None:
    await agent(desk, "one", m_py=CODE.replace("return 1", "return 10"))
    [edit], _, _ = await merge(desk, "one")
    fill(desk.root, {"m.py": "the person wrote this\n"})
    assert statuses(await desk.do(AcceptEdit(session=desk.session, edit=edit.id))) == ["stale"]
    assert (desk.root / "m.py").read_text() == "the person wrote this\n"


async def test_what_a_review_cannot_show_is_named(desk: Desk) -> None:
    trees = worktrees(desk)
    folder = trees.folder(await agent(desk, "one", run_sh="#!/bin/sh\n"))
    (folder / "run.sh").chmod(0o755)
    (folder / "plot.png").write_bytes(b"\x89PNG\0")
    (folder / "way").symlink_to("/etc/passwd")
    (folder / "m.py").unlink()
    (folder / "m.py").symlink_to("/etc/passwd")
    (folder / "odd\nname").write_text("x")
    edits, left_out, _ = await merge(desk, "one")
    assert [edit.title for edit in edits] == ["Create run.sh (one)"]
    said = sorted(text.removeprefix("Left out of the work of one: ") for text in left_out)
    assert [text.partition(":")[0] for text in said] == ["m.py", "odd\\nname", "plot.png", "run.sh", "way"]


async def test_agents_that_are_not_there(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.do(MergeAgents(session=desk.session, agents=("nobody",)))
    with pytest.raises(UsageError):
        await desk.do(MergeAgents(session=desk.session, agents=("../x",)))
    with pytest.raises(UsageError):
        await desk.do(MergeAgents(session=desk.session, agents=()))
