"""Proposals on their way to the user's files and cells: announced, tried, then settled hunk by hunk."""

import asyncio
from typing import assert_never

from codemad_jupyter.notebooks.ports import KernelPort
from codemad_jupyter.orchestrator.checkpointing import Checkpointer
from codemad_jupyter.orchestrator.executing import CellJobs
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import (
    CellChange,
    CellTarget,
    Edit,
    FileTarget,
    HunkStatus,
    Trial,
    settled_text,
)
from codemad_jupyter.protocol.errors import CodemadError, Conflict, NotFound, StaleEdit
from codemad_jupyter.protocol.events import EditProposed, EditSettled, EditTried
from codemad_jupyter.tools.files import read_text, write_text


class Reviewer:
    """Takes the proposals of one session and settles them."""

    def __init__(self, services: Services, session: Session, checkpointer: Checkpointer) -> None:
        self._services = services
        self._session = session
        self._checkpointer = checkpointer
        self._lock = asyncio.Lock()
        self.cells = CellJobs(services, session, checkpointer)

    async def propose(self, edit: Edit, *, run: str, kernel: KernelPort | None) -> Edit:
        """Announce a proposal and try it away from the user's state."""
        self._session.bus.emit(EditProposed(edit=edit), run=run)
        trial = await self._try(edit, run, kernel)
        if trial is None:
            return edit
        self._session.bus.emit(EditTried(edit=edit.id, trial=trial), run=run)
        return self._session.state.edits[edit.id]

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

    async def _try(self, edit: Edit, run: str, kernel: KernelPort | None) -> Trial | None:
        target = edit.target
        if isinstance(target, FileTarget):
            return syntax_trial(edit.after, target.path) if target.path.endswith(".py") else None
        if target.cell_type != "code" or target.op not in ("insert", "replace"):
            return None
        if kernel is None or not self._services.trial:
            return Trial(status="skipped", method="none", detail="No kernel to try it in.")
        try:
            code = self._with_earlier(edit, run)
            return await kernel.try_code(code, timeout=self._services.trial_seconds)
        except CodemadError as error:
            return Trial(status="skipped", method="none", detail=str(error))

    def _with_earlier(self, edit: Edit, run: str) -> str:
        # A later cell of the same answer may need what an earlier one, not accepted yet, defines.
        state = self._session.state
        earlier = (
            other.after
            for id, other in state.edits.items()
            if id != edit.id
            and state.edit_runs[id] == run
            and other.status == "pending"
            and _is_new_code(other)
        )
        return "\n\n".join((*earlier, edit.after))

    async def accept(self, id: str, hunks: tuple[int, ...] | None, *, execute: bool) -> None:
        """Apply hunks of an edit; a stale edit is settled as such and nothing is applied.

        With ``execute`` the touched cell runs afterwards, as a job that nobody here waits for.
        """
        async with self._lock:
            edit, named = self._pending(id, hunks)
            run = self._session.state.edit_runs[id]
            try:
                await self._apply(edit, edit.settle(named, "accepted"), run)
            except (StaleEdit, NotFound) as error:
                settled = EditSettled(edit=id, status="stale", hunks=_statuses(edit), detail=str(error))
                self._session.bus.emit(settled, run=run)
                execute = False
            else:
                self._settled(edit.settle(named, "accepted"), run)
            await self._session.bus.saved()
        if execute:
            self.cells.start((edit,), run=run)

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
        event = EditSettled(edit=edit.id, status=edit.status, hunks=_statuses(edit))
        self._session.bus.emit(event, run=run)

    async def _apply(self, edit: Edit, wanted: Edit, run: str) -> None:
        match edit.target:
            case FileTarget():
                expected = await asyncio.to_thread(self._expected, edit, edit.target)
                await self._checkpointer.before_change(run, ())
                async with self._checkpointer.watching_files(run, include=(edit.target.path,)):
                    await asyncio.to_thread(
                        write_text,
                        self._services.root,
                        edit.target.path,
                        settled_text(wanted),
                        expected=expected,
                    )
            case CellTarget():
                await self._apply_cell(edit, wanted, edit.target, run)
            case _:
                assert_never(edit.target)

    def _expected(self, edit: Edit, target: FileTarget) -> str | None:
        if not target.exists and all(hunk.status != "accepted" for hunk in edit.hunks):
            return None
        text = read_text(self._services.root, target.path)
        if text != settled_text(edit):
            raise StaleEdit(f"{target.path} changed since it was read.", hint="Ask again.")
        return text

    async def _apply_cell(self, edit: Edit, wanted: Edit, target: CellTarget, run: str) -> None:
        port = await self._services.ports.notebook(Target(notebook=target.notebook))
        if port is None:
            raise NotFound(f"{target.notebook} cannot be reached.", hint="Open the notebook and try again.")
        change = cell_change(edit, wanted, target)
        if change.op != "insert" and (await port.view(target.notebook)).cell(target.cell) is None:
            raise StaleEdit(f"Cell {target.cell} is gone.", hint="It was deleted; ask again.")
        await self._checkpointer.before_change(run, (target.notebook,))
        await port.apply(target.notebook, (change,))
        left = None if target.op == "delete" else settled_text(wanted)
        await self._checkpointer.touched_cell(run, target.notebook, target.cell, left)


def cell_change(edit: Edit, wanted: Edit, target: CellTarget) -> CellChange:
    """The document change that accepting leads to; it expects what the edit was made from."""
    if target.op in ("split", "merge"):
        raise NotFound("not here yet", hint="")
    return CellChange(
        op=target.op,
        cell=target.cell,
        cell_type=target.cell_type,
        source=settled_text(wanted),
        anchor=target.anchor,
        position=target.position,
        expect=None if target.op == "insert" else settled_text(edit),
    )


def syntax_trial(source: str, name: str) -> Trial:
    """Whether Python source compiles."""
    try:
        compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        detail = f"{type(error).__name__}: {error.args[0]} (line {line})"
        return Trial(status="failed", method="syntax", detail=detail)
    return Trial(status="passed", method="syntax")


def _is_new_code(edit: Edit) -> bool:
    target = edit.target
    return isinstance(target, CellTarget) and target.op == "insert" and target.cell_type == "code"


def _statuses(edit: Edit) -> dict[int, HunkStatus]:
    return {hunk.id: hunk.status for hunk in edit.hunks}
