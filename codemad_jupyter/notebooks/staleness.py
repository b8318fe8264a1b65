"""Which results of a notebook cannot be trusted, as far as execution counts tell. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from codemad_jupyter.notebooks.dataflow import Dataflow, graph
from codemad_jupyter.protocol.kernels import NotebookView

Kind = Literal[
    "newer_input", "input_not_run", "stale_input", "never_run", "out_of_order", "missing", "unknown"
]


@dataclass(frozen=True)
class Reason:
    """Why a cell's result is in doubt; ``other`` is the cell it comes from."""

    cell: str
    kind: Kind
    text: str
    names: tuple[str, ...] = ()
    other: str = ""


def stale(view: NotebookView, flow: Dataflow | None = None) -> tuple[Reason, ...]:
    """The reasons in document order."""
    flow = flow or graph(view)
    counts = {cell.id: cell.execution_count for cell in view.cells if cell.cell_type == "code"}
    filled = {cell.id for cell in view.cells if cell.source.strip()}
    found: list[Reason] = []
    doubtful: set[str] = set()
    highest = 0
    for cell in flow.order:
        count = counts[cell]
        if cell not in filled:
            continue
        inputs = list(_inputs(flow, cell, counts, doubtful))
        if inputs:
            doubtful.add(cell)
        found += [*_own(flow, cell, count, highest), *inputs]
        highest = max(highest, count or 0)
    return tuple(found)


def _own(flow: Dataflow, cell: str, count: int | None, highest: int) -> Iterator[Reason]:
    if flow.uses[cell].unknown:
        yield Reason(cell, "unknown", f"cannot be understood: {flow.uses[cell].unknown}")
    if count is None:
        yield Reason(cell, "never_run", "was not run")
    elif count < highest:
        yield Reason(cell, "out_of_order", f"ran as number {count}, before a cell above it ({highest})")
    missing = tuple(sorted(flow.missing[cell]))
    if missing:
        yield Reason(cell, "missing", f"reads {', '.join(missing)}, which no cell above defines", missing)


def _inputs(flow: Dataflow, cell: str, counts: dict[str, int | None], doubtful: set[str]) -> Iterator[Reason]:
    """What is wrong with what the cell read when it ran."""
    own = counts[cell]
    if own is None:
        return
    for edge in flow.into.get(cell, ()):
        names, theirs = tuple(sorted(edge.names)), counts[edge.writer]
        what = f"{', '.join(names)} of cell {edge.writer}"
        may = "" if edge.certain else "may read" if theirs is None else "perhaps "
        if theirs is None:
            yield Reason(
                cell, "input_not_run", f"{may or 'reads'} {what}, which was not run", names, edge.writer
            )
        elif theirs > own:
            text = f"{may}ran ({own}) before its input {what} ({theirs})"
            yield Reason(cell, "newer_input", text, names, edge.writer)
        elif edge.writer in doubtful:
            yield Reason(cell, "stale_input", f"{may}depends on {what}, which is stale", names, edge.writer)
