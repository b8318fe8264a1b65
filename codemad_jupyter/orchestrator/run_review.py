"""Settling all that a run proposed at once, in the order in which it was proposed."""

from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import CodemadError, Conflict, Denied, NotFound


async def accept_run(session: Session, reviewer: Reviewer, run: str, *, execute: bool) -> None:
    """Apply all pending edits of the run; a stale one is settled as such and the others are applied. What
    would give rights is left: to accept all does not mean that.

    With ``execute`` the touched code cells run afterwards, up to the first that fails. What hinders
    one edit is raised when the others are done.
    """
    failures: list[CodemadError] = []
    accepted: list[Edit] = []
    for id in pending_edits(session, run):
        if session.state.edits[id].status != "pending":
            continue  # settled by somebody else meanwhile
        if reviewer.gives_rights(session.state.edits[id]):
            said = (
                f"“{session.state.edits[id].title}” changes what assistants, editors or shells may do here."
            )
            failures.append(Denied(said, hint="Look at it, and accept it by itself."))
            continue
        try:
            if await reviewer.accept(id, None, execute=False):
                accepted.append(session.state.edits[id])
        except CodemadError as error:
            failures.append(error)
    if execute:
        reviewer.cells.start(accepted, run=run)
    if failures:
        raise failures[0]


async def reject_run(session: Session, reviewer: Reviewer, run: str) -> None:
    """Settle all pending edits of the run as rejected."""
    for id in pending_edits(session, run):
        if session.state.edits[id].status == "pending":
            await reviewer.reject(id, None)


def pending_edits(session: Session, run: str) -> list[str]:
    """The pending edits of a run, as proposed. Raises `NotFound` or `Conflict`."""
    state = session.state
    if run not in state.runs:
        raise NotFound(f"This session has no run {run}.", hint="It may belong to another session.")
    if state.runs[run].undone:
        raise Conflict("The run was undone.", hint="Redo it first.")
    found = [
        id for id, edit in state.edits.items() if state.edit_runs[id] == run and edit.status == "pending"
    ]
    if not found:
        raise Conflict("Nothing of the run is pending.", hint="All its changes were settled already.")
    return found


Settling = cmd.AcceptEdit | cmd.RejectEdit | cmd.AcceptRun | cmd.RejectRun


async def settle(session: Session, reviewer: Reviewer, command: Settling) -> None:
    """Accept or reject an edit, or all that waits of a run."""
    async with reviewer.settling:
        match command:
            case cmd.AcceptEdit():
                await reviewer.accept(command.edit, command.hunks, execute=command.execute)
            case cmd.RejectEdit():
                await reviewer.reject(command.edit, command.hunks)
            case cmd.AcceptRun():
                await accept_run(session, reviewer, command.run, execute=command.execute)
            case cmd.RejectRun():
                await reject_run(session, reviewer, command.run)
