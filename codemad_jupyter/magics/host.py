"""An engine inside this process, for shells that no CodeMAD server answers.

Builds the ports of a shell (its own namespace, the notebook as the kernel sees it) and a client
whose engine lives in a thread. Asking and drawing are left to `conversation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.magics.kernel_notebook import UNKNOWN, KernelNotebook

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from codemad_jupyter.app.client import CallerThread, ThreadClient
    from codemad_jupyter.magics.place import Place
    from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
    from codemad_jupyter.orchestrator.engine import Engine
    from codemad_jupyter.protocol.commands import Target
    from codemad_jupyter.protocol.permissions import Rule


class ShellPorts:
    """The ports of one shell: it is the kernel, whatever the target says."""

    def __init__(self, kernel: KernelPort, notebook: NotebookPort) -> None:
        self._kernel = kernel
        self._notebook = notebook

    async def kernel(self, target: Target) -> KernelPort | None:
        return self._kernel

    async def notebook(self, target: Target) -> NotebookPort | None:
        return self._notebook


class Host:
    """The engine of this process and what belongs to it."""

    def __init__(
        self, ip: InteractiveShell, place: Place, *, settings: Mapping[str, Any] | None = None
    ) -> None:
        from codemad_jupyter.app.client import CallerThread, ThreadClient

        self.root = workspace(place)
        self._settings = settings
        self.path = UNKNOWN if place.notebook is None else place.notebook.relative_to(self.root).as_posix()
        self.cells: KernelNotebook | None = None
        caller = CallerThread()
        ports = self._ports(ip, place, caller)
        self.client: ThreadClient = ThreadClient(lambda: self._build(ports, place), caller=caller)

    def _ports(self, ip: InteractiveShell, place: Place, caller: CallerThread) -> ShellPorts:
        from codemad_jupyter.magics.main_thread import CallerRunner
        from codemad_jupyter.notebooks.in_process import ShellKernel

        kernel = ShellKernel(ip, CallerRunner(ip, caller))
        if place.headless and place.notebook is not None:
            from codemad_jupyter.notebooks.files import FileNotebooks

            return ShellPorts(kernel, FileNotebooks(self.root))
        self.cells = KernelNotebook(ip, file=place.notebook)
        return ShellPorts(kernel, self.cells)

    async def _build(self, ports: ShellPorts, place: Place) -> Engine:
        from codemad_jupyter.app.build import build_engine
        from codemad_jupyter.config.settings import load_settings

        settings = load_settings(self.root, arguments=self._settings)
        return await build_engine(
            self.root, ports=ports, settings=settings, attended=not place.headless, rules=_rules(place)
        )


def workspace(place: Place) -> Path:
    """The working folder, or the notebook's where that lies elsewhere."""
    folder = Path.cwd()
    if place.notebook is not None and not place.notebook.is_relative_to(folder):
        return place.notebook.parent
    return folder


def _rules(place: Place) -> tuple[Rule, ...]:
    """What the person allowed beforehand where nobody can be asked: to run code in this very kernel."""
    from codemad_jupyter.protocol.permissions import Rule

    if not place.headless or place.policy != "auto":
        return ()
    return (Rule(decide="allow", axis="kernel_mutate", origin="CODEMAD_POLICY=auto"),)
