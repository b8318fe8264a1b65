"""Owns what of a file and its chunks is searched: the texts of each field, and what an embedding sees."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from codemad_jupyter.context.segment import ChunkRow

if TYPE_CHECKING:
    from codemad_jupyter.context.chunking import FileChunks, SourceChunk

Mask = Callable[[str], str]
DATA = frozenset([".csv", ".tsv", ".jsonl", ".ndjson", ".svg", ".log", ".out", ".xml"])
HEAD = 4_000
"""Characters of a data file that are searched: its columns and the look of its rows."""
LONG_JSON = 100_000
OUTPUTS = 1_000
ABOVE = 800
HEADING = 120
"""Characters up to which a cell that begins with a heading is nothing else."""
EMBEDDED = 1_200
"""Characters of a chunk an embedding is made of."""

Indexed = tuple[list[tuple[ChunkRow, dict[str, str]]], dict[str, str]]


def cut(path: str, text: str) -> str:
    """The part of a text that is searched: all, but for data and generated files their beginning."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in DATA or (suffix == ".json" and len(text) > LONG_JSON) or _one_long_line(suffix, text):
        return text[:HEAD]
    return text


def _one_long_line(suffix: str, text: str) -> bool:
    return suffix != ".ipynb" and len(text) > 20_000 and text.count("\n") * 500 < len(text)


def read_fields(chunks: FileChunks, *, mask: Mask) -> Indexed:
    """The rows of a file's chunks with the texts of their fields, and the texts of the file itself."""
    rows: list[tuple[ChunkRow, dict[str, str]]] = []
    names: dict[str, None] = {}
    comments: list[str] = []
    said = ""
    for chunk in chunks.chunks:
        kind = _kind(chunk)
        texts = _texts(chunk, mask)
        rows.append((_row(chunk, kind, mask), texts if kind else {**texts, "above": said}))
        # What is written above a cell of code is often its description; the cell below that has its own.
        said = texts["body"][:ABOVE] if kind else ""
        names.update(dict.fromkeys([chunk.symbol, *chunk.defines]))
        comments.append(rows[-1][1]["comment"])
    names.update(dict.fromkeys(definition.name for definition in chunks.symbols.definitions))
    whole = {
        "path": path_words(chunks.path),
        "symbols": mask(" ".join(name for name in names if name)),
        "comments": " ".join(comments),
    }
    return rows, whole


def _kind(chunk: SourceChunk) -> int:
    if chunk.cell_index is None or chunk.cell_type == "code":
        return 0
    return 2 if len(chunk.text) < HEADING and chunk.text.lstrip().startswith("#") else 1


def _row(chunk: SourceChunk, kind: int, mask: Mask) -> ChunkRow:
    return ChunkRow(
        start=chunk.start_line,
        end=chunk.end_line,
        cell=-1 if chunk.cell_index is None else chunk.cell_index,
        cell_id=chunk.cell or "",
        symbol=mask(chunk.symbol),
        key=text_key(embedded_text(chunk, mask)),
        kind=kind,
    )


def _texts(chunk: SourceChunk, mask: Mask) -> dict[str, str]:
    outputs = mask(chunk.outputs[:OUTPUTS]) if chunk.outputs else ""
    text = mask(chunk.text)
    return {
        "body": f"{text}\n{outputs}" if outputs else text,
        "symbol": mask(" ".join((chunk.symbol, *chunk.defines))),
        "comment": mask(chunk.prose),
        "heading": mask(" ".join(chunk.headings)),
    }


def path_words(path: str) -> str:
    """The words of a path; the name of the file counts twice, for it says more than its folders."""
    return f"{path} {PurePosixPath(path).stem}"


def embedded_text(chunk: SourceChunk, mask: Mask) -> str:
    """What an embedding is made of: where the chunk stands, then what it says."""
    place = PurePosixPath(chunk.path)
    head = " ".join((*place.parts[-2:-1], place.stem, " > ".join(chunk.headings), chunk.symbol))
    return mask(f"{head}\n{chunk.text}"[:EMBEDDED])


def text_key(text: str) -> int:
    """The name of a text among the vectors."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")
