"""The two ports through which the engine reaches a kernel and a notebook document, wherever they live."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from codemad_jupyter.notebooks.trial import MEMORY, Method
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import CellChange, Trial
from codemad_jupyter.protocol.kernels import ExecutionResult, KernelReport, NotebookView

OnOutput = Callable[[str, dict[str, Any]], None]
"""Hears of each output while code runs: the message type and its content, as kernels publish them."""

Stopped = Literal["idle", "stopped", "running", "killed"]
"""Nothing of ours ran; what ran has ended; it ignores the interrupt and runs on; the kernel was killed."""


@dataclass(frozen=True)
class TableData:
    """A table out of a kernel: name, SQL type and values of each column."""

    columns: tuple[tuple[str, str, list[Any]], ...]


@dataclass(frozen=True)
class KernelFate:
    """What became of a kernel. ``notebook`` is the one it runs, where that is known."""

    kernel: str
    state: Literal["died", "restarted", "ended"]
    notebook: str | None = None


@dataclass
class CellWatch:
    """Follows the run of one cell. ``started`` when the kernel has begun with it; ``reachable`` unless it
    cannot be interrupted from here; ``homeless`` says why its outputs are in no document, if so."""

    on_start: Callable[[], object] | None = None
    started: bool = False
    reachable: bool = True
    homeless: str = ""

    def heard(self, kind: str) -> None:
        """A message of this type was published by the cell's run."""
        if kind == "execute_input" and not self.started:
            self.started = True
            if self.on_start is not None:
                self.on_start()


class KernelPort(Protocol):
    """A live kernel. Every method raises `KernelError` when the kernel is dead or does not answer."""

    async def report(self, *, names: tuple[str, ...] = (), deadline: float = 0.5) -> KernelReport:
        """Look at the variables (all public ones, or just ``names`` in more depth) and the last error.

        Adds no name to the user's namespace, calls no user-defined ``__repr__``, ``__len__`` or
        attribute, masks secrets, stops after ``deadline`` seconds, works while a cell runs.
        """
        ...

    async def export(self, name: str, *, cells: int) -> TableData:
        """A table that a variable holds (pandas or polars), of ``cells`` values at most.

        Works while a cell runs and changes nothing. Raises `KernelError` where it is none, or too large.
        """
        ...

    async def execute(
        self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None
    ) -> ExecutionResult:
        """Run code as the user would; outputs are returned, history and variables change.

        Being cancelled interrupts the code, and the code only: never a cell that the person started.
        """
        ...

    async def try_code(
        self,
        code: str,
        *,
        before: str = "",
        timeout: float = 10.0,
        memory: int = MEMORY,
        method: Method = "auto",
    ) -> Trial:
        """Try code on a copy of the kernel's state; the state itself is untouched.

        ``before`` runs first in the copy; what it shows and does is not told.
        ``memory`` is what it may take, in bytes. A `RefusedTrial` says that the kernel was not copied,
        as always with ``method="replay"``.
        """
        ...

    async def interrupt(self) -> None:
        """Interrupt whatever runs."""
        ...

    async def stop_code(self, *, grace: float = 2.0, kill: bool = False) -> Stopped:
        """Interrupt code of ours that runs; ``kill`` ends the kernel if it still does after ``grace``."""
        ...


class NotebookPort(Protocol):
    """Notebook documents, addressed by path relative to the workspace root."""

    async def view(self, path: str) -> NotebookView:
        """The cells as they stand now. Raises `NotFound` or `NotebookError`."""
        ...

    async def snapshot(self, path: str) -> dict[str, Any]:
        """The whole document as nbformat JSON (v4, joined or split sources as nbformat writes them)."""
        ...

    async def apply(self, path: str, changes: tuple[CellChange, ...]) -> None:
        """Make all changes or none. Raises `StaleEdit` or `NotFound`; untouched cells stay identical."""
        ...

    async def execute_cell(self, path: str, cell: str, *, watch: CellWatch | None = None) -> ExecutionResult:
        """Run a cell so that its outputs land in the document. Being cancelled interrupts it, and only it."""
        ...


class Ports(Protocol):
    """Finds the ports for where a person stands. Each edge brings its own."""

    async def kernel(self, target: Target) -> KernelPort | None:
        """The live kernel of the target, or None where there is none."""
        ...

    async def notebook(self, target: Target) -> NotebookPort | None:
        """The port that serves the target's notebook, or None where no notebook is open or named."""
        ...


@runtime_checkable
class WatchesKernels(Protocol):
    """Ports that hear of their kernels' ends also say so."""

    def on_kernel_fate(self, tell: Callable[[KernelFate], None]) -> None:
        """From now on ``tell`` hears of each kernel that died, was restarted or was ended."""
        ...
