"""Owns how notebook documents are kept: each cell once, compressed, under the hash of its content.

A checkpoint's record names the cells of a document by these hashes, so a hundred checkpoints of a
large notebook take little more room than one.
"""

import hashlib
import zlib
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.store.codec import decode, encode
from codemad_jupyter.store.migrations import insert_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Notebooks = dict[str, dict[str, Any]]


def taken_apart(notebooks: Notebooks) -> tuple[Notebooks, dict[str, bytes]]:
    """The documents with hashes in place of cells, and the content of each cell by its hash."""
    parts: dict[str, bytes] = {}
    bare: Notebooks = {}
    for path, document in notebooks.items():
        cells = document.get("cells")
        bare[path] = document
        if isinstance(cells, list):
            names = []
            for cell in cells:
                body = encode(cell).encode()
                names.append(hashlib.sha256(body).hexdigest())
                parts[names[-1]] = body
            bare[path] = {**document, "cells": names}
    return bare, parts


def named(notebooks: Notebooks) -> Iterator[str]:
    """The hashes that such documents name; records of the first schema hold their cells themselves."""
    for document in notebooks.values():
        cells = document.get("cells")
        yield from (cell for cell in cells if isinstance(cell, str)) if isinstance(cells, list) else ()


def unknown(cursor: "DuckDBPyConnection", digests: Collection[str]) -> set[str]:
    """Those that are not stored yet."""
    found = cursor.execute("select digest from parts where list_contains(?::varchar[], digest)", [[*digests]])
    return set(digests) - {str(digest) for (digest,) in found.fetchall()}


def packed(parts: dict[str, bytes]) -> list[tuple[object, ...]]:
    """Rows of the cells. Compressing takes time: not for the writer thread."""
    return [(digest, zlib.compress(body, 6)) for digest, body in parts.items()]


def keep(cursor: "DuckDBPyConnection", rows: list[tuple[object, ...]]) -> None:
    """Add cells; those that are there already stay as they are."""
    insert_rows(cursor, "parts", rows, known="keep")


def put_together(cursor: "DuckDBPyConnection", notebooks: Notebooks) -> Notebooks:
    """The documents with their cells. Raises `StoreError` where one is gone."""
    digests = sorted(set(named(notebooks)))
    if not digests:
        return notebooks
    rows = cursor.execute(
        "select digest, body from parts where list_contains(?::varchar[], digest)", [digests]
    )
    bodies = {str(digest): zlib.decompress(body) for digest, body in rows.fetchall()}
    missing = set(digests) - bodies.keys()
    if missing:
        raise StoreError(
            f"The session store lacks {len(missing)} cells of a checkpoint's notebooks.",
            hint="Use another checkpoint; the store is incomplete.",
        )
    whole: Notebooks = {}
    for path, document in notebooks.items():
        cells = document.get("cells")
        whole[path] = document
        if isinstance(cells, list):
            read = [decode(bodies[cell].decode()) if isinstance(cell, str) else cell for cell in cells]
            whole[path] = {**document, "cells": read}
    return whole


def sizes(cursor: "DuckDBPyConnection") -> dict[str, int]:
    """By hash, how many bytes each cell takes."""
    rows = cursor.execute("select digest, octet_length(body) from parts").fetchall()
    return {str(digest): int(size) for digest, size in rows}


def sweep(cursor: "DuckDBPyConnection", used: Iterable[str]) -> None:
    """Forget the cells that no checkpoint names any more."""
    cursor.execute("delete from parts where not list_contains(?::varchar[], digest)", [sorted(set(used))])
