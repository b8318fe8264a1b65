"""The work of several agents in one notebook, cell by cell, beside what the person did."""

from typing import Any

from codemad_jupyter.notebooks.changes import apply
from codemad_jupyter.notebooks.joining import CellStep, JoinedCells, NotebookWork, join_cells
from codemad_jupyter.protocol.edits import CellChange


def book(*cells: tuple[str, str]) -> dict[str, Any]:
    made = [
        {
            "cell_type": "code",
            "id": id,
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for id, source in cells
    ]
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


BASE = (("a", "a = 1"), ("b", "b = 1\nbb = 1"), ("c", "c = 1"), ("d", "d = 1"))


def joined(now: dict[str, Any], *theirs: dict[str, Any]) -> JoinedCells:
    works = [NotebookWork(f"agent{at}", book(*BASE), each) for at, each in enumerate(theirs, 1)]
    return join_cells("n.ipynb", now, works)


def after(now: dict[str, Any], steps: tuple[CellStep, ...]) -> list[tuple[str, str]]:
    """The cells once all steps are taken, one after the other."""
    for step in steps:
        change = CellChange(
            op=step.op,
            cell=step.cell,
            cell_type=step.cell_type,
            source=step.after,
            anchor=step.anchor,
            position="before" if step.anchor else "after",
            expect=None if step.op == "insert" else step.before,
        )
        now = apply(now, (change,))
    return [(cell["id"], "".join(cell["source"])) for cell in now["cells"]]


def test_all_work_comes_together() -> None:
    now = book(("a", "a = 1"), ("mine", "m = 1"), *BASE[1:])
    one = book(("a", "a = 2"), ("b", "b = 2\nbb = 1"), ("n1", "1"), ("n2", "2"), *BASE[2:])
    two = book(("a", "a = 1"), ("b", "b = 1\nbb = 2"), ("c", "c = 1"), ("end", "e = 1"))
    made = joined(now, one, two)
    assert made.clashes == ()
    assert [(step.op, step.cell, step.agents) for step in made.steps] == [
        ("insert", "n1", ("agent1",)),
        ("insert", "n2", ("agent1",)),
        ("insert", "end", ("agent2",)),
        ("replace", "a", ("agent1",)),
        ("replace", "b", ("agent1", "agent2")),
        ("delete", "d", ("agent2",)),
    ]
    assert after(now, made.steps) == [
        ("a", "a = 2"), ("mine", "m = 1"), ("b", "b = 2\nbb = 2"), ("n1", "1"), ("n2", "2"), ("c", "c = 1"),
        ("end", "e = 1"),
    ]  # fmt: skip


def test_any_one_step_can_be_taken_without_the_others() -> None:
    one = book(("n1", "1"), ("n2", "2"), *BASE[:2], ("n3", "3"), ("n4", "4"), ("d", "d = 1"))
    for step in joined(book(*BASE), one).steps:
        cells = [id for id, _ in after(book(*BASE), (step,))]
        assert [id for id in cells if id in "abcd"] == [id for id in "abcd" if id in cells]


def clashes(now: dict[str, Any], *theirs: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...], str]]:
    found = joined(now, *theirs).clashes
    return [(each.agent, each.cell, each.others, each.reason) for each in found]


def test_the_same_lines() -> None:
    one, two = book(("a", "a = 2"), *BASE[1:]), book(("a", "a = 3"), *BASE[1:])
    assert clashes(book(*BASE), one, two) == [
        ("agent2", "a", ("agent1",), "agent1 has changed the same lines: 1")
    ]
    assert clashes(book(*BASE), one, one) == []
    now = book(("a", "a = 9"), *BASE[1:])
    assert clashes(now, one, two) == [
        ("agent1", "a", (), "you have changed the same lines: 1"),
        ("agent2", "a", (), "you have changed the same lines: 1"),
    ]
    assert joined(now, one, two).steps == ()


def test_deleted_here_and_changed_there() -> None:
    without, changed = book(*BASE[1:]), book(("a", "a = 2"), *BASE[1:])
    assert clashes(without, changed) == [("agent1", "a", (), "you have deleted the cell")]
    assert clashes(changed, without) == [("agent1", "a", (), "you have changed the cell, which it deletes")]
    assert clashes(book(*BASE), without, changed) == [
        ("agent2", "a", ("agent1",), "agent1 has deleted the cell")
    ]
    assert joined(without, without) == ((), ())


def test_what_a_person_has_to_do_is_said() -> None:
    moved = book(*BASE[1:], BASE[0])
    retyped = book(*BASE)
    retyped["cells"][0]["cell_type"] = "markdown"
    assert clashes(book(*BASE), moved, retyped) == [
        ("agent1", "", (), "cells were moved: move them by hand"),
        ("agent2", "a", (), "the cell has another type: change it by hand"),
    ]


def test_outputs_stay_and_are_named() -> None:
    ran = book(*BASE)
    ran["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "hours of work"}]
    said = "outputs or metadata of a cell stay there: take them by hand"
    assert clashes(book(*BASE), ran) == [("agent1", "", (), said)]
    assert clashes(ran, ran) == []


def test_work_that_is_in_already_is_no_step() -> None:
    one = book(("a", "a = 2"), ("new", "n"), *BASE[1:])
    assert joined(one, one) == ((), ())
