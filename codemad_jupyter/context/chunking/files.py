"""One door: a path and a text in, chunks and symbols out, whatever the text is."""

from bisect import bisect_right
from dataclasses import replace

from codemad_jupyter.context.chunking.assembling import Place, assemble, chunk, first_line
from codemad_jupyter.context.chunking.code import read_code
from codemad_jupyter.context.chunking.grammars import GRAMMARS
from codemad_jupyter.context.chunking.languages import language_of
from codemad_jupyter.context.chunking.lines import Lines, windows
from codemad_jupyter.context.chunking.notebooks import chunk_notebook
from codemad_jupyter.context.chunking.patterns import PATTERNS
from codemad_jupyter.context.chunking.prose import markdown_headings, rest_headings, sections
from codemad_jupyter.context.chunking.scripts import marked_cells
from codemad_jupyter.context.chunking.values import ChunkKind, FileChunks, FileSymbols, SourceChunk

MOST_CELLS = 5_000
CELLS = frozenset({"python", "r", "julia"})
HEADINGS = {"markdown": markdown_headings, "rest": rest_headings}


def chunk_file(path: str, text: str, *, uses: bool = True) -> FileChunks:
    """The chunks and symbols of a file; without ``uses`` its symbols lack the references, in a third of the
    time. Never raises for any text; takes bounded time."""
    language = language_of(path, text)
    if language == "notebook":
        return chunk_notebook(path, text, uses=uses)
    if language in HEADINGS:
        lines = Lines(text)
        headings = list(HEADINGS[language](lines.rows))
        chunks, _ = sections(Place(path), lines, headings)
        title = headings[0].title[:100] if headings else ""
        return FileChunks(path, language, tuple(chunks), FileSymbols(path, language, title=title))
    if language in GRAMMARS or language in PATTERNS:
        return _code(path, text, language, uses=uses)
    return by_lines(path, text, language)


def by_lines(path: str, text: str, language: str = "text", reason: str = "") -> FileChunks:
    """The file in windows of lines, without any look at its syntax."""
    lines = Lines(text)
    place = Place(path)
    found = [
        item for rows in windows(lines, 0, len(lines.rows) - 1) for item in chunk(place, lines, rows, "lines")
    ]
    return FileChunks(path, language, tuple(found), FileSymbols(path, language), reason)


def _code(path: str, text: str, language: str, *, uses: bool) -> FileChunks:
    lines = Lines(text)
    cells = marked_cells(lines.rows) if language in CELLS else []
    if len(cells) > MOST_CELLS:
        cells = []
    code = read_code(lines, language, cells=[(first, last) for first, last, _ in cells], uses=uses)
    default: ChunkKind = "lines" if code.degraded else "cell" if cells else "block"
    names = code.names
    chunks = assemble(Place(path), lines, code.rows, names.definitions, names.prose, default)
    if cells:
        chunks = _titled(chunks, cells)
    title = first_line(names.prose)
    symbols = FileSymbols(path, language, code.imports, tuple(names.definitions), names.references(), title)
    return FileChunks(path, language, tuple(chunks), symbols, code.degraded)


def _titled(chunks: list[SourceChunk], cells: list[tuple[int, int, str]]) -> list[SourceChunk]:
    """The chunks with the titles of their cells as headings."""
    starts = [first for first, _, _ in cells]
    found = []
    for item in chunks:
        title = cells[max(bisect_right(starts, item.start_line - 1) - 1, 0)][2]
        found.append(replace(item, headings=(title[:200],)) if title else item)
    return found
