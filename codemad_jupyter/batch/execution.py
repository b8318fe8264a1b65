"""One execution of a notebook in a kernel of its own, through nbclient.

Writes the notebook while it goes on, has failing cells mended where that is wanted, can be cancelled from
another thread, and ends with a sentence in ``failure`` when a cell failed, took too long, or the kernel died.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

from codemad_jupyter.batch.repairs import told

if TYPE_CHECKING:
    from codemad_jupyter.batch.mending import Mender, Workshop
    from codemad_jupyter.notebooks.live import LiveKernel

_OWN_LIMIT = re.compile(r"timeout:(\d{1,7}(?:\.\d{1,3})?)")
PAUSE = 1.0
"""Seconds between two writings while a cell runs; more where writing is slow."""


@dataclass
class CellRun:
    """How one code cell did; ``seconds`` are those of its last try."""

    number: int
    status: Literal["ok", "failed", "repaired"] = "failed"
    error: str = ""
    seconds: float = 0.0


def _unheard(*_: object) -> None:
    """For who does not listen."""


@dataclass(frozen=True)
class Watch:
    """Hears of an execution. ``save`` writes the notebook as it stands, ``began`` and ``ended`` get a cell
    and its 0-based place, ``ended`` also whether it failed; ``output`` gets each output, ``told`` what is
    said about a repair."""

    save: Callable[[], None]
    began: Callable[[Any, int], None] = _unheard
    ended: Callable[[Any, int, bool], None] = _unheard
    output: Callable[[Any], None] = _unheard
    told: Callable[[str], None] = _unheard


class WritingClient(NotebookClient):
    """A client that tells when outputs have come, and tries a failed cell again where that is said."""

    def __init__(
        self,
        notebook: Any,
        *,
        changed: Callable[[Any], None],
        ended: Callable[[int, bool], None],
        again: Callable[[int, str], Awaitable[bool]],
        **options: Any,
    ) -> None:
        super().__init__(notebook, **options)
        self._changed = changed
        self._ended = ended
        self._again = again

    async def async_execute_cell(
        self, cell: Any, cell_index: int, execution_count: int | None = None, store_history: bool = True
    ) -> Any:
        while True:
            try:
                done = await super().async_execute_cell(cell, cell_index, execution_count, store_history)
            except CellExecutionError as error:
                if not await self._again(cell_index, _named(error)):
                    self._ended(cell_index, True)
                    raise
            except Exception:
                self._ended(cell_index, True)
                raise
            else:
                self._ended(cell_index, False)
                return done

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        output = super().process_message(msg, cell, cell_index)
        self._changed(output)
        return output


class Execution:
    """``failure`` says why the run did not end well, without a full stop; ``error`` is what was raised."""

    def __init__(
        self,
        notebook: Any,
        *,
        kernel: str,
        arguments: list[str],
        environment: dict[str, str],
        cwd: Path,
        timeout: float | None,
        watch: Watch,
        start_timeout: int = 60,
        sandbox: bool = False,
        workshop: Workshop | None = None,
    ) -> None:
        self.failure: str | None = None
        self.error: Exception | None = None
        self.cells: list[CellRun] = []
        self._notebook = notebook
        self._environment = environment
        self._cwd = cwd
        self._timeout = timeout
        self._watch = watch
        self._sandbox = sandbox
        self._next_save = 0.0
        self._later: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._cell = 0
        self._clock = 0.0
        self._client = WritingClient(
            notebook,
            changed=self._changed,
            ended=self._ended,
            again=self._failed,
            kernel_name=kernel,
            timeout_func=self._limit,
            startup_timeout=start_timeout,
            extra_arguments=arguments,
            record_timing=False,
            coalesce_streams=True,
            store_widget_state=False,
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            on_cell_start=self._began,
            on_cell_executed=self._executed,
        )
        self.mender = self._repairs_by(workshop) if workshop is not None else None

    async def go(self) -> None:
        """Execute all cells, or up to the first that fails."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            async with AsyncExitStack() as around:
                environment = self._environment
                if self._sandbox:
                    environment = await self._confined(around)
                if self.mender is not None:
                    around.push_async_callback(self.mender.close)
                await self._client.async_execute(cwd=str(self._cwd), env=environment)
        except (CellTimeoutError, CellExecutionError, DeadKernelError, RuntimeError) as error:
            self.error, self.failure = error, self._why(error)
        finally:
            if self._later is not None:
                self._later.cancel()

    def _why(self, error: Exception) -> str:
        match error:
            case CellTimeoutError():
                limit = self._limit(self._notebook.cells[self._cell - 1])
                return f"Cell {self._cell} took more than {limit:g} seconds"
            case CellExecutionError():
                return f"Cell {self._cell} failed: {_named(error)}".rstrip(". ")
            case DeadKernelError():
                return f"The kernel died while cell {self._cell} was running"
            case _:
                return f"The kernel did not start: {str(error).splitlines()[0]}"

    def _limit(self, cell: Any) -> float | None:
        """The seconds that a cell may take: its own, by a tag such as timeout:600, else those of all."""
        tags = cell.metadata.get("tags") or ()
        own = (_OWN_LIMIT.fullmatch(tag) for tag in tags if isinstance(tag, str))
        return next((float(found[1]) for found in own if found), self._timeout)

    async def _confined(self, around: AsyncExitStack) -> dict[str, str]:
        """Have the kernel start in the sandbox; the variables it gets there."""
        from codemad_jupyter.tools.sandbox.kernels import kernel_box

        box = kernel_box(self._cwd, cwd=self._cwd, environment=self._environment)
        found = await around.enter_async_context(box)
        found.wrap(self._client.create_kernel_manager())
        return found.environment

    def cancel(self) -> None:
        """Stop, from any thread; the kernel is not asked politely."""
        self._client.shutdown_kernel = "immediate"
        if self._loop is not None and self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _repairs_by(self, workshop: Workshop) -> Mender:
        from codemad_jupyter.batch.mending import Mender  # the engine's values, which few runs need

        return Mender(self._notebook, workshop, self._look)

    def _look(self) -> LiveKernel:
        from codemad_jupyter.notebooks.live import LiveKernel

        return LiveKernel.from_manager(self._client.km)

    async def _began(self, cell: Any, cell_index: int) -> None:
        again, self._cell = self._cell == cell_index + 1, cell_index + 1
        self._clock = time.monotonic()
        if not again:
            if cell.cell_type == "code":
                self.cells.append(CellRun(self._cell))
            self._watch.began(cell, cell_index)

    async def _executed(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        self.cells[-1].seconds = round(time.monotonic() - self._clock, 3)
        self._save_now()

    def _ended(self, index: int, failed: bool) -> None:
        """A cell has run to its end, or failed for good, or is none that runs."""
        if not failed and self.cells and self.cells[-1].number == index + 1:
            mended = self.mender is not None and self.mender.ran(index)
            self.cells[-1].status = "repaired" if mended else "ok"
        self._watch.ended(self._notebook.cells[index], index, failed)

    async def _failed(self, index: int, error: str) -> bool:
        """A cell failed: shall it be tried again?"""
        self.cells[-1].error = error
        if self.mender is None:
            return False
        again = await self.mender.mend(index, error)
        if self.mender.repairs:
            self._watch.told("trying a repair" if again else told(self.mender.repairs[-1]))
        return again

    def _changed(self, output: Any) -> None:
        """Save now or, where that was done a moment ago, a little later."""
        if output is not None:
            self._watch.output(output)
        if self._later is None:
            wait = max(0.0, self._next_save - time.monotonic())
            self._later = asyncio.get_running_loop().call_later(wait, self._save_now)

    def _save_now(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        began = time.monotonic()
        self._watch.save()
        self._next_save = time.monotonic() + max(PAUSE, 20 * (time.monotonic() - began))


def _named(error: CellExecutionError) -> str:
    """The error's name and its first line."""
    first = (str(error.evalue).strip().splitlines() or [""])[0]
    return f"{error.ename}: {first}".rstrip(": ")
