"""`FileNotebooks`: notebooks as files under a root, for when no browser holds them open."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.cells import Notebook, cell_ids, with_results
from codemad_jupyter.notebooks.collect import OutputLog
from codemad_jupyter.notebooks.disk import confined, read_bytes, replace_bytes
from codemad_jupyter.notebooks.ports import KernelPort
from codemad_jupyter.notebooks.scripts import SUFFIXES, ScriptIds, read_script, write_script
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import CodemadError, KernelError, NotebookError, NotFound, StaleEdit
from codemad_jupyter.protocol.kernels import Cell, ExecutionResult, NotebookView

PAUSE = 2.0
"""Seconds between two writings of a running cell's outputs."""
Elsewhere = Callable[[str, Callable[[Notebook], CellChange]], Awaitable[bool]]
"""Makes a change where the notebook was opened meanwhile; False where the file is still the document."""
FindKernel = Callable[[str], Awaitable[KernelPort | None]]


class FileNotebooks:
    """A `NotebookPort` on disk. ``kernel`` finds the kernel that runs a notebook's cells."""

    def __init__(self, root: Path, kernel: FindKernel | None = None, *, pause: float = PAUSE) -> None:
        self.pause = pause
        self.elsewhere: Elsewhere | None = None
        self._root = root
        self._kernel = kernel
        self._ids = ScriptIds()
        self._turns: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def view(self, path: str) -> NotebookView:
        """See `NotebookPort.view`."""
        nb, _ = await asyncio.to_thread(self._read, path)
        return document.view(nb, path)

    async def snapshot(self, path: str) -> Notebook:
        """See `NotebookPort.snapshot`."""
        nb, _ = await asyncio.to_thread(self._read, path)
        return nb

    async def apply(self, path: str, changes: tuple[CellChange, ...]) -> None:
        """See `NotebookPort.apply`."""
        if not changes:
            return
        async with self._turns[confined(self._root, path)]:
            await asyncio.to_thread(self._change, path, lambda nb: document.apply(nb, changes))

    async def execute_cell(self, path: str, cell: str) -> ExecutionResult:
        """See `NotebookPort.execute_cell`. What comes out is written every few seconds, and in the end."""
        seen = (await self.view(path)).cell(cell)
        if seen is None:
            raise NotFound(f"There is no cell {cell} in {path}.", hint="Read the notebook again.")
        kernel = await self._kernel(path) if self._kernel else None
        if kernel is None:
            raise KernelError(
                f"No kernel is running for {path}, so its cells cannot be run.",
                hint="Open the notebook in JupyterLab and start its kernel.",
            )
        if seen.cell_type != "code":
            return ExecutionResult(ok=True)
        log = OutputLog()
        writing = asyncio.create_task(self._write_so_far(path, seen, log))
        try:
            result = await kernel.execute(seen.source, on_output=log.add)
        except BaseException:
            await self._keep_partial(path, seen, log, writing)
            raise
        await ended(writing)
        await self._put(path, seen, result.outputs, result.execution_count)
        return result

    async def _write_so_far(self, path: str, cell: Cell, log: OutputLog) -> None:
        """While the cell runs: a server that dies must not take hours of output with it."""
        written: tuple[dict[str, Any], ...] = ()
        while True:
            await asyncio.sleep(self.pause)
            outputs = log.outputs()
            if outputs != written:
                await self._put(path, cell, outputs, None)
                written = outputs

    async def _keep_partial(
        self, path: str, cell: Cell, log: OutputLog, writing: "asyncio.Task[None]"
    ) -> None:
        """The run ended without a result: what came out is kept all the same."""
        await ended(writing)
        if outputs := log.outputs():
            with contextlib.suppress(CodemadError, OSError):  # the reason why it ended matters more
                await asyncio.shield(self._put(path, cell, outputs, None))

    async def _put(
        self, path: str, cell: Cell, outputs: tuple[dict[str, Any], ...], count: int | None
    ) -> None:
        def change(nb: Notebook) -> CellChange:
            return ran(nb, path, cell=cell, outputs=outputs, count=count)

        if self.elsewhere is not None and await self.elsewhere(path, change):
            return
        async with self._turns[confined(self._root, path)]:
            await asyncio.to_thread(self._change, path, lambda nb: document.apply(nb, (change(nb),)))

    def _read(self, path: str) -> tuple[Notebook, bytes]:
        real = confined(self._root, path)
        data = read_bytes(real, path)
        if real.suffix == ".ipynb":
            return document.parse(data, path), data
        if real.suffix in SUFFIXES:
            return read_script(data, path, self._ids.find(path, data)), data
        raise NotebookError(f"{path} is no notebook.", hint="Notebooks end with .ipynb, .py or .md.")

    def _change(self, path: str, change: Callable[[Notebook], Notebook]) -> None:
        nb, data = self._read(path)
        made = change(nb)
        real = confined(self._root, path)
        if real.suffix == ".ipynb":
            replace_bytes(real, path, document.render(made, document.style_of(data)), expected=data)
            return
        written = write_script(made, data, path)
        if written != data:
            replace_bytes(real, path, written, expected=data)
        self._ids.keep(path, written, cell_ids(made))


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
