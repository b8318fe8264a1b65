"""Checkpoints of a folder: take, compare, read, restore. The user's HEAD, index and stash stay untouched.

In a plain repository a snapshot is a commit behind a private ref, made with a private copy of the
index. Where there is no repository, or where its configuration would execute or convert anything, it
lives in a git dir of our own outside the folder, with the attributes overridden so that bytes stay
exact; objects the repository has already are shared.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import stat
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codemad_jupyter.git.repo import Git, Repository, find_repository
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import GitError

REFS = "refs/codemad/checkpoints/"
MAX_SIZE = 50_000_000
"""Bytes of the largest file that is covered."""
MAX_FILES = 200_000
"""Files that may be new or changed at once."""
ATTRIBUTES = "* -text -filter -ident -working-tree-encoding -diff -merge\n"


class Snapshot(Value):
    """A snapshot. ``kind`` is where it lives; ``none`` means that files are not covered, and
    ``skipped`` says why, as it names what was left out of a real one."""

    name: str
    kind: Literal["ref", "own", "none"]
    commit: str = ""
    files: int = 0
    skipped: tuple[str, ...] = ()
    seconds: float = 0.0


class Restoration(Value):
    """Paths that are as in the snapshot now, and those left alone because they had changed."""

    restored: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Entry:
    """A path in a tree: git's mode and object id."""

    mode: str
    object: str


class Checkpoints:
    """Snapshots of the folder ``root``; what they need besides objects is kept in ``data_dir``."""

    def __init__(self, root: Path, data_dir: Path) -> None:
        self._root = root.resolve()
        self._data = data_dir / "checkpoints"
        self._lock = asyncio.Lock()
        self._found: dict[str, Git] = {}

    async def take(self, name: str, *, deadline: float = 10.0) -> Snapshot:
        """A snapshot now. Never raises for what git cannot do here: the kind is then ``none``."""
        started = time.monotonic()
        reason = self._unfit()
        if reason:
            return Snapshot(name=name, kind="none", skipped=(reason,))
        try:
            async with self._alone(), asyncio.timeout(deadline):
                kind, git = await self._git()
                snapshot = await self._commit(name, kind, git)
        except GitError as error:
            return Snapshot(name=name, kind="none", skipped=(str(error),))
        except TimeoutError:
            text = f"taking it did not end within {deadline:.0f} s; keep large data in ignored folders"
            return Snapshot(name=name, kind="none", skipped=(text,))
        return snapshot.model_copy(update={"seconds": round(time.monotonic() - started, 3)})

    def _unfit(self) -> str:
        if self._root == Path(self._root.anchor) or self._root == Path.home().resolve():
            return f"{self._root} is too wide to be covered; start in a project folder"
        return ""

    async def _git(self) -> tuple[Literal["ref", "own"], Git]:
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        repository = await find_repository(self._root)
        if repository is not None and repository.plain:
            index = self._data / "index"
            if not index.exists() and (repository.git_dir / "index").exists():
                shutil.copyfile(repository.git_dir / "index", index)
            git = Git(repository.git_dir, repository.top, self._root, index)
            self._found["ref"] = git
            return "ref", git
        git = await self._own(repository)
        self._found["own"] = git
        return "own", git

    async def _own(self, repository: Repository | None) -> Git:
        git_dir = self._data / "own.git"
        git = Git(git_dir, self._root, self._root, self._data / "own-index")
        if not (git_dir / "HEAD").exists():
            await git.run("init", "--quiet", "--template=")
            (git_dir / "info").mkdir(exist_ok=True)
            (git_dir / "info" / "attributes").write_text(ATTRIBUTES, encoding="utf-8")
        if repository is not None:
            alternates = git_dir / "objects" / "info" / "alternates"
            alternates.write_bytes(os.fsencode(repository.objects) + b"\n")
        return git

    async def _commit(self, name: str, kind: Literal["ref", "own"], git: Git) -> Snapshot:
        changed = await git.run("ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard")
        paths = set(filter(None, changed.split(b"\0")))
        if len(paths) > MAX_FILES:
            raise GitError(f"{len(paths)} files are new or changed, more than {MAX_FILES}.")
        fit, skipped = await asyncio.to_thread(self._sorted_out, paths)
        if fit:
            await git.run("update-index", "-z", "--add", "--remove", "--stdin", stdin=b"\0".join(fit) + b"\0")
        tree = (await git.run("write-tree", "--missing-ok")).decode().strip()
        commit = (await git.run("commit-tree", tree, "-m", f"CodeMAD checkpoint {name}")).decode().strip()
        await git.run("update-ref", f"{REFS}{name}", commit)
        files = (await git.run("ls-files", "-z", "--cached")).count(b"\0")
        return Snapshot(name=name, kind=kind, commit=commit, files=files, skipped=skipped)

    def _sorted_out(self, paths: Iterable[bytes]) -> tuple[list[bytes], tuple[str, ...]]:
        fit: list[bytes] = []
        skipped: list[str] = []
        for path in sorted(paths):
            reason = _unfit_path(os.fsencode(self._root) + b"/" + path, path)
            if reason:
                skipped.append(f"{os.fsdecode(path)}: {reason}")
            else:
                fit.append(path)
        return fit, tuple(skipped)

    async def changed(self, old: Snapshot, new: Snapshot) -> tuple[str, ...]:
        """POSIX paths, relative to the root, that differ between two snapshots."""
        if old.kind != new.kind or old.kind == "none":
            return ()
        git = await self._of(old)
        out = await git.run(
            "diff-tree", "-r", "-z", "--no-renames", "--name-only", "--relative", old.commit, new.commit
        )
        return tuple(os.fsdecode(path) for path in out.split(b"\0") if path)

    async def _of(self, snapshot: Snapshot) -> Git:
        if snapshot.kind not in self._found:
            await self._git()
        if snapshot.kind not in self._found:
            raise GitError(
                f"The checkpoint {snapshot.name} belongs to a repository that is no longer here.",
                hint="Put the folder's .git back to restore from it.",
            )
        return self._found[snapshot.kind]

    async def read(self, snapshot: Snapshot, path: str) -> bytes | None:
        """The bytes of a file in the snapshot, None where it has none."""
        git = await self._of(snapshot)
        entry = (await self._entries(git, snapshot, (path,))).get(path)
        return await git.run("cat-file", "blob", entry.object) if entry else None

    async def _entries(self, git: Git, snapshot: Snapshot, paths: tuple[str, ...]) -> dict[str, _Entry]:
        found: dict[str, _Entry] = {}
        for start in range(0, len(paths), 200):
            part = paths[start : start + 200]
            out = await git.run("ls-tree", "-z", snapshot.commit, "--", *part)
            for line in filter(None, out.split(b"\0")):
                head, _, path = line.partition(b"\t")
                mode, _, object = head.decode().split(" ")
                found[os.fsdecode(path)] = _Entry(mode, object)
        return found

    async def restore(self, snapshot: Snapshot, paths: tuple[str, ...], *, expect: Snapshot) -> Restoration:
        """Bring exactly these paths back to the snapshot. A path that is neither as in ``expect`` nor
        as in the snapshot already is a conflict and is left alone."""
        if "none" in (snapshot.kind, expect.kind):
            return Restoration(conflicts=paths)
        async with self._alone():
            git = await self._of(snapshot)
            before = await self._entries(git, snapshot, paths)
            left = await self._entries(git, expect, paths)
            restored: list[str] = []
            conflicts: list[str] = []
            for path in paths:
                wanted = before.get(path)
                now = await asyncio.to_thread(self._present, path, wanted or left.get(path))
                if now == wanted:
                    restored.append(path)
                elif now == left.get(path) and self._within(path):
                    data = await git.run("cat-file", "blob", wanted.object) if wanted else None
                    await asyncio.to_thread(self._put, path, wanted, data)
                    restored.append(path)
                else:
                    conflicts.append(path)
            return Restoration(restored=tuple(restored), conflicts=tuple(conflicts))

    def _within(self, path: str) -> bool:
        parent = Path(os.path.realpath((self._root / path).parent))
        return parent == self._root or self._root in parent.parents

    def _present(self, path: str, like: _Entry | None) -> _Entry | None:
        file = self._root / path
        try:
            info = file.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISLNK(info.st_mode):
            return _Entry("120000", _blob(os.fsencode(file.readlink()), like))
        if not stat.S_ISREG(info.st_mode):
            return _Entry("special", "")
        mode = "100755" if info.st_mode & 0o100 else "100644"
        return _Entry(mode, _blob(file.read_bytes(), like))

    def _put(self, path: str, entry: _Entry | None, data: bytes | None) -> None:
        file = self._root / path
        if entry is None or data is None:
            file.unlink()
            self._drop_empty(file.parent)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name[:80]}.codemad-{os.getpid()}")
        if entry.mode == "120000":
            temporary.symlink_to(os.fsdecode(data))
        else:
            _write_file(temporary, data, _permissions(file, entry))
        temporary.replace(file)

    def _drop_empty(self, folder: Path) -> None:
        while folder != self._root and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    async def drop(self, names: Iterable[str]) -> None:
        """Forget snapshots by name; git frees their objects in its own time."""
        lines = "".join(f"delete {REFS}{name}\n" for name in names)
        for git in self._found.values():
            await git.run("update-ref", "--stdin", stdin=lines.encode())

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """One snapshot or restore at a time, across processes too."""
        async with self._lock:
            self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (self._data / "lock").open("w") as file:
                await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
                yield


def _unfit_path(full: bytes, path: bytes) -> str:
    if path.endswith(b"/"):
        return "a repository of its own"
    try:
        info = os.lstat(full)
    except (FileNotFoundError, NotADirectoryError):
        return ""  # deleted: update-index removes it
    if stat.S_ISDIR(info.st_mode):
        return "a repository of its own"
    if not stat.S_ISREG(info.st_mode) and not stat.S_ISLNK(info.st_mode):
        return "not a regular file"
    if info.st_size > MAX_SIZE:
        return f"larger than {MAX_SIZE // 1_000_000} MB"
    if stat.S_ISREG(info.st_mode) and not os.access(full, os.R_OK):
        return "not readable"
    return ""


def _blob(data: bytes, like: _Entry | None) -> str:
    # Git names an object by a hash of its kind, size and content; SHA-256 in newer repositories.
    hasher = hashlib.sha256 if like and len(like.object) == 64 else hashlib.sha1
    return hasher(b"blob %d\0" % len(data) + data).hexdigest()


def _permissions(file: Path, entry: _Entry) -> int:
    execute = 0o111 if entry.mode == "100755" else 0
    try:
        return (stat.S_IMODE(file.stat().st_mode) & ~0o111) | execute
    except FileNotFoundError:
        return 0o644 | execute


def _write_file(path: Path, data: bytes, mode: int) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(mode)
