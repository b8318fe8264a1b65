"""Cell tools: read the notebook and propose changes, always by cell id."""

import json
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
from codemad_jupyter.tools.executor import MAX_CONTENT
from codemad_jupyter.tools.proposals import new_cell_id, new_id, told
from codemad_jupyter.tools.tool import ToolContext, tool


async def _view(context: ToolContext) -> NotebookView:
    port, path = context.need_notebook()
    return await port.view(path)


def _found(view: NotebookView, cell: str) -> Cell:
    found = view.cell(cell)
    if found is None:
        known = ", ".join(c.id for c in view.cells[:50])
        raise NotFound(f"{view.path} has no cell {cell}.", hint=f"Its cells: {known}.")
    return found


def _unchanged(context: ToolContext, view: NotebookView, cell: Cell) -> None:
    key = f"{view.path}#{cell.id}"
    if context.seen.get(key, text_hash(cell.source)) != text_hash(cell.source):
        raise ToolError(f"Cell {cell.id} changed since you read it.", hint="Call read_notebook again.")


@tool("read", account=lambda result: f"{len(result['cells'])} cells of {result['path']}")
async def read_notebook(context: ToolContext) -> dict[str, Any]:
    """The cells of the notebook as they stand now, with ids, sources and bounded outputs."""
    view = await _view(context)
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
    view = await _view(context)
    anchor = before or after or (context.target.cell if view.cell(context.target.cell or "") else None)
    if anchor is not None:
        _found(view, anchor)
    target = CellTarget(
        notebook=path,
        op="insert",
        cell=new_cell_id(),
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
    view = await _view(context)
    own = context.proposals.pending_insert(cell)
    if own is not None:
        context.proposals.withdraw(own)
        update = {"id": new_id("edit"), "title": title or own.title, "after": source, "trial": None}
        better = own.model_copy(update={**update, "hunks": whole_hunk("", source)})
        return told(await context.proposals.propose(better))
    found = _found(view, cell)
    _unchanged(context, view, found)
    if found.source == source:
        raise ToolError(f"Cell {cell} has this source already.", hint="Nothing to do.")
    edit = _cell_edit(view, found, "replace", title or "Change cell")
    return told(
        await context.proposals.propose(
            edit.model_copy(update={"after": source, "hunks": make_hunks(found.source, source)})
        )
    )


@tool("write")
async def delete_cell(context: ToolContext, cell: str, title: str = "") -> dict[str, Any]:
    """Propose to delete a cell."""
    view = await _view(context)
    found = _found(view, cell)
    edit = _cell_edit(view, found, "delete", title or "Delete cell")
    return told(
        await context.proposals.propose(
            edit.model_copy(update={"after": "", "hunks": whole_hunk(found.source, "")})
        )
    )


@tool("write")
async def move_cell(
    context: ToolContext, cell: str, after: str | None = None, before: str | None = None
) -> dict[str, Any]:
    """Propose to move a cell after or before another (default: to the end)."""
    view = await _view(context)
    found = _found(view, cell)
    anchor = before or after
    if anchor is not None:
        _found(view, anchor)
    if anchor == cell:
        raise ToolError("A cell cannot be moved next to itself.", hint="Name another cell.")
    position: Literal["before", "after"] = "before" if before else "after"
    edit = _cell_edit(view, found, "move", "Move cell", anchor=anchor, position=position)
    return told(await context.proposals.propose(edit))


@tool("write")
async def change_cell_type(context: ToolContext, cell: str, cell_type: CellType) -> dict[str, Any]:
    """Propose another type for a cell: code, markdown or raw."""
    view = await _view(context)
    found = _found(view, cell)
    if found.cell_type == cell_type:
        raise ToolError(f"Cell {cell} is a {cell_type} cell already.", hint="Nothing to do.")
    edit = _cell_edit(view, found, "retype", f"Make it a {cell_type} cell", cell_type=cell_type)
    return told(await context.proposals.propose(edit))


def _cell_edit(
    view: NotebookView,
    cell: Cell,
    op: CellOp,
    title: str,
    *,
    cell_type: CellType | None = None,
    anchor: str | None = None,
    position: Literal["before", "after"] = "after",
) -> Edit:
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
