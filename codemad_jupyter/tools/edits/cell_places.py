"""Cells as places of a proposal: ``notebook.ipynb#cell-id`` names the source of one cell.

Owns how such a path is read, and how the changed cells of a notebook become the bytes of its file.
"""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.cells import cell_ids, source_of
from codemad_jupyter.notebooks.disk import read_bytes
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.tools.edits.changes import FilePatch, Refused
from codemad_jupyter.tools.edits.file_change import Address, FileChange
from codemad_jupyter.tools.edits.paths import located

_ADDRESS = re.compile(r"(?s)(.+\.ipynb)#([A-Za-z0-9_-]{1,64})")


def address(path: str) -> Address | None:
    """The notebook and the cell that a path names; None where it names a file."""
    found = _ADDRESS.fullmatch(path)
    return (found[1], found[2]) if found else None


def addresses(patches: Sequence[FilePatch]) -> tuple[Address, ...]:
    """The cells that patches change."""
    found = (address(patch.path) for patch in patches)
    return tuple(dict.fromkeys(each for each in found if each is not None))


def missing_cell(notebook: str, cell: str, ids: Sequence[str]) -> Refused:
    """The error for an id that no cell has, with those that come close."""
    near = difflib.get_close_matches(cell, ids[:2_000], n=3, cutoff=0.6)
    hint = f"Close to it: {', '.join(near)}." if near else f"Its cells: {', '.join(ids[:50])}."
    return Refused(f"{notebook} has no cell {cell}.", hint=hint, cause="missing_file")


def source_on_disk(real: Path, notebook: str, cell: str) -> str:
    """The source of a cell of a notebook file. Raises `Refused`."""
    try:
        nb = document.parse(read_bytes(real, notebook), notebook)
    except CodemadError as error:
        raise Refused(error.message, hint=error.hint, cause="notebook") from None
    cells = dict(zip(cell_ids(nb), nb["cells"], strict=True))
    if cell not in cells:
        raise missing_cell(notebook, cell, list(cells))
    return source_of(cells[cell])


def rewritten(data: bytes, notebook: str, changed: dict[str, tuple[str, str | None]]) -> bytes:
    """The notebook file in which cells have other sources (before, after; None: the cell is deleted)."""
    changes = tuple(
        CellChange(op="delete", cell=cell, expect=before)
        if after is None
        else CellChange(op="replace", cell=cell, source=after, expect=before)
        for cell, (before, after) in changed.items()
    )
    nb = document.parse(data, notebook)
    return document.rewrite(data, nb, document.apply(nb, changes))


def on_disk(root: Path, files: Sequence[FileChange]) -> tuple[FileChange, ...]:
    """The same with all changed cells of a notebook as one change of its file."""
    cells: dict[str, dict[str, tuple[str, str | None]]] = {}
    for file in files:
        if file.cell is not None:
            notebook, cell = file.cell
            after = None if file.after is None else file.after.decode("utf-8", "surrogatepass")
            before = (file.before or b"").decode("utf-8", "surrogatepass")
            cells.setdefault(notebook, {})[cell] = (before, after)
    made = [file for file in files if file.cell is None]
    for notebook, changed in cells.items():
        real = located(root, notebook, notebook=True)
        try:
            data = read_bytes(real, notebook)
            made.append(FileChange(notebook, real, data, rewritten(data, notebook, changed)))
        except CodemadError as error:
            raise Refused(error.message, hint=error.hint, cause="notebook") from None
    return tuple(made)
