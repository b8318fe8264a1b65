"""A notebook as a kernel alone can see it: what was run, and one slot for the next input.

Where no server and no tab can be reached, the cells are those of the file (if its path is known)
or of the input history. A new cell is handed to the front end as the next input; anything else
in an open document is refused, because only the front end could do it. Headless, where nobody
has the document open, new cells are kept here and run in place.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.notebooks.outputs import outputs_text
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import KernelError, NotebookError
from codemad_jupyter.protocol.kernels import Cell, ExecutionResult, NotebookView

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from codemad_jupyter.notebooks.ports import CellWatch

UNKNOWN = "notebook.ipynb"
"""How the notebook is called when its path is not known."""
MAX_CELLS = 200
MAX_SOURCE = 20_000


class KernelNotebook:
    """A `NotebookPort` for one kernel. ``file`` is the notebook on disk, when known."""

    def __init__(self, ip: InteractiveShell, *, file: Path | None = None) -> None:
        self._ip = ip
        self._file = file
        self._added: dict[str, Cell] = {}
        self._waiting: list[Cell] = []
        self._makers: dict[str, dict[str, Any]] = {}

    async def view(self, path: str) -> NotebookView:
        """The saved cells, else the inputs so far; then the cells added here."""
        cells = await asyncio.to_thread(_saved_cells, self._file) if self._file else self._history()
        known = {cell.id for cell in cells}
        added = [cell for id, cell in self._added.items() if id not in known]
        return NotebookView(path=path, cells=(*cells, *added), live=False)

    async def snapshot(self, path: str) -> dict[str, Any]:
        """What `view` shows, as nbformat JSON."""
        cells = [_as_nbformat(cell, self._makers.get(cell.id)) for cell in (await self.view(path)).cells]
        return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

    async def apply(self, path: str, changes: tuple[CellChange, ...]) -> None:
        """Take new cells, and take back those that still wait; refuse anything else."""
        for change in changes:
            if change.op != "insert" and change.cell not in self._added:
                raise NotebookError(
                    f"A kernel alone cannot {change.op} a cell of an open notebook.",
                    hint="Copy the proposal by hand, or open the notebook in JupyterLab with CodeMAD.",
                )
            if change.op == "move" and change.anchor not in (None, *self._added):
                raise NotebookError(
                    "A kernel alone can move new cells only among each other.",
                    hint="Open the notebook in JupyterLab with CodeMAD.",
                )
        for change in changes:
            self._take(change)

    def _take(self, change: CellChange) -> None:
        if change.op == "insert":
            cell = Cell(id=change.cell, cell_type=change.cell_type, source=_source(change))
            self._added[cell.id] = cell
            self._waiting.append(cell)
            self._place(change)
        elif change.op == "delete":
            del self._added[change.cell]
            self._waiting = [cell for cell in self._waiting if cell.id != change.cell]
        elif change.op in ("replace", "put"):
            self._alter(change.cell, source=_source(change))
        elif change.op == "retype":
            self._alter(change.cell, cell_type=change.cell_type)
        elif change.op == "move":
            self._place(change)
        elif change.op == "clear":
            self._alter(change.cell, outputs_text="", execution_count=None)
        if change.provenance is not None:
            self._makers[change.cell] = change.provenance

    def _alter(self, id: str, **update: Any) -> None:
        cell = self._added[id].model_copy(update=update)
        self._added[id] = cell
        self._waiting = [cell if other.id == id else other for other in self._waiting]

    def _place(self, change: CellChange) -> None:
        """Put a new cell beside another new one; beside any other it stays at the end."""
        order = [id for id in self._added if id != change.cell]
        at = len(order)
        if change.anchor in order:
            at = order.index(change.anchor) + (change.position == "after")
        elif change.op == "move" and change.position == "before":
            at = 0
        order.insert(at, change.cell)
        self._added = {id: self._added[id] for id in order}
        self._waiting.sort(key=lambda cell: order.index(cell.id))

    async def execute_cell(self, path: str, cell: str, *, watch: CellWatch | None = None) -> ExecutionResult:
        """Refused: the magic that accepts a cell runs it in place itself, on the main thread."""
        raise KernelError("This kernel is busy with the cell that asks.", hint="Run the new cell yourself.")

    def added(self, cell: str) -> Cell | None:
        """A cell that was added here."""
        return self._added.get(cell)

    def hand_over(self) -> int:
        """Give the new cells to the front end as the next input; how many there were.

        There is one slot only, so several cells become one. Call it on the main thread.
        """
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._ip.set_next_input("\n\n".join(map(_as_input, waiting)), replace=False)
        return len(waiting)

    def keep(self) -> None:
        """Forget the new cells that wait: they have been run in place."""
        self._waiting = []

    def _history(self) -> list[Cell]:
        history = self._ip.history_manager
        inputs = history.input_hist_raw if history is not None else []
        sources = list(enumerate(inputs))[1:][-MAX_CELLS:]
        return [
            Cell(id=f"in-{n}", cell_type="code", source=str(source)[:MAX_SOURCE], execution_count=n)
            for n, source in sources
            if source
        ]


def _source(change: CellChange) -> str:
    if change.content is None:
        return change.source
    source = change.content.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _as_input(cell: Cell) -> str:
    """The next input is always a code cell; another type is written as the magic that shows it."""
    return cell.source if cell.cell_type == "code" else f"%%markdown\n{cell.source}"


def _as_nbformat(cell: Cell, maker: dict[str, Any] | None) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": cell.id,
        "cell_type": cell.cell_type,
        "metadata": {} if maker is None else {"codemad": maker},
        "source": cell.source,
    }
    if cell.cell_type == "code":
        base |= {"execution_count": cell.execution_count, "outputs": []}
    return base


def _saved_cells(file: Path) -> list[Cell]:
    """The cells on disk, read without nbformat, whose import takes seconds. Raises `NotebookError`."""
    try:
        document = json.loads(file.read_bytes())
        cells = [_saved_cell(cell, n) for n, cell in enumerate(document["cells"])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotebookError(
            f"{file.name} cannot be read ({type(error).__name__}).", hint="Save the notebook and try again."
        ) from error
    return cells


def _saved_cell(cell: dict[str, Any], number: int) -> Cell:
    source = cell["source"]
    return Cell(
        id=str(cell.get("id") or f"cell-{number}"),
        cell_type=cell["cell_type"],
        source=source if isinstance(source, str) else "".join(source),
        execution_count=cell.get("execution_count"),
        outputs_text=outputs_text(cell.get("outputs", ())),
    )
