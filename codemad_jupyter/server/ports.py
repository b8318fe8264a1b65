"""The server's ports: kernels through the kernel manager, notebooks through tabs or files.

A kernel is found by its id, else by the session of the notebook. Its client connection is kept
while the kernel lives and closed when it has gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_server.utils import ensure_async

from codemad_jupyter.server.fates import Fates
from codemad_jupyter.server.tab_notebooks import TabNotebooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_server.serverapp import ServerApp

    from codemad_jupyter.notebooks.live import LiveKernel
    from codemad_jupyter.notebooks.ports import KernelFate, NotebookPort
    from codemad_jupyter.protocol.commands import Target
    from codemad_jupyter.server.tabs import Tabs


class ServerPorts:
    """`Ports` of one Jupyter server."""

    def __init__(self, app: ServerApp, *, tabs: Tabs, root: Path) -> None:
        self._app = app
        self._tabs = tabs
        self._root = root
        self._kernels: dict[str, LiveKernel] = {}
        self._notebooks: TabNotebooks | None = None
        self._fates = Fates(app, gone=self._let_go)

    async def kernel(self, target: Target) -> LiveKernel | None:
        """The target's kernel: the one named, else the one its notebook runs."""
        self._let_go_of_the_gone()
        id = target.kernel
        if id is None or id not in self._app.kernel_manager:
            id = await self._session_kernel(target.notebook) if target.notebook else None
        if id is None:
            return None
        if id not in self._kernels:
            self._kernels[id] = self._connect(id)
        self._fates.watch(id, target.notebook or await self.notebook_of(id))
        return self._kernels[id]

    async def notebook(self, target: Target) -> NotebookPort | None:
        """The notebooks, where one is named or open."""
        if target.notebook is None and not self._tabs.any_open():
            return None
        if self._notebooks is None:
            from codemad_jupyter.notebooks.files import FileNotebooks

            files = FileNotebooks(self._root, kernel=self._kernel_of)
            self._notebooks = TabNotebooks(self._tabs, files=files, kernel=self._kernel_of)
            files.elsewhere = self._notebooks.change_open
        return self._notebooks

    async def notebook_of(self, kernel: str) -> str | None:
        """The notebook that runs on the kernel: as a tab shows it, else as the server's sessions have it."""
        shown = self._tabs.kernel_notebook(kernel)
        if shown is not None:
            return shown
        for session in await ensure_async(self._app.session_manager.list_sessions()):
            if session["type"] == "notebook" and session["kernel"]["id"] == kernel:
                return str(session["path"])
        return None

    def on_kernel_fate(self, tell: Callable[[KernelFate], None]) -> None:
        """See `WatchesKernels`: of the kernels that were asked for."""
        self._fates.tell = tell

    def close(self) -> None:
        """Close all connections to kernels."""
        self._fates.close()
        while self._kernels:
            self._kernels.popitem()[1].close()

    async def _kernel_of(self, path: str) -> LiveKernel | None:
        from codemad_jupyter.protocol.commands import Target

        return await self.kernel(Target(notebook=path))

    async def _session_kernel(self, path: str) -> str | None:
        for session in await ensure_async(self._app.session_manager.list_sessions()):
            if session["path"] == path and session["kernel"]["id"] in self._app.kernel_manager:
                return str(session["kernel"]["id"])
        return None

    def _let_go_of_the_gone(self) -> None:
        """Of kernels that have ended, and of those that got other ports when they were restarted."""
        for id in list(self._kernels):
            if id not in self._app.kernel_manager:
                self._let_go(id)
                continue
            now = self._app.kernel_manager.get_kernel(id).get_connection_info(session=False)
            if now != self._kernels[id].connection:
                self._let_go(id)

    def _let_go(self, id: str) -> None:
        kernel = self._kernels.pop(id, None)
        if kernel is not None:
            kernel.close()

    def _connect(self, id: str) -> LiveKernel:
        from codemad_jupyter.notebooks.live import LiveKernel

        return LiveKernel.from_manager(self._app.kernel_manager.get_kernel(id))
