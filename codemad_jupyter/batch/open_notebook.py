"""The notebook of a run as the engine's port: read as it stands, with one cell that may be rewritten."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.cells import cell_ids
from codemad_jupyter.protocol.errors import Denied, NotFound

if TYPE_CHECKING:
    from codemad_jupyter.notebooks.cells import Notebook
    from codemad_jupyter.notebooks.ports import CellWatch
    from codemad_jupyter.protocol.edits import CellChange
    from codemad_jupyter.protocol.kernels import ExecutionResult, NotebookView


class OpenNotebook:
    """A `NotebookPort` over the document that is being executed. ``open_cell`` is the id of the cell that may
    be changed now; nothing else may, for it ran already or is still to come."""

    def __init__(self, node: Any, path: str) -> None:
        self._node = node
        self.path = path
        self.open_cell = ""

    def id_of(self, index: int) -> str:
        """The id of the cell at a 0-based place."""
        return cell_ids(self._plain())[index]

    async def view(self, path: str) -> NotebookView:
        """See `NotebookPort.view`."""
        return document.view(self._checked(path), path, live=True)

    async def snapshot(self, path: str) -> Notebook:
        """See `NotebookPort.snapshot`."""
        return self._checked(path)

    async def apply(self, path: str, changes: tuple[CellChange, ...]) -> None:
        """See `NotebookPort.apply`. Raises `Denied` for anything but a new text of the open cell."""
        before = self._checked(path)
        if any(change.cell != self.open_cell or change.op not in ("replace", "put") for change in changes):
            raise Denied("Only the cell that failed may be changed here.", hint="Change the notebook itself.")
        made = document.apply(before, changes)
        at = cell_ids(before).index(self.open_cell)
        source = made["cells"][at]["source"]
        self._node.cells[at].source = source if isinstance(source, str) else "".join(source)

    async def execute_cell(self, path: str, cell: str, *, watch: CellWatch | None = None) -> ExecutionResult:
        """Refused: the run itself executes cells, in their order."""
        raise Denied("The run executes its cells itself.", hint="Propose a new text of the cell.")

    def _plain(self) -> Notebook:
        plain: Notebook = json.loads(json.dumps(self._node))
        return plain

    def _checked(self, path: str) -> Notebook:
        if path != self.path:
            raise NotFound(f"{path} is not open here, {self.path} is.", hint="Name that notebook.")
        return self._plain()
