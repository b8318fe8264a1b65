"""What is read out of a file: chunks for the index, definitions and references for the symbols.

Plain frozen classes, for a big folder has a million of them. Lines are 1-based and inclusive, end at a line
feed, and count within the cell in a notebook.
"""

from dataclasses import dataclass, field
from typing import Literal

ChunkKind = Literal["function", "method", "class", "module", "block", "cell", "section", "text", "lines"]
"""`block`: statements on top level; `section`: prose under a heading; `text`: a Markdown or raw cell;
`lines`: a window of a text that has no syntax here; `module`: a namespace with what it holds."""
DefinitionKind = Literal["function", "method", "class", "type", "module", "variable", "macro", "table"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A name that a file defines. ``signature`` is the line that does it, shortened."""

    name: str
    qualified: str
    kind: DefinitionKind
    start_line: int
    end_line: int
    signature: str = ""
    cell: str | None = None
    cell_index: int | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A name used in one scope: ``scope`` is the qualified name of the definition around it, or "".

    ``owner`` is what stands before the dot (``np`` of ``np.mean``), shortened. Names that are bound
    in the scope itself (parameters, loop variables) are left out where the syntax tells.
    """

    name: str
    lines: tuple[int, ...]
    scope: str = ""
    owner: str = ""
    call: bool = False
    cell: str | None = None
    cell_index: int | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """A module or one of its names brought into a file: ``name`` is "" for the module itself.

    ``local`` is the name that it has in the file, "" where it has none (``from x import *``).
    """

    module: str
    name: str = ""
    local: str = ""


@dataclass(frozen=True, slots=True)
class FileSymbols:
    """All that the symbol functions need to know of a file."""

    path: str
    language: str
    imports: tuple[Import, ...] = ()
    definitions: tuple[Definition, ...] = ()
    references: tuple[Reference, ...] = ()
    title: str = ""
    """What the file says that it is: its first heading, or the first line of its docstring or comment."""


@dataclass(frozen=True, slots=True)
class SourceChunk:
    """Whole lines of a file or a cell, exactly as they stand there, blank lines around them left out.

    Parts of one over-long line are chunks of their own with the same line numbers.
    """

    path: str
    text: str
    start_line: int
    end_line: int
    kind: ChunkKind
    symbol: str = ""
    defines: tuple[str, ...] = ()
    """Qualified names of what begins in the chunk."""
    prose: str = ""
    """Comments and docstrings, without their marks."""
    headings: tuple[str, ...] = ()
    """The headings above and of this chunk, outermost first."""
    cell: str | None = None
    cell_index: int | None = None
    cell_type: str = ""
    outputs: str = ""
    """Text of the cell's outputs, at its first chunk."""


@dataclass(frozen=True, slots=True)
class FileChunks:
    """A file as chunks in the order of the file."""

    path: str
    language: str
    chunks: tuple[SourceChunk, ...] = ()
    symbols: FileSymbols = field(default_factory=lambda: FileSymbols("", ""))
    degraded: str = ""
    """Why the syntax was not followed, in words; "" where it was."""

    @property
    def imports(self) -> tuple[str, ...]:
        """The modules that the file imports, each once."""
        return tuple(dict.fromkeys(item.module for item in self.symbols.imports))
