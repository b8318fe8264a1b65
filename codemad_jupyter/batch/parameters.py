"""Parameters of a notebook run: read from the command line, written into the notebook as papermill does."""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Sequence
from typing import Any

from codemad_jupyter.protocol.errors import UsageError

TAG = "parameters"
INJECTED = "injected-parameters"
WORDS = {"true": True, "false": False, "null": None, "none": None}

Parameter = str | int | float | bool | None


def read_parameters(typed: Sequence[str], raw: Sequence[str]) -> dict[str, Parameter]:
    """The parameters of ``-p`` and ``-r``. Raises `UsageError`."""
    values: dict[str, Parameter] = {}
    for given, read in ((typed, read_value), (raw, str)):
        for text in given:
            name, sign, value = text.partition("=")
            if not sign or not name.isidentifier() or keyword.iskeyword(name):
                raise UsageError(
                    f"{text!r} is no parameter.", hint="Write NAME=VALUE; the name is a Python name."
                )
            if name in values:
                raise UsageError(f"The parameter {name} is given twice.", hint="Give it once.")
            values[name] = read(value)
    return values


def read_value(text: str) -> Parameter:
    """A number, true, false or null where the text is one; else the text itself."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        value = json.loads(text)
    except ValueError:
        return text
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else text


def inject(cells: list[Any], parameters: dict[str, Parameter], new_cell: Any) -> list[Any]:
    """The cells with ``new_cell`` after the one tagged ``parameters``, else at the top.

    ``new_cell`` is filled in; a cell injected by an earlier run gives way to it.
    """
    lines = [f"{name} = {_written(value)}" for name, value in parameters.items()]
    new_cell["source"] = "\n".join(["# Parameters", *lines])
    new_cell["metadata"]["tags"] = [INJECTED]
    old = _tagged(cells, INJECTED)
    if old is not None:
        return [*cells[:old], new_cell, *cells[old + 1 :]]
    at = _tagged(cells, TAG)
    at = 0 if at is None else at + 1
    return [*cells[:at], new_cell, *cells[at:]]


def unnamed(cells: list[Any], parameters: dict[str, Parameter]) -> list[str]:
    """The parameters that no code cell names: most likely they are misspelt."""
    mine = [cell for cell in cells if INJECTED not in cell.get("metadata", {}).get("tags", ())]
    code = "\n".join(cell["source"] for cell in mine if cell["cell_type"] == "code")
    return [name for name in parameters if not re.search(rf"\b{re.escape(name)}\b", code)]


def injected_id(cells: list[Any]) -> str:
    """The id of an injected cell: the same each time, so that a cassette knows the notebook again."""
    taken = {each.get("id") for each in cells}
    names = (INJECTED, *(f"{INJECTED}-{n}" for n in range(len(taken))))
    return next(name for name in names if name not in taken)


def _written(value: Parameter) -> str:
    """As papermill writes it: a cassette recorded here is replayed there, and the other way round."""
    if not isinstance(value, str):
        return repr(value)
    escaped = value.encode("unicode_escape").decode().replace('"', r"\"")
    return f'"{escaped}"'


def _tagged(cells: list[Any], tag: str) -> int | None:
    tags = (cell.get("metadata", {}).get("tags", ()) for cell in cells)
    return next((n for n, each in enumerate(tags) if tag in each), None)
