"""One search over a syntax tree: what the text defines, imports and says, but not what it uses.

For an index, which asks for no uses: the parser finds the nodes that matter, so that the many others never
become objects here. What a node means is as in `reading`.
"""

from typing import TYPE_CHECKING

from codemad_jupyter.context.chunking.grammar import Grammar
from codemad_jupyter.context.chunking.parsing import language_for
from codemad_jupyter.context.chunking.reading import Names, Reader, Scope

if TYPE_CHECKING:
    from tree_sitter import Node, Query

USES = frozenset({"on_name", "on_label", "on_member", "on_call"})
DOCUMENTED = ("expression_statement", "source_file", "module_definition")
"""Nodes that a string is the documentation of."""
_queries: dict[tuple[str, str], "Query"] = {}


class Namer(Reader):
    """Reads one tree without the uses of names."""

    def read(self, root: "Node") -> Names:
        """All that the tree defines, imports and says."""
        from tree_sitter import QueryCursor

        self.open: list[tuple[int, Scope]] = [(root.end_byte + 1, Scope("", "file"))]
        self.imported = 0
        nodes = QueryCursor(self.query()).captures(root).get("it", [])
        # The search gives nodes as they end; a definition comes before what is in it.
        nodes.sort(key=lambda node: (node.start_byte, -node.end_byte))
        for node in nodes:
            if node.start_byte < self.imported:
                continue  # a remark in an import is read with it
            while self.open[-1][0] <= node.start_byte:
                self.open.pop()
            self.handlers[node.type](node, self.open[-1][1])
        return self.found

    def push(self, node: "Node", scope: Scope, *, but: "Node | None" = None) -> None:
        """What is below a node is found anyway; a scope that the node opens ends with it."""
        if scope is not self.open[-1][1]:
            self.open.append((node.end_byte, scope))

    def on_import(self, node: "Node", scope: Scope) -> None:
        """An import, read by its text."""
        super().on_import(node, scope)
        self.imported = node.end_byte

    def query(self) -> "Query":
        """The search for the nodes that say what is wanted, made once for a language."""
        key = (self.grammar.package, self.grammar.entry)
        if key not in _queries:
            from tree_sitter import Query

            _queries[key] = Query(language_for(self.grammar), self.patterns(self.grammar))
        return _queries[key]

    def patterns(self, grammar: Grammar) -> str:
        """The nodes that say what is wanted; a grammar shared by languages names some that not all have."""
        language = language_for(grammar)

        def known(kind: str) -> bool:
            return language.id_for_node_kind(kind, True) is not None

        wanted = {kind for kind, handler in self.handlers.items() if handler.__name__ not in USES}
        plain = [f"({kind})" for kind in sorted(wanted - grammar.docs) if known(kind)]
        docs = [
            f"({above} ({kind}) @it)"
            for kind in sorted(wanted & grammar.docs)
            for above in DOCUMENTED
            if known(above) and known(kind)
        ]
        return " ".join([f"[{' '.join(plain)}] @it", *docs])
