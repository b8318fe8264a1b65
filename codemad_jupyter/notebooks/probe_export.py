"""One table of the kernel as JSON: its columns with SQL types, and its rows, for who asks in SQL.

Runs inside the user's kernel (Python 3.9 or newer, standard library alone). A cell that holds something else
than numbers, texts and times is told by its type: no method that a user wrote is called.
"""

from __future__ import annotations

import datetime
import decimal
import json
import sys
from typing import Any

from codemad_jupyter.notebooks.probe_safe import is_a, module_of, mro, one_of, type_name
from codemad_jupyter.notebooks.probe_tables import plain, trusted

KINDS = {"i": "BIGINT", "u": "UBIGINT", "f": "DOUBLE", "b": "BOOLEAN", "M": "TIMESTAMP"}
POLARS = (
    ("Int", "BIGINT"),
    ("UInt", "UBIGINT"),
    ("Float", "DOUBLE"),
    ("Boolean", "BOOLEAN"),
    ("Datetime", "TIMESTAMP"),
    ("Date", "DATE"),
)


def export(name: str, cells: int, shell: Any = None) -> str:
    """JSON text of a table: ``problem``, or ``columns`` (name, type and values of each) and ``rows``."""
    if shell is None:
        shell = sys.modules["IPython.core.getipython"].get_ipython()
    if name not in shell.user_ns:
        return json.dumps({"problem": f"The kernel has no variable {name}."})
    value = shell.user_ns[name]
    roots = {module_of(base).partition(".")[0] for base in mro(value)}
    pandas: Any = sys.modules.get("pandas")
    polars: Any = sys.modules.get("polars")
    if "pandas" in roots and is_a(value, pandas.DataFrame):
        columns = of_frame(pandas, plain(pandas.DataFrame, value), cells)
    elif "pandas" in roots and is_a(value, pandas.Series):
        columns = of_frame(pandas, plain(pandas.Series, value).to_frame(), cells)
    elif "polars" in roots and is_a(value, polars.DataFrame):
        columns = of_polars(value, cells)
    else:
        return json.dumps({"problem": f"{name} is no table but {type_name(type(value))}."})
    if columns is None:
        return json.dumps({"problem": f"{name} has more than {cells:,} values."})
    return json.dumps({"columns": columns}, allow_nan=False)


def of_frame(pandas: Any, frame: Any, cells: int) -> Any:
    """The columns of a pandas frame, its index left out; None where they are too many values."""
    if frame.shape[0] * max(frame.shape[1], 1) > cells:
        return None
    columns = []
    for at in range(frame.shape[1]):
        series = frame.iloc[:, at]
        if not trusted(series.dtype):
            columns.append(
                column(frame.columns[at], "VARCHAR", [f"<{type_name(type(series.dtype))}>"] * len(series))
            )
            continue
        kind = KINDS.get(getattr(series.dtype, "kind", "O"), "")
        if kind == "TIMESTAMP" and getattr(series.dtype, "tz", None) is not None:
            kind = "TIMESTAMPTZ"
        columns.append(column(frame.columns[at], kind, series.tolist()))
    return columns


def of_polars(frame: Any, cells: int) -> Any:
    """The columns of a polars frame."""
    if frame.height * max(frame.width, 1) > cells:
        return None
    columns = []
    for series in frame.get_columns():
        named = str(series.dtype)
        kind = next((sql for word, sql in POLARS if named.startswith(word)), "")
        columns.append(column(series.name, kind, series.to_list()))
    return columns


def column(name: Any, kind: str, values: list[Any]) -> dict[str, Any]:
    """A column with plain values; one of no known type has that of what it holds."""
    told = [simple(value) for value in values]
    if not kind:
        held = {type(value) for value in told if value is not None}
        kind = (
            {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE"}.get(held.pop(), "VARCHAR")
            if len(held) == 1
            else ""
        )
    if not kind:
        kind = "VARCHAR"
    if kind == "VARCHAR":
        told = [value if value is None or type(value) is str else json.dumps(value) for value in told]
    return {"name": name if type(name) is str else str(simple(name)), "type": kind, "values": told}


def simple(value: Any) -> Any:
    """A value as JSON holds it; nothing for what is missing."""
    kind = type(value)
    if value is None or kind.__name__ in ("NAType", "NaTType"):
        return None
    if one_of(value, (bool, int, str)):
        return value
    if kind is float:
        return value if value - value == 0 else None if value != value else str(value)
    if kind is datetime.datetime or (kind.__name__ == "Timestamp" and module_of(kind).startswith("pandas")):
        return value.isoformat(" ")
    if one_of(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if kind is decimal.Decimal:
        return str(value)
    return f"<{type_name(type(value))}>"
