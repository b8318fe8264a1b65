"""One cell that a tab was asked to run: followed in its kernel, stopped there, finished without the tab.

The tab sends the code, and Lab shows what comes. The server listens beside it, so that Stop reaches this
cell and no other, and so that nothing is lost when the tab is closed while the cell runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from codemad_jupyter.protocol.errors import CodemadError, KernelError, NotebookClosed
from codemad_jupyter.protocol.kernels import Cell, ExecutionResult

if TYPE_CHECKING:
    from codemad_jupyter.notebooks.files import FileNotebooks
    from codemad_jupyter.notebooks.followed_run import FollowedRun
    from codemad_jupyter.notebooks.live import LiveKernel
    from codemad_jupyter.notebooks.ports import CellWatch
    from codemad_jupyter.server.tabs import Tabs

    FindKernel = Callable[[str], Awaitable[LiveKernel | None]]

LISTEN_LIMIT = 20.0
"""Seconds a kernel may take until it can be listened to; the cell runs unwatched then."""
_log = logging.getLogger(__name__)


class TabExecution:
    """The run of one cell by the tab ``client``."""

    def __init__(self, path: str, cell: str, *, client: str, watch: CellWatch) -> None:
        self._path, self._cell, self._client, self._watch = path, cell, client, watch
        self._followed: FollowedRun | None = None

    async def listen(self, kernel: FindKernel | None) -> None:
        """Be ready before the tab sends the code. A kernel that cannot be heard is left to the tab."""
        found = await kernel(self._path) if kernel is not None else None
        if found is None:
            return
        try:
            async with asyncio.timeout(LISTEN_LIMIT):
                self._followed = await found.follow(on_output=lambda kind, _: self._watch.heard(kind))
        except (KernelError, TimeoutError) as error:
            _log.warning("the kernel of %s cannot be listened to: %s", self._path, error)

    def sent(self, request: str) -> None:
        """The tab says which message the cell became."""
        if self._followed is not None:
            self._followed.told(request)

    async def run(
        self, ask: Callable[[], Awaitable[ExecutionResult]], tabs: Tabs, files: FileNotebooks
    ) -> ExecutionResult:
        """Let the tab run the cell; when it goes away, see to the rest. Being cancelled stops the cell."""
        try:
            try:
                return await ask()
            except NotebookClosed:
                if self._followed is None or not self._followed.sent:
                    raise
                return await self._finish(self._followed, tabs, files)
        except asyncio.CancelledError:
            await self._stop()
            raise
        finally:
            if self._followed is not None:
                self._followed.leave()

    async def _stop(self) -> None:
        if self._followed is None:
            self._watch.reachable = False
            return
        try:
            await self._followed.stop()
        except KernelError as error:
            _log.info("the cell of %s that was stopped: %s", self._path, error)
        self._watch.reachable = self._followed.sent

    async def _finish(self, followed: FollowedRun, tabs: Tabs, files: FileNotebooks) -> ExecutionResult:
        from codemad_jupyter.notebooks.recording import record

        async def put(outputs: tuple[dict[str, Any], ...], count: int | None) -> None:
            holder = await tabs.holder(self._path)
            if holder is None or holder.client != self._client:
                cell = Cell(id=self._cell, cell_type="code", source=followed.code)
                await files.put_outputs(self._path, cell, outputs, count)

        outcome: ExecutionResult | None = None

        async def run() -> ExecutionResult:
            nonlocal outcome
            outcome = await followed.ended()
            return outcome

        try:
            return await record(run(), lambda: followed.outputs, put, pause=files.pause)
        except CodemadError as error:
            if outcome is None:
                raise
            self._watch.homeless = str(error)
            return outcome
