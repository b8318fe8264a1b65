"""Applying changes to a notebook document: all or none, untouched cells the very same objects."""

import copy
from collections.abc import Callable
from typing import Any

from codemad_jupyter.notebooks.cells import (
    Notebook,
    as_type,
    cell_ids,
    has_ids,
    new_cell,
    source_of,
    stores_lines,
    usable,
    with_source,
)
from codemad_jupyter.notebooks.provenance import stamped
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import NotFound, StaleEdit, UsageError

READ_AGAIN = "Read the notebook again and repeat the edit."


def apply(nb: Notebook, changes: tuple[CellChange, ...]) -> Notebook:
    """The document after all changes, in order; ``nb`` itself is not changed.

    Raises `StaleEdit` where a cell is not as expected and `NotFound` where it is gone; then nothing
    is changed. A document of an older format is made 4.5, so that its cells have ids from now on.
    """
    if not changes:
        return nb
    work = _Work(nb)
    for change in changes:
        work.make(change)
    return work.document(nb)


class _Work:
    """A document being changed: the order of ids, and the cell of each."""

    def __init__(self, nb: Notebook) -> None:
        self.order = cell_ids(nb)
        self.cells: dict[str, dict[str, Any]] = dict(zip(self.order, nb["cells"], strict=True))
        self.as_lines = stores_lines(nb)

    def make(self, change: CellChange) -> None:
        """Check one change against the document as the ones before left it, then make it."""
        makers: dict[str, Callable[[CellChange], None]] = {
            "insert": self._insert,
            "replace": self._replace,
            "put": self._put,
            "delete": self._delete,
            "move": self._move,
            "retype": self._retype,
            "clear": self._clear,
        }
        if change.op != "insert":
            self._check(change)
        makers[change.op](change)
        if change.provenance is not None and change.op in ("insert", "replace", "retype"):
            self.cells[change.cell] = stamped(self.cells[change.cell], change.provenance)

    def document(self, nb: Notebook) -> Notebook:
        """The changed document; cells get their ids written into them where they lack them."""
        cells = [self._with_id(name) for name in self.order]
        made = {**nb, "cells": cells}
        if not has_ids(nb):
            made["nbformat"], made["nbformat_minor"] = 4, 5
        return made

    def _with_id(self, name: str) -> dict[str, Any]:
        cell = self.cells[name]
        if cell.get("id") == name:
            return cell
        named = {**cell, "id": name}
        return dict(sorted(named.items())) if list(cell) == sorted(cell) else named

    def _check(self, change: CellChange) -> None:
        cell = self.cells.get(change.cell)
        if cell is None:
            raise NotFound(f"There is no cell {change.cell} in the notebook (any more).", hint=READ_AGAIN)
        if change.expect is not None and source_of(cell) != change.expect:
            raise StaleEdit(f"Cell {change.cell} was changed since it was read.", hint=READ_AGAIN)

    def _insert(self, change: CellChange) -> None:
        if change.cell in self.cells:
            raise StaleEdit(f"There is already a cell {change.cell} in the notebook.", hint=READ_AGAIN)
        if not usable(change.cell):
            raise UsageError(
                f"{change.cell[:80]!r} cannot be the id of a cell.",
                hint="Use 1 to 64 letters, digits, hyphens and underscores.",
            )
        at = self._place(change)
        if change.content is not None:
            self.cells[change.cell] = self._content(change)
        else:
            self.cells[change.cell] = new_cell(
                change.cell, change.cell_type, change.source, as_lines=self.as_lines
            )
        self.order.insert(at, change.cell)

    def _replace(self, change: CellChange) -> None:
        self.cells[change.cell] = with_source(self.cells[change.cell], change.source)

    def _put(self, change: CellChange) -> None:
        if change.content is None:
            raise UsageError("A change that puts a cell needs its content.", hint="Give the whole cell.")
        self.cells[change.cell] = self._content(change)

    def _content(self, change: CellChange) -> dict[str, Any]:
        content = copy.deepcopy(change.content or {})
        if content.get("cell_type") not in ("code", "markdown", "raw"):
            raise UsageError(
                f"The content for cell {change.cell} has no cell type.", hint="Give a whole cell."
            )
        if "id" not in content or content["id"] != change.cell:
            content["id"] = change.cell
        return content

    def _delete(self, change: CellChange) -> None:
        self.order.remove(change.cell)
        del self.cells[change.cell]

    def _move(self, change: CellChange) -> None:
        if change.anchor == change.cell:
            return
        self._place(change)
        self.order.remove(change.cell)
        self.order.insert(self._place(change), change.cell)

    def _retype(self, change: CellChange) -> None:
        cell = self.cells[change.cell]
        if cell["cell_type"] != change.cell_type:
            self.cells[change.cell] = as_type(cell, change.cell_type)

    def _clear(self, change: CellChange) -> None:
        cell = self.cells[change.cell]
        if cell["cell_type"] == "code":
            self.cells[change.cell] = {**cell, "outputs": [], "execution_count": None}

    def _place(self, change: CellChange) -> int:
        """Where the anchor says; without one the start or the end of the notebook."""
        if change.anchor is None:
            return 0 if change.position == "before" else len(self.order)
        if change.anchor not in self.cells:
            raise NotFound(f"There is no cell {change.anchor} to place a cell next to.", hint=READ_AGAIN)
        return self.order.index(change.anchor) + (change.position == "after")
