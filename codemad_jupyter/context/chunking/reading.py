"""One walk over a syntax tree: what the text defines, uses, imports and says in comments.

Knows no language by itself; `grammar.Grammar` says what each node is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codemad_jupyter.context.chunking.declarations import (
    bound_names,
    inner_name,
    is_prototype,
    last_row,
    name_of,
    outermost,
)
from codemad_jupyter.context.chunking.grammar import Grammar
from codemad_jupyter.context.chunking.values import Definition, DefinitionKind, Reference

if TYPE_CHECKING:
    from tree_sitter import Node

PLAIN = re.compile(r"[\w.:$]{1,60}")
SELF = frozenset({"self", "cls", "this", "super", "Self", "_", "__class__"})
MOST_NAMES = 200_000
"""Uses of names that are read; a larger text is data."""


@dataclass
class Scope:
    """A definition that is being read, and the names that are bound in it."""

    name: str
    kind: str
    above: "Scope | None" = None
    bound: set[str] = field(default_factory=set)

    def binds(self, name: str) -> bool:
        """Is this name one of the scope itself, or of a function around it?"""
        scope: Scope | None = self
        while scope is not None and scope.above is not None:
            if name in scope.bound:
                return True
            scope = scope.above
        return False


@dataclass
class Names:
    """What a walk has found. Rows are 0-based."""

    definitions: list[Definition] = field(default_factory=list)
    uses: dict[tuple[str, str, str, bool], list[int]] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)
    prose: list[tuple[int, str]] = field(default_factory=list)

    def references(self) -> tuple[Reference, ...]:
        """The uses as values, in the order of their first rows."""
        return tuple(
            Reference(name, tuple(row + 1 for row in dict.fromkeys(rows)), scope, owner, call)
            for (name, scope, owner, call), rows in self.uses.items()
        )


class Reader:
    """Walks one tree."""

    def __init__(self, grammar: Grammar, source: bytes, rows: list[str]) -> None:
        self.grammar = grammar
        self.source = source
        self.rows = rows
        self.found = Names()
        self.settled: set[int] = set()
        """Where names begin that are no uses: those of definitions, parameters, labels."""
        self.known: dict[bytes, str] = {}
        self.used: list[tuple[str, Scope, str, bool, int]] = []
        self.seen: set[tuple[str, str]] = set()
        self.stack: list[tuple[Node, Scope]] = []
        self.handlers = self._handlers()

    def read(self, root: "Node") -> Names:
        """All that the tree names."""
        self.stack = [(root, Scope("", "file"))]
        handlers, stack = self.handlers, self.stack
        while stack:
            node, scope = stack.pop()
            handler = handlers.get(node.type)
            if handler is not None:
                handler(node, scope)
            else:
                stack.extend([(child, scope) for child in reversed(node.named_children)])
        for name, scope, owner, call, row in self.used:
            if owner or not scope.binds(name):
                self.found.uses.setdefault((name, scope.name, owner, call), []).append(row)
        return self.found

    def _handlers(self) -> "dict[str, Callable[[Node, Scope], None]]":
        grammar = self.grammar
        table: dict[str, Callable[[Node, Scope], None]] = {}
        table |= dict.fromkeys(grammar.names, self.on_name)
        table |= dict.fromkeys(grammar.binds, self.on_bind)
        table |= dict.fromkeys(grammar.labels, self.on_label)
        table |= dict.fromkeys(grammar.members, self.on_member)
        table |= dict.fromkeys(grammar.calls, self.on_call)
        table |= dict.fromkeys(grammar.definitions, self.on_definition)
        table |= dict.fromkeys(grammar.scopes, self.on_scope)
        table |= dict.fromkeys(grammar.comments, self.on_comment)
        table |= dict.fromkeys(grammar.imports, self.on_import)
        table |= dict.fromkeys(grammar.docs, self.on_string)
        return table

    def text(self, node: "Node") -> str:
        """The text of a node."""
        part = self.source[node.start_byte : node.end_byte]
        known = self.known.get(part)
        if known is None:
            known = self.known[part] = part.decode("utf-8", "replace")
        return known

    def push(self, node: "Node", scope: Scope, *, but: "Node | None" = None) -> None:
        """Read the children of a node later, but for one of them."""
        skipped = but.id if but is not None else 0
        children = reversed(node.named_children)
        self.stack.extend([(child, scope) for child in children if child.id != skipped])

    def field(self, node: "Node", name: str) -> "Node | None":
        """A child by its field; "" is the first named one."""
        if name:
            return node.child_by_field_name(name)
        return node.named_child(0) if node.named_child_count else None

    def use(self, node: "Node", scope: Scope, *, owner: str = "", call: bool = False) -> None:
        """Note a use of a name."""
        if node.start_byte in self.settled or len(self.used) >= MOST_NAMES:
            return
        name = self.text(node)
        if len(name) <= 200 and name not in SELF:
            self.used.append((name, scope, owner, call, node.start_point[0]))

    def on_name(self, node: "Node", scope: Scope) -> None:
        """A name by itself."""
        self.use(node, scope)

    def on_label(self, node: "Node", scope: Scope) -> None:
        """A name that only labels what is beside it."""
        self.push(node, scope, but=self.field(node, self.grammar.labels[node.type]))

    def on_member(self, node: "Node", scope: Scope, *, call: bool = False) -> None:
        """``owner.name``, whether called or not; without an owner it is a call, as in Java."""
        owner_field, name_field = self.grammar.members[node.type]
        owner = self.field(node, owner_field)
        name = self.field(node, name_field) if name_field else node.named_child(node.named_child_count - 1)
        if name is None:
            self.push(node, scope)
            return
        self.push(node, scope, but=name)
        before = ""
        if owner is not None:
            before = self.text(owner) if owner.end_byte - owner.start_byte <= 60 else "?"
            before = before if PLAIN.fullmatch(before) else "?"
        if name.child_count and name.type in self.grammar.members:
            self.on_member(name, scope, call=call)
            return
        self.use(
            inner_name(name, self.grammar), scope, owner=before, call=call or node.type == "method_invocation"
        )

    def on_call(self, node: "Node", scope: Scope) -> None:
        """A call: what is called, then the arguments."""
        callee = self.field(node, self.grammar.calls[node.type])
        if callee is None:
            self.push(node, scope)
            return
        self.push(node, scope, but=callee)
        if callee.type in self.grammar.members:
            self.on_member(callee, scope, call=True)
        elif callee.type in self.grammar.names:
            self.use(callee, scope, call=True)
        elif callee.type in ("generic_type", "generic_function", "template_function", "macro_identifier"):
            self.use(inner_name(callee, self.grammar), scope, call=True)
        else:
            self.stack.append((callee, scope))

    def on_bind(self, node: "Node", scope: Scope) -> None:
        """Names that get a value here: variables of the file or a class, else of the scope alone."""
        field_name = self.grammar.binds[node.type]
        holders: Sequence[Node | None] = [self.field(node, field_name)] if field_name else node.named_children
        if not field_name and node.type in ("assignment", "for_binding", "named_argument"):
            holders = holders[:1]
        if self.defines_function(node, holders, scope):
            return
        open_scope = scope.kind in ("file", "class", "module")
        for holder in holders:
            for name in bound_names(holder, self.grammar) if holder is not None else ():
                self.settled.add(name.start_byte)
                if not open_scope:
                    scope.bound.add(self.text(name))
                elif node.type in self.grammar.variables:
                    self.define(node, name, self.text(name), "variable", scope)
        self.push(node, scope)

    def defines_function(self, node: "Node", holders: "Sequence[Node | None]", scope: Scope) -> bool:
        """``f = () => …``, ``f(x) = …`` and prototypes in C are definitions of functions."""
        target = holders[0] if holders else None
        if target is None:
            return False
        kind: DefinitionKind = "function"
        value = node.child_by_field_name("value")
        if value is not None and value.type in ("arrow_function", "function_expression", "class"):
            kind = "class" if value.type == "class" else "function"
        elif not (target.type == "call_expression" and node.type == "assignment") and not is_prototype(
            target
        ):
            return False
        name = name_of(node, self.grammar, given=target)
        if name is None:
            return False
        self.enter(node, name, self.text(name), kind, scope)
        return True

    def on_definition(self, node: "Node", scope: Scope) -> None:
        """A function, class or the like."""
        name = name_of(node, self.grammar)
        headless = node.type.endswith("_specifier") and node.child_by_field_name("body") is None
        if name is None or headless or name.start_byte in self.settled:
            self.push(node, scope)
            return
        kind = self.grammar.definitions[node.type]
        prefix = self.receiver(node)
        self.enter(node, name, prefix + self.text(name).replace("::", "."), kind, scope)

    def receiver(self, node: "Node") -> str:
        """The type that a Go method belongs to, with a dot."""
        receiver = node.child_by_field_name("receiver")
        if receiver is None:
            return ""
        match = re.search(r"(\w+)\s*(?:\[[^\]]*\])?\s*\)$", self.text(receiver))
        return f"{match[1]}." if match else ""

    def enter(self, node: "Node", name: "Node", text: str, kind: DefinitionKind, scope: Scope) -> None:
        """Note a definition and read on in its scope."""
        self.settled.add(name.start_byte)
        if name.named_child_count:
            self.settled |= {child.start_byte for child in name.named_children}
        inner = self.define(node, name, text, kind, scope)
        self.push(node, inner)

    def define(self, node: "Node", name: "Node", text: str, kind: DefinitionKind, scope: Scope) -> Scope:
        """Note a definition; the answer is its scope."""
        if len(text) > 200 or not text.strip():
            return scope
        if kind == "function" and (scope.kind == "class" or "." in text):
            kind = "method"
        qualified = f"{scope.name}.{text}" if scope.name else text
        whole = outermost(node)
        first, last = whole.start_point[0], last_row(whole)
        if kind != "variable" or (qualified, kind) not in self.seen:
            self.seen.add((qualified, kind))
            signature = self.rows[name.start_point[0]].strip()[:160]
            short = text.rpartition(".")[2]
            self.found.definitions.append(Definition(short, qualified, kind, first + 1, last + 1, signature))
        if scope.kind not in ("file", "class", "module"):
            scope.bound.add(text)
        return Scope(qualified, kind, scope)

    def on_scope(self, node: "Node", scope: Scope) -> None:
        """A block that gives its contents the name of a type."""
        name = self.field(node, self.grammar.scopes[node.type])
        text = self.text(inner_name(name, self.grammar)) if name is not None else ""
        self.push(node, Scope(f"{scope.name}.{text}" if scope.name else text, "class", scope))

    def on_comment(self, node: "Node", _: Scope) -> None:
        """A comment."""
        self.found.prose.append((node.start_point[0], self.text(node)))

    def on_string(self, node: "Node", scope: Scope) -> None:
        """A string: documentation where it is a statement of its own."""
        above = node.parent
        if above is not None and above.type in ("expression_statement", "source_file", "module_definition"):
            self.found.prose.append((node.start_point[0], self.text(node)))
        else:
            self.push(node, scope)

    def on_import(self, node: "Node", _: Scope) -> None:
        """An import, read by its text."""
        self.found.imports.append(self.text(node)[:20_000])
