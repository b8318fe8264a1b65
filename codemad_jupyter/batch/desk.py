"""What ``codemad ask`` works on: a folder, perhaps a notebook file, perhaps a kernel.

Starts a kernel and runs the notebook's cells in it where that is wanted, and takes it down again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from codemad_jupyter.batch.documents import read_notebook
from codemad_jupyter.batch.kernel_environment import kernel_environment
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import UsageError

if TYPE_CHECKING:
    from codemad_jupyter.notebooks.files import FileNotebooks
    from codemad_jupyter.notebooks.live import LiveKernel
    from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
    from codemad_jupyter.orchestrator.engine import Engine


@dataclass
class Desk:
    """The ports of one inquiry."""

    root: Path
    target: Target
    live: LiveKernel | None = None
    _files: FileNotebooks | None = field(default=None, init=False)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, notebook: Path | None, kernel_file: Path | None, *, execute: bool
    ) -> AsyncIterator[Self]:
        """Lay things out, and clear up afterwards. Raises `UsageError` for files that are not there."""
        root, target = Path.cwd(), Target()
        if notebook is not None:
            document = await asyncio.to_thread(read_notebook, notebook)
            root, target = placed(notebook)
        desk = cls(root, target)
        if kernel_file is not None:
            desk.live = _attached(kernel_file)
        manager: Any = None
        try:
            if execute:
                manager, desk.live = await _started(document, notebook)
                await _run_cells(desk.live, document)
            yield desk
        finally:
            if desk.live is not None:
                desk.live.close()
            if manager is not None:
                await manager.shutdown_kernel(now=True)

    async def engine(self, *, attended: bool, arguments: Mapping[str, Any] | None = None) -> Engine:
        """An engine with this desk's ports; ``arguments`` are settings that were given on the way.
        Can a person be asked (``attended``)?"""
        from codemad_jupyter.app.build import build_engine
        from codemad_jupyter.config.settings import load_settings
        from codemad_jupyter.notebooks.files import FileNotebooks

        self._files = FileNotebooks(self.root, kernel=self._kernel_for)
        settings = await asyncio.to_thread(load_settings, self.root, arguments=arguments)
        return await build_engine(self.root, ports=self, settings=settings, attended=attended)

    async def kernel(self, target: Target) -> KernelPort | None:
        return self.live

    async def notebook(self, target: Target) -> NotebookPort | None:
        return self._files if target.notebook is not None else None

    async def _kernel_for(self, path: str) -> KernelPort | None:
        return self.live


def placed(notebook: Path) -> tuple[Path, Target]:
    """The workspace and the target: the working folder, or the notebook's where that lies elsewhere."""
    root, path = Path.cwd().resolve(), notebook.resolve()
    if not path.is_relative_to(root):
        root = path.parent
    return root, Target(notebook=path.relative_to(root).as_posix())


def _attached(kernel_file: Path) -> LiveKernel:
    from codemad_jupyter.notebooks.live import LiveKernel

    if not kernel_file.is_file():
        raise UsageError(
            f"{kernel_file} does not exist.", hint="%connect_info in the notebook names its connection file."
        )
    return LiveKernel.from_file(kernel_file)


async def _started(document: Any, notebook: Path | None) -> tuple[Any, LiveKernel]:
    """A kernel of our own, which sees no key and no token."""
    from jupyter_client.kernelspec import NoSuchKernel
    from jupyter_client.manager import AsyncKernelManager

    from codemad_jupyter.notebooks.live import LiveKernel

    name = document.metadata.get("kernelspec", {}).get("name") or "python3"
    manager = AsyncKernelManager(kernel_name=name, transport_encryption="auto")
    environment = kernel_environment(os.environ, ()) | {"CODEMAD_HEADLESS": "1", "CODEMAD_POLICY": "off"}
    try:
        await manager.start_kernel(env=environment, cwd=str(notebook.parent.resolve()) if notebook else None)
    except NoSuchKernel as error:
        said = f"The kernel {name} is not installed."
        raise UsageError(said, hint="See: jupyter kernelspec list") from error
    return manager, LiveKernel.from_manager(manager)


async def _run_cells(live: LiveKernel, document: Any) -> None:
    """Run the code cells in order; a failing one stops this, and its error is there to be asked about."""
    for cell in document.cells:
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        result = await live.execute(cell.source)
        if not result.ok:
            return
