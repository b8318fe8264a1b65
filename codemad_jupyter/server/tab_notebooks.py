"""The notebook port of the server: a tab that has the notebook open, else the file.

Cells that a tab runs are `tab_execution`'s affair.

An open document belongs to its tab: nobody writes the file behind its back. Only a notebook
that is open nowhere is read and written as a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from codemad_jupyter.notebooks.outputs import plain
from codemad_jupyter.notebooks.ports import CellWatch
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import NotebookError
from codemad_jupyter.protocol.frames import PortOp
from codemad_jupyter.protocol.kernels import ExecutionResult, NotebookView
from codemad_jupyter.server.tab_execution import TabExecution
from codemad_jupyter.server.tabs import RELOAD, Tab, Tabs

if TYPE_CHECKING:
    from codemad_jupyter.notebooks.files import FileNotebooks
    from codemad_jupyter.server.tab_execution import FindKernel

TIMEOUTS: dict[PortOp, float | None] = {
    "view": 10.0,
    "snapshot": 20.0,
    "apply": 15.0,
    "save": 30.0,
    "execute": None,  # a cell may run for hours; the call ends when the tab goes away
}


class TabNotebooks:
    """`NotebookPort` over the tabs; ``files`` serves what no tab has open. ``kernel`` finds the kernel
    of a notebook, so that what a tab runs there can be followed and stopped."""

    def __init__(
        self,
        tabs: Tabs,
        *,
        files: FileNotebooks,
        kernel: FindKernel | None = None,
        timeouts: dict[PortOp, float | None] | None = None,
    ) -> None:
        self._tabs = tabs
        self._files = files
        self._kernel = kernel
        self._timeouts = TIMEOUTS | (timeouts or {})

    async def view(self, path: str) -> NotebookView:
        tab = await self._tabs.holder(path)
        if tab is None:
            return await self._files.view(path)
        try:
            seen = NotebookView.model_validate(await self._ask(tab, "view", path=path))
        except ValidationError as error:
            raise _garbled(path, "view") from error
        cells = tuple(
            cell.model_copy(update={"outputs_text": plain(cell.outputs_text)}) for cell in seen.cells
        )
        return seen.model_copy(update={"live": True, "path": path, "cells": cells})

    async def snapshot(self, path: str) -> dict[str, Any]:
        tab = await self._tabs.holder(path)
        if tab is None:
            return await self._files.snapshot(path)
        document = await self._ask(tab, "snapshot", path=path)
        if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
            raise _garbled(path, "snapshot")
        return document

    async def apply(self, path: str, changes: tuple[CellChange, ...]) -> None:
        tab = await self._tabs.holder(path)
        if tab is None:
            await self._files.apply(path, changes)
            return
        steps = [change.model_dump(mode="json") for change in changes]
        await self._ask(tab, "apply", path=path, arguments={"changes": steps})

    async def execute_cell(self, path: str, cell: str, *, watch: CellWatch | None = None) -> ExecutionResult:
        tab = await self._tabs.holder(path)
        if tab is None:
            return await self._files.execute_cell(path, cell, watch=watch)
        work = TabExecution(path, cell, client=tab.client, watch=watch or CellWatch())

        async def ask() -> ExecutionResult:
            given = {"cell": cell}
            return _result(path, await self._ask(tab, "execute", path=path, arguments=given, work=work))

        await work.listen(self._kernel)
        return await work.run(ask, self._tabs, self._files)

    async def change_open(self, path: str, change: Callable[[dict[str, Any]], CellChange]) -> bool:
        """Make a change in the tab that has the notebook open by now; False where none has."""
        if await self._tabs.holder(path) is None:
            return False
        await self.apply(path, (change(await self.snapshot(path)),))
        return True

    async def _ask(
        self,
        tab: Tab,
        op: PortOp,
        *,
        path: str,
        arguments: dict[str, Any] | None = None,
        work: TabExecution | None = None,
    ) -> Any:
        return await self._tabs.call(
            tab,
            op,
            path=path,
            arguments=arguments or {},
            timeout=self._timeouts[op],
            progress=work.sent if work is not None else None,
        )


def _result(path: str, outcome: Any) -> ExecutionResult:
    if not isinstance(outcome, dict) or not isinstance(outcome.get("ok"), bool):
        raise _garbled(path, "execute")
    name, _, message = str(outcome.get("error") or "").partition(": ")
    seconds = outcome.get("seconds")
    return ExecutionResult(
        ok=outcome["ok"],
        error_name=name,
        error_message=message,
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
    )


def _garbled(path: str, op: PortOp) -> NotebookError:
    said = f"The browser tab that shows {path} answered '{op}' with something that is no {op}."
    return NotebookError(said, hint=RELOAD)
