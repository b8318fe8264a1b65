"""Which results of a notebook cannot be trusted, as far as execution counts tell. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from codemad_jupyter.notebooks.dataflow import Dataflow, graph
from codemad_jupyter.notebooks.feeding import ANYTHING
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
    inputs = _Inputs(flow, counts)
    highest = 0
    for cell in flow.order:
        count = counts[cell]
        if cell not in filled:
            continue
        wrong = list(inputs.of_cell(cell))
        if wrong:
            inputs.doubtful.add(cell)
        found += [*_own(flow, cell, count, highest), *wrong]
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


@dataclass(frozen=True)
class _Worst:
    """Of all that a function needs: an input not run, the one run last, and one that is stale."""

    unrun: tuple[str, str] | None = None
    latest: tuple[int, str, str] = (0, "", "")
    stale: tuple[str, str] | None = None

    def joined(self, other: "_Worst") -> "_Worst":
        if other == _NOTHING:
            return self
        return _Worst(self.unrun or other.unrun, max(self.latest, other.latest), self.stale or other.stale)


_NOTHING = _Worst()


class _Inputs:
    """What is wrong with what cells read when they ran. Ask in document order."""

    def __init__(self, flow: Dataflow, counts: Mapping[str, int | None]) -> None:
        self._flow = flow
        self._counts = counts
        self._worst: dict[int, _Worst] = {}
        self.doubtful: set[str] = set()

    def of_cell(self, cell: str) -> Iterator[Reason]:
        """The reasons that come from the cell's inputs."""
        own = self._counts[cell]
        if own is None:
            return
        told: set[str] = set()
        for edge in self._flow.into.get(cell, ()):
            reason = self._reason(cell, own, edge.writer, tuple(sorted(edge.names)), edge.certain)
            if reason is not None:
                told.add(edge.writer)
                yield reason
        for node in self._flow.leans.get(cell, ()):
            for writer, name in self._of_node(node, cell, own):
                reason = self._reason(cell, own, writer, (name,), False)
                if reason is not None and writer not in told:
                    told.add(writer)
                    yield reason

    def _reason(
        self, cell: str, own: int, writer: str, names: tuple[str, ...], certain: bool
    ) -> Reason | None:
        theirs = self._counts[writer]
        shown = "anything" if names == (ANYTHING,) else ", ".join(names)
        what = f"{shown} of cell {writer}"
        if theirs is None:
            text = f"{'reads' if certain else 'may read'} {what}, which was not run"
            return Reason(cell, "input_not_run", text, names, writer)
        may = "" if certain else "perhaps "
        if theirs > own:
            text = f"{may}ran ({own}) before its input {what} ({theirs})"
            return Reason(cell, "newer_input", text, names, writer)
        if writer in self.doubtful:
            return Reason(cell, "stale_input", f"{may}depends on {what}, which is stale", names, writer)
        return None

    def _of_node(self, node: int, cell: str, own: int) -> Iterator[tuple[str, str]]:
        worst = self._summed(node)
        if worst.unrun is not None and worst.unrun[0] != cell:
            yield worst.unrun
        if worst.latest[0] > own and worst.latest[1] != cell:
            yield worst.latest[1:]
        if worst.stale is not None and worst.stale[0] != cell:
            yield worst.stale

    def _summed(self, node: int) -> _Worst:
        """The worst of a node and all its parts, which all lie above and so have been judged."""
        waiting = [(node, False)]
        while waiting:
            each, done = waiting.pop()
            if done:
                total = self._fed(each)
                for part in self._flow.nodes[each].parts:
                    total = total.joined(self._worst.get(part, _NOTHING))
                self._worst[each] = total
            elif each not in self._worst:
                self._worst[each] = _NOTHING  # a part that leads back here adds nothing of its own
                waiting.append((each, True))
                waiting += [(part, False) for part in self._flow.nodes[each].parts if part not in self._worst]
        return self._worst[node]

    def _fed(self, node: int) -> _Worst:
        total = _NOTHING
        for writer, name, _ in self._flow.nodes[node].feeds:
            count = self._counts[writer]
            total = total.joined(
                _Worst(
                    (writer, name) if count is None else None,
                    (count or 0, writer, name),
                    (writer, name) if writer in self.doubtful else None,
                )
            )
        return total
