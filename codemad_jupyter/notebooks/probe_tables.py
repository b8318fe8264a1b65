"""Tables and arrays of pandas, polars, numpy and torch: shape, types, memory, missing and distinct values.

Runs inside the user's kernel (Python 3.9 or newer, standard library alone). A library is only used
when the user has imported it; what would take long is sampled, and said to be.
"""

from __future__ import annotations

import functools
import random
import sys
from typing import Any

from codemad_jupyter.notebooks.probe_safe import (
    NUMBERS,
    Clock,
    cut,
    is_a,
    module_of,
    mro,
    one_of,
    own_attribute,
    render,
    type_name,
)

MOST_COLUMNS = 500
SAMPLE = 10_000
EXACT_ROWS, EXACT_ROWS_DEEP = 100_000, 2_000_000
UNIQUE_ROWS, UNIQUE_ROWS_DEEP = 10_000, 200_000
TRUSTED_TYPES = ("numpy", "pandas", "pyarrow")
PLAIN = (*NUMBERS, str, bytes, type(None))


def table(value: Any, deep: bool, clock: Clock) -> dict[str, Any] | None:
    """The facts about a table or array; None when the value is neither."""
    roots = {module_of(base).partition(".")[0] for base in mro(value)}
    if "pandas" in roots:
        return of_pandas(sys.modules.get("pandas"), value, deep, clock)
    if "polars" in roots:
        return of_polars(sys.modules.get("polars"), value, deep)
    if "numpy" in roots:
        return of_numpy(sys.modules.get("numpy"), value)
    if "torch" in roots:
        return of_torch(sys.modules.get("torch"), value)
    return None


def of_pandas(pandas: Any, value: Any, deep: bool, clock: Clock) -> dict[str, Any] | None:
    """A frame, series or index; of a subclass only the data that pandas itself keeps is looked at."""
    if is_a(value, pandas.DataFrame):
        return frame_facts(plain(pandas.DataFrame, value), deep, clock)
    if is_a(value, pandas.Series):
        series = plain(pandas.Series, value)
        column = column_facts(series, series.name, deep, clock)
        memory = int(series.memory_usage(deep=False)) if trusted(series.dtype) else None
        return {
            "kind": "series",
            "shape": [int(series.shape[0])],
            "dtype": column["dtype"],
            "columns": [column],
            "memory": memory,
        }
    if is_a(value, pandas.Index) and module_of(type(value)).startswith("pandas."):
        return {"kind": "series", "shape": [int(value.shape[0])], "dtype": dtype_text(value.dtype)}
    return None


def plain(cls: Any, value: Any) -> Any:
    """The value as the library's own class, sharing its data; a subclass may have overridden anything."""
    if type(value) is cls:
        return value
    manager = own_attribute(value, "_mgr")
    made = cls._from_mgr(manager, axes=manager.axes) if hasattr(cls, "_from_mgr") else cls(manager)
    if cls.__name__ == "Series":
        made._name = own_attribute(value, "_name")
    return made


def frame_facts(frame: Any, deep: bool, clock: Clock) -> dict[str, Any]:
    """Shape, memory and columns of a plain frame. A wide one is cut before anything else is asked."""
    rows, width = (int(size) for size in frame.shape)
    head = frame if width <= MOST_COLUMNS else frame.iloc[:, :MOST_COLUMNS]
    names = list(head.columns)
    columns = [column_facts(head.iloc[:, at], name, deep, clock) for at, name in enumerate(names)]
    return {
        "kind": "dataframe",
        "shape": [rows, width],
        "columns": columns,
        "more_columns": width - len(names),
        "memory": frame_memory(frame, head, width),
    }


def frame_memory(frame: Any, head: Any, width: int) -> int | None:
    """Bytes of the frame's buffers; objects behind pointers are not followed."""
    blocks = getattr(getattr(frame, "_mgr", None), "blocks", None)
    if blocks is not None and all(trusted(block.values.dtype) for block in blocks):
        return sum(int(block.values.nbytes) for block in blocks) + int(frame.index.memory_usage(deep=False))
    if width == head.shape[1] and all(trusted(dtype) for dtype in head.dtypes):
        return int(head.memory_usage(index=True, deep=False).sum())
    return None


def trusted(dtype: Any) -> bool:
    """Is it a column type of the libraries themselves, not one that somebody else wrote?"""
    return module_of(type(dtype)).partition(".")[0] in TRUSTED_TYPES


def dtype_text(dtype: Any) -> str:
    """The name of a column type."""
    return cut(str(dtype), 60) if trusted(dtype) else type_name(type(dtype))


def column_facts(series: Any, name: Any, deep: bool, clock: Clock) -> dict[str, Any]:
    """Name, type, and as much counting as the time allows."""
    text = name if type(name) is str else render(name, 120, 0, ())
    facts: dict[str, Any] = {"name": cut(text, 120), "dtype": dtype_text(series.dtype)}
    if not trusted(series.dtype) or clock.spent() > 0.7:
        return facts
    rows = int(series.shape[0])
    facts["missing"], estimated = missing(series, rows, deep)
    if estimated:
        facts["missing_estimated"] = True
    if rows <= (UNIQUE_ROWS_DEEP if deep else UNIQUE_ROWS) and clock.spent() < 0.4 and hashable(series):
        facts["unique"] = int(series.nunique())
    return facts


def missing(series: Any, rows: int, deep: bool) -> tuple[int, bool]:
    """Missing values; of a long column an estimate from some rows."""
    if getattr(series.dtype, "kind", "O") in "iub" and module_of(type(series.dtype)).startswith("numpy"):
        return 0, False
    if rows <= (EXACT_ROWS_DEEP if deep else EXACT_ROWS):
        return int(series.isna().sum()), False
    sample = series.iloc[positions(rows)]
    return round(int(sample.isna().sum()) / int(sample.shape[0]) * rows), True


@functools.lru_cache(maxsize=8)
def positions(rows: int) -> Any:
    """Rows to sample. Evenly spaced ones would mislead on data that repeats itself."""
    chosen = random.Random(rows).sample(range(rows), SAMPLE)  # noqa: S311
    return sys.modules["numpy"].array(sorted(chosen))


def hashable(series: Any) -> bool:
    """May the values be hashed and compared? In an object column anything can hide."""
    if str(series.dtype) != "object":
        return True
    return int(series.shape[0]) <= UNIQUE_ROWS and all(one_of(item, PLAIN) for item in series.array)


def of_polars(polars: Any, value: Any, deep: bool) -> dict[str, Any] | None:
    """A polars frame or series; a lazy frame is not collected."""
    if type(value) is polars.DataFrame:
        nulls = value.null_count().row(0) if value.width else ()
        pairs = list(value.schema.items())[:MOST_COLUMNS]
        columns = [
            {"name": cut(name, 120), "dtype": cut(str(dtype), 60), "missing": int(nulls[at])}
            for at, (name, dtype) in enumerate(pairs)
        ]
        return {
            "kind": "dataframe",
            "shape": [value.height, value.width],
            "columns": columns,
            "more_columns": value.width - len(columns),
            "memory": int(value.estimated_size()),
        }
    if type(value) is polars.Series:
        dtype, nulls = cut(str(value.dtype), 60), int(value.null_count())
        return {
            "kind": "series",
            "shape": [value.shape[0]],
            "dtype": dtype,
            "columns": [{"name": cut(value.name, 120), "dtype": dtype, "missing": nulls}],
            "memory": int(value.estimated_size()),
        }
    if deep and type(value) is polars.LazyFrame:
        pairs = list(value.collect_schema().items())[:MOST_COLUMNS]
        return {
            "kind": "dataframe",
            "columns": [{"name": cut(name, 120), "dtype": cut(str(dtype), 60)} for name, dtype in pairs],
        }
    return None


def of_numpy(numpy: Any, value: Any) -> dict[str, Any] | None:
    """An array by the base class's own descriptors, which a subclass cannot bend."""
    if not is_a(value, numpy.ndarray):
        return None
    base = numpy.ndarray.__dict__
    dtype = base["dtype"].__get__(value)
    return {
        "kind": "array",
        "shape": [int(size) for size in base["shape"].__get__(value)],
        "dtype": dtype_text(dtype),
        "memory": int(base["nbytes"].__get__(value)),
    }


def of_torch(torch: Any, value: Any) -> dict[str, Any] | None:
    """A tensor of torch itself."""
    if not one_of(value, (torch.Tensor, torch.nn.Parameter)):
        return None
    return {
        "kind": "array",
        "shape": [int(size) for size in value.shape],
        "dtype": cut(str(value.dtype) + " on " + str(value.device), 60),
        "memory": int(value.nelement() * value.element_size()),
    }
