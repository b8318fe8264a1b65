"""What the engine learns from a kernel and a notebook: values the ports return."""

from typing import Any, Literal

from pydantic import Field

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.edits import CellType

VariableKind = Literal[
    "dataframe",
    "series",
    "array",
    "number",
    "text",
    "collection",
    "function",
    "class",
    "module",
    "other",
]


class Column(Value):
    """A column of a table; ``missing`` is None when counting would have taken too long,
    ``missing_estimated`` says it was extrapolated from a sample."""

    name: str
    dtype: str
    missing: int | None = None
    missing_estimated: bool = False
    unique: int | None = None


class Variable(Value):
    """A live variable. ``kind`` is what the engine can rely on; ``shape`` counts elements per axis;
    ``memory`` is in bytes; ``preview`` is a short safe text for plain builtins only, secrets masked."""

    name: str
    type: str
    kind: Literal[
        "dataframe", "series", "array", "number", "text", "collection", "function", "class", "module", "other"
    ]
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    columns: tuple[Column, ...] = ()
    more_columns: int = 0
    memory: int | None = None
    preview: str = ""
    signature: str = ""
    doc: str = ""


class LastError(Value):
    """The last exception of the kernel. ``frames`` run from outermost to innermost."""

    name: str
    message: str
    cell_source: str = ""
    line: int | None = None
    frames: tuple[str, ...] = ()
    detail: dict[str, Any] = Field(default_factory=dict)


class KernelReport(Value):
    """One look at a kernel. ``truncated`` says that the time limit cut the list."""

    language: str = "python"
    version: str = ""
    busy: bool = False
    variables: tuple[Variable, ...] = ()
    truncated: bool = False
    last_error: LastError | None = None
    history: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    seconds: float = 0.0


class ExecutionResult(Value):
    """What running code gave. ``outputs`` are nbformat outputs as plain dicts."""

    ok: bool
    error_name: str = ""
    error_message: str = ""
    traceback: str = ""
    outputs: tuple[dict[str, Any], ...] = ()
    execution_count: int | None = None
    seconds: float = 0.0


class Cell(Value):
    """A cell as it stands in the document now. ``outputs_text`` is bounded plain text."""

    id: str
    cell_type: CellType
    source: str
    execution_count: int | None = None
    outputs_text: str = ""
    tags: tuple[str, ...] = ()


class NotebookView(Value):
    """A notebook as it stands now, unsaved edits included where the front end holds it open."""

    path: str
    language: str = "python"
    cells: tuple[Cell, ...]
    live: bool = False

    def cell(self, cell_id: str) -> Cell | None:
        """The cell of that id."""
        return next((cell for cell in self.cells if cell.id == cell_id), None)
