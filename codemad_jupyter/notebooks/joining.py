"""Brings what several agents made of one notebook together with what the person has now, cell by cell.

Pure. Sources and cells are joined; outputs stay the person's own, for they belong to a kernel. Where two
changed the same lines of a cell the later one's change of that cell is left out, and named.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from codemad_jupyter.notebooks.cells import Notebook, cell_ids, source_of
from codemad_jupyter.notebooks.three_way import line_ranges, merge_lines
from codemad_jupyter.protocol.agents import WorkClash, whose
from codemad_jupyter.protocol.edits import CellType


class NotebookWork(NamedTuple):
    """One agent's version of a notebook, and what it was made from."""

    agent: str
    base: Notebook
    theirs: Notebook


class CellStep(NamedTuple):
    """What becomes of a cell. A new one goes before ``anchor``, or to the end where that is None."""

    op: Literal["insert", "replace", "delete"]
    cell: str
    cell_type: CellType
    before: str
    after: str
    agents: tuple[str, ...]
    anchor: str | None = None


class _Cell(NamedTuple):
    source: str | None
    """None: deleted."""
    cell_type: CellType
    agents: tuple[str, ...] = ()


class JoinedCells(NamedTuple):
    """The steps in the order in which they can be taken, whose work they are, and what was left out."""

    steps: tuple[CellStep, ...]
    clashes: tuple[WorkClash, ...]


def join_cells(path: str, now: Notebook, works: Iterable[NotebookWork]) -> JoinedCells:
    """The steps from ``now`` to the work of the agents, in their order."""
    joining = _Joining(path, now)
    for work in works:
        joining.add(work)
    return JoinedCells(joining.steps(), tuple(joining.clashes))


def _cells(nb: Notebook) -> dict[str, _Cell]:
    ids = cell_ids(nb)
    return {
        name: _Cell(source_of(cell), cell["cell_type"]) for name, cell in zip(ids, nb["cells"], strict=True)
    }


def _rest(cell: Mapping[str, Any]) -> tuple[Any, Any]:
    """What belongs to a cell beside its source; when it was run is of no account."""
    own = {
        key: value for key, value in cell.get("metadata", {}).items() if key not in ("execution", "codemad")
    }
    outputs = [{**output, "execution_count": None} for output in cell.get("outputs", ())]
    return outputs, own


class _Joining:
    """The notebook on its way."""

    def __init__(self, path: str, document: Notebook) -> None:
        now = _cells(document)
        self.clashes: list[WorkClash] = []
        self._path = path
        self._document = document
        self._now = now
        self._cells = dict(now)
        self._new: dict[str, str | None] = {}

    def add(self, work: NotebookWork) -> None:
        base, theirs = _cells(work.base), _cells(work.theirs)
        for name, cell in base.items():
            after = theirs.get(name)
            if after is None:
                self._delete(work.agent, name, cell)
            elif after.cell_type != cell.cell_type:
                self._clash(work.agent, name, "the cell has another type: change it by hand", ())
            elif after.source != cell.source:
                self._replace(work.agent, name, cell, after)
        for name, cell in theirs.items():
            if name not in base:
                self._insert(work.agent, name, cell, list(theirs))
        self._left_there(work)
        shared = [name for name in base if name in theirs]
        if shared != [name for name in theirs if name in base]:
            self._clash(work.agent, "", "cells were moved: move them by hand", ())

    def _left_there(self, work: NotebookWork) -> None:
        """Name what of the agent's cells no step brings: outputs and metadata that are not here."""
        here = [_rest(cell) for cell in self._document["cells"]]
        before = dict(zip(cell_ids(work.base), map(_rest, work.base["cells"]), strict=True))
        theirs = zip(cell_ids(work.theirs), map(_rest, work.theirs["cells"]), strict=True)
        kept = [name for name, rest in theirs if any(rest) and rest not in (before.get(name), *here)]
        if kept:
            several = f"{len(kept)} cells stay" if len(kept) > 1 else "a cell stay"
            self._clash(work.agent, "", f"outputs or metadata of {several} there: take them by hand", ())

    def steps(self) -> tuple[CellStep, ...]:
        """New cells come first: the cells that they go before are still there then."""
        inserts = [
            self._step("insert", name, "", anchor=anchor)
            for name, anchor in self._new.items()
            if self._cells[name].source is not None
        ]
        changed = {name: cell for name, cell in self._now.items() if self._cells[name].source != cell.source}
        replaced = [
            self._step("replace", name, cell.source or "")
            for name, cell in changed.items()
            if self._cells[name].source is not None
        ]
        deleted = [
            self._step("delete", name, cell.source or "")
            for name, cell in changed.items()
            if self._cells[name].source is None
        ]
        return (*inserts, *replaced, *deleted)

    def _step(
        self,
        op: Literal["insert", "replace", "delete"],
        name: str,
        before: str,
        *,
        anchor: str | None = None,
    ) -> CellStep:
        cell = self._cells[name]
        return CellStep(op, name, cell.cell_type, before, cell.source or "", cell.agents, anchor)

    def _delete(self, agent: str, name: str, base: _Cell) -> None:
        cell = self._cells.get(name)
        if cell is None or cell.source is None:
            return  # somebody else did it
        if cell.source != base.source:
            self._clash(agent, name, "changed the cell, which it deletes", cell.agents)
        else:
            self._cells[name] = _Cell(None, cell.cell_type, (*cell.agents, agent))

    def _replace(self, agent: str, name: str, base: _Cell, theirs: _Cell) -> None:
        cell = self._cells.get(name)
        if cell is None or cell.source is None:
            self._clash(agent, name, "deleted the cell", cell.agents if cell else ())
            return
        if cell.source == theirs.source:
            return
        found = merge_lines(base.source or "", cell.source, theirs.source or "")
        if not found.conflicts:
            self._cells[name] = _Cell(found.text, cell.cell_type, (*cell.agents, agent))
            return
        present = self._now[name].source or "" if name in self._now else cell.source
        alone = merge_lines(base.source or "", present, theirs.source or "").conflicts
        ranges = line_ranges(alone or found.conflicts)
        self._clash(agent, name, f"changed the same lines: {ranges}", () if alone else cell.agents)

    def _insert(self, agent: str, name: str, theirs: _Cell, order: list[str]) -> None:
        cell = self._cells.get(name)
        if cell is not None:
            if cell.source != theirs.source:
                self._clash(agent, name, "made another cell of this id", cell.agents)
            return
        below = order[order.index(name) + 1 :]
        self._new[name] = next((other for other in below if other in self._now), None)
        self._cells[name] = theirs._replace(agents=(agent,))

    def _clash(self, agent: str, cell: str, reason: str, others: tuple[str, ...]) -> None:
        if "by hand" not in reason:
            reason = f"{whose(others)} {reason}"
        clash = WorkClash(path=self._path, cell=cell, agent=agent, reason=reason, others=others)
        self.clashes.append(clash)
