"""Which parts of a process's memory were written since it was forked, and a hash over such parts.

Runs inside a trial (Python 3.9 or newer, standard library alone).
"""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import os
import sys
from array import array
from typing import Any

from codemad_jupyter.notebooks.probe_safe import Clock


def touched_ranges(buffers: list[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """Parts of the buffers on pages that are this process's alone, so written since the fork.

    None where the system does not tell. Pages that the other process wrote are among them too.
    """
    page, found = mmap.PAGESIZE, []
    try:
        pages = os.open("/proc/self/pagemap", os.O_RDONLY)
    except OSError:
        return None
    try:
        for address, size in buffers:
            if size <= 0:
                continue
            first, last = address // page, (address + size - 1) // page
            for start, end in own_pages(pages, first, last + 1):
                low = max(start * page, address)
                found.append((low, min(end * page, address + size) - low))
    except OSError:
        return None
    finally:
        os.close(pages)
    return found


def own_pages(pages: int, first: int, end: int) -> list[tuple[int, int]]:
    """Runs of page numbers that are mapped here alone or swapped out."""
    runs: list[tuple[int, int]] = []
    for start in range(first, end, 65_536):
        entries = array("Q", os.pread(pages, 8 * min(65_536, end - start), 8 * start))
        for at in written(entries):
            if runs and runs[-1][1] == start + at:
                runs[-1] = (runs[-1][0], start + at + 1)
            else:
                runs.append((start + at, start + at + 1))
    return runs


def written(entries: Any) -> list[int]:
    """Which entries of a page map are of pages mapped once (bit 56 and present) or swapped out."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return [
            at for at, entry in enumerate(entries) if entry >> 62 & 1 or (entry >> 63 and entry >> 56 & 1)
        ]
    flags = numpy.frombuffer(entries, dtype=numpy.uint64) >> numpy.uint64(56)
    own: list[int] = numpy.flatnonzero(((flags & 0x81) == 0x81) | ((flags & 0x40) != 0)).tolist()
    return own


def hash_ranges(ranges: Any, clock: Clock) -> str:
    """One hash over parts of the memory; empty when the time is up."""
    hasher = hashlib.blake2b(digest_size=16)
    for address, size in ranges:
        for start in range(0, size, 4_000_000):
            if clock.spent() >= 1:
                return ""
            hasher.update((ctypes.c_char * min(4_000_000, size - start)).from_address(address + start))
    return hasher.hexdigest()
