"""Undo and redo of runs: files, notebook and conversation together."""

from codemad_jupyter.orchestrator.checkpointing import Checkpointer, files_of, notebooks_of
from codemad_jupyter.orchestrator.restoring import Restoration, note_restored, take_back
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.errors import Conflict, NotFound
from codemad_jupyter.protocol.events import Notice, Restored
from codemad_jupyter.store.checkpoints import CheckpointRecord


async def undo(services: Services, session: Session, checkpointer: Checkpointer, run: str | None) -> Restored:
    """Bring everything back to before the run (None: the latest that changed something)."""
    changed = await _changed_runs(services, session)
    if run is None:
        if not changed:
            raise Conflict("There is nothing to undo.", hint="No accepted change of this session is left.")
        run = list(changed)[-1]
    if run not in session.state.runs:
        raise NotFound(f"This session has no run {run}.", hint="Open the session that made it.")
    if session.state.runs[run].undone:
        raise Conflict("This run is undone already.", hint="Use redo to bring it back.")
    order = list(session.state.runs)
    if session.state.runs[run].away:
        raise Conflict("This run belongs to another branch.", hint="Switch to that branch first.")
    runs = session.state.runs
    gone = [id for id in order[order.index(run) :] if not (runs[id].undone or runs[id].away)]
    records = [record for id, record in changed.items() if id in gone]
    safety = await checkpointer.make(
        "undo", run=run, notebooks=notebooks_of(records), head=session.head, include=files_of(records)
    )
    total = Restoration()
    for record in reversed(records):
        total += await take_back(services, record)
    await session.move(session.before(run))
    await note_restored(services, checkpointer, safety, records)
    tell_commits(session, gone)
    return total.told("undo", safety.id, runs=tuple(gone))


async def redo(services: Services, session: Session, checkpointer: Checkpointer) -> Restored:
    """Take back the latest undo or restore."""
    if not session.state.undone:
        raise Conflict("There is nothing to redo.", hint="Redo takes back an undo, until a new prompt.")
    try:
        record = await services.store.checkpoint(session.state.undone[-1])
    except NotFound as error:
        raise Conflict(
            "What was undone was forgotten when checkpoints were pruned.", hint="Ask for the change anew."
        ) from error
    safety = await checkpointer.make(
        "redo",
        run=record.run,
        notebooks=notebooks_of([record]),
        head=session.head,
        include=files_of([record]),
    )
    total = await take_back(services, record)
    others, runs = await move(session, record.head)
    await note_restored(services, checkpointer, safety, [record])
    return total.told("redo", safety.id, runs=runs, others=others)


async def move(session: Session, head: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put the conversation's head elsewhere; the runs that left it, and those that came back."""
    before = {entry.run for entry in session.path}
    await session.move(head)
    after = {entry.run for entry in session.path}
    runs = session.state.runs.values()
    left = tuple(run.id for run in runs if run.id in before - after and not run.undone)
    return left, tuple(run.id for run in runs if run.id in after and run.undone)


def tell_commits(session: Session, runs: list[str]) -> None:
    """History is the person's: what was committed stays in it."""
    commits = [commit[:12] for run in runs if (commit := session.state.runs[run].commit)]
    if commits:
        text = f"The files are back; the commits {', '.join(commits)} stay in the history of your repository."
        session.bus.emit(Notice(level="info", code="commit", text=text))


async def _changed_runs(services: Services, session: Session) -> dict[str, CheckpointRecord]:
    """The checkpoints of the branch's runs that changed something and are not undone, oldest first."""
    runs = session.state.runs
    return {
        record.run: record
        for record in await services.store.outline(session.id)
        if record.run and record.reason == "run" and record.touched
        if not (runs[record.run].undone or runs[record.run].away)
    }
