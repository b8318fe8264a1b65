"""Proposals on their way to the user's files and cells: announced, tried, then settled hunk by hunk."""

import asyncio
import time
from typing import assert_never

from codemad_jupyter.hooks import refusals
from codemad_jupyter.notebooks.cells import source_of
from codemad_jupyter.notebooks.ports import KernelPort
from codemad_jupyter.notebooks.provenance import provenance
from codemad_jupyter.orchestrator import half_done
from codemad_jupyter.orchestrator.acting import applied_line, control
from codemad_jupyter.orchestrator.approvals import Approvals
from codemad_jupyter.orchestrator.cell_changes import cell_changes, left_in
from codemad_jupyter.orchestrator.checkpointing import Checkpointer
from codemad_jupyter.orchestrator.diagnosing import Diagnoser
from codemad_jupyter.orchestrator.executing import CellJobs
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.orchestrator.trying import Trier
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import (
    CellChange,
    CellTarget,
    Edit,
    FileTarget,
    HunkStatus,
    settled_text,
)
from codemad_jupyter.protocol.errors import CodemadError, Conflict, Denied, NotFound, StaleEdit, UsageError
from codemad_jupyter.protocol.events import EditProposed, EditSettled, EditTried
from codemad_jupyter.tools.settling import settle, touched, verify


class Reviewer:
    """Takes the proposals of one session and settles them."""

    def __init__(
        self, services: Services, session: Session, checkpointer: Checkpointer, *, approvals: Approvals
    ) -> None:
        self._services = services
        self._session = session
        self._checkpointer = checkpointer
        self._trier = Trier(services, session)
        self._diagnoser = Diagnoser(services, session)
        self._lock = asyncio.Lock()
        self.settling = asyncio.Lock()
        """Held while a decision about edits is carried out, over a whole run; nothing is restored then."""
        self.cells = CellJobs(services, session, checkpointer, approvals=approvals)

    async def propose(self, edit: Edit, *, run: str, kernel: KernelPort | None) -> Edit:
        """Announce a proposal, try it away from the user's state, and let language servers look at it."""
        self._session.bus.emit(EditProposed(edit=edit), run=run)
        await asyncio.gather(
            self._try(edit, run=run, kernel=kernel),
            self._diagnoser.diagnose(edit, run=run, kernel=kernel),
        )
        return self._session.state.edits[edit.id]

    async def _try(self, edit: Edit, *, run: str, kernel: KernelPort | None) -> None:
        trial = await self._trier.try_edit(edit, run=run, kernel=kernel)
        if trial is not None:
            self._session.bus.emit(EditTried(edit=edit.id, trial=trial), run=run)

    def pending_insert(self, cell: str, *, run: str) -> Edit | None:
        """The edit of the run that would insert this cell and waits to be settled."""
        state = self._session.state
        for id, edit in state.edits.items():
            target = edit.target
            inserts = isinstance(target, CellTarget) and target.op == "insert" and target.cell == cell
            if inserts and edit.status == "pending" and state.edit_runs[id] == run:
                return edit
        return None

    def withdraw(self, edit: Edit, *, run: str) -> None:
        """Settle an edit as rejected, because the run replaces it by another."""
        gone = edit.settle([hunk.id for hunk in edit.hunks], "rejected")
        detail = "replaced by a better proposal"
        event = EditSettled(edit=edit.id, status="rejected", hunks=_statuses(gone), detail=detail)
        self._session.bus.emit(event, run=run)

    async def try_again(self, id: str) -> None:
        """Try a pending proposal as the kernel and the notebook stand now."""
        edit, _ = self._pending(id, None)
        run = self._session.state.edit_runs[id]
        kernel = None
        if isinstance(edit.target, CellTarget):
            kernel = await self._services.ports.kernel(Target(notebook=edit.target.notebook))
        trial = await self._trier.try_edit(edit, run=run, kernel=kernel)
        if trial is None:
            raise UsageError(f"“{edit.title}” is nothing that can be tried.", hint="Only code is tried.")
        self._session.bus.emit(EditTried(edit=id, trial=trial), run=run)
        await self._session.bus.saved()

    def gives_rights(self, edit: Edit) -> bool:
        """Does it change a file by which rights are given?"""
        return control(self._services.root, edit)

    async def apply_by_itself(self, id: str) -> Edit:
        """Apply an edit that needs no person; what hinders it leaves it stale. The edit as it stands then."""
        await self.accept(id, None, execute=False, by_itself=True)
        return self._session.state.edits[id]

    async def accept(
        self, id: str, hunks: tuple[int, ...] | None, *, execute: bool, by_itself: bool = False
    ) -> bool:
        """Apply hunks of an edit; a stale edit is settled as such and nothing is applied. Was it?

        With ``execute`` the touched cell runs afterwards, as a job that nobody here waits for.
        """
        async with self._lock:
            edit, named = self._pending(id, hunks)
            run = self._session.state.edit_runs[id]
            wanted = edit.settle(named, "accepted")
            await self._let_go(wanted)
            try:
                await self._apply(edit, wanted, run, by_itself=by_itself)
            except (StaleEdit, NotFound) as error:
                settled = EditSettled(edit=id, status="stale", hunks=_statuses(edit), detail=str(error))
                self._session.bus.emit(settled, run=run)
                applied = False
            except CodemadError:
                await self._checkpointer.begin(run, None)
                raise
            else:
                self._settled(wanted, run)
                applied = True
                self._services.audit.record(applied_line(self._session.id, run, edit, by_itself=by_itself))
            await self._session.bus.saved()
            await self._checkpointer.begin(run, None)
        if applied and execute:
            self.cells.start((edit,), run=run)
        return applied

    async def _let_go(self, edit: Edit) -> None:
        """Raises `Denied` where a hook refuses what would be applied; the edit stays as it is."""
        for refusal in await refusals(self._services.hooks, "on_review", edit=edit):
            raise Denied(f"“{edit.title}” was not applied: {refusal}.", hint="Reject it, or ask for another.")

    async def reject(self, id: str, hunks: tuple[int, ...] | None) -> None:
        """Settle hunks of an edit as rejected; nothing is changed."""
        async with self._lock:
            edit, named = self._pending(id, hunks)
            self._settled(edit.settle(named, "rejected"), self._session.state.edit_runs[id])
            await self._session.bus.saved()

    def _pending(self, id: str, hunks: tuple[int, ...] | None) -> tuple[Edit, set[int]]:
        edit = self._session.state.edits.get(id)
        if edit is None:
            raise NotFound(f"This session has no edit {id}.", hint="It may belong to another session.")
        pending = {hunk.id for hunk in edit.hunks if hunk.status == "pending"}
        named = pending if hunks is None else set(hunks)
        if not named or not named <= pending:
            raise Conflict(
                f"“{edit.title}” has no pending hunk of that number.", hint="It was settled already."
            )
        run = self._session.state.runs[self._session.state.edit_runs[id]]
        if run.undone:
            raise Conflict(f"“{edit.title}” belongs to a run that was undone.", hint="Redo it first.")
        return edit, named

    def _settled(self, edit: Edit, run: str) -> None:
        self._session.bus.emit(_settling(edit), run=run)

    async def _apply(self, edit: Edit, wanted: Edit, run: str, *, by_itself: bool) -> None:
        match edit.target:
            case FileTarget():
                verified = await asyncio.to_thread(verify, self._services.root, [(edit, wanted)])
                await self._checkpointer.before_change(run, ())
                async with self._checkpointer.watching_files(run, include=touched(edit.target)) as before:
                    settled, root = _settling(wanted), self._services.root
                    begun = half_done.of_files(settled, verified, before, root=root, by_itself=by_itself)
                    await self._checkpointer.begin(run, begun.noted())
                    await asyncio.to_thread(settle, verified)
            case CellTarget():
                await self._apply_cell(edit, wanted, edit.target, run, by_itself=by_itself)
            case _:
                assert_never(edit.target)

    async def _apply_cell(
        self, edit: Edit, wanted: Edit, target: CellTarget, run: str, *, by_itself: bool
    ) -> None:
        port = await self._services.ports.notebook(Target(notebook=target.notebook))
        if port is None:
            raise NotFound(f"{target.notebook} cannot be reached.", hint="Open the notebook and try again.")
        view = await port.view(target.notebook)
        if target.op != "insert" and view.cell(target.cell) is None:
            raise StaleEdit(f"Cell {target.cell} is gone.", hint="It was deleted; ask again.")
        document = await port.snapshot(target.notebook) if target.op in ("split", "merge") else {}
        changes = cell_changes(edit, wanted, target, document)
        signed = tuple(self._signed(change, run) for change in changes)
        await self._checkpointer.before_change(run, (target.notebook,))
        left_there = left_in(target, settled_text(wanted))
        begun = half_done.of_cells(_settling(wanted), view, left_there, by_itself=by_itself)
        await self._checkpointer.begin(run, begun.noted())
        await port.apply(target.notebook, signed)
        for cell, left in left_there.items():
            await self._checkpointer.touched_cell(run, target.notebook, cell, left)

    def _signed(self, change: CellChange, run: str) -> CellChange:
        """The change with who made it, for the cell's metadata."""
        if change.op not in ("insert", "replace", "retype"):
            return change
        model = self._session.state.runs[run].model
        source = change.source if change.content is None else source_of(change.content)
        made = provenance(session=self._session.id, run=run, model=model, at=time.time(), source=source)
        return change.model_copy(update={"provenance": made})


def _settling(edit: Edit) -> EditSettled:
    return EditSettled(edit=edit.id, status=edit.status, hunks=_statuses(edit))


def _statuses(edit: Edit) -> dict[int, HunkStatus]:
    return {hunk.id: hunk.status for hunk in edit.hunks}
