"""Which cell feeds which: edges between the cells of a notebook as it would run from top to bottom.

The rule: a name that a cell reads comes from the nearest cell above that surely binds it, and from those
between that may bind it or change its object in place. What a function reads when it is called counts for
the cells that name the function, with the values as of there. Edges that rest on a guess are not certain,
and count all the same. Star imports, ``%run`` and the like feed the names that nobody else defines.
What has already run in which order is judged in `staleness`.
"""

import builtins
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from codemad_jupyter.notebooks.bindings import changed_arguments
from codemad_jupyter.notebooks.magic_uses import uses
from codemad_jupyter.notebooks.uses import CellUse, Deferred
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
MOST_EXPANDED = 40
MOST_HOLDERS = 8


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

    @cached_property
    def position(self) -> dict[str, int]:
        """The place of each code cell."""
        return {cell: at for at, cell in enumerate(self.order)}

    @cached_property
    def into(self) -> dict[str, list[Edge]]:
        """The edges that end in each cell."""
        return _by(self.edges, "reader")

    @cached_property
    def out_of(self) -> dict[str, list[Edge]]:
        """The edges that begin in each cell."""
        return _by(self.edges, "writer")

    def upstream(self, cell: str) -> frozenset[str]:
        """All cells that this one depends on, directly or not."""
        return self._reached([cell], {c: [e.writer for e in found] for c, found in self.into.items()}) - {
            cell
        }

    def downstream(self, cell: str) -> frozenset[str]:
        """All cells that depend on this one."""
        return self._reached([cell], self._readers) - {cell}

    def needed_for(self, cell: str) -> tuple[str, ...]:
        """What must run before it in a fresh kernel, in order: its upstream, and the process set-up."""
        if cell not in self.position:
            return ()
        writers = {c: [e.writer for e in found] for c, found in self.into.items()}
        above = self.order[: self.position[cell]]
        setup = [each for each in above if self.uses[each].ambient or self.uses[each].opaque]
        return self._sorted(self._reached([cell, *setup], writers) - {cell})

    def minimal_rerun(self, changed: Iterable[str]) -> tuple[str, ...]:
        """The cells to run again, in order, when these were edited and all had run from top to bottom.

        Besides what depends on them: the makers of an input that a later cell has changed since, and
        whoever touches a name after a cell that makes it anew.
        """
        edited = [cell for cell in changed if cell in self.position]
        chosen, waiting = set[str](), list(self._reached(edited, self._readers))
        while waiting:
            cell = waiting.pop()
            if cell in chosen:
                continue
            chosen.add(cell)
            waiting += self._clobbered(cell)
            waiting += self._touching_after(cell)
        return self._sorted(chosen)

    def _clobbered(self, cell: str) -> list[str]:
        """The writers of inputs that no longer are in the kernel as this cell needs them."""
        here = self.position[cell]
        return [
            edge.writer
            for edge in self.into.get(cell, ())
            if any(self.touched.get(name, (-1,))[-1] >= here for name in edge.names)
        ]

    def _touching_after(self, cell: str) -> list[str]:
        use, here = self.uses[cell], self.position[cell]
        places = [self.touched.get(name, ()) for name in use.writes | use.mutates]
        nexts = [(each, bisect_right(each, here)) for each in places]
        return [self.order[each[at]] for each, at in nexts if at < len(each)]

    @cached_property
    def _readers(self) -> dict[str, list[str]]:
        return {cell: [edge.reader for edge in found] for cell, found in self.out_of.items()}

    def _reached(self, start: Iterable[str], ways: Mapping[str, list[str]]) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(start)
        while waiting:
            cell = waiting.pop()
            if cell not in found:
                found.add(cell)
                waiting += ways.get(cell, ())
        return frozenset(found)

    def _sorted(self, cells: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(cells, key=self.position.__getitem__))


def _by(edges: Iterable[Edge], end: str) -> dict[str, list[Edge]]:
    found: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        found[getattr(edge, end)].append(edge)
    return dict(found)


def graph(view: NotebookView) -> Dataflow:
    """The dataflow of a notebook's code cells. Never raises; what is not Python is `unknown`."""
    builder = _Builder()
    foreign = CellUse(unknown=f"the notebook is written in {view.language}")
    python = view.language.lower() in ("python", "ipython", "python3")
    for cell in view.cells:
        if cell.cell_type == "code":
            builder.add(cell.id, uses(cell.source) if python else foreign)
    return builder.done()


class _Builder:
    """Walks the cells from top to bottom and remembers where each name's value stands."""

    def __init__(self) -> None:
        self.uses: dict[str, CellUse] = {}
        self.edges: dict[tuple[str, str], dict[str, bool]] = {}
        self.missing: dict[str, frozenset[str]] = {}
        self.touched: defaultdict[str, list[int]] = defaultdict(list)
        self.idle: dict[str, set[str]] = defaultdict(set)
        self.holders: dict[str, list[tuple[str, bool]]] = {}
        self.lazy: dict[str, Deferred] = {}
        self.family: dict[str, set[str]] = {}
        self.opaque: list[str] = []

    def add(self, cell: str, use: CellUse) -> None:
        """The next cell."""
        self.uses[cell] = use
        reads = {each.name: each.certain for each in use.uses if each.kind in ("read", "delete")}
        mutates = {each.name: each.certain for each in use.uses if each.kind == "mutate"}
        writes = {each.name: each.certain for each in use.uses if each.kind == "write"}
        self._expand(reads, mutates, writes, use)
        for name in list(mutates):
            for other in self.family.get(name, ()):
                mutates.setdefault(other, False)
        lost = [name for name, certain in reads.items() if not self._feed(cell, name, certain) and certain]
        self.missing[cell] = frozenset(lost) - GIVEN
        for name in (*mutates, *(name for name, certain in writes.items() if not certain)):
            self._feed(cell, name, False)
        self._leave(cell, use, mutates, writes)

    def _expand(
        self, reads: dict[str, bool], mutates: dict[str, bool], writes: dict[str, bool], use: CellUse
    ) -> None:
        """Add what the functions named in the cell use."""
        waiting, seen = list(reads), set(reads)
        while waiting and len(seen) < len(reads) + MOST_EXPANDED:
            deferred = self.lazy.get(waiting.pop())
            if deferred is None:
                continue
            for name in deferred.reads - seen:
                reads[name] = name not in writes and name not in GIVEN
                waiting.append(name)
            seen |= deferred.reads
            for name in deferred.mutates:
                mutates.setdefault(name, False)
            for name in deferred.writes:
                writes.setdefault(name, False)
        for call in use.calls:
            for name in changed_arguments(call, self.lazy.get(call.function, Deferred())):
                mutates.setdefault(name, False)

    def _feed(self, cell: str, name: str, certain: bool) -> bool:
        """Draw the edges for a name that is needed; whether anybody gives it."""
        found = self.holders.get(name)
        if found is None:
            found = [(each, False) for each in self.opaque[-MOST_HOLDERS:]] if name not in GIVEN else []
        for writer, sure in found:
            names = self.edges.setdefault((writer, cell), {})
            names[name] = names.get(name, False) or (sure and certain)
        return bool(found)

    def _leave(self, cell: str, use: CellUse, mutates: dict[str, bool], writes: dict[str, bool]) -> None:
        at = len(self.uses) - 1
        imports = dict(use.imports)
        for name in sorted({*mutates, *writes, *use.names("delete")}):
            self.touched[name].append(at)
            self.idle[name].add(imports.get(name, "") if name not in mutates else "")
        for name, certain in mutates.items():
            self._hold(name, cell, certain)
        for name, certain in writes.items():
            if certain:
                self.holders.pop(name, None)
                self.lazy.pop(name, None)
                self._part(name)
            self._hold(name, cell, certain)
        for name in use.names("delete", certain=True):
            self.holders[name] = []
        self._carry(use)
        if use.opaque:
            self.opaque.append(cell)

    def _hold(self, name: str, cell: str, certain: bool) -> None:
        held = [each for each in self.holders.get(name, []) if each[0] != cell]
        held.append((cell, certain))
        # Whoever drops out was read by those that changed the object after it: it is still upstream.
        self.holders[name] = held if len(held) <= MOST_HOLDERS else [held[0], *held[-MOST_HOLDERS + 1 :]]

    def _carry(self, use: CellUse) -> None:
        for name, deferred in use.deferred.items():
            self.lazy[name] = deferred
        for carry in use.carries:
            parts = [self.lazy[each] for each in carry.plain if each in self.lazy]
            parts += [self.lazy[each] for each in carry.called if each in self.lazy and self.lazy[each].keeps]
            for part in parts:
                self.lazy[carry.target] = self.lazy.get(carry.target, Deferred()).joined(part)
        for target, root in use.aliases:
            if len(self.family.get(root, ())) < MOST_EXPANDED:
                group = self.family.setdefault(root, {root})
                group.add(target)
                self.family[target] = group

    def _part(self, name: str) -> None:
        group = self.family.pop(name, None)
        if group is not None:
            group.discard(name)

    def done(self) -> Dataflow:
        """The graph of the cells so far."""
        edges = tuple(
            Edge(writer, reader, frozenset(names), frozenset(n for n, sure in names.items() if not sure))
            for (writer, reader), names in self.edges.items()
        )
        # A module that is imported again is the same module: nobody's input has changed.
        touched = {
            name: tuple(places)
            for name, places in self.touched.items()
            if "" in self.idle[name] or len(self.idle[name]) > 1
        }
        return Dataflow(tuple(self.uses), self.uses, edges, self.missing, touched)
