"""A notebook executed as `codemad run` does it, with papermill's books kept: its progress bar, its metadata,
its output file. papermill has injected the parameters and chosen the kernel by then, and says how it ended.

papermill's command line has no options for an engine, so what an engine may be told comes from the settings
(``CODEMAD_REPAIR``, ``CODEMAD_RUN_REPORT``, ``CODEMAD_MODEL`` …); `papermill.execute_notebook` takes it as
arguments, see `OWN`.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellExecutionError
from papermill.engines import Engine

from codemad_jupyter.batch.execution import Execution, Watch
from codemad_jupyter.batch.parameters import INJECTED, injected_id
from codemad_jupyter.batch.preparing import Order, arguments, environment, with_settings
from codemad_jupyter.batch.repairs import told
from codemad_jupyter.batch.runner import check_report, demand_sandbox, in_thread, reported, workshop
from codemad_jupyter.protocol.errors import UsageError

OWN = ("repair", "repair_budget", "repair_tokens", "report", "policy", "rules", "model", "sandbox")
log = logging.getLogger("papermill")


class ManagedEngine(Engine):  # type: ignore[misc]
    """papermill's frame around our execution."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        input_path: str | None = None,
        **more: Any,
    ) -> None:
        """Execute what papermill manages. Raises `UsageError` for options that are not there."""
        order = ordered(nb_man.output_path, input_path, execution_timeout, more)
        _settle_injected(nb_man.nb.cells)
        outlets = _Outlets(log_output, stdout_file, stderr_file)
        execution = Execution(
            nb_man.nb,
            kernel=kernel_name,
            arguments=arguments(nb_man.nb),
            environment=environment(order, nb_man.nb),
            cwd=Path.cwd(),
            timeout=execution_timeout,
            start_timeout=start_timeout,
            watch=_watch(nb_man, outlets),
            sandbox=order.sandbox,
            workshop=workshop(order),
        )
        began = time.monotonic()
        cancelled = True
        try:
            in_thread(execution)
            cancelled = False
        finally:
            seconds = time.monotonic() - began
            report = reported(order, nb_man.nb, execution, cancelled=cancelled, seconds=seconds)
            for repair in report.repairs:
                log.warning("%s", told(repair))
            for cell in nb_man.nb.cells:
                cell.metadata.setdefault("papermill", _told_of())
        if execution.error is not None and not isinstance(execution.error, CellExecutionError):
            raise execution.error


def ordered(output: str | None, source: str | None, timeout: float | None, more: dict[str, Any]) -> Order:
    """What is to be done, from papermill's arguments and the settings. Raises `UsageError`."""
    unknown = sorted(set(more) - set(OWN))
    if unknown:
        raise UsageError(
            f"The engine codemad knows no {', '.join(unknown)}.", hint=f"It takes {', '.join(OWN)}."
        )
    given = with_settings(more, Path(output) if output is not None else None, root=Path.cwd())
    for name in ("report", "rules"):
        if name in given:
            given[name] = Path(given[name])
    notebook = Path(source or "notebook.ipynb")
    order = Order(notebook=notebook, output=Path(output or "-"), timeout=timeout, **given)
    if order.report is not None:
        check_report(order.report)
    if order.sandbox:
        demand_sandbox()
    return order


def _settle_injected(cells: list[Any]) -> None:
    """The cell of the parameters as `codemad run` has it: papermill makes up an id for it, each time another,
    which a cassette would not know again."""
    for cell in cells:
        if INJECTED in cell.metadata.get("tags", ()) and "id" in cell:
            cell["id"] = injected_id([each for each in cells if each is not cell])
            cell.source = cell.source.rstrip("\n")
            return


class _Outlets:
    """Where papermill wants the outputs too."""

    def __init__(self, logged: bool, stdout: Any, stderr: Any) -> None:
        self._logged = logged
        self._files = {"stdout": stdout, "stderr": stderr}

    def take(self, output: Any) -> None:
        if output.output_type == "stream":
            file = self._files.get(output.name)
            if file is not None:
                file.write(output.text)
                file.flush()
            if self._logged:
                log.log(logging.INFO if output.name == "stdout" else logging.WARNING, "%s", output.text)
        elif self._logged and "text/plain" in output.get("data", {}):
            log.info("%s", output.data["text/plain"])


def _watch(nb_man: Any, outlets: _Outlets) -> Watch:
    def ended(cell: Any, index: int, failed: bool) -> None:
        if failed:
            nb_man.cell_exception(cell, cell_index=index)
        nb_man.cell_complete(cell, cell_index=index)

    def began(cell: Any, index: int) -> None:
        nb_man.cell_start(cell, index)

    saves = nb_man.save if nb_man.autosave_cell_every else lambda: None
    return Watch(saves, began=began, ended=ended, output=outlets.take)


def _told_of() -> dict[str, Any]:
    """papermill's metadata of a cell that tells of a repair: it has nothing to run."""
    empty = dict.fromkeys(("start_time", "end_time", "duration"))
    return {"exception": False, "status": "completed", **empty}
