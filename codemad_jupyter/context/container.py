"""Owns the files an index is made of: named arrays in one file, mapped into memory when read.

A file is written once and never changed. Its checksum is kept by who refers to it, so that damage is
seen before anything is answered from it.
"""

from __future__ import annotations

import itertools
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.protocol.errors import CodemadError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAGIC = b"CODEMAD1"
ALIGN = 64
BLOCK = 1 << 22


class Damaged(CodemadError):
    """A file of the index is not what was written."""


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> int:
    """Write the arrays to a new file, whole or not at all; the checksum of what was written."""
    import numpy as np

    table: dict[str, tuple[str, list[int], int]] = {}
    at = 0
    for name, array in arrays.items():
        table[name] = (array.dtype.str, list(array.shape), at)
        at += -(-array.nbytes // ALIGN) * ALIGN
    head = json.dumps(table).encode()
    head = MAGIC + len(head).to_bytes(8, "little") + head
    pieces = [head + b"\0" * (-len(head) % ALIGN)]
    for array in arrays.values():
        raw = np.ascontiguousarray(array).tobytes()
        pieces.append(raw + b"\0" * (-len(raw) % ALIGN))
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        checksum = 0
        for piece in pieces:
            checksum = zlib.crc32(piece, checksum)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return checksum


def read_arrays(path: Path, *, checksum: int) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a file, mapped; raises `Damaged` where the file is not the one that was written."""
    import numpy as np

    try:
        with path.open("rb") as file:
            seen = 0
            while block := file.read(BLOCK):
                seen = zlib.crc32(block, seen)
        if seen != checksum:
            raise Damaged(f"The index file {path.name} is damaged.", hint="It is built again.")
        # As a plain array: the slices of a memmap are memmaps, and each costs a query microseconds.
        whole = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
    except (OSError, ValueError) as error:
        raise Damaged(
            f"The index file {path.name} cannot be read: {error}.", hint="Build it again."
        ) from error
    return _arrays(path, whole)


def _arrays(path: Path, whole: NDArray[np.uint8]) -> dict[str, np.ndarray[Any, Any]]:
    import numpy as np

    size = int.from_bytes(whole[8:16].tobytes(), "little")
    if whole[:8].tobytes() != MAGIC or 16 + size > whole.size:
        raise Damaged(f"The index file {path.name} is of another version.", hint="It is built again.")
    table: dict[str, tuple[str, list[int], int]] = json.loads(whole[16 : 16 + size].tobytes())
    base = -(-(16 + size) // ALIGN) * ALIGN
    found: dict[str, np.ndarray[Any, Any]] = {}
    for name, (kind, shape, at) in table.items():
        length = int(np.prod(shape)) * np.dtype(kind).itemsize
        found[name] = whole[base + at : base + at + length].view(kind).reshape(shape)
    return found


def strings(arrays: Mapping[str, NDArray[Any]], name: str) -> list[str]:
    """The texts that were laid end to end under a name."""
    text = arrays[f"{name}.text"].tobytes()
    places = arrays[f"{name}.at"].tolist()
    return [text[begin:end].decode("utf-8") for begin, end in itertools.pairwise(places)]
