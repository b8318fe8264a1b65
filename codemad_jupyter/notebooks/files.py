"""`FileNotebooks`: notebooks as files under a root, for when no browser holds them open."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from codemad_jupyter.notebooks import document, pairs
from codemad_jupyter.notebooks.cells import Notebook, cell_ids
from codemad_jupyter.notebooks.collect import OutputLog
from codemad_jupyter.notebooks.disk import confined, read_bytes, replace_bytes
from codemad_jupyter.notebooks.ports import CellWatch, KernelPort
from codemad_jupyter.notebooks.recording import ran, record
from codemad_jupyter.notebooks.scripts import SUFFIXES, ScriptIds, read_script, write_script
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import CodemadError, KernelError, NotebookError, NotFound
from codemad_jupyter.protocol.kernels import Cell, ExecutionResult, NotebookView

PAUSE = 2.0
"""Seconds between two writings of a running cell's outputs."""
Elsewhere = Callable[[str, Callable[[Notebook], CellChange]], Awaitable[bool]]
"""Makes a change where the notebook was opened meanwhile; False where the file is still the document."""


@dataclass(frozen=True)
class _Read:
    """A document, with the bytes of the one or two files that hold it. ``doubt``: the two differ, and
    nobody can tell which one holds."""

    nb: Notebook
    data: dict[str, bytes]
    pair: pairs.Pair | None = None
    doubt: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The files in the order in which they are written: of a pair the text last."""
        return tuple(self.data) if self.pair is None else tuple(self.pair)


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
        read = await asyncio.to_thread(self._read, path)
        return document.view(read.nb, path)

    async def snapshot(self, path: str) -> Notebook:
        """See `NotebookPort.snapshot`."""
        return (await asyncio.to_thread(self._read, path)).nb

    async def apply(self, path: str, changes: tuple[CellChange, ...]) -> None:
        """See `NotebookPort.apply`."""
        if not changes:
            return
        real = confined(self._root, path)
        if real.suffix != ".ipynb":  # a text file would show it at every cell
            changes = tuple(change.model_copy(update={"provenance": None}) for change in changes)
        await self._change_in_turn(path, lambda nb: document.apply(nb, changes))

    async def execute_cell(self, path: str, cell: str, *, watch: CellWatch | None = None) -> ExecutionResult:
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

        def heard(kind: str, content: dict[str, Any]) -> None:
            log.add(kind, content)
            if watch is not None:
                watch.heard(kind)

        run = kernel.execute(seen.source, on_output=heard)
        return await record(run, log.outputs, partial(self.put_outputs, path, seen), pause=self.pause)

    async def put_outputs(
        self, path: str, cell: Cell, outputs: tuple[dict[str, Any], ...], count: int | None
    ) -> None:
        """Put what a cell gave into the document. Raises `StaleEdit` where the cell is another by now."""

        def change(nb: Notebook) -> CellChange:
            return ran(nb, path, cell=cell, outputs=outputs, count=count)

        if self.elsewhere is not None and await self.elsewhere(path, change):
            return
        await self._change_in_turn(path, lambda nb: document.apply(nb, (change(nb),)))

    async def _change_in_turn(self, path: str, change: Callable[[Notebook], Notebook]) -> None:
        """One change after the other. Who is cancelled meanwhile leaves theirs to its end: a thread cannot be
        stopped, and whoever came next would find the file changed under it."""

        async def work() -> None:
            async with self._turns[confined(self._root, path)]:
                await asyncio.to_thread(self._change, path, change)

        await asyncio.shield(work())

    def _read(self, path: str) -> _Read:
        data = {path: read_bytes(confined(self._root, path), path)}
        nb = self._parse(path, data[path])
        pair = pairs.pair_of(self._root, path, nb)
        if pair is None:
            return _Read(nb, data)
        other = pair.book if path == pair.text else pair.text
        data[other] = read_bytes(confined(self._root, other), other)
        found = {path: nb, other: self._parse(other, data[other])}
        book, script = found[pair.book], found[pair.text]
        if not pairs.differ(book, script):
            return _Read(book, data, pair)
        written = {name: confined(self._root, name).stat().st_mtime_ns for name in pair}
        if written[pair.text] >= written[pair.book]:
            return _Read(pairs.combined(book, script, pair.text), data, pair)
        return _Read(book, data, pair, doubt=True)

    def _parse(self, path: str, data: bytes) -> Notebook:
        suffix = Path(path).suffix
        if suffix == ".ipynb":
            return document.parse(data, path)
        if suffix in SUFFIXES:
            return read_script(data, path, self._ids.find(path, data))
        raise NotebookError(f"{path} is no notebook.", hint="Notebooks end with .ipynb, .py or .md.")

    def _change(self, path: str, change: Callable[[Notebook], Notebook]) -> None:
        read = self._read(path)
        if read.doubt and read.pair is not None:
            raise NotebookError(
                f"{read.pair.book} and {read.pair.text} are a pair, but their cells differ, and the"
                " notebook was written last.",
                hint="Say which one holds: `jupytext --sync` takes the newer one.",
            )
        made = change(read.nb)
        written = {name: self._rendered(name, made, read) for name in read.names}
        done: list[str] = []
        try:
            for name, data in written.items():
                if data != read.data[name]:
                    replace_bytes(confined(self._root, name), name, data, expected=read.data[name])
                    done.append(name)
        except CodemadError:
            for name in done:  # a pair changes as one
                replace_bytes(confined(self._root, name), name, read.data[name], expected=written[name])
            raise
        if read.pair is not None and done == [read.pair.book]:
            confined(self._root, read.pair.text).touch()  # jupytext takes an older text for outdated
        for name, data in written.items():
            if not name.endswith(".ipynb"):
                self._ids.keep(name, data, cell_ids(made))

    def _rendered(self, name: str, made: Notebook, read: _Read) -> bytes:
        data = read.data[name]
        if name.endswith(".ipynb"):
            old = read.nb if read.pair is None else self._parse(name, data)
            return document.rewrite(data, old, made)
        if read.pair is not None:
            made = pairs.as_text(made, self._parse(name, data))
        return write_script(made, data, name)
