"""What accepting the edit of a cell does to the document, step by step, and what it leaves where.

Splitting and merging follow JupyterLab: the last piece keeps the cell and its outputs; the merged cell
keeps its metadata, takes the attachments of the others, and has no outputs.
"""

from typing import Any

from codemad_jupyter.notebooks.cells import Notebook, cell_ids, source_of
from codemad_jupyter.protocol.edits import CellChange, CellTarget, Edit, settled_text
from codemad_jupyter.protocol.errors import StaleEdit
from codemad_jupyter.tools.cell_parts import MERGED


def cell_changes(
    edit: Edit,
    wanted: Edit,
    target: CellTarget,
    document: Notebook,
) -> tuple[CellChange, ...]:
    """The document changes that accepting leads to; they expect what the edit was made from.

    ``document`` is needed for ``split`` and ``merge`` only.
    """
    if target.op == "split":
        return _split(edit, target, document)
    if target.op == "merge":
        return _merge(edit, target, document)
    return (
        CellChange(
            op=target.op,
            cell=target.cell,
            cell_type=target.cell_type,
            source=settled_text(wanted),
            anchor=target.anchor,
            position=target.position,
            expect=None if target.op == "insert" else settled_text(edit),
        ),
    )


def left_in(target: CellTarget, source: str) -> dict[str, str | None]:
    """The source that accepting leaves in each cell it touches; None where the cell is gone."""
    if target.op == "split":
        return {target.cell: source, **dict(zip(target.others, target.pieces[:-1], strict=True))}
    if target.op == "merge":
        return {target.cell: source, **dict.fromkeys(target.others)}
    return {target.cell: None if target.op == "delete" else source}


def _split(edit: Edit, target: CellTarget, document: Notebook) -> tuple[CellChange, ...]:
    cell = dict(zip(cell_ids(document), document["cells"], strict=True)).get(target.cell, {})
    rest = CellChange(
        op="replace",
        cell=target.cell,
        source=target.pieces[-1],
        expect=settled_text(edit),
    )
    pieces = zip(target.others, target.pieces[:-1], strict=True)
    return (rest, *(_piece(cell, target, id, source) for id, source in pieces))


def _piece(cell: dict[str, Any], target: CellTarget, id: str, source: str) -> CellChange:
    as_lines = not isinstance(cell.get("source"), str)
    metadata = {k: v for k, v in cell.get("metadata", {}).items() if k != "execution"}
    content: dict[str, Any] = {"cell_type": target.cell_type, "id": id, "metadata": metadata}
    content["source"] = source.splitlines(keepends=True) if as_lines else source
    if target.cell_type == "code":
        content = {**content, "execution_count": None, "outputs": []}
    shown = {k: v for k, v in cell.get("attachments", {}).items() if f"attachment:{k}" in source}
    if shown:
        content["attachments"] = shown
    return CellChange(
        op="insert",
        cell=id,
        cell_type=target.cell_type,
        content=dict(sorted(content.items())),
        anchor=target.cell,
        position="before",
    )


def _merge(edit: Edit, target: CellTarget, document: Notebook) -> tuple[CellChange, ...]:
    order = cell_ids(document)
    cells = dict(zip(order, document["cells"], strict=True))
    at = order.index(target.cell) if target.cell in cells else -1
    together = (target.cell, *target.others)
    sources = [source_of(cells[id]) for id in together if id in cells]
    if at < 0 or tuple(order[at : at + len(together)]) != together or MERGED.join(sources) != edit.after:
        raise StaleEdit("The cells to merge were changed or moved since they were read.", hint="Ask again.")
    changes = [CellChange(op="replace", cell=target.cell, source=edit.after, expect=sources[0])]
    attachments = {k: v for id in reversed(together) for k, v in cells[id].get("attachments", {}).items()}
    if attachments and target.cell_type != "code":
        first = {**cells[target.cell], "attachments": attachments}
        changes.insert(0, CellChange(op="put", cell=target.cell, content=first, expect=sources[0]))
    if target.cell_type == "code":
        changes.append(CellChange(op="clear", cell=target.cell))
    gone = zip(target.others, sources[1:], strict=True)
    return (*changes, *(CellChange(op="delete", cell=id, expect=source) for id, source in gone))
