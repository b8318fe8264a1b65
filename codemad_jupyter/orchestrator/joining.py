"""The merge coordinator: what agents made in their worktrees becomes one set of edits of the person's files
and cells, to be reviewed like any other proposal.

Three-way throughout: what an agent began from, what the person has now (also unsaved, where a notebook
is open), what the agent has. Conflicts, also between agents, are found here, before a person sees
anything; what they concern stays in the worktree and is named.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from codemad_jupyter.git import files
from codemad_jupyter.git.files import Found
from codemad_jupyter.git.merge import Work, join
from codemad_jupyter.git.reading import differing
from codemad_jupyter.git.registry import Worktree
from codemad_jupyter.git.values import Entry, shown
from codemad_jupyter.git.worktrees import Sides, Worktrees
from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.cells import Notebook
from codemad_jupyter.notebooks.joining import CellStep, NotebookWork, join_cells
from codemad_jupyter.protocol.agents import WorkClash
from codemad_jupyter.protocol.edits import CellTarget, Edit, FileTarget, make_hunks, whole_hunk
from codemad_jupyter.protocol.errors import CodemadError, UsageError
from codemad_jupyter.tools.edits.paths import located
from codemad_jupyter.tools.files import MAX_FILE, file_edit
from codemad_jupyter.tools.proposals import new_id

MOST_PATHS = 1_000
"""Paths that are brought together at once."""

MOST_BYTES = 200 * 1024**2
"""Bytes of an agent's changed files, before and after."""

ReadNotebook = Callable[[str], Awaitable[Notebook]]
"""The document of a path as it is now, also where it is not saved."""
BY_HAND = "take it from the agent's folder by hand"


class Plan(NamedTuple):
    """The edits in the order in which they can be accepted, and what is left out."""

    edits: tuple[Edit, ...]
    clashes: tuple[WorkClash, ...]


async def plan(
    worktrees: Worktrees, chosen: Sequence[Worktree], *, root: Path, notebook: ReadNotebook
) -> Plan:
    """What has to become of the person's files for the agents' work to be in them; nothing is changed.
    In a conflict the agent that is named first has the say."""
    works: dict[str, list[Work]] = {}
    clashes: list[WorkClash] = []
    for worktree in chosen:
        async with worktrees.sides(worktree) as sides:
            found, left_out = await asyncio.to_thread(_gathered, worktree.id, sides, root)
        clashes += left_out
        for path, work in found:
            works.setdefault(path, []).append(work)
    edits: list[Edit] = []
    for path in sorted(works):
        made = await joined(root, path, works[path], notebook)
        edits += made.edits
        clashes += made.clashes
    return Plan(tuple(edits), tuple(clashes))


def _gathered(agent: str, sides: Sides, root: Path) -> tuple[list[tuple[str, Work]], list[WorkClash]]:
    """The agent's changed files, and its changes that no review can show."""
    found: list[tuple[str, Work]] = []
    clashes: list[WorkClash] = []
    paths = [path for path in differing(sides.base, sides.now) if not path.endswith("/")]
    if len(paths) > MOST_PATHS:
        raise UsageError(
            f"The agent {agent} changed {len(paths):,} files; {MOST_PATHS:,} can be reviewed at once.",
            hint="Have it undo what was not meant, for example by listing data in .gitignore.",
        )
    room = MOST_BYTES
    for path in paths:
        base, now = sides.base.entries.get(path), sides.now.entries.get(path)
        hindrance = _hindrance(path, base, now, sides)
        reason = hindrance or _mode_hindrance(root, path, base, now)
        if reason:
            clashes.append(WorkClash(path=shown(path), agent=agent, reason=reason))
        if hindrance or (base and now and base.blob == now.blob):
            continue
        work = Work(agent, sides.fetch_base(base) if base else None, sides.fetch_now(now) if now else None)
        found.append((path, work))
        room -= len(work.base or b"") + len(work.theirs or b"")
        if room < 0:
            raise UsageError(
                f"The agent {agent} changed more than {MOST_BYTES // 1024**2} MB.",
                hint="Have it list data in .gitignore; such files are copied by hand.",
            )
    return found, clashes


def _hindrance(path: str, base: Entry | None, now: Entry | None, sides: Sides) -> str:
    if shown(path) != path:
        return f"its name cannot be shown: {BY_HAND}"
    if (base and base.link) or (now and now.link):
        return f"it is a link: {BY_HAND}"
    if now is None and not sides.now.manifest.covers(path):
        return f"it is too large or not covered there: {BY_HAND}"
    if base is None and not sides.base.manifest.covers(path):
        return f"your own file of this name was not covered: {BY_HAND}"
    return ""


def _mode_hindrance(root: Path, path: str, base: Entry | None, now: Entry | None) -> str:
    """A review shows text alone: whether a file can be executed has to be set by hand."""
    if now is None or now.link or bool(now.mode & 0o100) == bool(base and base.mode & 0o100):
        return ""
    there = files.look(root, path).what
    if isinstance(there, Entry) and bool(there.mode & 0o100) == bool(now.mode & 0o100):
        return ""
    return f"chmod {'+x' if now.mode & 0o100 else '-x'} it by hand: a review shows text alone"


async def joined(root: Path, path: str, works: Sequence[Work], notebook: ReadNotebook) -> Plan:
    """What one path has to become for these works to be in it."""
    try:
        await asyncio.to_thread(located, root, path, notebook=True)
        there = await asyncio.to_thread(files.look, root, path)
        if path.endswith(".ipynb") and isinstance(there.what, Entry):
            return await _joined_cells(path, works, notebook)
        return await asyncio.to_thread(_joined_file, root, path, works, there)
    except (CodemadError, OSError, files.Changed) as error:
        said = error.message if isinstance(error, CodemadError) else str(error) or "it is being changed"
        return _left_out(path, works, said)


async def _joined_cells(path: str, works: Sequence[Work], notebook: ReadNotebook) -> Plan:
    now = await notebook(path)
    documents: list[NotebookWork] = []
    clashes: list[WorkClash] = []
    for work in works:
        base, theirs = (document.parse(data, path) if data else None for data in (work.base, work.theirs))
        if theirs is None:
            clashes += _left_out(path, [work], f"it deletes the notebook: {BY_HAND}").clashes
        elif base is not None:
            documents.append(NotebookWork(work.agent, base, theirs))
        elif document.view(theirs, path).cells != document.view(now, path).cells:
            clashes += _left_out(path, [work], f"you have a notebook of this name: {BY_HAND}").clashes
    together = join_cells(path, now, documents)
    steps = tuple(_cell_edit(path, step) for step in together.steps)
    return Plan(steps, (*clashes, *together.clashes))


def _joined_file(root: Path, path: str, works: Sequence[Work], there: Found) -> Plan:
    if there.what is not None and (not isinstance(there.what, Entry) or there.what.link):
        return _left_out(path, works, f"you have a link or a folder there: {BY_HAND}")
    now = files.read(root, path, before=there) if there.what is not None else None
    if path.endswith(".ipynb") and any(work.base is not None for work in works):
        return _left_out(path, works, "you have deleted the notebook")
    joined = join(path, now, works)
    if joined.content == now:
        return Plan((), joined.clashes)
    texts = [_text(now), _text(joined.content)]
    if None in texts:
        left_out = [work for work in works if work.agent in joined.agents]
        clashes = _left_out(path, left_out, f"it is no UTF-8 text of at most 2 MB: {BY_HAND}").clashes
        return Plan((), (*joined.clashes, *clashes))
    verb = "Create" if now is None else "Delete" if joined.content is None else "Change"
    target = FileTarget(path=path, exists=now is not None, op="delete" if verb == "Delete" else "write")
    title = f"{verb} {path} ({', '.join(joined.agents)})"
    return Plan((file_edit(target, texts[0] or "", texts[1] or "", title),), joined.clashes)


def _text(data: bytes | None) -> str | None:
    """The text; empty where there is no file, None where it cannot be shown."""
    if data is None:
        return ""
    if len(data) > MAX_FILE or b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _cell_edit(path: str, step: CellStep) -> Edit:
    whose = ", ".join(step.agents)
    target = CellTarget(
        notebook=path,
        op=step.op,
        cell=step.cell,
        cell_type=step.cell_type,
        anchor=step.anchor,
        position="before" if step.anchor else "after",
    )
    hunks = (make_hunks if step.op == "replace" else whole_hunk)(step.before, step.after)
    verb = {"insert": "New cell", "replace": "Change cell", "delete": "Delete cell"}[step.op]
    return Edit(
        id=new_id("edit"),
        target=target,
        title=f"{verb} ({whose})",
        before=step.before,
        after=step.after,
        hunks=hunks,
    )


def _left_out(path: str, works: Iterable[Work], reason: str) -> Plan:
    return Plan((), tuple(WorkClash(path=path, agent=work.agent, reason=reason) for work in works))


def clash_text(clash: WorkClash) -> str:
    """A clash in a line."""
    place = f"{clash.path}#{clash.cell}" if clash.cell else clash.path
    return f"Left out of the work of {clash.agent}: {place}: {clash.reason}."
