"""The tool that tells which cell depends on which, and which results are stale."""

import asyncio
from collections.abc import Mapping
from typing import Any

from codemad_jupyter.notebooks.dataflow import GIVEN, Dataflow, graph
from codemad_jupyter.notebooks.run_times import recorded_seconds
from codemad_jupyter.notebooks.staleness import stale
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.protocol.kernels import NotebookView
from codemad_jupyter.tools.tool import ToolContext, tool

MOST_CELLS = 100
MOST_NAMES = 40


def _account(result: dict[str, Any]) -> str:
    doubtful = sum(1 for cell in result["cells"] if cell["stale"])
    return f"{len(result['cells'])} cells, {doubtful or 'none'} stale"


@tool("read", account=_account)
async def cell_dependencies(context: ToolContext, cell: str | None = None) -> dict[str, Any]:
    """What each code cell (or one) reads, writes and changes, the cells it depends on, and why it is stale.

    Not certain uses end with "?". ``rerun`` is what to run again after that cell is edited, and
    ``rerun_seconds`` how long that took when those cells last ran, as far as that is known.
    """
    port, path = context.need_notebook()
    view = await port.view(path)
    document = await port.snapshot(path)
    return await asyncio.to_thread(described, view, cell, recorded_seconds(document))


def described(view: NotebookView, cell: str | None, seconds: Mapping[str, float]) -> dict[str, Any]:
    """The dependencies as data; ``seconds`` are those of the cells' last runs, as far as they are known."""
    flow = graph(view)
    if cell is not None and cell not in flow.position:
        known = ", ".join(flow.order[:50])
        raise NotFound(f"{view.path} has no code cell {cell}.", hint=f"Its code cells: {known}.")
    reasons: dict[str, list[str]] = {}
    for reason in stale(view, flow):
        reasons.setdefault(reason.cell, []).append(reason.text)
    chosen = [cell] if cell is not None else list(flow.order[:MOST_CELLS])
    cells = [
        {**_one(flow, each, reasons.get(each, [])), **({"seconds": seconds[each]} if each in seconds else {})}
        for each in chosen
    ]
    result: dict[str, Any] = {"path": view.path, "cells": cells, "left_out": 0}
    if cell is None:
        result["left_out"] = len(flow.order) - len(cells)
    else:
        result["rerun"] = list(flow.minimal_rerun([cell]))
        result["rerun_seconds"] = round(sum(seconds.get(each, 0.0) for each in result["rerun"]), 3)
        result["needed"] = list(flow.needed_for(cell))
    return result


def _one(flow: Dataflow, cell: str, reasons: list[str]) -> dict[str, Any]:
    use = flow.uses[cell]
    shown: dict[str, Any] = {"id": cell}
    for kind, key in (("read", "reads"), ("write", "writes"), ("mutate", "changes"), ("delete", "deletes")):
        names = sorted(
            each.name + ("" if each.certain else "?")
            for each in use.uses
            if each.kind == kind and not (kind == "read" and each.name in GIVEN)
        )
        shown[key] = names[:MOST_NAMES]
    shown["upstream"] = sorted(flow.inputs(cell), key=flow.position.__getitem__)[:MOST_CELLS]
    shown["downstream"] = sorted(flow.readers(cell), key=flow.position.__getitem__)[:MOST_CELLS]
    shown["stale"] = reasons[:10]
    return shown


TOOLS = (cell_dependencies,)
