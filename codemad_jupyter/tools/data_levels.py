"""Owns what of a value may be told to a model at each data level. Pure.

`NEEDS` says which level each field of a value needs; a field or a result that nobody listed counts as
output. Sources of cells and of code files are the person's own text and go at every level.
"""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from codemad_jupyter.protocol.edits import NameChange, NameState, Receipt, Trial
from codemad_jupyter.protocol.kernels import (
    Cell,
    Column,
    ExecutionResult,
    KernelReport,
    LastError,
    NotebookView,
    Variable,
)
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.tools.bare_messages import bare_message

LEVELS: tuple[DataLevel, ...] = get_args(DataLevel)

Needs = dict[str, DataLevel]


def _all(level: DataLevel, names: str) -> Needs:
    return dict.fromkeys(names.split(), level)


NEEDS: Mapping[type[BaseModel], Needs] = {
    Column: _all("schema", "name dtype")
    | _all("statistics", "missing missing_estimated unique minimum maximum mean")
    | {"examples": "samples"},
    Variable: _all("schema", "name type kind shape dtype columns more_columns memory signature doc")
    | {"preview": "samples"},
    KernelReport: _all(
        "schema", "language version busy variables truncated last_error history modules seconds"
    ),
    LastError: _all("schema", "name cell_source line frames") | _all("samples", "message detail"),
    Cell: _all("schema", "id cell_type source execution_count tags"),
    NotebookView: _all("schema", "path language cells live"),
    ExecutionResult: _all("schema", "ok error_name execution_count seconds") | {"error_message": "samples"},
    Trial: _all("schema", "status method seconds receipt replayed") | {"detail": "samples"},
    Receipt: _all("schema", "added changed deleted truncated"),
    NameChange: _all("schema", "before after in_place certain"),
    NameState: _all("schema", "name type shape dtypes") | {"digest": "statistics"},
}

_WRITTEN = (
    ".py .pyi .ipy .r .jl .sql .md .rst .toml .cfg .ini .yaml .yml .sh .bash .js .mjs .ts .tsx .jsx"
    " .css .c .h .cpp .hpp .java .go .rs .scala .lua .tex .bib .dockerfile .make .cmake .gitignore"
)
CODE_FILES = frozenset(_WRITTEN.split())
"""What people write. Any other file holds data."""
_IMAGE = re.compile(r'("image/[\w.+-]+":\s*(?:\[\s*)?)"[^"]*"|(?m:^\s*)"[A-Za-z0-9+/=]{60,}(?:\\n)?"')
"""An image in the JSON of a notebook, or a line of one."""
TABLES = frozenset({".csv", ".tsv"})


def allows(level: DataLevel, needed: DataLevel) -> bool:
    """Whether what needs the one may go at the other."""
    return LEVELS.index(level) >= LEVELS.index(needed)


def withheld(what: Any, level: DataLevel) -> str:
    """What stands in place of text that is not told: its shape."""
    text = what if isinstance(what, str) else str(what)
    lines = len(text.splitlines())
    return f"[withheld at data level {level}: {counted(lines, 'line')}]" if text else ""


def limited(value: Any, level: DataLevel, *, source: str = "") -> Any:
    """The value with what the level does not allow taken out. ``source`` is code that the model knows
    already: its words may stand in messages."""
    if level == "images" or value is None:
        return value
    if isinstance(value, tuple):
        return tuple(limited(each, level, source=source) for each in value)
    if not isinstance(value, BaseModel):
        return value
    needs = NEEDS.get(type(value))
    if needs is None:
        return value if allows(level, "outputs") else withheld(value, level)
    update = {
        name: _field(value, name, level, needs.get(name, "outputs"), source)
        for name in type(value).model_fields
    }
    return value.model_copy(update=update)


def _field(value: BaseModel, name: str, level: DataLevel, needed: DataLevel, source: str) -> Any:
    content = getattr(value, name)
    if name == "outputs" and isinstance(content, tuple):
        return without_images(content) if allows(level, "outputs") else _shapes(content)
    if allows(level, needed):
        return limited(content, level, source=source)
    if isinstance(value, LastError) and name == "message":
        inside = bool(value.frames) and not value.frames[-1].startswith("cell ")
        return bare_message(value.name, content, known=value.cell_source + source, library=inside)
    if isinstance(value, ExecutionResult) and name == "error_message":
        return bare_message(value.error_name, content, known=source)
    if isinstance(value, Trial) and name == "detail":
        return bare_detail(content, known=source)
    if isinstance(content, str) and needed == "outputs":
        return withheld(content, level)
    field = type(value).model_fields[name]
    empty = field.get_default(call_default_factory=True)
    return "" if empty is PydanticUndefined else empty


def bare_detail(detail: str, *, known: str) -> str:
    """``Name: message`` without the values in the message."""
    name, colon, message = detail.partition(": ")
    return f"{name}: {bare_message(name, message, known=known)}" if colon else detail


def without_images(outputs: Any) -> Any:
    """Outputs with a word in place of each image."""
    if isinstance(outputs, list | tuple):
        return type(outputs)(without_images(each) for each in outputs)
    if not isinstance(outputs, dict):
        return outputs
    return {
        key: "[image withheld]" if isinstance(key, str) and key.startswith("image/") else without_images(each)
        for key, each in outputs.items()
    }


def _shapes(outputs: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """The kind of each output, and of which formats it has what."""
    return tuple(
        {"output_type": str(each.get("output_type", "")), "formats": sorted(map(str, each.get("data") or ()))}
        for each in outputs
    )


def file_level(path: str) -> DataLevel:
    """What reading this file needs."""
    pure = PurePosixPath(path)
    suffix = pure.suffix.lower()
    if suffix in CODE_FILES or pure.name in ("Makefile", "Dockerfile", "LICENSE", "README", ".gitignore"):
        return "schema"
    return "outputs" if suffix == ".ipynb" else "samples"


def limited_file(path: str, text: str, level: DataLevel, *, start: int = 1) -> str:
    """The text of a file; of a table that may not go, its first line with the names of the columns."""
    if allows(level, file_level(path)):
        raw = path.lower().endswith(".ipynb") and level != "images"
        return _IMAGE.sub(r'\1"[image withheld]"', text) if raw else text
    head, rest = "", text
    if PurePosixPath(path).suffix.lower() in TABLES and start <= 1:
        head, _, rest = text.partition("\n")
    hint = "Call read_notebook." if path.endswith(".ipynb") else "It holds data."
    return f"{head}\n{withheld(rest, level)} {hint}".strip()
