"""Tool results read back as values: variables, tables with columns, the notebook, the last error.

Results were made by others, so unknown fields and odd values are passed over; what cannot be
read at all ends the turn with a plain sentence.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from codemad_jupyter.gateway.offline.literals import is_name, label, literal, looks_typed, shown
from codemad_jupyter.gateway.offline.steps import Answer, Call, Result
from codemad_jupyter.protocol.kernels import Cell, Column, LastError, Variable

NUMBERS = ("int", "uint", "float", "double", "decimal", "half")
POLARS = ("Utf8", "String", "Datetime(", "Categorical(", "List(", "Struct(")
V = TypeVar("V", bound=BaseModel)
LONG_NAME = 100
FEW = 12
"""Distinct whole numbers up to which a column is drawn as groups."""


@dataclass(frozen=True)
class Frame:
    """A pandas table as generated code can reach it."""

    name: str
    expr: str
    columns: tuple[Column, ...]
    rows: int | None = None
    more_columns: int = 0
    typed: bool = False

    def label(self, column: str) -> str:
        """Source of the column's label."""
        return label(column, typed=self.typed)

    def ref(self, column: str) -> str:
        """Source of the column."""
        if self.expr != self.name and column == self.name:
            return self.name
        return f"{self.expr}[{self.label(column)}]"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def retyped(self) -> "Frame":
        """The same frame with the other reading of labels that look like numbers or tuples."""
        return replace(self, typed=not self.typed)


@dataclass(frozen=True)
class Notebook:
    """The cells as read_notebook gave them."""

    path: str
    active: str | None
    cells: tuple[Cell, ...]

    @property
    def active_cell(self) -> Cell | None:
        return next((cell for cell in self.cells if cell.id == self.active), None)


@dataclass(frozen=True)
class Look:
    """What a first look found."""

    variables: tuple[Variable, ...]
    notebook: Notebook | None
    modules: tuple[str, ...] = ()
    truncated: bool = False

    @property
    def taken(self) -> frozenset[str]:
        """Names that generated code must not overwrite; a figure and its axes may be."""
        mine = {"fig": "Figure", "ax": "Axes"}
        return frozenset(v.name for v in self.variables if mine.get(v.name) != v.type.rpartition(".")[2])

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The pandas frames, in the order of the report."""
        found = (frame_of(variable) for variable in self.variables if variable.kind == "dataframe")
        return tuple(frame for frame in found if frame)


def look() -> Generator[tuple[Call, ...], tuple[Result, ...], Look]:
    """Ask for the variables and the notebook; a missing notebook is no failure."""
    listed, opened = yield (Call("list_variables"), Call("read_notebook"))
    if not listed.offered:
        raise Answer("I cannot see your variables: this place offers me no list_variables tool.")
    if not listed.ok:
        raise Answer(f"I could not look at your variables: {listed.content.strip()[:500]}")
    report = listed.data
    if not isinstance(report, dict):
        raise Answer("The list of your variables did not come back as data, so I cannot go on.")
    if report.get("language", "python") != "python":
        raise Answer(f"This kernel speaks {shown(str(report['language']))}; I only write Python.")
    return Look(
        variables=variables_of(report),
        notebook=notebook_of(opened),
        modules=tuple(str(name) for name in report.get("modules") or ()),
        truncated=bool(report.get("truncated")),
    )


def variables_of(report: dict[str, Any]) -> tuple[Variable, ...]:
    """The variables that can be read and whose names can stand in code."""
    raw = report.get("variables")
    found = (read(Variable, each) for each in raw) if isinstance(raw, list) else ()
    return tuple(each for each in found if each and is_name(each.name))


def read(kind: type[V], raw: object) -> V | None:
    """The value, unknown fields dropped; None when it is none of this kind."""
    if not isinstance(raw, dict):
        return None
    try:
        return kind.model_validate({key: raw[key] for key in kind.model_fields if key in raw})
    except ValidationError:
        return None


def notebook_of(result: Result) -> Notebook | None:
    """The notebook, or None where there is none to read."""
    data = result.data if result.ok else None
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        return None
    cells = tuple(cell for raw in data["cells"] if (cell := read(Cell, raw)))
    active = data.get("active")
    return Notebook(str(data.get("path") or ""), active if isinstance(active, str) else None, cells)


def error_of(result: Result) -> LastError | None:
    """The last error, if there is one."""
    return read(LastError, result.data) if result.ok else None


def frame_of(variable: Variable) -> Frame | None:
    """The frame of a pandas table or series; None for anything else."""
    if not is_name(variable.name) or is_polars(variable):
        return None
    if variable.kind == "series":
        known = variable.columns[0] if variable.columns else Column(name="", dtype=variable.dtype or "object")
        column = known.model_copy(update={"name": variable.name})
        expr = f"{variable.name}.to_frame({literal(variable.name)})"
        return Frame(variable.name, expr, (column,), rows=_rows(variable))
    if variable.kind != "dataframe":
        return None
    columns = tuple(column for column in variable.columns if not _is_cut(column.name))
    typed = looks_typed([column.name for column in columns])
    more = variable.more_columns + len(variable.columns) - len(columns)
    return Frame(variable.name, variable.name, columns, _rows(variable), more, typed)


def _is_cut(name: str) -> bool:
    """Whether the inspection shortened the name, so that code cannot use it."""
    return len(name) >= LONG_NAME and name.endswith("…")


def is_polars(variable: Variable) -> bool:
    """Whether the frame is polars, for which no code is written."""
    return "polars" in variable.type or any(c.dtype.startswith(POLARS) for c in variable.columns)


def _rows(variable: Variable) -> int | None:
    return variable.shape[0] if variable.shape else None


def kind_of(column: Column) -> str:
    """``number``, ``date``, ``flag`` or ``text``, from the dtype alone."""
    dtype = column.dtype.lower()
    if dtype.startswith("bool"):
        return "flag"
    if dtype.startswith(("datetime", "timestamp", "date32", "period")):
        return "date"
    if dtype.startswith(("timedelta", "duration")):
        return "span"
    if dtype.startswith("interval"):
        return "text"
    return "number" if dtype.startswith(NUMBERS) else "text"


def is_group(column: Column, *, by: bool = False) -> bool:
    """Whether the values are few labels. ``by`` leans towards yes where the count is unknown."""
    kind = kind_of(column)
    if kind in ("flag", "text"):
        return True
    if kind != "number" or "int" not in column.dtype.lower():
        return kind == "number" and by and column.unique is not None and column.unique <= 3
    return by if column.unique is None else column.unique <= FEW
