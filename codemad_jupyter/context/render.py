"""Turns live state into text for the model: kernel report, notebook cells.

The tags around cells and outputs carry a mark that is new for every request, so that nothing in a cell
or an output can end its own block or begin another.
"""

from codemad_jupyter.protocol.kernels import KernelReport, NotebookView, Variable

MAX_OUTPUT = 600
"""Characters of a cell's output shown in the context; tools show more."""


def kernel_text(report: KernelReport, *, limit: int = 80) -> str:
    """One line a variable, and the last error."""
    lines = [_variable(each) for each in report.variables[:limit] if each.kind != "module"]
    if report.truncated or len(report.variables) > limit:
        lines.append("… more variables: call list_variables")
    if report.last_error:
        error = report.last_error
        lines.append(f"Last error: {error.name}: {error.message} (line {error.line})")
    return "\n".join(lines)


def _variable(variable: Variable) -> str:
    shape = " x ".join(map(str, variable.shape)) if variable.shape is not None else ""
    line = f"{variable.name}: {variable.type} {shape} {variable.dtype or ''}".rstrip()
    if variable.columns:
        columns = ", ".join(f"{c.name} {c.dtype}" for c in variable.columns[:40])
        more = len(variable.columns[40:]) + variable.more_columns
        line += f" [{columns}{f', … {more} more' if more > 0 else ''}]"
    return f"{line} = {variable.preview}" if variable.preview else line


def notebook_text(view: NotebookView, active: str | None, *, mark: str = "") -> str:
    """The cells with id, type and source; outputs shortened."""
    return "\n".join(
        block(
            "cell",
            cell.source,
            mark=mark,
            attributes=f' id="{cell.id}" type="{cell.cell_type}"{" active" if cell.id == active else ""}',
        )
        + _output(cell.outputs_text, mark)
        for cell in view.cells
    )


def block(name: str, text: str, *, mark: str, attributes: str = "") -> str:
    """The text between two tags that carry the mark."""
    tag = f"{name}-{mark}" if mark else name
    return f"<{tag}{attributes}>\n{text}\n</{tag}>"


def _output(text: str, mark: str) -> str:
    if not text:
        return ""
    cut = text if len(text) <= MAX_OUTPUT else f"{text[:MAX_OUTPUT]} […]"
    return "\n" + block("output", cut, mark=mark)
