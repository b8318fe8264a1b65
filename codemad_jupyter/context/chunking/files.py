"""One door: a path and a text in, chunks and symbols out, whatever the text is."""

from codemad_jupyter.context.chunking.lines import Lines, cut, windows
from codemad_jupyter.context.chunking.values import FileChunks, FileSymbols, SourceChunk


def chunk_file(path: str, text: str) -> FileChunks:
    """The chunks and symbols of a file. Never raises for any text; takes bounded time."""
    lines = Lines(text)
    chunks = []
    for first, last in windows(lines, 0, len(lines.rows) - 1):
        rows = lines.trimmed(first, last)
        if rows is not None:
            for part in cut(lines.slice(*rows)) if rows[0] == rows[1] else [lines.slice(*rows)]:
                chunks.append(SourceChunk(path, part, rows[0] + 1, rows[1] + 1, "lines"))
    return FileChunks(path, "text", tuple(chunks), FileSymbols(path, "text"))
