"""Code as rows of chunks with what they define, use and say; the way of the tree, or of patterns."""

from dataclasses import dataclass

from codemad_jupyter.context.chunking import outline, parsing
from codemad_jupyter.context.chunking.grammars import GRAMMARS
from codemad_jupyter.context.chunking.imports import read_imports
from codemad_jupyter.context.chunking.lines import Lines, windows
from codemad_jupyter.context.chunking.naming import Namer
from codemad_jupyter.context.chunking.patterns import PATTERNS, find_names
from codemad_jupyter.context.chunking.reading import Names, Reader
from codemad_jupyter.context.chunking.values import Import

Rows = tuple[int, int]
SQUEEZED = 400
"""Characters of a line, on average, from which on a text is taken for the output of a program."""


@dataclass(frozen=True)
class Code:
    """A text that was read: the rows of its chunks, its names, and why its syntax was not followed."""

    rows: list[Rows]
    names: Names
    imports: tuple[Import, ...] = ()
    degraded: str = ""


def read_code(
    lines: Lines,
    language: str,
    *,
    readable: str | None = None,
    cells: list[Rows] | None = None,
    uses: bool = True,
) -> Code:
    """Read a text of a known language; ``readable`` stands in for it where a parser would stumble.

    ``cells`` are rows that a chunk must not cross; without ``uses`` the uses of names are left out. Only a
    language with no syntax here gives no names.
    """
    text = lines.text if readable is None else readable
    grammar = GRAMMARS.get(language)
    degraded = ""
    if grammar is not None and len(text) > SQUEEZED * max(len(lines.rows), 50):
        degraded = "generated: its lines are too long to be read by people"
        return Code(list(windows(lines, 0, len(lines.rows) - 1)), Names(), (), degraded)
    if grammar is not None:
        source = parsing.encoded(text)
        try:
            tree = parsing.parse(source, grammar)
        except parsing.NotParsed as reason:
            degraded = str(reason)
        else:
            reader = Reader if uses else Namer
            names = reader(grammar, source, lines.rows).read(tree.root_node)
            groups = frozenset(grammar.definitions) | frozenset(grammar.scopes)
            rows = outline.cut_tree(tree.root_node, lines, groups, grammar.prefixes, cells=cells)
            return Code(rows, names, read_imports(language, names.imports, text))
    names = find_names(text, lines.rows, language)
    if language in PATTERNS:
        spans = [(item.start_line - 1, item.end_line - 1) for item in names.definitions]
        return Code(outline.cut_rows(spans, lines), names, read_imports(language, [], text), degraded)
    return Code(list(windows(lines, 0, len(lines.rows) - 1)), names, (), degraded)
