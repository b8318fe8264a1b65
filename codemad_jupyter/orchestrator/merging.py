"""A notebook with a merge conflict: what is open, and writing it as a person chose, as a run of its own."""

import asyncio
import hashlib
from typing import NamedTuple

from codemad_jupyter.git.stages import branch, stages
from codemad_jupyter.notebooks import merging
from codemad_jupyter.notebooks.disk import confined, read_bytes, replace_bytes
from codemad_jupyter.orchestrator.acting import done_line
from codemad_jupyter.orchestrator.checkpointing import Checkpointer
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import ResolveMerge, Target
from codemad_jupyter.protocol.errors import CodemadError, GitError, StaleEdit, UsageError
from codemad_jupyter.protocol.events import Notice, RunFinished, RunStarted
from codemad_jupyter.protocol.merging import MergeView
from codemad_jupyter.tools.proposals import new_id


class _Found(NamedTuple):
    """The file as it is, its versions, and what becomes of them; ``trouble`` is why git was not asked."""

    data: bytes
    sides: merging.Sides
    merge: merging.Merge
    from_git: bool
    trouble: str = ""


async def merge_view(services: Services, notebook: str) -> MergeView:
    """The choices that a notebook with conflict markers leaves. Raises `UsageError` where it has none."""
    found = await _find(services, notebook)
    name = await branch(services.root, notebook) if found.from_git else ""
    return merging.view(found.merge, notebook, found.data, from_git=found.from_git, branch=name)


async def resolve(
    services: Services, session: Session, checkpointer: Checkpointer, command: ResolveMerge
) -> str:
    """Write the notebook as chosen; the id of the run. Nothing is written when a choice makes no sense."""
    path = command.notebook
    found = await _find(services, path)
    if hashlib.sha256(found.data).hexdigest() != command.digest:
        raise StaleEdit(f"{path} was changed meanwhile.", hint="Look at its conflicts again.")
    made = await asyncio.to_thread(merging.resolved, found.merge, command.choices, found.sides, path)
    run = new_id("run")
    target = Target(notebook=path)
    session.bus.emit(
        RunStarted(
            prompt=f"Resolve the merge conflict of {path}", model="", edge=command.edge, target=target
        ),
        run=run,
    )
    if found.trouble:
        session.bus.emit(Notice(level="warning", code="degraded", text=found.trouble), run=run)
    finished = RunFinished(status="done", text=f"{path} is merged: {len(command.choices)} choices.")
    try:
        await checkpointer.before_change(run, ())
        async with checkpointer.watching_files(run, include=(path,)):
            real = confined(services.root, path)
            await asyncio.to_thread(replace_bytes, real, path, made, expected=found.data)
    except CodemadError as error:
        finished = RunFinished(status="failed", text=str(error))
    action = f"write {path} with {len(command.choices)} choices"
    line = done_line(session.id, run, "resolve_merge", action, axis="files", outcome=finished.status)
    services.audit.record(line)
    session.bus.emit(finished, run=run)
    await session.bus.saved()
    return run


async def _find(services: Services, path: str) -> _Found:
    data = await asyncio.to_thread(lambda: read_bytes(confined(services.root, path), path))
    if not path.endswith(".ipynb") or not merging.marked(data):
        raise UsageError(f"{path} holds no merge conflict.", hint="Name a notebook that git could not merge.")
    trouble = ""
    try:
        versions = await stages(services.root, path)
    except GitError as error:
        versions, trouble = None, f"git's own versions of {path} cannot be read: {error}"
    sides = merging.sides_of(data, path) if versions is None else merging.Sides(*versions)
    merge = await asyncio.to_thread(merging.merge, sides, path)
    return _Found(data, sides, merge, versions is not None, trouble)
