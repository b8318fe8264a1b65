"""Cell tools: read the notebook and propose changes, always by cell id."""

import difflib
import json
from collections.abc import Callable
from typing import Any, Literal

from codemad_jupyter.protocol.edits import (
    CellOp,
    CellTarget,
    CellType,
    Edit,
    make_hunks,
    text_hash,
    whole_hunk,
)
from codemad_jupyter.protocol.errors import NotFound, ToolError
from codemad_jupyter.protocol.kernels import Cell, NotebookView
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.tools.executor import MAX_CONTENT
from codemad_jupyter.tools.proposals import new_id, told
from codemad_jupyter.tools.tool import ToolContext, tool


async def view_of(context: ToolContext) -> NotebookView:
    """The notebook of the run as it stands now."""
    port, path = context.need_notebook()
    return await port.view(path)


def found_in(view: NotebookView, cell: str) -> Cell:
    """The cell. Raises `NotFound` with ids that come close."""
    found = view.cell(cell)
    if found is None:
        raise NotFound(f"{view.path} has no cell {cell}.", hint=near_ids(view, cell))
    return found


def near_ids(view: NotebookView, cell: str) -> str:
    """The ids that come closest to one that is not there, else the first ones."""
    ids = [each.id for each in view.cells]
    near = difflib.get_close_matches(cell, ids[:2_000], n=3, cutoff=0.6)
    if near:
        return f"Close to it: {', '.join(near)}."
    more = f" and {len(ids) - 50} more" if len(ids) > 50 else ""
    return f"Its cells: {', '.join(ids[:50])}{more}."


def unchanged(context: ToolContext, view: NotebookView, cell: Cell) -> None:
    """Raises `ToolError` when the cell is not as the model last read it."""
    key = f"{view.path}#{cell.id}"
    if context.seen.get(key, text_hash(cell.source)) != text_hash(cell.source):
        raise ToolError(f"Cell {cell.id} changed since you read it.", hint="Call read_notebook again.")


@tool("read", account=lambda result: f"{counted(len(result['cells']), 'cell')} of {result['path']}")
async def read_notebook(context: ToolContext) -> dict[str, Any]:
    """The cells of the notebook as they stand now, with ids, sources and bounded outputs."""
    view = await view_of(context)
    for cell in view.cells:
        context.seen[f"{view.path}#{cell.id}"] = text_hash(cell.source)
    known = context.target.cell if context.target.cell and view.cell(context.target.cell) else None
    return fitted(view, known)


def fitted(view: NotebookView, active: str | None, limit: int = MAX_CONTENT) -> dict[str, Any]:
    """The notebook as data: outputs, then long sources, then far cells are cut until it fits."""
    cells = list(view.cells)
    at = next((i for i, cell in enumerate(cells) if cell.id == active), len(cells) - 1)
    for outputs, source, window in (
        (4_000, 100_000, 10_000),
        (300, 4_000, 1_000),
        (0, 300, 100),
        (0, 100, 20),
    ):
        near = cells[max(at - window, 0) : at + window + 1]
        shown = [_shown(cell, outputs, source) for cell in near]
        answer = {"path": view.path, "active": active, "cells": shown, "left_out": len(cells) - len(near)}
        if len(json.dumps(answer, ensure_ascii=False)) <= limit:
            break
    return answer


def _shown(cell: Cell, outputs: int, source: int) -> dict[str, Any]:
    data = cell.model_dump(include={"id", "cell_type", "source", "execution_count", "outputs_text"})
    for key, limit in (("source", source), ("outputs_text", outputs)):
        if len(data[key]) > limit:
            data[key] = f"{data[key][:limit]} […]" if limit else ""
    return data


@tool("write")
async def insert_cell(
    context: ToolContext,
    source: str,
    cell_type: CellType = "code",
    after: str | None = None,
    before: str | None = None,
    title: str = "",
) -> dict[str, Any]:
    """Propose a new cell after or before a cell id (default: after the active cell, else at the end)."""
    _, path = context.need_notebook()
    if not source.strip():
        raise ToolError("The new cell is empty.", hint="Give its source.")
    view = await view_of(context)
    anchor = before or after or (context.target.cell if view.cell(context.target.cell or "") else None)
    if anchor is not None:
        found_in(view, anchor)
    target = CellTarget(
        notebook=path,
        op="insert",
        cell=context.new_cell(view),
        cell_type=cell_type,
        anchor=anchor,
        position="before" if before else "after",
    )
    edit = Edit(
        id=new_id("edit"),
        target=target,
        title=title or "New cell",
        after=source,
        hunks=whole_hunk("", source),
    )
    return told(await context.proposals.propose(edit))


@tool("write")
async def replace_cell(context: ToolContext, cell: str, source: str, title: str = "") -> dict[str, Any]:
    """Propose a new source for a cell, also for one that you proposed before in this answer."""
    view = await view_of(context)
    return await propose_source(context, view, cell, lambda _: source, title=title)


async def propose_source(
    context: ToolContext, view: NotebookView, cell: str, make: Callable[[str], str], *, title: str
) -> dict[str, Any]:
    """Propose what ``make`` makes of a cell's source, or of a cell this run proposed and nobody settled."""
    own = context.proposals.pending_insert(cell)
    if own is not None:
        source = make(own.after)
        context.proposals.withdraw(own)
        update = {"id": new_id("edit"), "title": title or own.title, "after": source, "trial": None}
        better = own.model_copy(update={**update, "hunks": whole_hunk("", source)})
        return told(await context.proposals.propose(better))
    found = found_in(view, cell)
    unchanged(context, view, found)
    return told(await context.proposals.propose(source_edit(view, found, make(found.source), title)))


def source_edit(view: NotebookView, cell: Cell, source: str, title: str) -> Edit:
    """A proposal of a new source. Raises `ToolError` when the cell has it already."""
    if cell.source == source:
        raise ToolError(f"Cell {cell.id} has this source already.", hint="Nothing to do.")
    edit = cell_edit(view, cell, "replace", title or "Change cell")
    return edit.model_copy(update={"after": source, "hunks": make_hunks(cell.source, source)})


@tool("write")
async def delete_cell(context: ToolContext, cell: str, title: str = "") -> dict[str, Any]:
    """Propose to delete a cell."""
    view = await view_of(context)
    found = found_in(view, cell)
    return told(await context.proposals.propose(delete_edit(view, found, title)))


def delete_edit(view: NotebookView, cell: Cell, title: str) -> Edit:
    """A proposal to delete a cell."""
    edit = cell_edit(view, cell, "delete", title or "Delete cell")
    return edit.model_copy(update={"after": "", "hunks": whole_hunk(cell.source, "")})


@tool("write")
async def move_cell(
    context: ToolContext, cell: str, after: str | None = None, before: str | None = None
) -> dict[str, Any]:
    """Propose to move a cell after or before another (default: to the end)."""
    view = await view_of(context)
    found = found_in(view, cell)
    anchor = before or after
    if anchor is not None:
        found_in(view, anchor)
    if anchor == cell:
        raise ToolError("A cell cannot be moved next to itself.", hint="Name another cell.")
    position: Literal["before", "after"] = "before" if before else "after"
    edit = cell_edit(view, found, "move", "Move cell", anchor=anchor, position=position)
    return told(await context.proposals.propose(edit))


@tool("write")
async def change_cell_type(context: ToolContext, cell: str, cell_type: CellType) -> dict[str, Any]:
    """Propose another type for a cell: code, markdown or raw."""
    view = await view_of(context)
    found = found_in(view, cell)
    if found.cell_type == cell_type:
        raise ToolError(f"Cell {cell} is a {cell_type} cell already.", hint="Nothing to do.")
    edit = cell_edit(view, found, "retype", f"Make it a {cell_type} cell", cell_type=cell_type)
    return told(await context.proposals.propose(edit))


def cell_edit(
    view: NotebookView,
    cell: Cell,
    op: CellOp,
    title: str,
    *,
    cell_type: CellType | None = None,
    anchor: str | None = None,
    position: Literal["before", "after"] = "after",
) -> Edit:
    """A proposal that leaves the source of the cell as it is."""
    target = CellTarget(
        notebook=view.path,
        op=op,
        cell=cell.id,
        cell_type=cell_type or cell.cell_type,
        anchor=anchor,
        position=position,
    )
    hunks = whole_hunk(cell.source, cell.source)
    return Edit(
        id=new_id("edit"), target=target, title=title, before=cell.source, after=cell.source, hunks=hunks
    )


TOOLS = (read_notebook, insert_cell, replace_cell, delete_cell, move_cell, change_cell_type)
