"""Puts what a running cell gives into its document: every few seconds, and in the end.

Where the outputs come from and which document it is are the caller's.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.cells import Notebook, cell_ids, with_results
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import CodemadError, StaleEdit
from codemad_jupyter.protocol.kernels import Cell, ExecutionResult

Outputs = tuple[dict[str, Any], ...]
Put = Callable[[Outputs, int | None], Awaitable[None]]


async def record(
    run: Awaitable[ExecutionResult], outputs: Callable[[], Outputs], put: Put, *, pause: float
) -> ExecutionResult:
    """Put outputs into the document every few seconds while a cell runs, and in the end.

    A server that dies must not take hours of output with it. Where the run ends without a result, what
    came out is kept all the same.
    """

    async def write_so_far() -> None:
        written: Outputs = ()
        while True:
            await asyncio.sleep(pause)
            now = outputs()
            if now != written:
                await put(now, None)
                written = now

    writing = asyncio.create_task(write_so_far())
    try:
        result = await run
    except BaseException:
        await ended(writing)
        if now := outputs():
            with contextlib.suppress(CodemadError, OSError):  # the reason why it ended matters more
                await asyncio.shield(put(now, None))
        raise
    await ended(writing)
    await put(result.outputs, result.execution_count)
    return result


async def ended(task: "asyncio.Task[None]") -> None:
    """Cancel the task and wait for it; what it failed of is met again by whoever writes next."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def ran(
    nb: Notebook, path: str, *, cell: Cell, outputs: tuple[dict[str, Any], ...], count: int | None
) -> CellChange:
    """The change that puts the outputs of a cell that runs or has just been run into the document."""
    view = document.view(nb, path).cell(cell.id)
    if view is None or view.source != cell.source:
        raise StaleEdit(
            f"Cell {cell.id} of {path} was changed while it ran; its outputs were not saved.",
            hint="Run the cell again.",
        )
    at = cell_ids(nb).index(cell.id)
    content: dict[str, Any] = with_results(nb["cells"][at], outputs, count)
    return CellChange(op="put", cell=cell.id, content=content)
