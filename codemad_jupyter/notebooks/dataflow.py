"""Which cell feeds which: edges between the cells of a notebook as it would run from top to bottom.

The rule: a name that a cell reads comes from the nearest cell above that surely binds it, and from those
between that may bind it or change its object in place. What a function reads when it is called counts for
the cells that name the function, with the values as of there. Edges that rest on a guess are not certain,
and count all the same. Star imports, ``%run`` and the like feed the names that nobody else defines.
What has already run in which order is judged in `staleness`.
"""

import builtins
import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from codemad_jupyter.notebooks.feeding import Feeding, Needs
from codemad_jupyter.notebooks.magic_uses import uses
from codemad_jupyter.notebooks.uses import CellUse
from codemad_jupyter.protocol.kernels import NotebookView

GIVEN = frozenset(dir(builtins)) | frozenset(
    [
        "__name__",
        "__file__",
        "__doc__",
        "__builtins__",
        "get_ipython",
        "display",
        "In",
        "Out",
        "exit",
        "quit",
        "_",
        "__",
        "___",
        "_i",
        "_ii",
        "_iii",
        "_ih",
        "_oh",
        "_dh",
    ]
)
MOST_CHARACTERS = 20_000_000
MOST_FEEDS = 200
MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class Edge:
    """``reader`` needs what ``writer`` leaves in ``names``; ``unsure`` only may be so."""

    writer: str
    reader: str
    names: frozenset[str]
    unsure: frozenset[str] = frozenset()

    @property
    def certain(self) -> bool:
        """Is at least one name surely handed over?"""
        return bool(self.names - self.unsure)


@dataclass(frozen=True)
class Dataflow:
    """The graph. ``missing`` are names read that no cell above defines, by cell."""

    order: tuple[str, ...]
    uses: Mapping[str, CellUse]
    edges: tuple[Edge, ...]
    missing: Mapping[str, frozenset[str]]
    touched: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The positions of the cells that bind or change each name."""
    nodes: tuple[Needs, ...] = ()
    """What functions need when they are called; shared by the cells that call them."""
    leans: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The nodes that each cell leans on."""

    @cached_property
    def position(self) -> dict[str, int]:
        """The place of each code cell."""
        return {cell: at for at, cell in enumerate(self.order)}

    @cached_property
    def into(self) -> dict[str, list[Edge]]:
        """The edges that end in each cell; without what only the functions it calls need."""
        return _by(self.edges, "reader")

    def inputs(self, cell: str) -> dict[str, set[str]]:
        """The names that the cell and the functions it calls need, by the cell that gives them; bounded."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for edge in self.into.get(cell, ()):
            found[edge.writer] |= edge.names
        waiting, seen, steps = list(self.leans.get(cell, ())), set[int](), 0
        while waiting and steps < MOST_FEEDS:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            for writer, name, _ in self.nodes[node].feeds[:MOST_FEEDS]:
                steps += 1
                if writer != cell:
                    found[writer].add(name)
            waiting += self.nodes[node].parts
        return dict(found)

    def upstream(self, cell: str) -> frozenset[str]:
        """All cells that this one depends on, directly or not."""
        return self._cells(_reached([cell], self._up)) - {cell}

    def downstream(self, cell: str) -> frozenset[str]:
        """All cells that depend on this one."""
        return self._cells(_reached([cell], self._down)) - {cell}

    def readers(self, cell: str) -> frozenset[str]:
        """The cells that read what this one left, themselves or through a function."""
        return self._cells(_reached(self._down(cell), self._through_nodes))

    def needed_for(self, cell: str) -> tuple[str, ...]:
        """What must run before it in a fresh kernel, in order: its upstream, and the process set-up."""
        if cell not in self.position:
            return ()
        above = self.order[: self.position[cell]]
        setup = [each for each in above if self.uses[each].ambient or self.uses[each].opaque]
        return self._sorted(self._cells(_reached([cell, *setup], self._up)) - {cell})

    def minimal_rerun(self, changed: Iterable[str]) -> tuple[str, ...]:
        """The cells to run again, in order, when these were edited and all had run from top to bottom.

        Besides what depends on them: the makers of an input that a later cell has changed since, and
        whoever touches a name after a cell that makes it anew. Where this would take too long: all.
        """
        edited = [cell for cell in changed if cell in self.position]
        ambient = [self.position[cell] for cell in edited if self.uses[cell].ambient]
        begun = {*self._cells(_reached(edited, self._down)), *(self.order[min(ambient) :] if ambient else ())}
        chosen, waiting = set[str](), [(self.position[cell], cell) for cell in begun]
        heapq.heapify(waiting)
        walk = _Clobbered(self)
        while waiting:
            cell = heapq.heappop(waiting)[1]
            if cell in chosen:
                continue
            chosen.add(cell)
            for other in (
                *walk.makers(cell),
                *self._touching_after(cell),
            ):
                if other not in chosen:
                    heapq.heappush(waiting, (self.position[other], other))
            if walk.steps > MOST_STEPS:
                return self.order
        return self._sorted(chosen)

    def _touching_after(self, cell: str) -> list[str]:
        use, here = self.uses[cell], self.position[cell]
        places = [self.touched.get(name, ()) for name in self._changed_by[cell] | use.writes | use.mutates]
        nexts = [(each, bisect_right(each, here)) for each in places]
        return [self.order[each[at]] for each, at in nexts if at < len(each)]

    @cached_property
    def _changed_by(self) -> dict[str, set[str]]:
        """The names that each cell binds or changes, through functions too."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for name, places in self.touched.items():
            for at in places:
                found[self.order[at]].add(name)
        return found

    def _up(self, each: "str | int") -> Iterable["str | int"]:
        if isinstance(each, int):
            return (*(writer for writer, _, _ in self.nodes[each].feeds), *self.nodes[each].parts)
        return (*(edge.writer for edge in self.into.get(each, ())), *self.leans.get(each, ()))

    def _down(self, each: "str | int") -> Iterable["str | int"]:
        return self._ways_down.get(each, ())

    def _through_nodes(self, each: "str | int") -> Iterable["str | int"]:
        return self._down(each) if isinstance(each, int) else ()

    @cached_property
    def _ways_down(self) -> dict["str | int", list["str | int"]]:
        found: defaultdict[str | int, list[str | int]] = defaultdict(list)
        for each in (*self.order, *range(len(self.nodes))):
            for other in self._up(each):
                found[other].append(each)
        return dict(found)

    def _cells(self, found: Iterable["str | int"]) -> frozenset[str]:
        return frozenset(each for each in found if isinstance(each, str))

    def _sorted(self, cells: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(cells, key=self.position.__getitem__))


class _Clobbered:
    """Finds the makers of inputs that no longer are in the kernel as a cell needs them.

    A node is walked again only for a cell further up than those before: others would find no more.
    """

    def __init__(self, flow: Dataflow) -> None:
        self.flow = flow
        self.walked: dict[int, int] = {}
        self.steps = 0

    def makers(self, cell: str) -> Iterator[str]:
        """The cells to run again before this one."""
        flow, here = self.flow, self.flow.position[cell]
        for edge in flow.into.get(cell, ()):
            if any(self._is_gone(name, here) for name in edge.names):
                yield edge.writer
        waiting = list(flow.leans.get(cell, ()))
        while waiting:
            node = waiting.pop()
            if self.walked.get(node, len(flow.order)) <= here:
                continue
            self.walked[node] = here
            needs = flow.nodes[node]
            self.steps += len(needs.feeds) + 1
            yield from (w for w, name, _ in needs.feeds if w != cell and self._is_gone(name, here))
            waiting += needs.parts

    def _is_gone(self, name: str, here: int) -> bool:
        return self.flow.touched.get(name, (-1,))[-1] >= here


def _reached(
    start: Iterable["str | int"], ways: Callable[["str | int"], Iterable["str | int"]]
) -> frozenset["str | int"]:
    found: set[str | int] = set()
    waiting = list(start)
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += [other for other in ways(each) if other not in found]
    return frozenset(found)


def _by(edges: Iterable[Edge], end: str) -> dict[str, list[Edge]]:
    found: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        found[getattr(edge, end)].append(edge)
    return dict(found)


def graph(view: NotebookView) -> Dataflow:
    """The dataflow of a notebook's code cells. Never raises; what is not Python is `unknown`."""
    builder = Feeding(GIVEN)
    foreign = CellUse(unknown=f"the notebook is written in {view.language}")
    too_much = CellUse(unknown="the notebook is too long", opaque="a text that was not read")
    python, left = view.language.lower() in ("python", "ipython", "python3"), MOST_CHARACTERS
    for cell in view.cells:
        if cell.cell_type == "code":
            left -= len(cell.source)
            use = foreign if not python else too_much if left < 0 else uses(cell.source)
            builder.add(cell.id, use, may_stop="raises-exception" in cell.tags)
    return _finished(builder)


def _finished(builder: Feeding) -> Dataflow:
    edges = tuple(
        Edge(writer, reader, frozenset(names), frozenset(n for n, sure in names.items() if not sure))
        for (writer, reader), names in builder.edges.items()
    )
    # A module that is imported again is the same module: nobody's input has changed.
    touched = {
        name: tuple(places)
        for name, places in builder.touched.items()
        if "" in builder.idle[name] or len(builder.idle[name]) > 1
    }
    leans = {cell: tuple(sorted(nodes)) for cell, nodes in builder.leans.items()}
    return Dataflow(
        tuple(builder.uses), builder.uses, edges, builder.missing, touched, tuple(builder.nodes), leans
    )
