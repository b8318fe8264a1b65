"""The timeline of checkpoints: listing them, making and naming one, bringing one back."""

from collections.abc import Collection, Sequence

from codemad_jupyter.orchestrator import branching
from codemad_jupyter.orchestrator.checkpointing import Checkpointer, files_of, notebooks_of
from codemad_jupyter.orchestrator.history import runs_taken_back, standing
from codemad_jupyter.orchestrator.pruning import prune
from codemad_jupyter.orchestrator.restoring import (
    EVERYTHING,
    Restoration,
    Scope,
    exactly,
    note_restored,
    take_back,
)
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session, title_of
from codemad_jupyter.orchestrator.undo import move, tell_commits
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.checkpoints import CheckpointInfo
from codemad_jupyter.protocol.errors import NotFound, UsageError
from codemad_jupyter.protocol.events import CheckpointsChanged, Restored, RunStarted
from codemad_jupyter.store.checkpoints import CheckpointRecord

NAME = 100
"""Characters of the longest name."""
LISTING = "List the checkpoints to see their ids."


async def listing(services: Services, session: str | None) -> tuple[CheckpointInfo, ...]:
    """The checkpoints of a session (None: of the workspace), newest last."""
    records = await services.store.outline(session)
    titles: dict[str | None, str] = {}
    undone: set[str] = set()
    for event in await services.store.events_of(("run_started", "restored"), session):
        if isinstance(event, RunStarted):
            titles[event.run] = title_of(event.prompt)
        elif isinstance(event, Restored):
            back = event.kind == "redo"
            undone = (undone - {*event.runs}) | {*event.others} if back else undone | {*event.runs}
            undone -= set() if back else {*event.others}
    return tuple(_info(record, titles.get(record.run, ""), record.run in undone) for record in records)


def _info(record: CheckpointRecord, title: str, undone: bool) -> CheckpointInfo:
    files = record.files or {}
    return CheckpointInfo.model_validate(
        {
            "id": record.id,
            "session": record.session,
            "run": record.run,
            "reason": record.reason,
            "name": record.name,
            "title": title,
            "made": record.at,
            "files": files.get("files", 0),
            "notebooks": tuple(record.notebooks),
            "size": record.size,
            "covered": files.get("kind", "none") != "none",
            "skipped": tuple(files.get("skipped", ())),
            "undone": undone,
        }
    )


async def make(session: Session, checkpointer: Checkpointer, command: cmd.MakeCheckpoint) -> None:
    """A checkpoint on demand."""
    notebook = command.target.notebook
    notebooks = () if notebook is None else (notebook,)
    if notebook is not None:
        await checkpointer.reachable(notebook)
    await checkpointer.make(
        "manual", run=None, notebooks=notebooks, head=session.head, name=named(command.name)
    )


def named(name: str) -> str:
    """A name as it is kept. Raises `UsageError`."""
    text = " ".join(name.split())
    if len(text) > NAME:
        raise UsageError(
            f"The name has {len(text)} characters; {NAME} are allowed.", hint="Choose a shorter one."
        )
    return text


async def rename(services: Services, session: Session, command: cmd.NameCheckpoint) -> None:
    """Name a checkpoint of the workspace, or take its name away."""
    name = named(command.name)
    await services.store.update_checkpoint(command.checkpoint, name=name)
    text = (
        f"Named the checkpoint {command.checkpoint} “{name}”."
        if name
        else (f"The checkpoint {command.checkpoint} has no name any more.")
    )
    session.bus.emit(CheckpointsChanged(text=text))


async def restore(
    services: Services,
    session: Session,
    checkpointer: Checkpointer,
    command: cmd.RestoreCheckpoint,
    *,
    stay: bool = False,
) -> Restored:
    """Bring a point of the timeline back: what runs changed since goes, the person's changes stay where
    they do not stand in the way. A checkpoint made on demand or when a branch was left, and paths that are
    named, come back as a whole: there the person's own changes are taken back too. One made on another
    branch leads back to it, unless the conversation is to ``stay`` where it is."""
    records = await services.store.outline(session.id)
    at = next((n for n, record in enumerate(records) if record.id == command.checkpoint), None)
    if at is None:
        raise NotFound(f"This session has no checkpoint {command.checkpoint}.", hint=LISTING)
    target, since = records[at], standing(records[at:])
    scope = EVERYTHING if command.paths is None else Scope(command.paths)
    whole = target.reason in ("manual", "switch") or command.paths is not None
    files = [path for path in files_of(since) if path in scope]
    notebooks = [path for path in notebooks_of(since) if path in scope]
    if whole:
        extra = [path for path in target.notebooks if path in scope]
        extra += [path for path in command.paths or () if path.endswith(".ipynb")]
        files += [path for path in command.paths or () if not path.endswith("/")]
        notebooks += extra
    safety = await checkpointer.make(
        "restore", run=target.run, notebooks=notebooks, head=session.head, include=files
    )
    total = Restoration()
    for record in reversed(since):
        total += await take_back(services, record, scope=scope)
    besides: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    if whole:
        done, besides, documents = await exactly(
            services, target, scope=scope, besides=files_of(since), touched=_touched_cells(since)
        )
        total += done
    gone, back = (
        await _moved(services, session, target, since, stay=stay) if scope is EVERYTHING else ((), ())
    )
    await note_restored(
        services, checkpointer, safety, since, scope=scope, files=besides, notebooks=documents
    )
    tell_commits(session, list(gone))
    return total.told("restore", safety.id, runs=gone, others=back)


async def _moved(
    services: Services,
    session: Session,
    target: CheckpointRecord,
    since: Sequence[CheckpointRecord],
    *,
    stay: bool,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put the conversation where it stood at the checkpoint; the runs that went, and those that came back,
    be they of another branch."""
    state, left, back = session.state, tuple[str, ...](), tuple[str, ...]()
    owner = state.branch_of.get(target.id, state.branch)
    if stay:
        pass
    elif owner != state.branch:
        await branching.stand_on(services, session, owner, head=target.head)
    else:
        left, back = await move(session, target.head)
    taken = runs_taken_back(await services.store.outline(session.id), {record.id for record in since})
    runs = state.runs.values()
    gone = (*left, *(r.id for r in runs if taken.get(r.id, 0) > 0 and not r.undone and r.id not in left))
    return gone, (*back, *(r.id for r in runs if taken.get(r.id, 0) < 0 and r.undone and r.id not in back))


def _touched_cells(records: Sequence[CheckpointRecord]) -> set[tuple[str, str]]:
    return {
        (path, cell)
        for record in records
        for path, cells in record.touched.get("cells", {}).items()
        for cell in cells
    }


async def keep(
    services: Services,
    session: Session,
    checkpointer: Checkpointer,
    command: cmd.MakeCheckpoint | cmd.NameCheckpoint | cmd.PruneCheckpoints,
    *,
    busy: Collection[str],
) -> None:
    """Make, name or forget checkpoints; those of ``busy`` runs are not forgotten."""
    match command:
        case cmd.MakeCheckpoint():
            await make(session, checkpointer, command)
        case cmd.NameCheckpoint():
            await rename(services, session, command)
        case cmd.PruneCheckpoints():
            await prune(services, session, command, busy=busy)
    await session.bus.saved()


async def branch(
    services: Services,
    session: Session,
    checkpointer: Checkpointer,
    command: cmd.MakeBranch | cmd.SwitchBranch | cmd.NameBranch,
) -> Restored | None:
    """Make, take or name a branch, and bring its files back where that is asked for: what that did."""
    match command:
        case cmd.MakeBranch():
            changed = await branching.make(services, session, checkpointer, command)
        case cmd.SwitchBranch():
            changed = await branching.switch(services, session, checkpointer, command)
        case cmd.NameBranch():
            changed = await branching.name(services, session, command)
    session.bus.emit(changed)
    await session.bus.saved()
    if isinstance(command, cmd.NameBranch) or not command.restore or changed.checkpoint is None:
        return None
    back = cmd.RestoreCheckpoint(session=session.id, checkpoint=changed.checkpoint)
    return await restore(services, session, checkpointer, back, stay=True)
