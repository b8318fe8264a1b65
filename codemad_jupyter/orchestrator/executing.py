"""Cells that run after an edit was accepted: jobs in the background of a session, which Stop ends.

A job belongs to the run whose edit it executes. It outlives the command that started it, and ends with
the session's engine.
"""

import asyncio
import logging
from collections.abc import Iterable

from codemad_jupyter.notebooks.outputs import outputs_text
from codemad_jupyter.notebooks.ports import CellWatch, NotebookPort, Stopped
from codemad_jupyter.orchestrator.approvals import Approvals
from codemad_jupyter.orchestrator.before_run import action_of, reason_before
from codemad_jupyter.orchestrator.checkpointing import Checkpointer
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import CellTarget, Edit
from codemad_jupyter.protocol.errors import CodemadError, Denied
from codemad_jupyter.protocol.events import CellExecuted, CellStarted, Notice
from codemad_jupyter.protocol.kernels import ExecutionResult
from codemad_jupyter.tools.gate import Answered, Asker, Question, Who
from codemad_jupyter.tools.permissions import Action, decide

STOP_LIMIT = 8.0
"""Seconds that stopping a job may take, the grace of its code included."""
STOPPED = "Stopped by you."
WAITING = "Stopped by you. It waits behind another cell and is ended as soon as its turn comes."
UNREACHED = "Stopped by you, but the cell runs on: its kernel cannot be heard. Interrupt it in the notebook."
MOST_KEPT = 8_000
"""Characters of outputs that are told because no document can hold them."""
STUBBORN = "The code ignores the interrupt and is still running. Stop it with the kernel, or wait for it."

_log = logging.getLogger(__name__)


class CellJobs:
    """Runs touched cells for one session."""

    def __init__(
        self, services: Services, session: Session, checkpointer: Checkpointer, *, approvals: Approvals
    ) -> None:
        self._approvals = approvals
        self._services = services
        self._session = session
        self._checkpointer = checkpointer
        self._jobs: dict[asyncio.Task[None], str] = {}

    @property
    def busy(self) -> bool:
        """Does a cell run?"""
        return bool(self._jobs)

    def start(self, edits: Iterable[Edit], *, run: str) -> None:
        """Run each code cell of these edits once, one after the other, up to the first that fails."""
        cells = (edit.target for edit in edits if runs(edit))
        targets = {target.cell: target for target in cells if isinstance(target, CellTarget)}
        if targets:
            job = asyncio.create_task(
                self._execute_all(tuple(targets.values()), run), name=f"codemad cells of {run}"
            )
            self._jobs[job] = run
            job.add_done_callback(self._ended)

    async def stop(self, run: str | None = None) -> None:
        """End the jobs of a run (None: all); their code is interrupted."""
        jobs = [job for job, owner in self._jobs.items() if run is None or owner == run]
        for job in jobs:
            job.cancel()
        if jobs:
            await asyncio.wait(jobs, timeout=STOP_LIMIT)
            await self._session.bus.saved()

    async def finished(self) -> None:
        """Wait until nothing runs any more."""
        while self._jobs:
            await asyncio.wait(list(self._jobs))

    def _ended(self, job: asyncio.Task[None]) -> None:
        self._jobs.pop(job, None)
        if not job.cancelled() and (error := job.exception()) is not None:
            _log.error("running cells failed", exc_info=error)

    async def _execute_all(self, targets: tuple[CellTarget, ...], run: str) -> None:
        for target in targets:
            port = await self._services.ports.notebook(Target(notebook=target.notebook))
            if port is None or not await self._allowed(port, target, run):
                return
            executed = await self._execute(port, target, run)
            self._session.bus.emit(executed, run=run)
            await self._session.bus.saved()
            if not executed.ok:
                return

    async def _allowed(self, port: NotebookPort, target: CellTarget, run: str) -> bool:
        """May the cell run? Where it is tagged for it, or takes long, a person is asked for exactly it."""
        why = reason = ""
        try:
            cell = (await port.view(target.notebook)).cell(target.cell)
            if cell is None:
                return True
            reason = await reason_before(self._services, port, target, cell)
            asked = await self._admitted(action_of(self._services.root, target, cell), reason, run)
            if asked and (await port.view(target.notebook)).cell(target.cell) != cell:
                why = "it was changed while you were asked."
        except Denied as error:
            why = f"nobody approved it. {reason or error.message}"
        except CodemadError as error:
            why = str(error)
        if why:
            text = f"Cell {target.cell} of {target.notebook} was not run: {why}"
            self._session.bus.emit(Notice(level="warning", code="not_run", text=text), run=run)
            await self._session.bus.saved()
        return not why

    async def _admitted(self, action: Action, reason: str, run: str) -> bool:
        """Was a person asked just now? Who accepted the edit and asked for the cell has approved it, but for
        long cells and what rules say. Raises `Denied`."""
        gate = self._services.gate(self._asker(run), Who(session=self._session.id, run=run))
        given = await gate.granted()
        if not reason and decide(action, given).habit:
            gate.ended(gate.line(action).model_copy(update={"decision": "approved"}), "begun")
            return False
        line = await gate.admit(action, reason=reason)
        gate.ended(line, "begun")
        return line.decision == "approved"

    def _asker(self, run: str) -> Asker:
        async def ask(question: Question) -> Answered:
            return await self._approvals.ask(question, run=run)

        return ask

    async def _execute(self, port: NotebookPort, target: CellTarget, run: str) -> CellExecuted:
        error, ok, seconds = "", False, 0.0
        begin = asyncio.get_running_loop().time()
        started = CellStarted(notebook=target.notebook, cell=target.cell)
        watch = CellWatch(on_start=lambda: self._session.bus.emit(started, run=run))
        try:
            async with self._checkpointer.watching_files(run):
                result = await port.execute_cell(target.notebook, target.cell, watch=watch)
            ok, seconds = result.ok, result.seconds
            error = "" if ok else f"{result.error_name}: {result.error_message}".strip(": ")
            self._tell_homeless(result, watch, run)
        except CodemadError as failure:
            error = str(failure)
        except asyncio.CancelledError:
            seconds = round(asyncio.get_running_loop().time() - begin, 3)
            error = await self._stopped(target, watch)
            stopped = CellExecuted(
                notebook=target.notebook, cell=target.cell, ok=False, error=error, seconds=seconds
            )
            self._session.bus.emit(stopped, run=run)
            raise
        return CellExecuted(notebook=target.notebook, cell=target.cell, ok=ok, error=error, seconds=seconds)

    async def _stopped(self, target: CellTarget, watch: CellWatch) -> str:
        """What to say of a cell that was stopped; its kernel has been interrupted where it could be."""
        if not watch.reachable:
            return UNREACHED
        if not watch.started:
            return WAITING
        kernel = await self._services.ports.kernel(Target(notebook=target.notebook))
        if kernel is not None and await kernel.stop_code(grace=0.0) == "running":
            return f"Stopped by you. {STUBBORN}"
        return STOPPED

    def _tell_homeless(self, result: ExecutionResult, watch: CellWatch, run: str) -> None:
        """Outputs that no document can hold must not be lost without a word."""
        if watch.homeless:
            text = outputs_text(result.outputs, MOST_KEPT)
            said = f"{watch.homeless} What the cell gave:\n{text}" if text else watch.homeless
            self._session.bus.emit(Notice(level="warning", code="outputs_kept", text=said), run=run)


def runs(edit: Edit) -> bool:
    """Is there a code cell to run after this edit?"""
    target = edit.target
    return isinstance(target, CellTarget) and target.cell_type == "code" and target.op != "delete"


def notice_of(stopped: Stopped) -> Notice | None:
    """What the person should know after a stop."""
    if stopped == "running":
        return Notice(level="warning", code="still_running", text=STUBBORN)
    if stopped == "killed":
        text = "The code ignored the interrupt, so the kernel was ended as you asked."
        return Notice(level="warning", code="kernel_killed", text=text)
    return None
