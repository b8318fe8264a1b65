"""Notebooks as cells: code by its syntax, prose by its headings, outputs as a field of their own.

Reads the JSON itself, in any version of the format, and takes what it can from a damaged document.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from codemad_jupyter.context.chunking.assembling import Place, assemble
from codemad_jupyter.context.chunking.code import read_code
from codemad_jupyter.context.chunking.grammars import GRAMMARS
from codemad_jupyter.context.chunking.languages import KERNELS
from codemad_jupyter.context.chunking.lines import Lines, windows
from codemad_jupyter.context.chunking.patterns import PATTERNS
from codemad_jupyter.context.chunking.prose import Heading, markdown_headings, sections, titles, trail_after
from codemad_jupyter.context.chunking.scripts import readable_cell
from codemad_jupyter.context.chunking.values import (
    Definition,
    FileChunks,
    FileSymbols,
    Import,
    Reference,
    SourceChunk,
)

MOST_OUTPUT = 2_000
"""Characters of the outputs of one cell."""
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class CellText:
    """A cell as it was found in the document."""

    id: str
    index: int
    type: str
    source: str
    outputs: str = ""
    level: int = 0
    """Of a heading cell, which old documents have."""


def chunk_notebook(path: str, text: str, *, uses: bool = True) -> FileChunks:
    """The chunks of a notebook. Where it is no notebook, windows of lines and the reason."""
    try:
        document = json.loads(text)
        cells = list(_cells(document))
    except (ValueError, RecursionError) as error:
        return _as_lines(path, text, f"not a notebook: {str(error)[:100] or type(error).__name__}")
    if not cells and not (isinstance(document, dict) and isinstance(document.get("cells"), list)):
        return (
            _as_lines(path, text, "not a notebook: it has no cells")
            if text.strip()
            else FileChunks(path, "notebook")
        )
    return _Notebook(path, _language(document), uses=uses).read(cells)


def _as_lines(path: str, text: str, reason: str) -> FileChunks:
    lines = Lines(text)
    rows = list(windows(lines, 0, len(lines.rows) - 1))
    chunks = assemble(Place(path), lines, rows, (), (), "lines")
    return FileChunks(path, "notebook", tuple(chunks), FileSymbols(path, "notebook"), reason)


class _Notebook:
    """Gathers what the cells hold."""

    def __init__(self, path: str, language: str, *, uses: bool) -> None:
        self.path = path
        self.language = language
        self.uses = uses
        self.chunks: list[SourceChunk] = []
        self.trail: tuple[Heading, ...] = ()
        self.imports: dict[Import, None] = {}
        self.definitions: list[Definition] = []
        self.references: list[Reference] = []
        self.degraded: list[str] = []
        self.title = ""

    def read(self, cells: list[CellText]) -> FileChunks:
        """All cells, in order."""
        for cell in cells:
            before = len(self.chunks)
            if cell.type == "code":
                self.code(cell)
            else:
                self.prose(cell)
            if cell.outputs and len(self.chunks) > before:
                self.chunks[before] = replace(self.chunks[before], outputs=cell.outputs)
            elif cell.outputs:
                self.chunks.append(self.bare(cell))
        symbols = FileSymbols(
            self.path,
            self.language,
            tuple(self.imports),
            tuple(self.definitions),
            tuple(self.references),
            self.title,
        )
        reasons = "; ".join(self.degraded[:3])
        return FileChunks(self.path, "notebook", tuple(self.chunks), symbols, reasons)

    def place(self, cell: CellText) -> Place:
        """Where a cell stands."""
        return Place(self.path, cell.id, cell.index, cell.type, titles(self.trail))

    def bare(self, cell: CellText) -> SourceChunk:
        """A cell with outputs and no text."""
        place = self.place(cell)
        return SourceChunk(
            self.path,
            "",
            1,
            1,
            "cell",
            headings=place.headings,
            cell=cell.id,
            cell_index=cell.index,
            cell_type=cell.type,
            outputs=cell.outputs,
        )

    def prose(self, cell: CellText) -> None:
        """A Markdown or raw cell; its headings hold for the cells below."""
        lines = Lines(cell.source)
        if cell.level:
            self.trail = trail_after(self.trail, Heading(0, cell.level, cell.source.strip()))
        headings = list(markdown_headings(lines.rows)) if cell.type == "markdown" else []
        if headings and not self.title:
            self.title = headings[0].title[:100]
        chunks, self.trail = sections(self.place(cell), lines, headings, above=self.trail)
        self.chunks += chunks

    def code(self, cell: CellText) -> None:
        """A code cell: one chunk where it is small, else cut by its syntax."""
        lines = Lines(cell.source)
        language, readable = readable_cell(cell.source, self.language)
        if language not in GRAMMARS and language not in PATTERNS:
            rows = list(windows(lines, 0, len(lines.rows) - 1))
            self.chunks += assemble(self.place(cell), lines, rows, (), (), "cell")
            return
        whole = [(0, len(lines.rows) - 1)]
        code = read_code(lines, language, readable=readable, cells=whole, uses=self.uses)
        if code.degraded:
            self.degraded.append(f"cell {cell.index}: {code.degraded}")
        names = code.names
        self.chunks += assemble(self.place(cell), lines, code.rows, names.definitions, names.prose, "cell")
        self.imports |= dict.fromkeys(code.imports)
        self.definitions += [replace(item, cell=cell.id, cell_index=cell.index) for item in names.definitions]
        self.references += [replace(item, cell=cell.id, cell_index=cell.index) for item in names.references()]


def _language(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for key in ("language_info", "kernelspec"):
        entry = metadata.get(key)
        name = (
            (entry.get("name") if key == "language_info" else entry.get("language"))
            if isinstance(entry, dict)
            else ""
        )
        if isinstance(name, str) and name.lower().strip() in KERNELS:
            return KERNELS[name.lower().strip()]
        if isinstance(name, str) and name:
            return "python" if name.lower().startswith(("ipython", "python")) else "text"
    return "python"


def _cells(document: Any) -> Iterator[CellText]:
    seen: set[str] = set()
    for index, cell in enumerate(_raw_cells(document)):
        if not isinstance(cell, dict):
            continue
        given = cell.get("id")
        name = given if isinstance(given, str) and given and given not in seen else f"#{index}"
        seen.add(name)
        kind = cell.get("cell_type")
        kind = kind if kind in ("code", "markdown", "raw", "heading") else "raw"
        source = _joined(cell.get("source", cell.get("input", "")))
        level = cell.get("level", 1) if kind == "heading" else 0
        kind = "markdown" if kind == "heading" else kind
        yield CellText(name, index, kind, source, _outputs(cell), level if isinstance(level, int) else 1)


def _raw_cells(document: Any) -> list[Any]:
    if not isinstance(document, dict):
        return []
    if isinstance(document.get("cells"), list):
        return list(document["cells"])
    sheets = document.get("worksheets")
    found: list[Any] = []
    for sheet in sheets if isinstance(sheets, list) else []:
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list):
            found += sheet["cells"]
    return found


def _joined(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "".join(item for item in value if isinstance(item, str)) if isinstance(value, list) else ""


def _outputs(cell: dict[str, Any]) -> str:
    """The text of a cell's outputs, shortened: streams, plain text, errors; no pictures, no HTML."""
    found: list[str] = []
    size = 0
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        if size >= MOST_OUTPUT or not isinstance(output, dict):
            break
        text = _output_text(output)
        if text:
            found.append(text[: MOST_OUTPUT - size])
            size += len(found[-1])
    return "\n".join(found)


def _output_text(output: dict[str, Any]) -> str:
    if output.get("output_type") in ("error", "pyerr"):
        return f"{output.get('ename', '')}: {output.get('evalue', '')}"[:MOST_OUTPUT]
    data = output.get("data")
    text = _joined(output.get("text", ""))
    if not text and isinstance(data, dict):
        text = _joined(data.get("text/plain", "")) or _joined(data.get("text/markdown", ""))
    return ANSI.sub("", text[: MOST_OUTPUT * 4]).strip()
