"""A turn as a transaction: what a run changed goes away and comes back as one, and nothing a person did
is lost on the way."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.orchestrator.pruning import Gardener
from codemad_jupyter.protocol.commands import (
    AcceptEdit,
    MakeCheckpoint,
    NameCheckpoint,
    PruneCheckpoints,
    Redo,
    RejectEdit,
    RestoreCheckpoint,
    Target,
    Undo,
)
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError
from codemad_jupyter.protocol.events import CheckpointsChanged, Restored
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT, PAUSE

MODEL = "compatible/scripted"
NB: dict[str, Any] = {
    "cells": [
        {"cell_type": "markdown", "id": "intro", "metadata": {}, "source": ["# Title"]},
        {
            "cell_type": "code",
            "execution_count": 7,
            "id": "load",
            "metadata": {"tags": ["x"]},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": ["old output\n"]}],
            "source": ["a = 1\n", "b = 2\n", "c = 3\n", "d = 4"],
        },
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "last",
            "metadata": {},
            "outputs": [],
            "source": ["print(a)"],
        },
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
SOURCE = "".join(f"line {n}\n" for n in range(1, 21))
CHANGED = "a = 1\nb = 2\nc = 3\nd = 44"


@pytest.fixture
async def desk(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    root = tmp_path / "work"
    root.mkdir()
    (root / "n.ipynb").write_text(json.dumps(NB, indent=1) + "\n")
    (root / "t.txt").write_text(SOURCE)
    return await make_desk(root=root)


Proposing = Callable[..., Awaitable[list[Edit]]]


@pytest.fixture
def proposing(desk: Desk, model_server: ModelServer) -> Proposing:
    """A run that proposes what the calls say; its edits."""

    async def propose(*calls: Call, on: Desk | None = None) -> list[Edit]:
        model_server.play(Turn(calls=calls), Turn(text="Proposed."))
        events = await (on or desk).ask("go", model=MODEL)
        assert events[-1].type == "run_finished"
        assert events[-1].status == "done", events[-1].text
        return [event.edit for event in events if event.type == "edit_proposed"]

    return propose


@pytest.fixture
def running(desk: Desk, proposing: Proposing) -> Callable[..., Awaitable[list[Edit]]]:
    """A run whose edits are all accepted."""

    async def run(*calls: Call, on: Desk | None = None) -> list[Edit]:
        edits = await proposing(*calls, on=on)
        for edit in edits:
            settled = (await (on or desk).do(AcceptEdit(session=desk.session, edit=edit.id)))[-1]
            assert settled.type == "edit_settled", settled
            assert settled.status == "accepted", settled.detail
        return edits

    return run


Running = Callable[..., Awaitable[list[Edit]]]


def insert(source: str, **more: Any) -> Call:
    return Call("insert_cell", {"source": source, **more})


def replace(cell: str, source: str) -> Call:
    return Call("replace_cell", {"cell": cell, "source": source})


def edit_file(old: str, new: str) -> Call:
    return Call("edit_file", {"path": "t.txt", "old": old, "new": new})


def book(desk: Desk) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((desk.root / "n.ipynb").read_text())
    return document


def sources(desk: Desk) -> list[str]:
    return ["".join(cell["source"]) for cell in book(desk)["cells"]]


def person(desk: Desk, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """The person edits the notebook and saves it."""
    document = book(desk)
    change(document["cells"])
    (desk.root / "n.ipynb").write_text(json.dumps(document, indent=1) + "\n")


def own(id: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": [source]}


async def restored(desk: Desk, command: Any) -> Restored:
    found = [event for event in await desk.do(command) if isinstance(event, Restored)]
    assert len(found) == 1
    return found[0]


def undo(desk: Desk) -> Undo:
    return Undo(session=desk.session)


def redo(desk: Desk) -> Redo:
    return Redo(session=desk.session)


async def test_reverted_after_accepting_and_saving_and_the_revert_reverted(
    desk: Desk, running: Running
) -> None:
    before = (desk.root / "n.ipynb").read_bytes()
    await running(replace("load", CHANGED), insert("x = 5", after="load"), edit_file("line 3", "LINE 3"))
    after, text = (desk.root / "n.ipynb").read_bytes(), (desk.root / "t.txt").read_text()
    assert sources(desk) == ["# Title", CHANGED, "x = 5", "print(a)"]
    for _ in range(3):
        gone = await restored(desk, undo(desk))
        assert ((desk.root / "n.ipynb").read_bytes(), (desk.root / "t.txt").read_text()) == (before, SOURCE)
        assert (gone.merged, gone.conflicts) == ((), ())
        back = await restored(desk, redo(desk))
        assert ((desk.root / "n.ipynb").read_bytes(), (desk.root / "t.txt").read_text()) == (after, text)
        assert back.runs == gone.runs
        assert (back.merged, back.conflicts) == ((), ())


async def test_what_the_person_changed_elsewhere_in_a_cell_and_a_file_is_kept(
    desk: Desk, running: Running
) -> None:
    await running(replace("load", CHANGED), edit_file("line 18", "LINE 18"))
    person(desk, lambda cells: cells[1].update(source=["a = 100\n", *CHANGED.splitlines(keepends=True)[1:]]))
    (desk.root / "t.txt").write_text((desk.root / "t.txt").read_text().replace("line 2\n", "mine\n"))
    gone = await restored(desk, undo(desk))
    assert set(gone.merged) == {"n.ipynb#load", "t.txt"}
    assert gone.conflicts == ()
    assert sources(desk)[1] == "a = 100\nb = 2\nc = 3\nd = 4"
    assert "codemad" not in book(desk)["cells"][1]["metadata"]
    assert (desk.root / "t.txt").read_text() == SOURCE.replace("line 2\n", "mine\n")
    back = await restored(desk, redo(desk))
    assert back.conflicts == ()
    assert sources(desk)[1] == "a = 100\nb = 2\nc = 3\nd = 44"
    assert (desk.root / "t.txt").read_text() == SOURCE.replace("line 2\n", "mine\n").replace(
        "line 18", "LINE 18"
    )


async def test_what_the_person_changed_in_the_same_lines_is_left_and_named_with_its_place(
    desk: Desk, running: Running
) -> None:
    await running(replace("load", CHANGED), insert("x = 5"), edit_file("line 18", "LINE 18"))
    inserted = book(desk)["cells"][2]["id"]

    def change(cells: list[dict[str, Any]]) -> None:
        cells[1]["source"] = ["a = 1\n", "b = 2\n", "c = 3\n", "d = 'mine'"]
        cells[2]["source"] = ["x = 'mine'"]

    person(desk, change)
    (desk.root / "t.txt").write_text(SOURCE.replace("line 18", "mine 18"))
    mine = (desk.root / "n.ipynb").read_bytes()
    gone = await restored(desk, undo(desk))
    assert [text.partition(":")[0] for text in gone.conflicts] == [
        "t.txt",
        "n.ipynb#load",
        f"n.ipynb#{inserted}",
    ]
    assert gone.conflicts[0].endswith(": 18")
    assert gone.conflicts[1].endswith("lines: 4")
    assert ((desk.root / "n.ipynb").read_bytes(), (desk.root / "t.txt").read_text()) == (
        mine,
        SOURCE.replace("line 18", "mine 18"),
    )


async def test_cells_the_person_inserted_moved_and_deleted_stay_so(desk: Desk, running: Running) -> None:
    await running(replace("load", CHANGED), insert("x = 5", after="load"))

    def change(cells: list[dict[str, Any]]) -> None:
        cells.insert(0, own("mine", "my cell"))
        load = cells.pop(2)
        cells.append(load)  # the person moves the cell the run replaced
        cells[:] = [cell for cell in cells if cell["id"] != "intro"]

    person(desk, change)
    gone = await restored(desk, undo(desk))
    assert gone.conflicts == ()
    assert [cell["id"] for cell in book(desk)["cells"]] == ["mine", "last", "load"]
    assert book(desk)["cells"][2] == NB["cells"][1]


async def test_a_cell_the_run_moved_goes_back_to_its_place(desk: Desk, running: Running) -> None:
    before = (desk.root / "n.ipynb").read_bytes()
    await running(Call("move_cell", {"cell": "last", "before": "intro"}))
    assert [cell["id"] for cell in book(desk)["cells"]] == ["last", "intro", "load"]
    await restored(desk, undo(desk))
    assert (desk.root / "n.ipynb").read_bytes() == before


async def test_a_person_inserts_a_cell_above_between_reading_and_writing(
    desk: Desk, proposing: Proposing
) -> None:
    edits = await proposing(replace("load", CHANGED), insert("x = 5", after="load"))
    person(desk, lambda cells: cells.insert(0, own("mine", "above")))
    mine = (desk.root / "n.ipynb").read_bytes()
    for edit in edits:
        await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
    assert sources(desk) == ["above", "# Title", CHANGED, "x = 5", "print(a)"]
    await restored(desk, undo(desk))
    assert (desk.root / "n.ipynb").read_bytes() == mine


async def test_a_rejected_new_cell_leaves_no_trace(desk: Desk, proposing: Proposing) -> None:
    before = (desk.root / "n.ipynb").read_bytes()
    edit = (await proposing(insert("x = 5")))[0]
    await desk.do(RejectEdit(session=desk.session, edit=edit.id))
    assert (desk.root / "n.ipynb").read_bytes() == before
    assert await desk.engine.checkpoints(desk.session) == ()
    with pytest.raises(Conflict, match="nothing to undo"):
        await desk.do(undo(desk))


async def test_what_the_person_did_between_two_changes_of_a_run_survives_its_undo(
    desk: Desk, proposing: Proposing
) -> None:
    first = (await proposing(replace("load", CHANGED), insert("x = 5")))[:2]
    await desk.do(AcceptEdit(session=desk.session, edit=first[0].id))
    person(desk, lambda cells: cells[2].update(source=["print('mine')"]))
    person(desk, lambda cells: cells.insert(1, own("mine", "between")))
    await desk.do(AcceptEdit(session=desk.session, edit=first[1].id))
    await restored(desk, undo(desk))
    assert sources(desk) == ["# Title", "between", "a = 1\nb = 2\nc = 3\nd = 4", "print('mine')"]
    assert book(desk)["cells"][2] == NB["cells"][1]


async def test_several_undos_are_redone_one_by_one_after_the_process_ended(
    desk: Desk, running: Running, make_desk: MakeDesk
) -> None:
    states = [(desk.root / "n.ipynb").read_bytes()]
    for number in range(3):
        await running(insert(f"x = {number}"), edit_file(f"line {number + 1}\n", f"LINE {number + 1}\n"))
        states.append((desk.root / "n.ipynb").read_bytes())
    await restored(desk, undo(desk))
    await desk.engine.close()
    again = await make_desk(root=desk.root)
    again.session = desk.session
    assert (desk.root / "n.ipynb").read_bytes() == states[2]
    for state in (states[1], states[0]):
        await restored(again, undo(again))
        assert (desk.root / "n.ipynb").read_bytes() == state
    assert (desk.root / "t.txt").read_text() == SOURCE
    for state in states[1:]:
        await restored(again, redo(again))
        assert (desk.root / "n.ipynb").read_bytes() == state
    with pytest.raises(Conflict, match="nothing to redo"):
        await again.do(redo(again))


async def test_a_point_of_the_timeline_is_restored_after_the_process_ended_and_taken_back(
    desk: Desk, running: Running, make_desk: MakeDesk
) -> None:
    await running(insert("x = 1"))
    one, talk = (desk.root / "n.ipynb").read_bytes(), await desk.engine.services.store.head(desk.session)
    await running(insert("x = 2"), edit_file("line 5\n", "LINE 5\n"))
    await running(replace("last", "print(b)"), edit_file("line 9\n", "LINE 9\n"))
    three, text = (desk.root / "n.ipynb").read_bytes(), (desk.root / "t.txt").read_text()
    await desk.engine.close()
    again = await make_desk(root=desk.root)
    again.session = desk.session
    points = await again.engine.checkpoints(again.session)
    assert [point.reason for point in points] == ["run"] * 3
    assert {point.title for point in points} == {"go"}
    gone = await restored(again, RestoreCheckpoint(session=again.session, checkpoint=points[1].id))
    assert gone.kind == "restore"
    assert gone.runs == (points[1].run, points[2].run)
    assert (desk.root / "n.ipynb").read_bytes() == one
    assert (desk.root / "t.txt").read_text() == SOURCE
    assert await again.engine.services.store.head(again.session) == talk
    listed = await again.engine.checkpoints(again.session)
    assert [point.undone for point in listed] == [False, True, True, True]
    await restored(again, redo(again))
    assert ((desk.root / "n.ipynb").read_bytes(), (desk.root / "t.txt").read_text()) == (three, text)
    listed = await again.engine.checkpoints(again.session)
    assert not any(point.undone for point in listed)
    # from the point before the restore, forward again after another undo
    await restored(again, undo(again))
    back = await restored(again, RestoreCheckpoint(session=again.session, checkpoint=listed[-1].id))
    assert back.conflicts == ()


async def test_restoring_the_point_before_an_undo_brings_the_run_back(desk: Desk, running: Running) -> None:
    await running(insert("x = 1"))
    one = (desk.root / "n.ipynb").read_bytes()
    first = await restored(desk, undo(desk))
    back = await restored(desk, RestoreCheckpoint(session=desk.session, checkpoint=first.checkpoint))
    assert (back.runs, back.others) == ((), first.runs)
    assert (desk.root / "n.ipynb").read_bytes() == one
    assert (
        len(
            await desk.engine.services.store.entries(
                desk.session, await desk.engine.services.store.head(desk.session)
            )
        )
        > 1
    )
    again = await restored(desk, undo(desk))
    assert again.runs == first.runs
    assert sources(desk) == ["# Title", "a = 1\nb = 2\nc = 3\nd = 4", "print(a)"]


async def test_a_checkpoint_on_demand_brings_back_what_the_person_changed_too(
    desk: Desk, running: Running
) -> None:
    made = MakeCheckpoint(session=desk.session, name="before  the flood", target=desk.target)
    await desk.do(made)
    point = (await desk.engine.checkpoints(desk.session))[-1]
    assert (point.reason, point.name, point.notebooks) == ("manual", "before the flood", ("n.ipynb",))
    assert point.size > 300
    await running(edit_file("line 18\n", "LINE 18\n"))
    (desk.root / "other.txt").write_text("new, mine\n")
    (desk.root / "t.txt").write_text((desk.root / "t.txt").read_text().replace("line 2\n", "mine 2\n"))

    def change(cells: list[dict[str, Any]]) -> None:
        cells[1].update(source=["gone"], outputs=[])
        cells.insert(0, own("mine", "my cell"))
        del cells[3]

    person(desk, change)
    diff = await desk.engine.checkpoint_diff(point.id)
    assert {(d.path, d.cell, d.status) for d in diff.differences} == {
        ("other.txt", None, "added"),
        ("t.txt", None, "changed"),
        ("n.ipynb", "load", "changed"),
        ("n.ipynb", "mine", "added"),
        ("n.ipynb", "last", "removed"),
    }
    load = next(d for d in diff.differences if d.cell == "load")
    assert "outputs 1 (" in load.detail
    assert "+gone" in load.diff
    now = (desk.root / "n.ipynb").read_bytes()
    done = await restored(desk, RestoreCheckpoint(session=desk.session, checkpoint=point.id))
    assert done.conflicts == ()
    assert done.merged == ("t.txt",), "the run and the person changed it: the person's stays"
    assert set(done.cells) == {"n.ipynb#load", "n.ipynb#last"}
    assert [cell["id"] for cell in book(desk)["cells"]] == ["mine", "intro", "load", "last"]
    assert book(desk)["cells"][1:] == NB["cells"]
    assert (desk.root / "other.txt").read_text() == "new, mine\n", "what was added stays"
    assert (desk.root / "t.txt").read_text() == SOURCE.replace("line 2\n", "mine 2\n")
    await restored(desk, redo(desk))
    assert (desk.root / "n.ipynb").read_bytes() == now
    assert (desk.root / "t.txt").read_text() == SOURCE.replace("line 2\n", "mine 2\n").replace(
        "line 18", "LINE 18"
    )


async def test_a_restore_can_be_limited_to_paths(desk: Desk, running: Running) -> None:
    await running(edit_file("line 18\n", "LINE 18\n"), insert("x = 1"))
    book_now, head = (desk.root / "n.ipynb").read_bytes(), await desk.engine.services.store.head(desk.session)
    point = (await desk.engine.checkpoints(desk.session))[0]
    only = RestoreCheckpoint(session=desk.session, checkpoint=point.id, paths=("t.txt",))
    done = await restored(desk, only)
    assert (done.files, done.runs) == (("t.txt",), ())
    assert (desk.root / "t.txt").read_text() == SOURCE
    assert (desk.root / "n.ipynb").read_bytes() == book_now
    assert await desk.engine.services.store.head(desk.session) == head
    await restored(desk, redo(desk))
    assert "LINE 18" in (desk.root / "t.txt").read_text()
    await restored(desk, undo(desk))
    assert sources(desk)[-1] == "print(a)"


async def test_a_notebook_that_is_gone_is_a_conflict_and_the_rest_comes_back(
    desk: Desk, running: Running
) -> None:
    await running(edit_file("line 18\n", "LINE 18\n"), insert("x = 1"))
    (desk.root / "n.ipynb").unlink()
    done = await restored(desk, undo(desk))
    assert [text.partition(":")[0] for text in done.conflicts] == ["n.ipynb"]
    assert (desk.root / "t.txt").read_text() == SOURCE


async def test_checkpoints_are_named_and_pruned(desk: Desk, running: Running) -> None:
    for number in range(4):
        await running(insert(f"x = {number}"))
    points = await desk.engine.checkpoints(desk.session)
    said = (await desk.do(NameCheckpoint(session=desk.session, checkpoint=points[0].id, name="first")))[-1]
    assert isinstance(said, CheckpointsChanged)
    assert "first" in said.text
    with pytest.raises(UsageError, match="characters"):
        await desk.do(NameCheckpoint(session=desk.session, checkpoint=points[0].id, name="x" * 101))
    with pytest.raises(NotFound):
        await desk.do(NameCheckpoint(session=desk.session, checkpoint="no", name="x"))
    said = (await desk.do(PruneCheckpoints(session=desk.session, keep=2)))[-1]
    assert isinstance(said, CheckpointsChanged)
    assert said.text == "1 checkpoint was forgotten, 3 are left."
    left = await desk.engine.checkpoints()
    assert [point.id for point in left] == [points[0].id, points[2].id, points[3].id]
    await desk.do(PruneCheckpoints(session=desk.session, days=0.0))
    assert [point.name for point in await desk.engine.checkpoints()] == ["first"]
    await desk.do(PruneCheckpoints(session=desk.session, size=0, named=True))
    assert await desk.engine.checkpoints() == ()
    with pytest.raises(Conflict, match="nothing to undo"):
        await desk.do(undo(desk))
    await running(insert("x = 9"))
    await restored(desk, undo(desk))


async def test_an_accepted_cell_says_who_made_it(desk: Desk, running: Running) -> None:
    edits = await running(insert("x = 5\ny = 6", after="load"), replace("last", "print(b)"))
    proposed = [each for each in await desk.engine.stored(desk.session) if each.type == "edit_proposed"]
    run = proposed[0].run
    assert [each.edit.id for each in proposed] == [edit.id for edit in edits]
    made = book(desk)["cells"][2]["metadata"]["codemad"]
    assert (made["session"], made["run"], made["model"]) == (desk.session, run, MODEL)
    person(desk, lambda cells: cells[3].update(source=["print(c)"]))
    lines = await desk.engine.blame("n.ipynb")
    assert [(line.cell, line.run, line.changed) for line in lines] == [
        ("intro", "", False),
        ("load", "", False),
        (book(desk)["cells"][2]["id"], run, False),
        ("last", run, True),
    ]
    assert lines[2].first_line == "x = 5"
    assert lines[2].at is not None


async def test_what_cannot_be_restored_is_refused(desk: Desk) -> None:
    with pytest.raises(NotFound, match="no checkpoint"):
        await desk.do(RestoreCheckpoint(session=desk.session, checkpoint="nothing"))
    with pytest.raises(NotFound, match="no file"):
        await desk.do(MakeCheckpoint(session=desk.session, target=Target(notebook="gone.ipynb")))
    with pytest.raises(NotFound):
        await desk.engine.checkpoint_diff("nothing")


async def test_old_checkpoints_go_by_themselves_but_not_named_ones(desk: Desk) -> None:
    await desk.do(MakeCheckpoint(session=desk.session, name="kept"))
    await desk.do(MakeCheckpoint(session=desk.session))
    new, store = (await desk.engine.checkpoints())[1], desk.engine.services.store
    for number, name in enumerate(("", "old but named")):
        old = (await store.checkpoint(new.id)).model_copy(
            update={"id": f"old-{number}", "at": 1.0, "name": name, "files": None}
        )
        await store.save_checkpoint(old)
    gardener = Gardener(desk.engine.services)
    assert desk.engine.services.checkpoint_days == 30
    gardener.wake(lambda: (), delay=0)
    async with asyncio.timeout(LIMIT):
        while len(left := await store.outline()) == 4:  # noqa: ASYNC110 - another task prunes
            await asyncio.sleep(PAUSE)
    assert {record.name for record in left} == {"kept", "", "old but named"}
    assert new.id in {record.id for record in left}
    await gardener.stop()
