"""Checkpoints of a workspace: take, compare, read, restore, drop. The person's HEAD, index, stash,
configuration and working files stay as they are.

In a plain repository a snapshot is a commit behind a private ref. Where there is no repository, or
where its configuration could run programs or convert bytes, it lives in a git folder of our own
outside the workspace. How each step works stands in `places`, `taking` and `restoring`.
"""

import asyncio
import contextlib
import json
import logging
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from codemad_jupyter.git import files
from codemad_jupyter.git.differences import differences
from codemad_jupyter.git.disk_use import bytes_below
from codemad_jupyter.git.memory import Memory
from codemad_jupyter.git.places import kept_places
from codemad_jupyter.git.reading import PATIENCE, Fetch, differing, fetching, saved
from codemad_jupyter.git.repo import Deadline, Git, program
from codemad_jupyter.git.restoring import restore
from codemad_jupyter.git.taking import REFS, Workspace, take
from codemad_jupyter.git.values import Manifest as Manifest
from codemad_jupyter.git.values import Restoration as Restoration
from codemad_jupyter.git.values import Saved
from codemad_jupyter.git.values import Snapshot as Snapshot
from codemad_jupyter.git.width import check_width
from codemad_jupyter.protocol.checkpoints import PathDifference
from codemad_jupyter.protocol.errors import GitError, UsageError

_log = logging.getLogger(__name__)

MAX_FILES = 100_000
MAX_BYTES = 50 * 1024**2
"""Files larger than this are not covered."""
GROWN = 60
"""Objects in one of the 256 folders of our own git folder from which on it is packed."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")


class Checkpoints:
    """Snapshots of the folder ``root``; what they need besides objects is kept below ``data_dir``. With
    ``apart`` they are never kept in a repository that is there."""

    def __init__(
        self,
        root: Path,
        data_dir: Path,
        *,
        max_files: int = MAX_FILES,
        max_bytes: int = MAX_BYTES,
        apart: bool = False,
    ) -> None:
        data = data_dir.absolute() / "checkpoints"
        self._workspace = Workspace(root.resolve(), data, max_files, max_bytes, apart)
        self._memory = Memory()
        self._lock = asyncio.Lock()

    async def take(self, name: str, *, deadline: float = 10.0, include: Iterable[str] = ()) -> Snapshot:
        """A snapshot of what is there now. ``include`` names paths that are to be covered although
        they are ignored. Where files cannot be covered the kind is ``none`` and ``skipped`` says why;
        nothing is raised but for a name that cannot be used."""
        _check_name(name)
        included = tuple(dict.fromkeys(include))
        begun = time.monotonic()
        async with self._lock:
            try:
                snapshot = await asyncio.to_thread(self._take, name, included, Deadline(deadline))
            except (GitError, OSError) as error:
                return Snapshot(name=name, kind="none", skipped=(str(error),))
        return snapshot.model_copy(update={"seconds": round(time.monotonic() - begun, 3)})

    async def changed(self, old: Snapshot, new: Snapshot) -> tuple[str, ...]:
        """POSIX paths, relative to the root, that were added, changed or removed between two
        snapshots; those of folders (without files, or with other permission bits) end in a slash.
        Empty where files are not covered by both."""
        if "none" in (old.kind, new.kind):
            return ()
        return await asyncio.to_thread(lambda: differing(self.saved(old), self.saved(new)))

    async def holds(self, snapshot: Snapshot, paths: Iterable[str]) -> frozenset[str]:
        """Those of the paths (folders end in a slash) that were there when the snapshot was taken."""
        if snapshot.kind == "none":
            return frozenset()
        found = await asyncio.to_thread(self.saved, snapshot)
        return frozenset(
            path
            for path in paths
            if path in found.entries or (path[-1:] == "/" and path[:-1] in found.folders)
        )

    async def read(self, snapshot: Snapshot, path: str) -> bytes | None:
        """The bytes of a file in the snapshot, or a link's target; None where it has none."""
        if snapshot.kind == "none":
            return None
        return await asyncio.to_thread(self._read, snapshot, path)

    async def differences(self, old: Snapshot, new: Snapshot) -> tuple[PathDifference, ...]:
        """What `changed` names, drawn for a person: unified diffs of texts, bounded, and words for the
        rest. Paths that cannot be printed are escaped. Empty where files are not covered by both."""
        if "none" in (old.kind, new.kind):
            return ()
        return await asyncio.to_thread(self._differences, old, new, Deadline(PATIENCE))

    async def size(self, snapshots: Iterable[Snapshot]) -> int:
        """Bytes on disk of the git folder of our own where one of the snapshots is in it; what
        snapshots add to the person's repository is not counted."""
        own = str(self._workspace.data / "own.git")
        if not any(snapshot.repo == own for snapshot in snapshots):
            return 0
        return await asyncio.to_thread(bytes_below, Path(own))

    def manifest(self, snapshot: Snapshot) -> Manifest:
        """What was saved beside the files, with all that was left out and why. It runs git: for a
        worker thread."""
        return self.saved(snapshot).manifest

    async def restore(
        self,
        snapshot: Snapshot,
        paths: Sequence[str],
        *,
        expect: Snapshot,
        merge: bool = False,
        deadline: float = PATIENCE,
    ) -> Restoration:
        """Bring exactly these paths back to ``snapshot``. A path that is neither as in ``expect`` nor
        as in ``snapshot`` already, or that one of them does not cover, is a conflict and left alone.
        With ``merge`` a text that was changed since ``expect`` is merged; where both changed the same
        lines it is a conflict too, and ``reasons`` names the lines as they are in the file now."""
        if "none" in (snapshot.kind, expect.kind):
            reasons = dict.fromkeys(paths, "was not saved in the checkpoint")
            return Restoration(conflicts=tuple(reasons), reasons=reasons)
        async with self._lock:
            return await asyncio.to_thread(
                self._restore, snapshot, paths, expect, merge=merge, deadline=Deadline(deadline)
            )

    async def drop(self, names: Iterable[str], *, free: bool = True) -> None:
        """Forget snapshots by name; a name that is not there is no error. The space they took in our
        own git folder is free afterwards, or with ``free`` false when the folder has grown; in the
        person's repository the private refs go and git clears away the rest in its own time."""
        wanted = set(names)
        if not wanted:
            return
        async with self._lock:
            await asyncio.to_thread(self._drop, wanted, free, Deadline(PATIENCE))

    def _take(self, name: str, include: tuple[str, ...], deadline: Deadline) -> Snapshot:
        root = self._workspace.root
        check_width(root)
        program(outside=root)
        if not root.is_dir():
            raise GitError(f"{root} is no folder.", hint="Open a folder that exists.")
        with self._alone(deadline):
            return take(self._workspace, name, include, self._memory, deadline)

    def _restore(
        self,
        snapshot: Snapshot,
        paths: Sequence[str],
        expect: Snapshot,
        *,
        merge: bool,
        deadline: Deadline,
    ) -> Restoration:
        with self._alone(deadline), self._fetching(snapshot, expect, deadline=deadline) as (fetch, other):
            folders = sorted({path.rpartition("/")[0] for path in paths if files.is_safe(path)})
            with self._journal(folders):
                return restore(
                    self._workspace.root,
                    paths,
                    self.saved(snapshot),
                    self.saved(expect),
                    fetch=fetch,
                    fetch_expected=other if merge else None,
                )

    def _differences(self, old: Snapshot, new: Snapshot, deadline: Deadline) -> tuple[PathDifference, ...]:
        with self._fetching(old, new, deadline=deadline) as (left, right):
            return differences(self.saved(old), self.saved(new), fetch_old=left, fetch_new=right)

    @contextlib.contextmanager
    def _fetching(
        self, one: Snapshot, other: Snapshot, *, deadline: Deadline
    ) -> Iterator[tuple[Fetch, Fetch]]:
        """Functions for the content of two snapshots, which may be in different git folders."""
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(fetching(self.git_of(one), deadline))
            if one.repo == other.repo:
                yield first, first
            else:
                yield first, stack.enter_context(fetching(self.git_of(other), deadline))

    def _read(self, snapshot: Snapshot, path: str) -> bytes | None:
        entry = self.saved(snapshot).entries.get(path)
        if entry is None:
            return None
        with fetching(self.git_of(snapshot), Deadline(PATIENCE)) as fetch:
            return fetch(entry)

    def _drop(self, names: set[str], free: bool, deadline: Deadline) -> None:
        for git in self._places():
            with self._alone(deadline):
                listed = git.run("for-each-ref", "--format=%(refname)", REFS, deadline=deadline)
                refs = [ref for ref in listed.decode().split() if ref.removeprefix(REFS) in names]
                if refs:
                    orders = "".join(f"delete {ref}\n" for ref in refs)
                    git.run("update-ref", "--stdin", data=orders.encode(), deadline=deadline)
                self._pack(git, free and bool(refs), deadline)

    def _pack(self, git: Git, free: bool, deadline: Deadline) -> None:
        """Keep our own git folder small; the person's is theirs to look after. Nobody else writes
        there while the lock is held, so nothing is too young to go."""
        if git.git_dir.parent != self._workspace.data:
            return
        sample = git.git_dir / "objects" / "17"
        if free or (sample.is_dir() and len(list(sample.iterdir())) > GROWN):
            try:
                git.run("gc", "--quiet", "--prune=now", deadline=deadline)
            except GitError as error:
                _log.warning("the checkpoints of %s were not packed: %s", self._workspace.root, error)

    def saved(self, snapshot: Snapshot) -> Saved:
        """The content of a snapshot. It runs git: for a worker thread."""
        git = self.git_of(snapshot)
        return saved(git.git_dir, git.work_tree, snapshot.commit)

    def git_of(self, snapshot: Snapshot) -> Git:
        """Git for the place of a snapshot, which must be one of ours: the record may be old or made up."""
        for git in self._places():
            if str(git.git_dir) == snapshot.repo:
                return git
        raise GitError(
            f"The checkpoint {snapshot.name} is in {snapshot.repo}, which is not in use here any more.",
            hint="Put the folder's repository back to restore from it.",
        )

    def _places(self) -> Iterator[Git]:
        return kept_places(self._workspace.root, self._workspace.data)

    @contextlib.contextmanager
    def _alone(self, deadline: Deadline) -> Iterator[None]:
        """One snapshot or restore at a time, across processes too. Held by the thread that works, so
        that a cancelled caller does not let the next one in too early."""
        import fcntl

        data = self._workspace.data
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    deadline.check()
                    time.sleep(0.02)
            self._sweep()
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _journal(self, folders: Sequence[str]) -> Iterator[None]:
        """Note where temporary files may be, so that the next one tidies up after a killed process."""
        note = self._workspace.data / "restoring.json"
        note.write_text(json.dumps(folders))
        yield
        note.unlink()

    def _sweep(self) -> None:
        note = self._workspace.data / "restoring.json"
        if not note.exists():
            return
        try:
            folders = json.loads(note.read_text())
        except ValueError:
            folders = []  # the process was killed while it wrote this, before it made any file
        for folder in folders:
            files.sweep(self._workspace.root, folder)
        note.unlink()


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"A checkpoint cannot be called {name[:120]!r}.",
            hint="Use up to 100 letters, digits, hyphens and underscores.",
        )
