"""A scope: what is known of the names while code is walked in the order in which it runs.

How syntax leads to these notes is in `bindings`.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from codemad_jupyter.notebooks.sharing import sharing
from codemad_jupyter.notebooks.uses import Call, Carry, CellUse, Deferred, Use, UseKind

MOST_STEPS = 100_000
DEEPEST = 150
MOST_RELATED = 40
MOST_LINKS = 500
"""Bounds for following functions within one cell; beyond them the cell counts as opaque."""


class Scope(ast.NodeVisitor):
    """The uses of one scope, gathered in the order in which it runs."""

    def __init__(self, magics: Callable[[Any, ast.Call], None], *, parameters: Sequence[str] = ()) -> None:
        self.magics = magics
        self.parameters = tuple(parameters)
        self.bound: set[str] = set(parameters)
        self.maybe: set[str] = set()
        self.stored: set[str] = set()
        self.changed: set[str] = set()
        self.hidden: list[set[str]] = []
        self.outer: set[str] = set()
        self.nests = False
        self.uses: dict[tuple[str, UseKind], Use] = {}
        self.deferred: dict[str, Deferred] = {}
        self.calls: list[Call] = []
        self.carries: list[Carry] = []
        self.aliases: list[tuple[str, str]] = []
        self.holds: list[tuple[str, str]] = []
        self.streams: set[str] = set()
        self.methods: set[tuple[str, str]] = set()
        self.returned: set[str] = set()
        self.steps = 0
        self.defines = False
        self.imports: dict[str, str] = {}
        self.opaque = self.ambient = ""
        self.line = self.magic_depth = 0
        self._branches = 0
        self._held: list[Deferred] | None = None
        self._targets: tuple[str, ...] = ()
        self._dropped: ast.expr | None = None
        self._expanding: set[str] = set()

    def result(self) -> CellUse:
        """What was gathered; a write is certain when every path binds the name."""
        found = [
            replace(use, certain=use.certain and use.name in self.bound) if use.kind == "write" else use
            for use in self.uses.values()
        ]
        return CellUse(
            uses=tuple(found),
            deferred=self.deferred,
            calls=tuple(self.calls),
            carries=tuple(self.carries),
            aliases=tuple(self.aliases),
            holds=tuple(self.holds),
            streams=frozenset(self.streams),
            methods=frozenset(self.methods),
            imports=frozenset(self.imports.items()),
            opaque=self.opaque,
            defines=self.defines,
            ambient=self.ambient,
        )

    def note(
        self, name: str, kind: UseKind, *, certain: bool = True, why: str = "", deep: bool = False
    ) -> None:
        """Keep the first such use, or the first that is certain."""
        known = self.uses.get((name, kind))
        if known is None or (certain and not known.certain) or (deep and not known.deep):
            deep = deep or (known is not None and known.deep)
            certain = certain or (known is not None and known.certain)
            self.uses[name, kind] = Use(name, kind, certain, why, self.line, deep)

    def set_opaque(self, why: str, *, defines: bool = False) -> None:
        """From here on any name may be defined; unless it only ``defines``, used and changed too."""
        if not self.opaque or (self.defines and not defines):
            self.opaque, self.defines = why, defines

    def load(self, name: str, *, certain: bool = True) -> None:
        """The name's value is needed; and with it what a function of this name uses."""
        if any(name in names for names in self.hidden):
            return
        if name not in self.bound:
            self.note(name, "read", certain=certain and name not in self.maybe)
        if name in self.deferred and name not in self._expanding:
            self.steps += 1
            if self.steps > MOST_STEPS or len(self._expanding) > DEEPEST:
                self.set_opaque("functions that call too many others")
                return
            self._expanding.add(name)
            self.apply(self.deferred[name])
            self._expanding.discard(name)

    def apply(self, deferred: Deferred) -> None:
        """A function or class of this scope is used here."""
        for name in sorted(deferred.reads):
            self.load(name)
        for name in sorted(deferred.mutates):
            self.mutate(name, certain=False, why="in a function", deep=True)
        for name in sorted(deferred.writes):
            self.note(name, "write", certain=False, why="global in a function")
            self.maybe.add(name)

    def store(self, name: str) -> None:
        """The name is bound."""
        self.stored.add(name)
        self.bound.add(name)
        self.deferred.pop(name, None)
        self.imports.pop(name, None)
        self.uses.pop((name, "delete"), None)
        self.note(name, "write")

    def mutate(self, name: str, *, certain: bool, why: str, deep: bool = False) -> None:
        """The object of this name is changed in place; one made in this cell is its own affair."""
        if any(name in names for names in self.hidden):
            return
        self.load(name)
        for other in self.related(name, deep=deep) - {name}:
            self._mutate(other, certain=False, why=why, deep=deep)
        self._mutate(name, certain=certain, why=why, deep=deep)

    def _mutate(self, name: str, *, certain: bool, why: str, deep: bool) -> None:
        if name not in self.stored:
            self.changed.add(name)
        if name not in self.bound:
            self.note(name, "mutate", certain=certain and not self._branches, why=why, deep=deep)

    def related(self, name: str, *, deep: bool) -> set[str]:
        """Names for what may be the same object, what holds it and, if ``deep``, what it holds."""
        found, waiting = {name}, [name]
        while waiting and len(found) < MOST_RELATED:
            each = waiting.pop()
            near = {b for a, b in self.aliases if a == each} | {a for a, b in self.aliases if b == each}
            near |= {a for a, b in self.holds if b == each}
            if deep:
                near |= {b for a, b in self.holds if a == each}
            waiting += near - found
            found |= near
        return found

    def link(self, target: str, value: ast.expr | None, *, inside: bool = False) -> None:
        """What the target is bound to, or gets put ``inside``, may share objects with other names."""
        found = sharing(value)
        if len(self.aliases) + len(self.holds) > MOST_LINKS:
            self.set_opaque("too many names for the same objects")
            return
        pairs = [(target, name) for name in sorted(found.same) if name != target]
        (self.holds if inside else self.aliases).extend(pairs)
        self.holds.extend((target, name) for name in sorted(found.held) if name != target)

    def delete(self, name: str) -> None:
        """``del name``."""
        self.load(name)
        self.bound.discard(name)
        self.note(name, "delete", certain=not self._branches, why="del")

    def branch(self, *bodies: Sequence[ast.AST]) -> None:
        """Of these paths one is taken; a path that raises does not go on."""
        before, ends, union = set(self.bound), [], set(self.bound)
        self._branches += 1
        for body in bodies:
            self.bound = set(before)
            for node in body:
                self.visit(node)
            union |= self.bound
            if not (body and isinstance(body[-1], ast.Raise)):
                ends.append(self.bound)
        self._branches -= 1
        self.bound = set.intersection(*ends) if ends else before
        self.maybe |= union - self.bound

    @contextmanager
    def names_hidden(self, names: set[str]) -> Iterator[None]:
        """These names belong to an inner scope for the while."""
        self.hidden.append(names)
        try:
            yield
        finally:
            self.hidden.pop()
