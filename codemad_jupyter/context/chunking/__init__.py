"""Files cut into chunks that follow their syntax, with the symbols they define and use.

Pure: a path and a text in, values out. What to read, and where chunks are kept, is decided elsewhere.
"""

from codemad_jupyter.context.chunking.files import chunk_file
from codemad_jupyter.context.chunking.values import (
    Definition,
    FileChunks,
    FileSymbols,
    Import,
    Reference,
    SourceChunk,
)

__all__ = [
    "Definition",
    "FileChunks",
    "FileSymbols",
    "Import",
    "Reference",
    "SourceChunk",
    "chunk_file",
]
