"""Undo and redo of runs: files, notebook and conversation together."""

from codemad_jupyter.orchestrator.checkpointing import Checkpointer, Restoration, files_of, notebooks_of
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.errors import Conflict, NotFound
from codemad_jupyter.protocol.events import Restored


async def undo(services: Services, session: Session, checkpointer: Checkpointer, run: str | None) -> Restored:
    """Bring everything back to before the run (None: the latest that changed something)."""
    changed = await checkpointer.changed_runs()
    if run is None:
        if not changed:
            raise Conflict("There is nothing to undo.", hint="No accepted change of this session is left.")
        run = list(changed)[-1]
    if run not in session.state.runs:
        raise NotFound(f"This session has no run {run}.", hint="Open the session that made it.")
    if session.state.runs[run].undone:
        raise Conflict("This run is undone already.", hint="Use redo to bring it back.")
    order = list(session.state.runs)
    gone = [id for id in order[order.index(run) :] if not session.state.runs[id].undone]
    records = [record for id, record in changed.items() if id in gone]
    safety = await checkpointer.make(
        "undo", run=run, notebooks=notebooks_of(records), head=session.head, include=files_of(records)
    )
    total = Restoration()
    for record in reversed(records):
        total += await checkpointer.restore(record)
    await session.move(session.before(run))
    await checkpointer.note_restored(safety, records)
    return _restored("undo", safety.id, gone, total)


async def redo(services: Services, session: Session, checkpointer: Checkpointer) -> Restored:
    """Take back the latest undo."""
    if not session.state.undone:
        raise Conflict("There is nothing to redo.", hint="Redo takes back an undo, until a new prompt.")
    record = await services.store.checkpoint(session.state.undone[-1])
    runs = [run.id for run in session.state.runs.values() if run.undone]
    runs = runs[runs.index(record.run) :] if record.run in runs else runs
    safety = await checkpointer.make(
        "redo",
        run=record.run,
        notebooks=notebooks_of([record]),
        head=session.head,
        include=files_of([record]),
    )
    total = await checkpointer.restore(record)
    await session.move(record.head)
    return _restored("redo", safety.id, runs, total)


def _restored(kind: str, checkpoint: str, runs: list[str], total: Restoration) -> Restored:
    return Restored(
        kind="undo" if kind == "undo" else "redo",
        checkpoint=checkpoint,
        runs=tuple(runs),
        files=total.files,
        cells=total.cells,
        conflicts=total.conflicts,
    )
