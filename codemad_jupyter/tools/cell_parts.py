"""Cell tools for parts of cells and several cells: replace within one, split, merge, clear outputs."""

import itertools
from typing import Any

from codemad_jupyter.protocol.edits import CellTarget, Edit, whole_hunk
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.cells import cell_edit, found_in, propose_source, unchanged, view_of
from codemad_jupyter.tools.edit_match import replace_each
from codemad_jupyter.tools.patches import Replacement, changes_of
from codemad_jupyter.tools.proposals import told
from codemad_jupyter.tools.tool import ToolContext, tool

MERGED = "\n\n"
"""What stands between the sources of merged cells."""


@tool("write")
async def edit_cell(
    context: ToolContext,
    cell: str,
    old: str = "",
    new: str = "",
    replace_all: bool = False,
    title: str = "",
    edits: list[Replacement] | None = None,
) -> dict[str, Any]:
    """Propose to replace ``old`` by ``new`` within a cell, or several ``edits`` (all or none).

    ``old`` must stand there exactly once; in ``edits`` each one sees the result of those before it.
    """
    changes = changes_of(edits, Replacement(old=old, new=new, replace_all=replace_all))
    view = await view_of(context)
    name = f"cell {cell}"
    return await propose_source(
        context, view, cell, lambda source: replace_each(source, changes, name=name), title=title
    )


@tool("write")
async def split_cell(
    context: ToolContext, cell: str, before_lines: list[int], title: str = ""
) -> dict[str, Any]:
    """Propose to split a cell: each of the 1-based ``before_lines`` begins another one.

    The last piece keeps the id and the outputs.
    """
    view = await view_of(context)
    found = found_in(view, cell)
    unchanged(context, view, found)
    lines = found.source.split("\n")
    starts = sorted(set(before_lines))
    if not starts or starts[0] < 2 or starts[-1] > len(lines):
        raise ToolError(
            f"Cell {cell} has {len(lines)} lines; it cannot be split before lines {starts}.",
            hint=f"Name lines from 2 to {len(lines)}.",
        )
    bounds = [1, *starts, len(lines) + 1]
    pieces = tuple("\n".join(lines[a - 1 : b - 1]).strip("\n") for a, b in itertools.pairwise(bounds))
    if not all(piece.strip() for piece in pieces):
        raise ToolError(f"A piece of cell {cell} would be empty.", hint="Split before a line with text.")
    others = tuple(context.new_cell(view) for _ in starts)
    edit = cell_edit(view, found, "split", title or f"Split cell into {len(pieces)}")
    split = _shaped(edit, others=others, pieces=pieces)
    update = {"after": pieces[-1], "hunks": whole_hunk(found.source, pieces[-1])}
    proposed = await context.proposals.propose(split.model_copy(update=update))
    return {**told(proposed), "cells": [*others, cell]}


@tool("write")
async def merge_cells(context: ToolContext, cells: list[str], title: str = "") -> dict[str, Any]:
    """Propose to merge cells that stand below each other into the first; the merged cell has no outputs."""
    view = await view_of(context)
    found = [found_in(view, cell) for cell in cells]
    for each in found:
        unchanged(context, view, each)
    order = [cell.id for cell in view.cells]
    at = order.index(cells[0]) if cells else 0
    if len(cells) < 2 or order[at : at + len(cells)] != cells:
        hint = f"From {cells[0]} on stand {', '.join(order[at : at + 8])}." if cells else ""
        raise ToolError("Only two or more cells right below each other can be merged.", hint=hint)
    if len({cell.cell_type for cell in found}) > 1:
        raise ToolError("The cells are of different types.", hint="Use change_cell_type first.")
    after = MERGED.join(cell.source for cell in found)
    edit = cell_edit(view, found[0], "merge", title or f"Merge {len(cells)} cells")
    update = {"after": after, "hunks": whole_hunk(found[0].source, after)}
    merged = _shaped(edit, others=tuple(cells[1:])).model_copy(update=update)
    return told(await context.proposals.propose(merged))


@tool("write")
async def clear_outputs(context: ToolContext, cell: str, title: str = "") -> dict[str, Any]:
    """Propose to remove the outputs and the execution count of a code cell."""
    view = await view_of(context)
    found = found_in(view, cell)
    if found.cell_type != "code" or not (found.outputs_text or found.execution_count is not None):
        raise ToolError(f"Cell {cell} has no outputs.", hint="Nothing to do.")
    return told(await context.proposals.propose(cell_edit(view, found, "clear", title or "Clear outputs")))


def _shaped(edit: Edit, **update: tuple[str, ...]) -> Edit:
    if not isinstance(edit.target, CellTarget):
        raise TypeError("Only cells are split and merged.")
    return edit.model_copy(update={"target": edit.target.model_copy(update=update)})


TOOLS = (edit_cell, split_cell, merge_cells, clear_outputs)
