"""Taking back what an agent did to a notebook, without touching what the person did since.

Pure: from a snapshot before, the document now and what was last written into which cell
follow the changes to make and the cells to leave alone.
"""

from collections.abc import Mapping
from typing import Any

from codemad_jupyter.notebooks.cells import Notebook, cell_ids, source_of
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.edits import CellChange


class Conflict(Value):
    """A touched cell that the person changed meanwhile, and why it is left alone."""

    cell: str
    reason: str


def inverse(
    before: Notebook, now: Notebook, touched: Mapping[str, str | None]
) -> tuple[tuple[CellChange, ...], tuple[Conflict, ...]]:
    """Changes that bring the touched cells back to ``before`` (text, outputs, place), and conflicts.

    ``touched`` holds for each cell the source we last wrote, None where we deleted it.
    The same function redoes, with the snapshot taken before the undo.
    """
    old = dict(zip(cell_ids(before), before["cells"], strict=True))
    new = dict(zip(cell_ids(now), now["cells"], strict=True))
    conflicts = tuple(
        Conflict(cell=name, reason=reason)
        for name, written in touched.items()
        if (reason := conflict(old.get(name), new.get(name), written))
    )
    kept = {found.cell for found in conflicts}
    free = [name for name in touched if name not in kept]
    removed = [
        CellChange(op="delete", cell=name, expect=source_of(new[name]))
        for name in free
        if name in new and name not in old
    ]
    gone = {change.cell for change in removed}
    order = [name for name in new if name not in gone]
    return (*removed, *restored(old, new, order, set(free))), conflicts


def conflict(old: dict[str, Any] | None, new: dict[str, Any] | None, written: str | None) -> str:
    """Why a cell must be left alone; empty when it stands as we left it, or as it was before."""
    if new is None:
        return "it was deleted meanwhile" if old is not None and written is not None else ""
    if old is not None and same(old, new):
        return ""
    if written is None:
        return "it was deleted by the run and has been put back since"
    return "" if source_of(new) == written else "it was changed meanwhile"


def same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Are two cells equal but for the id, which an upgrade may have added?"""
    return {**old, "id": None} == {**new, "id": None}


def restored(
    old: Mapping[str, dict[str, Any]], new: Mapping[str, dict[str, Any]], order: list[str], free: set[str]
) -> list[CellChange]:
    """Changes that put back content and place, in the order of the snapshot."""
    changes: list[CellChange] = []
    astray = displaced(list(old), order, free)
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
