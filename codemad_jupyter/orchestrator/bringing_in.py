"""A run that brings the work of agents in: proposals for the person's review, and what was left out."""

from collections.abc import Sequence

from codemad_jupyter.git.registry import Worktree
from codemad_jupyter.git.worktrees import Worktrees
from codemad_jupyter.notebooks.cells import Notebook
from codemad_jupyter.orchestrator.acting import done_line
from codemad_jupyter.orchestrator.checkpointing import reach
from codemad_jupyter.orchestrator.joining import clash_text, plan
from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import MergeAgents
from codemad_jupyter.protocol.errors import CodemadError, UsageError
from codemad_jupyter.protocol.events import Notice, RunFinished, RunStarted
from codemad_jupyter.tools.proposals import new_id

LEFT_OUT = "left_out"
"""The code of the notices that name what was left out."""


async def bring_in(services: Services, session: Session, reviewer: Reviewer, command: MergeAgents) -> str:
    """Propose what the agents made; the id of the run. Nothing of the person's is changed yet."""
    if not command.agents:
        raise UsageError("Whose work is to be merged?", hint="Name agents: codemad agents list")
    chosen = [worktrees_of(services).find(name) for name in dict.fromkeys(command.agents)]
    run, whose = new_id("run"), ", ".join(command.agents)
    session.bus.emit(
        RunStarted(prompt=f"Merge the work of {whose}", model="", edge=command.edge, target=command.target),
        run=run,
    )
    try:
        text = await propose_work(services, session, reviewer, chosen, run=run)
        finished = RunFinished(status="done", text=text)
    except (CodemadError, OSError) as error:
        finished = RunFinished(status="failed", text=str(error))
    action = f"propose what {whose} made"
    line = done_line(session.id, run, "merge_agents", action, axis="files", outcome=finished.status)
    services.audit.record(line)
    session.bus.emit(finished, run=run)
    await session.bus.saved()
    return run


async def propose_work(
    services: Services, session: Session, reviewer: Reviewer, chosen: Sequence[Worktree], *, run: str
) -> str:
    """Propose what these agents made, as edits of a run; what there is of it, in a sentence."""

    async def notebook(path: str) -> Notebook:
        return await (await reach(services, path)).snapshot(path)

    found = await plan(worktrees_of(services), chosen, root=services.root, notebook=notebook)
    for edit in found.edits:
        await reviewer.propose(edit, run=run, kernel=None)
    for clash in found.clashes:
        session.bus.emit(Notice(level="warning", code=LEFT_OUT, text=clash_text(clash)), run=run)
    return _said(", ".join(each.id for each in chosen), len(found.edits), len(found.clashes))


def worktrees_of(services: Services) -> Worktrees:
    """Those of the workspace."""
    return Worktrees(services.root, services.data, services.checkpoints)


def _said(whose: str, edits: int, clashes: int) -> str:
    if not edits and not clashes:
        return f"All that {whose} made is in your files already."
    changes = f"{edits} change{'s' if edits != 1 else ''} of {whose} to review"
    return f"{changes}; {clashes} left out." if clashes else f"{changes}."
