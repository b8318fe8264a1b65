"""Agents' worktrees: each agent works in a folder of its own, outside the person's, that begins as the
person's files are now, with what is not committed. The person's HEAD, index, stash, branches,
configuration and hooks stay as they are; the snapshot that a worktree begins from is held as those of
`checkpoints` are. How a worktree is made stands in `laying_out`, who owns it in `registry`.

A worktree goes only when nothing in it would be lost, or when a person says so.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.git.differences import differences
from codemad_jupyter.git.disk_use import bytes_below, clear_away
from codemad_jupyter.git.laying_out import as_carried, carry, lay_out
from codemad_jupyter.git.reading import PATIENCE, Fetch, differing, fetching
from codemad_jupyter.git.refs import refs_in
from codemad_jupyter.git.registry import Registry, Worktree, check_name, this_process
from codemad_jupyter.git.repo import Deadline, Git
from codemad_jupyter.git.trust import danger
from codemad_jupyter.git.values import Saved, Snapshot, shown
from codemad_jupyter.protocol.checkpoints import PathDifference
from codemad_jupyter.protocol.errors import CodemadError, Conflict, GitError

_log = logging.getLogger(__name__)

BRANCHES = "codemad/"
REGENERATED = frozenset(
    (
        *(
            ".coverage",
            ".hypothesis",
            ".ipynb_checkpoints",
            ".mypy_cache",
            ".nox",
            ".pytest_cache",
            ".ruff_cache",
        ),
        *(".tox", ".venv", "__pycache__", "node_modules", "venv"),
    )
)
"""Ignored names that whoever needs them makes anew."""


class Standing(NamedTuple):
    """How a worktree stands: the paths that changed in it, what else of it would be lost with it, what
    is wrong with it, and the bytes it takes."""

    worktree: Worktree
    changed: tuple[str, ...]
    besides: tuple[str, ...]
    trouble: str
    bytes: int


class Sides(NamedTuple):
    """What a worktree began from and what it is now, with functions for the content of either."""

    base: Saved
    now: Saved
    fetch_base: Fetch
    fetch_now: Fetch


class Worktrees:
    """The worktrees of the workspace ``root``; all about them is kept below ``data_dir``."""

    def __init__(self, root: Path, data_dir: Path, checkpoints: Checkpoints) -> None:
        self._root = root.resolve()
        self._checkpoints = checkpoints
        self._registry = Registry(data_dir.absolute() / "agents")

    def folder(self, worktree: Worktree) -> Path:
        """Where its agent works: what stands for the workspace."""
        return self._tree(worktree) / worktree.prefix

    def beside(self, worktree: Worktree) -> Path:
        """A folder for what belongs to it and goes with it, out of its agent's reach."""
        return self._registry.place(worktree.id) / "index"

    def find(self, name: str) -> Worktree:
        """The worktree of this name. Raises `NotFound`."""
        return self._registry.find(name)

    async def every(self) -> tuple[Worktree, ...]:
        """All worktrees, oldest first. What a killed process left half made or half removed is cleared
        away on the way: nobody has worked in it, or its removal was decided."""
        await self._recover()
        return await asyncio.to_thread(self._registry.every)

    async def make(
        self,
        name: str,
        *,
        task: str = "",
        agent: str = "",
        session: str = "",
        run: str = "",
        carried: Collection[str] = (),
    ) -> Worktree:
        """A new worktree of the workspace as it is now. ``carried`` are ignored files and folders that
        are copied too. Raises `GitError` where the files cannot be covered, `Conflict` for a name that
        is taken, `UsageError` for one that cannot be used."""
        worktree = Worktree(
            id=check_name(name),
            workspace=str(self._root),
            task=task,
            agent=agent,
            session=session,
            run=run,
            made=time.time(),
            owner=this_process(),
            carried=tuple(dict.fromkeys(carried)),
        )
        await asyncio.to_thread(self._registry.claim, worktree)
        try:
            base = await self._checkpoints.take(_snapshot(name), deadline=60)
            if base.kind == "none":
                raise GitError(
                    f"{self._root} cannot be copied for an agent: {'; '.join(base.skipped)}",
                    hint="Open the folder of a project.",
                )
            return await asyncio.to_thread(self._lay_out, worktree.model_copy(update={"base": base}))
        except BaseException:
            await asyncio.shield(self._remove(name))
            raise

    async def occupy(self, worktree: Worktree, *, work: bool) -> Worktree:
        """Note that this process works in it, or (without ``work``) does so no more."""
        now = worktree.model_copy(update={"owner": this_process() if work else None})
        await asyncio.to_thread(self._registry.keep, now)
        return now

    async def look(self, worktree: Worktree) -> Standing:
        """How it stands now. Git is never run with the worktree's own git folder: whoever works in there
        may have changed what it says."""
        try:
            with self._sides(worktree, await self._now(worktree)) as sides:
                changed = await asyncio.to_thread(differing, sides.base, sides.now)
                besides = await asyncio.to_thread(self._besides, worktree, sides)
            trouble = await asyncio.to_thread(self._trouble, worktree)
        except (CodemadError, OSError) as error:
            changed, besides, trouble = (), (), f"it cannot be read: {error}"
        size = await asyncio.to_thread(bytes_below, self._registry.place(worktree.id))
        return Standing(worktree, changed, besides, trouble, size)

    async def differences(self, worktree: Worktree) -> tuple[PathDifference, ...]:
        """What its agent changed, drawn for a person."""
        now = await self._now(worktree)

        def draw() -> tuple[PathDifference, ...]:
            with self._sides(worktree, now) as sides:
                return differences(
                    sides.base, sides.now, fetch_old=sides.fetch_base, fetch_new=sides.fetch_now
                )

        return await asyncio.to_thread(draw)

    @contextlib.asynccontextmanager
    async def sides(self, worktree: Worktree) -> AsyncIterator[Sides]:
        """Both versions of the worktree, for who merges them; fetching runs git, in a worker thread."""
        with self._sides(worktree, await self._now(worktree)) as sides:
            yield sides

    async def remove(self, worktree: Worktree) -> None:
        """Remove it for good; whether something is lost is for who calls. Raises `Conflict` while its
        agent is at work."""
        if worktree.at_work and worktree.owner != this_process():
            pid = worktree.owner.pid if worktree.owner else 0
            raise Conflict(
                f"The agent {worktree.id} is at work (process {pid}).", hint="Wait for it or stop it first."
            )
        removing = worktree.model_copy(update={"state": "removing", "owner": this_process()})
        await asyncio.to_thread(self._registry.keep, removing)
        await self._remove(worktree.id)

    def _tree(self, worktree: Worktree) -> Path:
        return self._registry.place(worktree.id) / "tree"

    def _lay_out(self, worktree: Worktree) -> Worktree:
        base = _base(worktree)
        saved = self._checkpoints.saved(base)
        tree = self._tree(worktree)
        source = self._checkpoints.git_of(base)
        lay_out(tree, base, saved, source=source, branch=f"{BRANCHES}{worktree.id}")
        carry(self._root, tree / saved.manifest.prefix, worktree.carried)
        ignored = (path for path in saved.manifest.ignored if path.rstrip("/") not in worktree.carried)
        made = worktree.model_copy(
            update={
                "state": "made",
                "owner": None,
                "prefix": saved.manifest.prefix,
                "plain": danger(tree, deadline=Deadline(PATIENCE)),
                "left_out": (*base.skipped, *(f"{shown(path)}: is ignored" for path in ignored)),
            }
        )
        self._registry.keep(made)
        return made

    async def _now(self, worktree: Worktree) -> Snapshot:
        """A snapshot of the worktree as it is."""
        if worktree.state != "made":
            raise GitError(f"The agent {worktree.id} is not ready.", hint="See: codemad agents list")
        now = await self._inner(worktree).take("now", deadline=60)
        if now.kind == "none":
            raise GitError(
                f"The files of the agent {worktree.id} cannot be read: {'; '.join(now.skipped)}",
                hint=f"Look at {self.folder(worktree)}.",
            )
        return now

    def _inner(self, worktree: Worktree) -> Checkpoints:
        return Checkpoints(self.folder(worktree), self._registry.place(worktree.id), apart=True)

    @contextlib.contextmanager
    def _sides(self, worktree: Worktree, now: Snapshot) -> Iterator[Sides]:
        base, inner = _base(worktree), self._inner(worktree)
        deadline = Deadline(PATIENCE)
        with (
            fetching(self._checkpoints.git_of(base), deadline) as fetch_base,
            fetching(inner.git_of(now), deadline) as fetch_now,
        ):
            yield Sides(self._checkpoints.saved(base), inner.saved(now), fetch_base, fetch_now)

    def _besides(self, worktree: Worktree, sides: Sides) -> tuple[str, ...]:
        """What would be lost with it beside the changed files: ignored ones, what no snapshot covers,
        commits that hold something else."""
        folder = self.folder(worktree)
        found: list[str] = []
        for path in sorted(sides.now.manifest.ignored):
            name = path.rstrip("/")
            if name.rpartition("/")[2] in REGENERATED or name.endswith((".pyc", ".egg-info")):
                continue
            inside = [one for one in worktree.carried if one == name or one.startswith(f"{name}/")]
            if not inside or not all(as_carried(self._root, folder, one) for one in inside):
                found.append(f"{shown(path)} is ignored by git")
        known = sides.base.manifest.skipped
        skipped = sides.now.manifest.skipped.items()
        found += [f"{shown(path)} {reason}" for path, reason in skipped if path not in known]
        return (*found, *self._commits(worktree, sides))

    def _commits(self, worktree: Worktree, sides: Sides) -> Iterator[str]:
        """Branches, tags and stashes whose content is neither what it began from nor what is there. They
        are read as files, and their content with a git folder out of the agent's reach."""
        tree = self._tree(worktree)
        git = Git(self._registry.place(worktree.id) / "checkpoints" / "own.git", tree)
        known = {entry.blob for side in (sides.base, sides.now) for entry in side.entries.values()}
        pathspec = ("--", worktree.prefix) if worktree.prefix else ()
        deadline = Deadline(PATIENCE)
        for name, commit in refs_in(tree / ".git").items():
            lines = git.run("ls-tree", "-r", "-z", "--full-tree", commit, *pathspec, deadline=deadline)
            blobs = {line.partition(b"\t")[0].split(b" ")[2].decode() for line in lines.split(b"\0") if line}
            if not blobs <= known:
                yield f"{shown(name)} holds commits with other content"

    def _trouble(self, worktree: Worktree) -> str:
        reason = danger(self._tree(worktree), deadline=Deadline(PATIENCE))
        if reason == worktree.plain:
            return ""
        return f"its git folder is not as it was made: {reason or 'it was replaced'}; we do not use it"

    async def _remove(self, name: str) -> None:
        def clear() -> None:
            with contextlib.suppress(FileNotFoundError):  # it never was there
                clear_away(self._registry.put_aside(name))

        # The record goes last: as long as it is there, the rest is cleared away after a kill too.
        await self._checkpoints.drop([_snapshot(name)])
        await asyncio.to_thread(clear)

    async def _recover(self) -> None:
        for each in await asyncio.to_thread(self._registry.every):
            if each.state != "made" and not each.at_work:
                _log.info("the agent %s was left half %s and is cleared away", each.id, each.state)
                await self._remove(each.id)
        for folder in await asyncio.to_thread(self._registry.remains):
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                await asyncio.to_thread(clear_away, folder)


def _snapshot(name: str) -> str:
    return f"agent-{name}"


def _base(worktree: Worktree) -> Snapshot:
    if worktree.base is None:
        raise GitError(f"The agent {worktree.id} is not ready.", hint="See: codemad agents list")
    return worktree.base
