"""``codemad run``: execute a notebook as papermill would, the same result every time.

Owns the order of things: read, inject, execute cell by cell while writing, report how it ended. What
differs between two runs (times, ids, paths) is kept out of the output notebook.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.batch.documents import import_nbformat, write_notebook
from codemad_jupyter.batch.live_lines import LiveLines, bar
from codemad_jupyter.batch.parameters import unnamed
from codemad_jupyter.batch.preparing import Order, arguments, environment, prepare
from codemad_jupyter.batch.repairs import annotate
from codemad_jupyter.batch.run_report import (
    CODES,
    FORMS,
    CellReport,
    Ending,
    RunReport,
    lines,
    write_report,
)
from codemad_jupyter.protocol.errors import KernelError, UsageError

if TYPE_CHECKING:
    from codemad_jupyter.batch.execution import Execution, Watch
    from codemad_jupyter.batch.mending import Workshop
PARENT = "CODEMAD_BATCH_PROCESS"
"""The variable with the process id of the batch that started a run."""
STOPPING = 10.0
"""Seconds a cancelled kernel gets to be gone."""


def run(order: Order) -> int:
    """Execute; the exit code. Raises `CodemadError` for what prevents a start."""
    notebook = prepare(order)
    if order.report is not None:
        check_report(order.report)
    if order.sandbox:
        demand_sandbox()
    began = time.monotonic()
    shown = LiveLines()
    for name in unnamed(notebook.cells, order.parameters):
        shown.say(f"codemad: no cell names the parameter {name}.")
    execution = _execution(order, notebook, shown)
    write_notebook(notebook, order.output)
    cancelled = False
    try:
        in_thread(execution)
    except KeyboardInterrupt:
        cancelled = True
    finally:
        shown.close()
        write_notebook(notebook, order.output)
    report = reported(order, notebook, execution, cancelled=cancelled, seconds=time.monotonic() - began)
    if report.repairs:
        write_notebook(notebook, order.output)
    for line in lines(report) if order.progress or report.repairs or shown.live else ():
        shown.say(line)
    if report.ending not in ("done", "repaired"):
        shown.say(f"codemad: {report.text}")
    return CODES[report.ending]


def reported(
    order: Order, notebook: Any, execution: Execution, *, cancelled: bool, seconds: float
) -> RunReport:
    """What the run came to. Puts the repairs into the notebook, and writes the report that is wanted."""
    repairs = tuple(execution.mender.repairs) if execution.mender is not None else ()
    ran = {cell.number: cell for cell in execution.cells}
    cells = tuple(
        CellReport(number=at, status="not_run")
        if at not in ran
        else CellReport(number=at, status=ran[at].status, error=ran[at].error, seconds=ran[at].seconds)
        for at, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "code"
    )
    ending = _ending(execution, cancelled=cancelled)
    text = {"done": "Done.", "repaired": "Done, with repairs.", "cancelled": "cancelled."}.get(
        ending, f"{execution.failure}. What there is was written to {order.output}."
    )
    report = RunReport(
        notebook=order.notebook.name,
        output=order.output.name,
        ending=ending,
        text=text,
        cells=cells,
        repairs=repairs,
        seconds=round(seconds, 3),
    )
    if repairs:
        annotate(notebook, repairs, import_nbformat().v4.new_markdown_cell)
    if order.report is not None:
        write_report(report, order.report)
    return report


def _ending(execution: Execution, *, cancelled: bool) -> Ending:
    if cancelled:
        return "cancelled"
    if execution.failure is None:
        mended = any(cell.status == "repaired" for cell in execution.cells)
        return "repaired" if mended else "done"
    if execution.mender is not None and execution.mender.ending == "out_of_budget":
        return "out_of_budget"
    return "failed"


def check_report(path: Path) -> None:
    """Raises `UsageError` for a report that could not be written."""
    if path.suffix not in FORMS:
        raise UsageError(f"{path} says no form of a report.", hint="End its name with .json or .html.")
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written.", hint="Name a file in a folder that there is.")


def _execution(order: Order, notebook: Any, shown: LiveLines) -> Execution:
    from codemad_jupyter.batch.execution import Execution

    return Execution(
        notebook,
        kernel=notebook.metadata["kernelspec"]["name"],
        arguments=arguments(notebook),
        environment=environment(order, notebook),
        cwd=order.cwd or Path.cwd(),
        timeout=order.timeout,
        watch=_watch(order, notebook, shown),
        sandbox=order.sandbox,
        workshop=workshop(order),
    )


def _watch(order: Order, notebook: Any, shown: LiveLines) -> Watch:
    from codemad_jupyter.batch.execution import Watch

    def save() -> None:
        write_notebook(notebook, order.output)

    def began(cell: Any, index: int) -> None:
        if shown.live:
            first = next(iter(cell.source.strip().splitlines()), "")
            shown.draw([f"{bar(index, of)} cell {index + 1} of {of}  {first}"])
        elif cell.cell_type == "code":
            shown.say(f"cell {index + 1} of {of}")

    of = len(notebook.cells)
    return Watch(save, began=began, told=shown.say) if shown.live or order.progress else Watch(save)


def workshop(order: Order) -> Workshop | None:
    """What failing cells are repaired with; None where they are not."""
    if order.repair == "none":
        return None
    from codemad_jupyter.batch.mending import Workshop
    from codemad_jupyter.protocol.supply import Budget

    root, source = (order.cwd or Path.cwd()).resolve(), order.notebook.resolve()
    inside = source.is_relative_to(root)
    return Workshop(
        policy=order.repair,
        root=root,
        notebook=source.relative_to(root).as_posix() if inside else source.name,
        model=order.model,
        settings=order.cassette.settings if order.cassette is not None else {},
        budget=Budget(cost=order.repair_budget, tokens=order.repair_tokens),
    )


def in_thread(execution: Execution) -> None:
    """Run the loop in a thread, so that signals reach this one whatever the runner does with them.

    Waits for an event: a thread whose ``join`` a signal interrupts may count as ended in Python 3.11.
    """
    failures: list[BaseException] = []
    ended = threading.Event()

    def work() -> None:
        try:
            asyncio.run(execution.go())
        except BaseException as error:  # handed to the thread that waits
            failures.append(error)
        finally:
            ended.set()

    threading.Thread(target=work, name="codemad-run", daemon=True).start()
    try:
        while not ended.wait(1.0):
            if orphaned():
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        execution.cancel()
        if not ended.wait(STOPPING):
            raise KernelError("The kernel does not end.", hint="End its process by hand.") from None
        raise
    if failures:
        raise failures[0]


def orphaned() -> bool:
    """Has the batch that started this process gone, so that nobody waits for what it does?"""
    parent = os.environ.get(PARENT)
    return parent is not None and parent != str(os.getppid())


def demand_sandbox() -> None:
    """Before anything is written. Raises `Denied` where there is no strong one."""
    from codemad_jupyter.tools.sandbox.state import backend

    asyncio.run(backend("strong"))
