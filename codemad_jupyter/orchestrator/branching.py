"""Branches of a session: making, switching, naming them, and the tree they make. Only heads are added or
moved. Files stay as they are unless the person asks for those of the branch; they are told which differ."""

import time
import uuid

from codemad_jupyter.orchestrator import comparing
from codemad_jupyter.orchestrator.checkpointing import Checkpointer, notebooks_of
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session, title_of
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError
from codemad_jupyter.protocol.events import BranchChanged
from codemad_jupyter.protocol.sessions import BranchInfo, SessionTree, Turn
from codemad_jupyter.store.branches import Branch, Link

NAME = 100
"""Characters of the longest name of a branch."""
MOST = 200
"""Branches of a session."""
DIFFERING = 200
"""Files that are named."""


async def place(services: Services, session: Session, asked: cmd.ForkSession | cmd.MakeBranch) -> str | None:
    """The entry to go on from (None: the very beginning). Raises `NotFound` or `UsageError`."""
    if asked.entry is not None and asked.run is not None:
        raise UsageError("A message and a run were named.", hint="Name one of them.")
    if asked.entry is None and asked.run is None:
        return session.head
    links = await services.store.links(session.id)
    if asked.entry is not None:
        found = [link for link in links if link.id == asked.entry]
    else:
        found = [link for link in links if link.run == asked.run]
    if not found:
        what = f"message {asked.entry}" if asked.entry is not None else f"run {asked.run} with messages"
        raise NotFound(f"This session has no {what}.", hint="See its tree: codemad sessions show")
    return found[0].parent if asked.before else found[-1].id


async def make(
    services: Services, session: Session, checkpointer: Checkpointer, asked: cmd.MakeBranch
) -> BranchChanged:
    """Begin a branch and stand on it."""
    branches = await services.store.branches(session.id)
    if len(branches) >= MOST:
        raise Conflict(f"This session has {MOST} branches.", hint="Fork it into a session of its own.")
    head = await place(services, session, asked)
    given = named(asked.name, branches)
    name = given or next(n for n in map("branch {}".format, range(2, MOST + 3)) if not _taken(n, branches))
    at = time.time()
    branch = Branch(id=uuid.uuid4().hex, name=name, head=head, created=at)
    ahead = await _first_change_after(services, session, head)
    return await _go(services, session, checkpointer, branch.model_copy(update={"checkpoint": ahead}), "made")


async def switch(
    services: Services, session: Session, checkpointer: Checkpointer, asked: cmd.SwitchBranch
) -> BranchChanged:
    """Stand on a branch; on the one the session stands on, say how its files differ."""
    branch = find(await services.store.branches(session.id), asked.branch)
    if branch.id != session.state.branch:
        return await _go(services, session, checkpointer, branch, "switched")
    await services.store.use_session(session.id)
    return await _told(services, branch, "switched", await session.runs_here())


async def name(services: Services, session: Session, asked: cmd.NameBranch) -> BranchChanged:
    """Give a branch another name."""
    branches = await services.store.branches(session.id)
    branch = find(branches, asked.branch)
    given = named(asked.name, [each for each in branches if each.id != branch.id])
    if not given:
        raise UsageError("A branch needs a name.", hint="Give one.")
    await services.store.put_branch(session.id, branch.model_copy(update={"name": given}))
    return BranchChanged(change="named", branch=branch.id, name=given, text=f"The branch is now “{given}”.")


def find(branches: tuple[Branch, ...], id: str) -> Branch:
    """The branch of that id. Raises `NotFound`."""
    found = next((branch for branch in branches if branch.id == id), None)
    if found is None:
        raise NotFound(f"This session has no branch {id}.", hint="See its tree: codemad sessions show")
    return found


def named(name: str, others: tuple[Branch, ...] | list[Branch]) -> str:
    """A name as it is kept. Raises `UsageError` or `Conflict`."""
    text = " ".join(name.split())
    if len(text) > NAME:
        raise UsageError(f"The name has {len(text)} characters; {NAME} are allowed.", hint="Shorten it.")
    if text and _taken(text, others):
        raise Conflict(f"There is a branch “{text}” already.", hint="Choose another name.")
    return text


def called(branch: Branch) -> str:
    """What a branch is called."""
    return branch.name or branch.id


def _taken(name: str, branches: tuple[Branch, ...] | list[Branch]) -> bool:
    return any(called(branch) == name for branch in branches)


async def stand_on(services: Services, session: Session, id: str, *, head: str | None) -> None:
    """Stand on a branch at that place of it, and say so."""
    branches = await services.store.branches(session.id)
    onto = find(branches, id).model_copy(update={"head": head})
    runs = await session.stand_on(onto, find(branches, session.state.branch))
    session.bus.emit(await _told(services, onto, "switched", runs, look=False))


async def _go(
    services: Services, session: Session, checkpointer: Checkpointer, branch: Branch, change: str
) -> BranchChanged:
    records = await services.store.outline(session.id)
    left = await checkpointer.make("switch", run=None, notebooks=notebooks_of(records), head=session.head)
    here = find(await services.store.branches(session.id), session.state.branch)
    runs = await session.stand_on(branch, here.model_copy(update={"checkpoint": left.id}))
    return await _told(services, branch, change, runs)


async def _told(
    services: Services, branch: Branch, change: str, runs: tuple[str, ...], *, look: bool = True
) -> BranchChanged:
    checkpoint, differing = branch.checkpoint, tuple[str, ...]()
    if checkpoint is not None and look:
        try:
            diff = await comparing.compare(services, checkpoint, None)
            differing = tuple(dict.fromkeys(each.path for each in diff.differences))
        except NotFound:  # pruned since
            checkpoint = None
    count = f"{len(differing)} file{'s' if len(differing) != 1 else ''}"
    files = f"; {count} differ from what it last had" if differing else ""
    words = {
        "change": change,
        "branch": branch.id,
        "name": called(branch),
        "runs": runs,
        "differing": differing[:DIFFERING],
        "checkpoint": checkpoint if differing else None,
        "text": f"The conversation stands on the branch “{called(branch)}”{files}.",
    }
    return BranchChanged.model_validate(words)


async def _first_change_after(services: Services, session: Session, head: str | None) -> str | None:
    """The checkpoint of the first run after that place that changed something: files as they were there."""
    ids = [entry.id for entry in session.path]
    after = session.path[ids.index(head) + 1 :] if head in ids else session.path if head is None else []
    runs = {entry.run for entry in after}
    records = await services.store.outline(session.id)
    return next((r.id for r in records if r.reason == "run" and r.run in runs and r.touched), None)


async def tree(services: Services, session: Session) -> SessionTree:
    """The session as a tree of turns, with its branches."""
    links = await services.store.links(session.id)
    branches = await services.store.branches(session.id)
    runs = {link.id: link.run for link in links}
    edits: dict[str, int] = {}
    for run in session.state.edit_runs.values():
        edits[run] = edits.get(run, 0) + 1
    running = session.state.running
    return SessionTree(
        session=await services.store.session(session.id),
        branches=tuple(_info(branch, session.state.branch, runs) for branch in branches),
        turns=tuple(_turns(links, session, edits)),
        running=running[-1] if running else None,
        seq=session.state.runs[running[-1]].seq - 1 if running else session.bus.seq,
    )


def _info(branch: Branch, current: str, runs: dict[str, str | None]) -> BranchInfo:
    return BranchInfo(
        id=branch.id,
        name=called(branch),
        head=branch.head,
        run=runs.get(branch.head or ""),
        current=branch.id == current,
        created=branch.created,
        checkpoint=branch.checkpoint,
    )


def _turns(links: tuple[Link, ...], session: Session, edits: dict[str, int]) -> list[Turn]:
    runs = {link.id: link.run for link in links}
    last = {link.run: link.id for link in links}
    found: dict[str, Turn] = {}
    for link in links:
        if link.run is None or link.run in found:
            continue
        state = session.state.runs.get(link.run)
        found[link.run] = Turn(
            run=link.run,
            parent=runs.get(link.parent or ""),
            entry=last[link.run],
            prompt=title_of(state.prompt) if state else "",
            at=link.at,
            undone=state.undone if state else False,
            edits=edits.get(link.run, 0),
        )
    return list(found.values())
