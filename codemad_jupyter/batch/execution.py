"""One execution of a notebook in a kernel of its own, through nbclient.

Writes the notebook while it goes on, can be cancelled from another thread, and ends with a
sentence in ``failure`` when a cell failed, took too long, or the kernel died.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

PAUSE = 1.0
"""Seconds between two writings while a cell runs; more where writing is slow."""


class WritingClient(NotebookClient):
    """A client that tells when outputs have come and which cell is next."""

    def __init__(self, notebook: Any, *, changed: Callable[[], None], **options: Any) -> None:
        super().__init__(notebook, **options)
        self._changed = changed

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        output = super().process_message(msg, cell, cell_index)
        self._changed()
        return output


class Execution:
    """``failure`` says why the run did not end well, without a full stop."""

    def __init__(
        self,
        notebook: Any,
        *,
        kernel: str,
        arguments: list[str],
        environment: dict[str, str],
        cwd: Path,
        timeout: float | None,
        save: Callable[[], None],
        say: Callable[[str], None] | None,
        sandbox: bool = False,
    ) -> None:
        self.failure: str | None = None
        self._notebook = notebook
        self._environment = environment
        self._cwd = cwd
        self._timeout = timeout
        self._save = save
        self._say = say
        self._sandbox = sandbox
        self._next_save = 0.0
        self._later: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._cell = 0
        self._client = WritingClient(
            notebook,
            changed=self._changed,
            kernel_name=kernel,
            timeout=timeout,
            extra_arguments=arguments,
            record_timing=False,
            coalesce_streams=True,
            store_widget_state=False,
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            on_cell_start=self._began,
            on_cell_executed=self._ended,
        )

    async def go(self) -> None:
        """Execute all cells, or up to the first that fails."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            async with AsyncExitStack() as around:
                environment = self._environment
                if self._sandbox:
                    environment = await self._confined(around)
                await self._client.async_execute(cwd=str(self._cwd), env=environment)
        except CellTimeoutError:
            self.failure = f"Cell {self._cell} took more than {self._timeout:g} seconds"
        except CellExecutionError as error:
            first = (str(error.evalue).strip().splitlines() or [""])[0]
            self.failure = f"Cell {self._cell} failed: {error.ename}: {first}".rstrip(". ")
        except DeadKernelError:
            self.failure = f"The kernel died while cell {self._cell} was running"
        except RuntimeError as error:
            self.failure = f"The kernel did not start: {str(error).splitlines()[0]}"
        finally:
            if self._later is not None:
                self._later.cancel()

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

    async def _began(self, cell: Any, cell_index: int) -> None:
        self._cell = cell_index + 1
        if self._say is not None and cell.cell_type == "code":
            self._say(f"cell {cell_index + 1} of {len(self._notebook.cells)}")

    async def _ended(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        self._save_now()

    def _changed(self) -> None:
        """Save now or, where that was done a moment ago, a little later."""
        if self._later is None:
            wait = max(0.0, self._next_save - time.monotonic())
            self._later = asyncio.get_running_loop().call_later(wait, self._save_now)

    def _save_now(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        began = time.monotonic()
        self._save()
        self._next_save = time.monotonic() + max(PAUSE, 20 * (time.monotonic() - began))
