"""What CodeMAD keeps of a person, in all workspaces: what there is, taking it out as one file, erasing it.

Only what CodeMAD made is listed and erased, by its names: a data folder may be one that holds other things
too. Files of the person's own (notebooks, settings, cassettes they named, backups put elsewhere) are left.
"""

import contextlib
import json
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemad_jupyter.config import (
    access,
    agent_definitions,
    allowed,
    key_store,
    levels,
    mcp_approvals,
    shares,
    trust,
)
from codemad_jupyter.config.key_store import KeyStore
from codemad_jupyter.config.paths import data_dir, user_file, workspace_dir
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.git import bundles
from codemad_jupyter.git.disk_use import bytes_below, clear_away
from codemad_jupyter.protocol.errors import CodemadError, StoreHeld, UsageError
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.store import user_memory
from codemad_jupyter.store.codec import decode
from codemad_jupyter.store.lock import FileLock
from codemad_jupyter.store.migrations import COLUMNS
from codemad_jupyter.store.opening import MAIN, SIDE
from codemad_jupyter.store.storefile import connect

_WORKSPACE = re.compile(r"[0-9a-f]{24}")
_READABLE = (levels.FILE, allowed.FILE, shares.FILE)
PERSON = {
    user_memory.FILE: "what is remembered of you",
    "spending": "what model calls cost",
    trust.FILE: "the folders you trust",
    mcp_approvals.FOLDER: "approved MCP servers",
    agent_definitions.FOLDER: "approved agents of others",
    access.FILE: "how you signed in to providers",
    "models": "embedding models made ready for this machine",
    "logs": "logs",
}
"""What lies beside the workspaces, with what it is. Keys are apart: they are never taken out."""
KEYS = (key_store.INDEX, key_store.SEALED)
KEY_PLACES = {"keyring": "the system's key store", "file": key_store.SEALED, "memory": "memory"}
NOT_EXPORTED = {"parts": {"digest", "body"}, "memories": {"embedding"}}
"""Columns by table. Parts are packed cells of checkpoints' notebooks, which are the person's own files."""


@dataclass(frozen=True)
class Kept:
    """One thing that is kept: what it is, where, and the bytes it takes."""

    what: str
    place: str
    bytes: int = 0


@dataclass(frozen=True)
class Workspace:
    """The data of one workspace. ``root`` is empty where its store cannot be read."""

    folder: Path
    root: str
    sessions: int

    @property
    def name(self) -> str:
        """How it is called before a person."""
        return self.root or f"an unknown folder ({self.folder.name})"


def workspaces(settings: Settings, only: Path | None = None) -> list[Workspace]:
    """All workspaces, or that of one folder. Raises `StoreHeld` while a process has a store of them open."""
    if only is not None:
        own = workspace_dir(only.resolve(), settings=settings)
        return [_look(own)]
    top = data_dir(settings)
    if not top.is_dir():
        return []
    folders = (path for path in sorted(top.iterdir()) if _WORKSPACE.fullmatch(path.name))
    return [_look(path) for path in folders if path.is_dir() and not path.is_symlink()]


def listed(settings: Settings, found: Sequence[Workspace], *, whole: bool) -> list[Kept]:
    """What there is of these workspaces, and where ``whole`` of the person besides."""
    things: list[Kept] = []
    for each in found:
        what = f"{counted(each.sessions, 'session')}, checkpoints, index and logs of {each.name}"
        things.append(Kept(what, str(each.folder), bytes_below(each.folder)))
        for place, count in _refs(each).items():
            things.append(Kept(f"{count} snapshots behind private refs of git", place))
        index = _index_elsewhere(settings, each)
        if index is not None:
            things.append(Kept(f"the search index of {each.name}", str(index), bytes_below(index)))
    if whole:
        things += _persons(settings)
    return things


def _persons(settings: Settings) -> Iterator[Kept]:
    for top in _tops(settings):
        for name, what in PERSON.items():
            path = top / name
            if os.path.lexists(path):
                size = bytes_below(path) if path.is_dir() else path.lstat().st_size
                yield Kept(what, str(path), size)
    for provider, place in KeyStore().places().items():
        yield Kept(f"the key for {provider}", KEY_PLACES[place])


def _tops(settings: Settings) -> tuple[Path, ...]:
    """What comes before settings can be read, as trust and keys do, does not follow their ``data_dir``."""
    return tuple(dict.fromkeys((data_dir(settings), data_dir())))


def export(settings: Settings, found: Sequence[Workspace], target: Path, *, whole: bool) -> None:
    """Write what there is into a new file, as JSON: a table a file, a row a line. Keys are not in it."""
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{target} is there already.", hint="Name a new file.") from None
    except OSError as error:
        said = f"{target} cannot be written: {error.strerror}."
        raise UsageError(said, hint="Name a file in a folder that you may write to.") from None
    try:
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in found:
                _export_workspace(archive, each)
            if whole:
                _export_person(archive, _tops(settings))
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def erase(settings: Settings, found: Sequence[Workspace], *, whole: bool) -> list[str]:
    """Take it all away; what could not be. Nothing of it comes back."""
    problems: list[str] = []
    for each in found:
        with _noted(problems, each.name), _alone(each.folder):
            _forget_refs(each)
            index = _index_elsewhere(settings, each)
            if index is not None:
                clear_away(index)
            clear_away(each.folder)
    if whole:
        _erase_person(_tops(settings), problems)
    return problems


def _erase_person(tops: Sequence[Path], problems: list[str]) -> None:
    keys = KeyStore()
    for provider in keys.places():
        with _noted(problems, f"the key for {provider}"):
            keys.delete(provider)
    lock = f"{user_memory.FILE}.lock"
    paths = [top / name for top in tops for name in (*PERSON, *KEYS, lock)]
    if not any(problem.startswith("the key for") for problem in problems):
        paths.append(user_file().parent / key_store.KEY_FILE)
    for path in paths:
        with _noted(problems, str(path)):
            if path.is_dir() and not path.is_symlink():
                clear_away(path)
            elif os.path.lexists(path):
                path.unlink()


@contextlib.contextmanager
def _noted(problems: list[str], what: str) -> Iterator[None]:
    try:
        yield
    except (CodemadError, OSError) as error:
        problems.append(f"{what}: {error}")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other process has a store of this workspace open. Raises `StoreHeld`."""
    locks: list[FileLock] = []
    try:
        for store in (folder / MAIN, *folder.glob(SIDE)):
            if store.parent.is_dir():
                locks.append(FileLock.take(Path(f"{store}.lock"), store=store))
        yield
    finally:
        for lock in locks:
            with contextlib.suppress(OSError):
                lock.release()


def _look(folder: Path) -> Workspace:
    try:
        with _alone(folder), _reading(folder / MAIN) as cursor:
            if cursor is None:
                return Workspace(folder, "", 0)
            row = cursor.execute("select value from meta where key = 'workspace'").fetchone()
            count = cursor.execute("select count(*) from sessions").fetchone()
            return Workspace(folder, decode(row[0]) if row else "", count[0] if count else 0)
    except StoreHeld as held:
        hint = "Stop it first: close the Jupyter server, or end the command. Nothing was changed."
        raise StoreHeld(held.message, hint=hint, holder=held.holder) from None


@contextlib.contextmanager
def _reading(store: Path) -> Iterator[Any]:
    """A connection to a store; None where it cannot be read."""
    import duckdb

    try:
        connection = connect(str(store), read_only=True) if store.is_file() else None
    except duckdb.Error:
        connection = None
    try:
        yield connection
    finally:
        if connection is not None:
            connection.close()


def _refs(each: Workspace) -> dict[str, int]:
    if not each.root or not Path(each.root).is_dir():
        return {}
    try:
        found = bundles.snapshot_refs(Path(each.root), each.folder)
    except CodemadError:
        return {}
    return {place: count for place, count in found.items() if not Path(place).is_relative_to(each.folder)}


def _forget_refs(each: Workspace) -> None:
    if _refs(each):
        bundles.forget_all(Path(each.root), each.folder)


def _index_elsewhere(settings: Settings, each: Workspace) -> Path | None:
    if settings.index_dir is None:
        return None
    index = settings.index_dir.absolute() / each.folder.name
    return index if index.is_dir() and not index.is_symlink() else None


def _export_workspace(archive: zipfile.ZipFile, each: Workspace) -> None:
    top = f"workspaces/{each.folder.name}"
    archive.writestr(f"{top}/about.json", json.dumps({"folder": each.root, "sessions": each.sessions}))
    with _alone(each.folder), _reading(each.folder / MAIN) as cursor:
        for table, columns in COLUMNS.items() if cursor is not None else ():
            left_out = NOT_EXPORTED.get(table, set())
            names = ", ".join(f'"{name}"' for name, _ in columns if name not in left_out)
            if names:
                cursor.execute(f"select {names} from {table}")  # noqa: S608 - names are ours
                _write_rows(archive, f"{top}/{table}.jsonl", cursor)
    for path in sorted((*each.folder.glob("audit*.jsonl"), *(each.folder / name for name in _READABLE))):
        _add(archive, path, f"{top}/{path.name}")


def _write_rows(archive: zipfile.ZipFile, name: str, cursor: Any) -> None:
    names = [column[0] for column in cursor.description]
    with archive.open(name, "w") as file:
        while rows := cursor.fetchmany(1000):
            for row in rows:
                values = {name: _plain(value) for name, value in zip(names, row, strict=True)}
                file.write(json.dumps(values).encode() + b"\n")


def _plain(value: Any) -> Any:
    """A value as it was before `codec.encode`; ids and numbers are not encoded."""
    return decode(value) if isinstance(value, str) and value[:1] in ('"', "{", "[") else value


def _export_person(archive: zipfile.ZipFile, tops: Sequence[Path]) -> None:
    for top in tops:
        for name in PERSON:
            path = top / name
            if name == "models":
                continue
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                _add(archive, file, f"you/{file.relative_to(top).as_posix()}")
    providers = sorted(KeyStore().places())
    archive.writestr("you/keys.json", json.dumps({"providers with a key, which is not here": providers}))


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    if path.is_file() and not path.is_symlink():
        archive.write(path, name)
