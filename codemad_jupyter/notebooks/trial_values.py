"""What is in a value: a signature of how it lies in memory, its buffers, and a hash of its content.

Runs inside a trial (Python 3.9 or newer, standard library alone). Only exact types of the builtins,
numpy, pandas, polars and pyarrow are looked into; code of the user's classes is never called.
"""

from __future__ import annotations

import ctypes
import hashlib
import marshal
import sys
import types
from typing import Any

from codemad_jupyter.notebooks.probe_safe import (
    MOMENTS,
    Clock,
    is_a,
    is_numpy_scalar,
    module_of,
    own_attribute,
    type_name,
)

ATOMS = (int, float, complex, bool, str, bytes, type(None))
ATOM_IDS = frozenset(id(kind) for kind in ATOMS)
CHUNK = 20_000
PIECE_SIZE, PIECES = 16_384, 64
FULL_BYTES = 300_000_000
INNER = ("_ndarray", "_data", "_mask", "_pa_array", "_left", "_right", "_codes")


class Walk:
    """One walk through a value. ``content`` hashes the bytes of buffers, else they are collected.

    ``sure`` is false where something could not be looked into, ``opaque`` where no hash tells the
    content, ``sampled`` where only parts of a buffer were hashed.
    """

    def __init__(self, clock: Clock, *, content: bool, full: bool = True) -> None:
        self.clock, self.content, self.full = clock, content, full
        self.hasher = hashlib.blake2b(digest_size=16)
        self.buffers: list[tuple[int, int]] = []
        self.sure, self.opaque, self.sampled, self.late = True, False, False, False
        self.seen: dict[int, tuple[int, Any]] = {}  # holds the values, else a number might be used again

    def digest(self) -> str:
        """The hash, empty where it would not tell the content."""
        if self.opaque or self.late:
            return ""
        return ("sample-" if self.sampled else "") + self.hasher.hexdigest()

    def note(self, *facts: Any) -> None:
        """Add plain facts."""
        self.hasher.update(repr(facts).encode("utf-8", "replace"))

    def take(self, value: Any, depth: int = 0) -> None:
        """Add a value, whatever it is."""
        if self.clock.spent() >= 1 or depth > 40:
            self.late, self.sure = True, False
            return
        kind = type(value)
        if id(kind) in ATOM_IDS:
            self.hasher.update(marshal.dumps(value, 0))
            return
        if id(value) in self.seen:
            self.note("again", self.seen[id(value)][0])
            return
        self.seen[id(value)] = (len(self.seen), value)
        self.note(type_name(kind))
        if kind is list or kind is tuple or kind is dict or kind is set or kind is frozenset:
            self.container(value, depth)
        elif not self.library(value, depth):
            self.other(value, depth)

    def container(self, value: Any, depth: int) -> None:
        """A builtin container, in pieces; plain elements are taken many at once."""
        self.note(len(value))
        if type(value) is dict:
            self.elements(list(value), depth)
            self.elements(list(value.values()), depth)
        elif type(value) is set or type(value) is frozenset:
            items = list(value)
            if plain_only(items):
                self.elements(sorted(marshal.dumps(item, 0) for item in items), depth)
            else:
                self.elements(items, depth)
        else:
            self.elements(value, depth)

    def elements(self, items: Any, depth: int) -> None:
        """The elements of a sequence."""
        for start in range(0, len(items), CHUNK):
            piece = items[start : start + CHUNK]
            if plain_only(piece) and self.clock.spent() < 1:
                self.hasher.update(marshal.dumps(list(piece), 0))
                continue
            for item in piece:
                self.take(item, depth + 1)
                if self.late:
                    return

    def library(self, value: Any, depth: int) -> bool:
        """A value of a known library, or a scalar; was it one?"""
        root = module_of(type(value)).partition(".")[0]
        if root == "numpy" and is_array(value):
            self.array(value, depth)
        elif root == "numpy" and is_numpy_scalar(value):
            self.hasher.update(value.tobytes())
        elif root == "pandas":
            return self.pandas(value, depth)
        elif root == "pyarrow":
            return self.arrow(value)
        elif any(type(value) is kind for kind in MOMENTS):
            self.note(repr(value))
        elif type(value) is bytearray:
            self.hasher.update(bytes(value)) if len(value) < FULL_BYTES else self.unknown(value)
        else:
            return False
        return True

    def array(self, value: Any, depth: int) -> None:
        """An array of numpy's own class."""
        if value.dtype.hasobject and value.dtype.kind != "O":
            self.unknown(value)
            return
        self.note(value.dtype.str, value.dtype.descr if value.dtype.names else "", value.shape)
        if value.size == 0:
            return
        if value.dtype.kind == "O" and self.content:
            self.elements(value.ravel().tolist(), depth)
            return
        low, high = bounds(value)
        if not self.content:
            self.note(low, high, value.strides)
            self.buffers.append((low, high - low))
            if value.dtype.kind == "O" and not plain_only(value.ravel()[:CHUNK].tolist()):
                self.elements(value.ravel()[:CHUNK].tolist(), depth)
                self.sure = False
        elif value.flags.c_contiguous or value.flags.f_contiguous:
            self.note(bool(value.flags.c_contiguous))
            self.bytes_at(low, high - low)
        else:
            self.strided(value)

    def strided(self, value: Any) -> None:
        """The content of an array that does not lie in one piece."""
        numpy = sys.modules["numpy"]
        step = max(int(value.shape[0] * 4_000_000 // max(value.nbytes, 1)), 1)
        every = step if self.full else step * max(int(value.nbytes // (PIECES * 4_000_000)), 1)
        self.sampled = self.sampled or every > step
        for start in range(0, value.shape[0], every):
            if self.clock.spent() >= 1:
                self.late, self.sure = True, False
                return
            self.hasher.update(numpy.ascontiguousarray(value[start : start + step]).tobytes())

    def bytes_at(self, address: int, size: int) -> None:
        """The content of a buffer, or some pieces of it."""
        whole = self.full or size <= 2 * PIECE_SIZE * PIECES
        self.sampled = self.sampled or not whole
        stride = 4_000_000 if whole else size // PIECES
        for start in range(0, size, stride):
            if self.clock.spent() >= 1:
                self.late, self.sure = True, False
                return
            length = min(stride if whole else PIECE_SIZE, size - start)
            self.hasher.update((ctypes.c_char * length).from_address(address + start))

    def pandas(self, value: Any, depth: int) -> bool:
        """A frame, series, index or column array of pandas itself."""
        pandas = sys.modules.get("pandas")
        kind = type(value)
        if pandas is None or module_of(kind).partition(".")[0] != "pandas":
            return False
        if kind is pandas.DataFrame or kind is pandas.Series:
            self.table(value, kind is pandas.DataFrame, depth)
        elif kind is pandas.RangeIndex:
            self.note(value.start, value.stop, value.step)
        elif kind is pandas.MultiIndex:
            self.elements([list(value.levels), list(value.codes), list(value.names)], depth)
        elif is_a(value, pandas.Index):
            self.take(value.name, depth + 1)
            self.take(value._data, depth + 1)
        elif is_a(value, pandas.api.extensions.ExtensionArray):
            self.column(value, depth)
        else:
            return False
        return True

    def table(self, value: Any, wide: bool, depth: int) -> None:
        """A frame by its columns (content) or its blocks (how it lies in memory)."""
        self.note(value.shape)
        self.take(value.index, depth + 1)
        self.take(value.columns if wide else value.name, depth + 1)
        manager = value._mgr
        if self.content:
            columns = range(value.shape[1]) if wide else (0,)
            for at in columns:
                self.take(manager.iget_values(at) if wide else value._values, depth + 1)
        else:
            self.note([(id(block.values), str(block.mgr_locs)) for block in manager.blocks])
            for block in manager.blocks:
                self.take(block.values, depth + 1)

    def column(self, value: Any, depth: int) -> None:
        """An extension array of pandas by the arrays in it."""
        self.note(str(value.dtype) if module_of(type(value.dtype)).partition(".")[0] == "pandas" else "")
        parts = [getattr(value, name, None) for name in INNER]
        found = [part for part in parts if part is not None]
        if type(value).__name__ == "Categorical":
            found.append(value.categories)
        for part in found:
            self.take(part, depth + 1)
        if not found:
            self.unknown(value)

    def arrow(self, value: Any) -> bool:
        """A table, batch or array of pyarrow, by its buffers; they cannot be written."""
        kind = type(value)
        if module_of(kind) != "pyarrow.lib" or not hasattr(
            value, "type" if "Array" in kind.__name__ else "schema"
        ):
            return False
        columns = value.columns if hasattr(value, "columns") else [value]
        self.note(str(value.schema) if hasattr(value, "schema") else str(value.type), len(value))
        for column in columns:
            for chunk in getattr(column, "chunks", None) or [column]:
                self.note(len(chunk), chunk.offset)
                for buffer in chunk.buffers():
                    if buffer is not None and self.content:
                        self.bytes_at(buffer.address, buffer.size)
                    elif buffer is not None:
                        self.note(buffer.address, buffer.size)
        return True

    def other(self, value: Any, depth: int) -> None:
        """Functions by their code, modules and classes by identity, instances by their dictionary."""
        kind = type(value)
        if kind is types.FunctionType:
            code = value.__code__
            self.hasher.update(code.co_code + repr((code.co_names, code.co_varnames)).encode())
            self.elements([c for c in code.co_consts if id(type(c)) in ATOM_IDS], depth)
            self.take(value.__defaults__, depth + 1)
            self.opaque = True
        elif kind is types.ModuleType or isinstance_of_type(value):
            self.note(id(value))
            self.opaque = True
        else:
            self.unknown(value)
            held = own_attribute(value, "__dict__") or instance_dict(value)
            if held:
                self.container(held, depth)

    def unknown(self, value: Any) -> None:
        """A value that cannot be looked into: its identity is all."""
        self.note(id(value))
        self.opaque, self.sure = True, False


def plain_only(items: Any) -> bool:
    """Are these all of exact plain types?"""
    return set(map(id, map(type, items))) <= ATOM_IDS


def is_array(value: Any) -> bool:
    """Is it an array of numpy's own class?"""
    return type(value) is sys.modules["numpy"].ndarray


def isinstance_of_type(value: Any) -> bool:
    """Is it a class? Found without asking ``__class__``."""
    return type in type.__dict__["__mro__"].__get__(type(value))


def instance_dict(value: Any) -> dict[str, Any]:
    """The instance's own dictionary, found without asking its class."""
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return held if type(held) is dict else {}


def bounds(value: Any) -> tuple[int, int]:
    """First and last address (exclusive) of an array."""
    low = high = int(value.__array_interface__["data"][0])
    for size, stride in zip(value.shape, value.strides):  # noqa: B905
        low, high = (low + (size - 1) * stride, high) if stride < 0 else (low, high + (size - 1) * stride)
    return low, high + int(value.itemsize)
