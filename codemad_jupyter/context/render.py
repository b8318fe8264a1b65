"""Turns live state into text for the model: kernel report, notebook cells, item by item for the budget.

The tags around cells and outputs carry a mark that is new for every request, so that nothing in a cell
or an output can end its own block or begin another.
"""

from codemad_jupyter.context.budget import Item
from codemad_jupyter.protocol.kernels import Cell, KernelReport, NotebookView, Variable

MAX_OUTPUT = 600
"""Characters of a cell's output shown in the context; tools show more."""


def kernel_items(report: KernelReport, *, limit: int = 80) -> tuple[Item, ...]:
    """One line a variable, and the last error, which matters most."""
    items = [
        Item(each.name, _variable(each), rank=2) for each in report.variables[:limit] if each.kind != "module"
    ]
    if report.truncated or len(report.variables) > limit:
        items.append(Item("more variables", "… more variables: call list_variables", rank=1))
    if report.last_error:
        error = report.last_error
        said = f"Last error: {error.name}: {error.message} (line {error.line})"
        items.append(Item("the last error", said, rank=1))
    return tuple(items)


def kernel_text(report: KernelReport, *, limit: int = 80) -> str:
    """The same as one text."""
    return "\n".join(item.text for item in kernel_items(report, limit=limit))


def _variable(variable: Variable) -> str:
    shape = " x ".join(map(str, variable.shape)) if variable.shape is not None else ""
    line = f"{variable.name}: {variable.type} {shape} {variable.dtype or ''}".rstrip()
    if variable.columns:
        columns = ", ".join(f"{c.name} {c.dtype}" for c in variable.columns[:40])
        more = len(variable.columns[40:]) + variable.more_columns
        line += f" [{columns}{f', … {more} more' if more > 0 else ''}]"
    return f"{line} = {variable.preview}" if variable.preview else line


def notebook_items(view: NotebookView, active: str | None, *, mark: str = "") -> tuple[Item, ...]:
    """The cells with id, type and source; outputs shortened. The nearer a cell is to the active one (none:
    to the end), the more it matters."""
    ids = [cell.id for cell in view.cells]
    middle = ids.index(active) if active in ids else len(ids) - 1
    return tuple(
        Item(f"cell {cell.id}", _cell(cell, active, mark), rank=abs(at - middle))
        for at, cell in enumerate(view.cells)
    )


def _cell(cell: Cell, active: str | None, mark: str) -> str:
    attributes = f' id="{cell.id}" type="{cell.cell_type}"{" active" if cell.id == active else ""}'
    return block("cell", cell.source, mark=mark, attributes=attributes) + _output(cell.outputs_text, mark)


def block(name: str, text: str, *, mark: str, attributes: str = "") -> str:
    """The text between two tags that carry the mark."""
    tag = f"{name}-{mark}" if mark else name
    return f"<{tag}{attributes}>\n{text}\n</{tag}>"


def _output(text: str, mark: str) -> str:
    if not text:
        return ""
    cut = text if len(text) <= MAX_OUTPUT else f"{text[:MAX_OUTPUT]} […]"
    return "\n" + block("output", cut, mark=mark)
