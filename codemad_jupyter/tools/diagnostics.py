"""The tool that asks language servers about a file or a cell, and what it takes to ask them."""

import asyncio
from pathlib import PurePosixPath
from typing import Any

from codemad_jupyter.context.diagnostics.documents import Document, notebook_document, text_document
from codemad_jupyter.context.diagnostics.environments import kernel_prefix
from codemad_jupyter.context.diagnostics.noise import Known
from codemad_jupyter.notebooks import document as documents
from codemad_jupyter.notebooks.cells import Notebook
from codemad_jupyter.notebooks.ports import KernelPort
from codemad_jupyter.protocol.diagnostics import Diagnosis, problem_lines
from codemad_jupyter.protocol.errors import KernelError, NotFound, ToolError
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.tools.files import read_text
from codemad_jupyter.tools.tool import ToolContext, tool

DEADLINE = 20.0
MOST_LINES = 60


def document_of(path: str, text: str) -> Document | None:
    """A file as language servers are shown it; None where no server knows its language. Raises
    `NotebookError`."""
    if PurePosixPath(path).suffix.lower() != ".ipynb":
        return text_document(path, text)
    return of_notebook(documents.parse(text.encode("utf-8", "surrogatepass"), path), path)


def of_notebook(document: Notebook, path: str) -> Document | None:
    """A notebook document as language servers are shown it."""
    return notebook_document(documents.view(document, path))


def kernel_of(document: Notebook) -> str | None:
    """The name of the notebook's kernel."""
    metadata = document.get("metadata")
    spec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    name = spec.get("name") if isinstance(spec, dict) else None
    return name if isinstance(name, str) else None


async def known_names(kernel: KernelPort | None, *, deadline: float) -> Known:
    """The names that live in a kernel. One that cannot be looked into may know any name."""
    if kernel is None:
        return Known()
    try:
        async with asyncio.timeout(deadline * 2):
            report = await kernel.report(deadline=deadline)
    except (KernelError, TimeoutError):
        return Known(more=True)
    return Known(frozenset(each.name for each in report.variables), more=report.truncated)


def _account(result: dict[str, Any]) -> str:
    count = result["count"]
    return counted(count, "problem") if count else "no problems"


@tool("read", account=_account)
async def diagnostics(
    context: ToolContext, path: str | None = None, cell: str | None = None
) -> dict[str, Any]:
    """Ask language servers (types and lint) what is wrong in a file, or in the open notebook or one of its
    cells when no path is given. Nothing is run."""
    if context.diagnostics is None or context.diagnostics.mode == "off":
        raise ToolError("Diagnostics are switched off.", hint="Run the code's tests instead.")
    if path is None:
        diagnosis = await _notebook(context, cell)
    else:
        document = await asyncio.to_thread(lambda: document_of(path, read_text(context.root, path)))
        if document is None:
            raise ToolError(f"No language server knows {path}.", hint="Name a file of code.")
        diagnosis = await context.diagnostics.check(document, deadline=DEADLINE)
    shown = tuple(each for each in diagnosis.problems if cell is None or each.cell == cell)
    lines = problem_lines(
        diagnosis.model_copy(update={"problems": shown}), path=path or "", cell=cell, most=MOST_LINES
    )
    answer: dict[str, Any] = {"problems": lines, "count": len(shown) + diagnosis.more}
    answer["checked_by"] = list(diagnosis.servers)
    return {**answer, "not_checked": diagnosis.detail} if diagnosis.detail else answer


async def _notebook(context: ToolContext, cell: str | None) -> Diagnosis:
    port, path = context.need_notebook()
    notebook = await port.snapshot(path)
    document = await asyncio.to_thread(of_notebook, notebook, path)
    if document is None:
        raise ToolError(f"No language server knows the language of {path}.")
    if cell is not None and all(each.id != cell for each in document.cells or ()):
        raise NotFound(f"{path} has no code cell {cell}.", hint="read_notebook shows the ids.")
    known = await known_names(context.kernel, deadline=context.inspect_deadline)
    prefix = await asyncio.to_thread(kernel_prefix, kernel_of(notebook))
    assert context.diagnostics is not None  # noqa: S101 - looked at by the caller
    return await context.diagnostics.check(document, deadline=DEADLINE, known=known, prefix=prefix)


TOOLS = (diagnostics,)
