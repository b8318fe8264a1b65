"""The worktrees of a folder: how they stand, what was made in them, what merging would do, and dropping them.
Said in words by `agents_commands`, drawn by the lab."""

from collections.abc import Sequence
from pathlib import Path

from codemad_jupyter.git.registry import Worktree
from codemad_jupyter.git.values import shown
from codemad_jupyter.git.worktrees import Standing, Worktrees
from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.cells import Notebook
from codemad_jupyter.notebooks.disk import confined, read_bytes
from codemad_jupyter.orchestrator.joining import Plan, ReadNotebook, clash_text, plan
from codemad_jupyter.protocol.agents import (
    MergeCheck,
    WorkChange,
    WorktreeInfo,
    WorktreeState,
    WorktreeWork,
)
from codemad_jupyter.protocol.edits import CellTarget, Edit
from codemad_jupyter.protocol.errors import Conflict, NotFound

MOST_LOST = 10
"""Things that are named when dropping would lose them."""


class AgentsDesk:
    """The worktrees of the workspace ``root``; ``notebook`` reads one as it is now."""

    def __init__(self, worktrees: Worktrees, root: Path, notebook: ReadNotebook) -> None:
        self.worktrees = worktrees
        self._root = root
        self._notebook = notebook

    async def standings(self, names: Sequence[str] | None = None) -> list[Standing]:
        """How these stand (None: all, oldest first). One that goes meanwhile is not among all of them."""
        if names is not None:
            return [await self.worktrees.look(each) for each in self.chosen(names)]
        found: list[Standing] = []
        for worktree in await self.worktrees.every():
            standing = await self.worktrees.look(worktree)
            try:
                self.worktrees.find(worktree.id)
            except NotFound:
                continue
            found.append(standing)
        return found

    async def work(self, name: str) -> WorktreeWork:
        """What its agent changed. Raises `NotFound`."""
        differences = await self.worktrees.differences(self.worktrees.find(name))
        return WorktreeWork(name=name, differences=differences)

    async def plan(self, names: Sequence[str]) -> Plan:
        """What merging these would propose; nothing is changed. Raises `NotFound`."""
        chosen = self.chosen(names)
        return await plan(self.worktrees, chosen, root=self._root, notebook=self._notebook)

    async def check(self, names: Sequence[str]) -> MergeCheck:
        """The same as a person is told before."""
        found = await self.plan(names)
        return MergeCheck(changes=tuple(map(_change, found.edits)), clashes=found.clashes)

    async def drop(self, names: Sequence[str], *, force: bool) -> list[str]:
        """Remove these for good; the names. Unless ``force``, raises `Conflict` where something would be
        lost, and then none is removed."""
        chosen = self.chosen(names)
        for worktree in [] if force else chosen:
            lost = await self._lost(await self.worktrees.look(worktree))
            if lost:
                more = [f"and {len(lost) - MOST_LOST} more"] if len(lost) > MOST_LOST else []
                said = "; ".join([*lost[:MOST_LOST], *more])
                raise Conflict(
                    f"Nothing was dropped: with {worktree.id} would be lost: {said}.",
                    hint="Merge it first, or drop it with --force.",
                )
        for worktree in chosen:
            await self.worktrees.remove(worktree)
        return [each.id for each in chosen]

    def chosen(self, names: Sequence[str]) -> list[Worktree]:
        """The worktrees of these names, each once. Raises `NotFound`."""
        return [self.worktrees.find(name) for name in dict.fromkeys(names)]

    async def _lost(self, standing: Standing) -> list[str]:
        """What is in a worktree alone."""
        if standing.trouble:
            return [standing.trouble, *standing.besides]
        found = await self.plan([standing.worktree.id]) if standing.changed else Plan((), ())
        edits = [f"“{edit.title}”" for edit in found.edits]
        return [*edits, *(clash_text(each).rstrip(".") for each in found.clashes), *standing.besides]


def state_of(standing: Standing) -> WorktreeState:
    """How it stands, in a word."""
    worktree = standing.worktree
    if worktree.owner is not None:
        return "at_work" if worktree.at_work else "left"
    return "trouble" if standing.trouble else "free"


def info_of(standing: Standing) -> WorktreeInfo:
    """How it stands, as the lab is told."""
    worktree = standing.worktree
    return WorktreeInfo(
        name=worktree.id,
        agent=worktree.agent,
        task=worktree.task,
        session=worktree.session,
        run=worktree.run,
        made=worktree.made,
        state=state_of(standing),
        base=worktree.base.commit if worktree.base else "",
        bytes=standing.bytes,
        changed=tuple(map(shown, standing.changed)),
        besides=standing.besides,
        trouble=standing.trouble,
        left_out=worktree.left_out,
    )


def from_disk(root: Path) -> ReadNotebook:
    """Reads notebooks of a folder as they are saved."""

    async def read(path: str) -> Notebook:
        return document.parse(read_bytes(confined(root, path), path), path)

    return read


def _change(edit: Edit) -> WorkChange:
    target = edit.target
    if isinstance(target, CellTarget):
        return WorkChange(path=target.notebook, cell=target.cell, title=edit.title)
    return WorkChange(path=target.path, title=edit.title)
