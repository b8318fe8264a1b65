"""Taking back what an agent did to a notebook, without losing what the person did since.

Pure: from a snapshot before, the document now and what was last written into which cell
follow the changes to make, the cells that were merged, and those to leave alone.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from codemad_jupyter.notebooks.cells import Notebook, cell_ids, source_of, with_source
from codemad_jupyter.notebooks.changes import apply
from codemad_jupyter.notebooks.provenance import same_maker
from codemad_jupyter.notebooks.three_way import line_ranges, merge_lines
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.edits import CellChange

Cells = Mapping[str, dict[str, Any]]


class Conflict(Value):
    """A touched cell that the person changed meanwhile, and why it is left alone."""

    cell: str
    reason: str


class Inverse(NamedTuple):
    """The changes to make, the cells in which the person's changes stay beside them, and conflicts."""

    changes: tuple[CellChange, ...]
    merged: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def inverse(
    before: Notebook,
    now: Notebook,
    touched: Mapping[str, str | None],
    *,
    moved: Collection[str] | None = None,
) -> Inverse:
    """Changes that bring the touched cells back to ``before`` (text, outputs, place).

    ``touched`` holds for each cell the source we last wrote, None where we deleted it; only cells in
    ``moved`` (None: all) are put back to their place. The same function redoes, with the snapshot
    taken before the undo.
    """
    old = dict(zip(cell_ids(before), before["cells"], strict=True))
    new = dict(zip(cell_ids(now), now["cells"], strict=True))
    goals: dict[str, dict[str, Any]] = {}
    merged: list[str] = []
    conflicts: list[Conflict] = []
    for name, written in touched.items():
        goal, reason = _goal(old.get(name), new.get(name), written)
        if reason:
            conflicts.append(Conflict(cell=name, reason=reason))
        elif goal is not None:
            goals[name] = goal
            if goal is not old[name]:
                merged.append(name)
    kept = {found.cell for found in conflicts}
    free = {name for name in touched if name not in kept}
    removed = [
        CellChange(op="delete", cell=name, expect=source_of(new[name]))
        for name in touched
        if name in free and name in new and name not in old
    ]
    gone = {change.cell for change in removed}
    order = [name for name in new if name not in gone]
    astray = displaced(list(old), order, free) & (free if moved is None else set(moved))
    back = restored({**old, **goals}, new, free, astray)
    return Inverse((*removed, *back), tuple(merged), tuple(conflicts))


def _goal(
    old: dict[str, Any] | None, new: dict[str, Any] | None, written: str | None
) -> tuple[dict[str, Any] | None, str]:
    """What a touched cell should be (None: gone), or why it must be left alone."""
    if new is None:
        return old, "it was deleted meanwhile" if old is not None and written is not None else ""
    if old is not None and same(old, new):
        return old, ""
    if written is None:
        return old, "it was deleted by the run and has been put back since"
    present = source_of(new)
    if present == written:
        return old, ""
    if old is None:
        return None, "it was changed meanwhile"
    if old["cell_type"] != new["cell_type"]:
        return None, "it was changed meanwhile, and its type too"
    found = merge_lines(written, present, source_of(old))
    if found.conflicts:
        return None, f"it was changed meanwhile in the same lines: {line_ranges(found.conflicts)}"
    # Outputs and tags stay as the person has them: they belong to the person's text.
    return same_maker(with_source(new, found.text), old), ""


def rebased(
    before: Notebook,
    now: Notebook,
    touched: Mapping[str, str | None],
    *,
    moved: Collection[str] | None = None,
) -> Notebook:
    """The document as it would be now if nothing had been touched since ``before``: what the person
    did in between is in it, so that a later undo keeps it."""
    found = inverse(before, now, touched, moved=moved)
    if not touched:
        return now
    done = apply(now, found.changes)
    old = dict(zip(cell_ids(before), before["cells"], strict=True))
    left = {conflict.cell for conflict in found.conflicts} & old.keys()
    cells = [
        old[name] if name in left else cell for name, cell in zip(cell_ids(done), done["cells"], strict=True)
    ]
    return {**done, "cells": cells}


def same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Are two cells equal but for the id, which an upgrade may have added?"""
    return {**old, "id": None} == {**new, "id": None}


def restored(old: Cells, new: Cells, free: set[str], astray: set[str]) -> list[CellChange]:
    """Changes that put back content and place, in the order of the snapshot."""
    changes: list[CellChange] = []
    previous: str | None = None
    for name, cell in old.items():
        if name in free and name not in new:
            changes.append(CellChange(op="insert", cell=name, content=cell, **beside(previous)))
        elif name in free:
            if not same(cell, new[name]):
                expected = source_of(new[name])
                changes.append(CellChange(op="put", cell=name, content=cell, expect=expected))
            if name in astray:
                changes.append(CellChange(op="move", cell=name, **beside(previous)))
        if name in new or name in free:
            previous = name
    return changes


def beside(previous: str | None) -> dict[str, Any]:
    """After the cell that came before, or at the start."""
    return {"anchor": previous, "position": "before" if previous is None else "after"}


def displaced(old: list[str], order: list[str], free: set[str]) -> set[str]:
    """Touched cells that no longer stand where they stood among the cells nobody touched.

    A cell counts as moved when neither neighbour is the old one: if one still is,
    it was the other neighbour that went away.
    """
    shared = set(old) & set(order)
    then = [name for name in old if name in shared]
    today = [name for name in order if name in shared]
    was, is_now = neighbours(then, free), neighbours(today, free)
    moved = {
        name for name in shared & free if was[name][0] != is_now[name][0] and was[name][1] != is_now[name][1]
    }
    stayed = free - moved
    if [name for name in then if name in stayed] != [name for name in today if name in stayed]:
        return shared & free
    return moved


def neighbours(order: list[str], free: set[str]) -> dict[str, tuple[str | None, str | None]]:
    """For each cell the nearest untouched cell on either side."""
    before: dict[str, str | None] = {}
    last: str | None = None
    for name in order:
        before[name] = last
        last = last if name in free else name
    after: dict[str, str | None] = {}
    last = None
    for name in reversed(order):
        after[name] = last
        last = last if name in free else name
    return {name: (before[name], after[name]) for name in order}
