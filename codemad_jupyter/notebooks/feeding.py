"""Walks the cells from top to bottom and remembers where each name's value stands: the edges of `dataflow`.

What a function needs when it is called may reach through many others. It is kept once, as a `Needs`
node that cells and other nodes lean on, and made anew only after one of the names in it was bound or
changed. So the work stays near the number of names; where it would not, a cell leans on all above it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codemad_jupyter.notebooks.hidden_state import file_name
from codemad_jupyter.notebooks.syntax_names import changed_arguments, returned_by
from codemad_jupyter.notebooks.uses import CellUse, Deferred

ANYTHING = "*"
"""The name of an edge from or to a cell that may use or define any name."""
SHADOWED = frozenset(
    ["sum", "min", "max", "abs", "round", "any", "all", "pow", "open", "range", "input", "map"]
)
MOST_HOLDERS = 8
MOST_RELATED = 40
MOST_EFFECTS = 400
MOST_NODES = 60_000
MOST_PASSES = 10


@dataclass
class Needs:
    """What a function needs as of one moment; what the functions it calls need is in ``parts``."""

    feeds: tuple[tuple[str, str, bool], ...] = ()
    parts: tuple[int, ...] = ()
    mutates: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()


class Feeding:
    """The builder. ``given`` are names that a kernel has from the start."""

    def __init__(self, given: frozenset[str]) -> None:
        self.given = given
        self.uses: dict[str, CellUse] = {}
        self.edges: dict[tuple[str, str], dict[str, bool]] = {}
        self.missing: dict[str, frozenset[str]] = {}
        self.leans: dict[str, set[int]] = {}
        self.nodes: list[Needs] = []
        self.touched: defaultdict[str, list[int]] = defaultdict(list)
        self.idle: defaultdict[str, set[str]] = defaultdict(set)
        self.holders: dict[str, list[tuple[str, bool]]] = {}
        self.bound_at: dict[str, int] = {}
        self.lazy: dict[str, Deferred] = {}
        self.node_of: dict[str, int] = {}
        self.named_by: defaultdict[str, set[str]] = defaultdict(set)
        self.same: defaultdict[str, set[str]] = defaultdict(set)
        self.parts: defaultdict[str, set[str]] = defaultdict(set)
        self.wholes: defaultdict[str, set[str]] = defaultdict(set)
        self.streams: set[str] = set()
        self.opaque: list[tuple[str, int]] = []
        self.above: list[str] = []
        self.everything = -1

    def add(self, cell: str, use: CellUse, *, may_stop: bool = False) -> None:
        """The next cell; one that ``may_stop`` half-way binds nothing for certain."""
        at = len(self.uses)
        self.uses[cell], self.leans[cell] = use, set()
        reads = {each.name: each.certain for each in use.uses if each.kind in ("read", "delete")}
        mutates = {each.name: (each.certain, each.deep) for each in use.uses if each.kind == "mutate"}
        writes = {each.name: each.certain and not may_stop for each in use.uses if each.kind == "write"}
        reads |= {file_name(f"{module}.py"): False for _, module in use.imports if self._is_written(module)}
        lost = self._lean(cell, reads, mutates, writes)
        self._through_calls(reads, mutates, use)
        lost |= {name for name, sure in reads.items() if not self._feed(cell, name, sure) and sure}
        self.missing[cell] = frozenset(lost - self.given - set(writes) if not use.opaque else ())
        for name in (*mutates, *(name for name, certain in writes.items() if not certain)):
            self._feed(cell, name, False)
        if use.opaque:
            self._any_name(cell, use)
        self._leave(cell, at, {name: sure for name, (sure, _) in mutates.items()}, writes)
        self.above.append(cell)

    def _is_written(self, module: str) -> bool:
        return file_name(f"{module}.py") in self.holders

    def _lean(
        self,
        cell: str,
        reads: Mapping[str, bool],
        mutates: dict[str, tuple[bool, bool]],
        writes: dict[str, bool],
    ) -> set[str]:
        """Lean on what the functions named in the cell need, and add what they change."""
        lost: set[str] = set()
        for name in reads:
            if name not in self.lazy:
                continue
            node = self._node(name)
            if node < 0:
                self._lean_on_all(cell)
                continue
            self.leans[cell].add(node)
            needs = self.nodes[node]
            for each in needs.mutates:
                mutates.setdefault(each, (False, True))
            for each in needs.writes:
                writes.setdefault(each, False)
            lost |= needs.missing
        return lost

    def _node(self, name: str) -> int:
        """The node of a function's needs as of now; -1 when there are too many."""
        known = self.node_of.get(name)
        if known is not None:
            return known
        order, seen, waiting = list[str](), {name}, [(name, False)]
        while waiting:
            each, done = waiting.pop()
            if done:
                order.append(each)
                continue
            waiting.append((each, True))
            for other in self.lazy[each].reads:
                if other in self.lazy and other not in self.node_of and other not in seen:
                    seen.add(other)
                    waiting.append((other, False))
        if len(self.nodes) + len(order) > MOST_NODES:
            return -1
        self._make(order)
        return self.node_of[name]

    def _make(self, order: list[str]) -> None:
        first = len(self.nodes)
        for at, name in enumerate(order):
            self.node_of[name] = first + at
            self.nodes.append(Needs())
        for name in order:
            lazy, node = self.lazy[name], self.nodes[self.node_of[name]]
            node.feeds = tuple(
                (writer, each, sure) for each in lazy.reads for writer, sure in self._givers(each)
            )
            node.parts = tuple(self.node_of[each] for each in lazy.reads if each in self.lazy)
            node.mutates, node.writes = lazy.mutates, lazy.writes
            found = (each for each in lazy.reads if each not in self.given and each.isidentifier())
            node.missing = frozenset(each for each in found if not self._givers(each))
            for each in lazy.reads:
                self.named_by[each].add(name)
        for _ in range(MOST_PASSES):
            if not any([self._gathered(self.nodes[self.node_of[name]]) for name in order]):
                break

    def _gathered(self, node: Needs) -> bool:
        """Add what the parts change; whether that was anything new."""
        before = len(node.mutates) + len(node.writes) + len(node.missing)
        for part in node.parts:
            other = self.nodes[part]
            if len(node.mutates) + len(node.writes) < MOST_EFFECTS:
                node.mutates |= other.mutates
                node.writes |= other.writes
            if len(node.missing) < MOST_RELATED:
                node.missing |= other.missing
        return len(node.mutates) + len(node.writes) + len(node.missing) > before

    def _forget(self, names: Iterable[str]) -> None:
        """The values of these names are others now: nodes that rest on them are made anew when needed."""
        waiting = list(names)
        for name in waiting:
            self.node_of.pop(name, None)
        while waiting:
            for user in self.named_by.pop(waiting.pop(), ()):
                if self.node_of.pop(user, None) is not None:
                    waiting.append(user)

    def _lean_on_all(self, cell: str) -> None:
        """The cell may need any cell above it."""
        if self.above or self.everything < 0:
            parts = (self.everything,) if self.everything >= 0 else ()
            feeds = tuple((each, ANYTHING, False) for each in self.above)
            self.nodes.append(Needs(feeds=feeds, parts=parts))
            self.everything, self.above = len(self.nodes) - 1, []
        self.leans[cell].add(self.everything)

    def _any_name(self, cell: str, use: CellUse) -> None:
        for writer, _ in self.opaque[-1:]:
            self.edges.setdefault((writer, cell), {})[ANYTHING] = False
        if not use.defines:
            self._lean_on_all(cell)
        self.opaque.append((cell, len(self.uses) - 1))

    def _through_calls(
        self, reads: dict[str, bool], mutates: dict[str, tuple[bool, bool]], use: CellUse
    ) -> None:
        """What functions of other cells do to arguments, methods to their object, and reading to streams."""
        for target, root in (*use.aliases, *self._returned(use)):
            self._join(self.same, target, root)
            self._join(self.same, root, target)
        for whole, part in use.holds:
            self._join(self.parts, whole, part)
            self._join(self.wholes, part, whole)
        for call in use.calls:
            for name in changed_arguments(call, self.lazy.get(call.function, Deferred())):
                mutates.setdefault(name, (False, True))
        for name, method in use.methods:
            if name in self.lazy and method in self.lazy[name].alters:
                mutates.setdefault(name, (False, True))
        for name in reads:
            if name in self.streams:
                mutates.setdefault(name, (False, False))
        for name, (_, deep) in list(mutates.items()):
            for other in self._related(name, deep=deep):
                mutates.setdefault(other, (False, deep))

    def _returned(self, use: CellUse) -> list[tuple[str, str]]:
        return [
            pair for call in use.calls for pair in returned_by(call, self.lazy.get(call.function, Deferred()))
        ]

    @staticmethod
    def _join(relation: dict[str, set[str]], one: str, other: str) -> None:
        if len(relation[one]) < MOST_RELATED:
            relation[one].add(other)

    def _related(self, name: str, *, deep: bool) -> set[str]:
        """Names for what may be the same object, what holds it and, if ``deep``, what it holds."""
        found, waiting = {name}, [name]
        while waiting and len(found) < MOST_RELATED:
            each = waiting.pop()
            near = self.same.get(each, set()) | self.wholes.get(each, set())
            if deep:
                near = near | self.parts.get(each, set())
            waiting += near - found
            found |= near
        return found - {name}

    def _givers(self, name: str) -> list[tuple[str, bool]]:
        """The cells whose values the name may have now."""
        found = self.holders.get(name)
        shadowed = name not in self.given or name in SHADOWED
        if self.opaque and shadowed and name.isidentifier():
            cell, at = self.opaque[-1]
            if at > self.bound_at.get(name, -1):
                return [*(found or ()), (cell, False)]
        return found or []

    def _feed(self, cell: str, name: str, certain: bool) -> bool:
        """Draw the edges for a name that is needed; whether anybody gives it."""
        givers = self._givers(name)
        for writer, sure in givers:
            if writer != cell:
                names = self.edges.setdefault((writer, cell), {})
                names[name] = names.get(name, False) or (sure and certain)
        return bool(givers)

    def _leave(self, cell: str, at: int, mutates: Mapping[str, bool], writes: Mapping[str, bool]) -> None:
        use = self.uses[cell]
        imports = dict(use.imports)
        deleted = use.names("delete")
        for name in sorted({*mutates, *writes, *deleted}):
            self.touched[name].append(at)
            self.idle[name].add(imports.get(name, "") if name not in mutates else "")
        self._forget({*mutates, *writes, *deleted})
        for name, certain in mutates.items():
            self._hold(name, cell, certain)
        for name, certain in writes.items():
            if certain:
                self._bind(name, at, use)
            self._hold(name, cell, certain)
        for name in use.names("delete", certain=True):
            self.holders[name] = []
        self.streams |= use.streams
        self._carry(use)

    def _bind(self, name: str, at: int, use: CellUse) -> None:
        """The name stands for something else from now on."""
        self.holders.pop(name, None)
        self.lazy.pop(name, None)
        self.bound_at[name] = at
        self.streams.discard(name)
        kept = {b for a, b in use.aliases if a == name} | {a for a, b in use.aliases if b == name}
        for other in self.same.pop(name, set()) - kept:
            self.same[other].discard(name)
        self.same[name] |= kept
        new = {b for a, b in use.holds if a == name}
        for other in self.parts.pop(name, set()) - new:
            self.wholes[other].discard(name)
        self.parts[name] |= new

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
