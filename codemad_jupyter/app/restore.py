"""Brings a workspace back from a backup: looked at as a whole first, the present sessions kept beside.

What is remembered of the person is only added to, and data levels only become stricter: both may have changed
for good reasons since.
"""

import asyncio
import json
import os
import re
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from codemad_jupyter.app.backup import Manifest, unpack
from codemad_jupyter.config import levels
from codemad_jupyter.config.paths import data_dir, workspace_dir
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.git import bundles
from codemad_jupyter.protocol.errors import CodemadError, StoreError, UsageError
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.store import user_memory
from codemad_jupyter.store.codec import encode
from codemad_jupyter.store.db import Database
from codemad_jupyter.store.lock import FileLock
from codemad_jupyter.store.opening import MAIN
from codemad_jupyter.store.storefile import put_in_place
from codemad_jupyter.store.user_memory import UserMemory

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ORDER = get_args(DataLevel)
_STAGED = re.compile(r"restore-[0-9a-f]{16}\.zip")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


@dataclass
class Restored:
    """What was brought back; ``kept`` has the sessions that were there before."""

    manifest: Manifest
    kept: Path | None = None
    snapshots: int = 0
    facts: int = 0
    problems: list[str] = field(default_factory=list)


def stage(file: Path, *, root: Path, settings: Settings) -> Path:
    """A copy of a backup where the process that has the store open finds it. Raises `UsageError`."""
    target = workspace_dir(root, settings=settings) / f"restore-{secrets.token_hex(8)}.zip"
    try:
        with file.open("rb") as reading, os.fdopen(os.open(target, _NEW, 0o600), "wb") as writing:
            shutil.copyfileobj(reading, writing, 1 << 20)
    except OSError as error:
        target.unlink(missing_ok=True)
        said = f"{file} cannot be brought to {target.parent}: {error.strerror or error}."
        raise UsageError(said, hint="Name a file that codemad backup wrote.") from None
    return target


def staged(name: str, *, root: Path, settings: Settings) -> Path:
    """Where `stage` put it. Raises `UsageError` for a name that it did not give."""
    if not _STAGED.fullmatch(name):
        raise UsageError("This is no backup that was staged.", hint="Use: codemad restore FILE")
    return workspace_dir(root, settings=settings) / name


async def restore(file: Path, *, root: Path, settings: Settings) -> Restored:
    """Replace the sessions of the workspace by those of a backup. Raises `UsageError` or `StoreError` for one
    that cannot be used, and `StoreHeld` while a process has the sessions open; nothing was changed then."""
    folder = workspace_dir(root, settings=settings)
    try:
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=folder) as inside:
            parts = Path(inside)
            done = Restored(await asyncio.to_thread(unpack, file, parts))
            lock = FileLock.take(folder / f"{MAIN}.lock", store=folder / MAIN)
            try:
                await _bring_snapshots(done, parts, root, folder)
                done.kept = await asyncio.to_thread(put_in_place, parts / MAIN, folder / MAIN)
            finally:
                lock.release()
            await _bring_facts(done, parts, data_dir(settings))
            await asyncio.to_thread(_bring_levels, done, parts, folder, settings)
            return done
    except OSError as error:
        said = f"The backup could not be brought back to {folder}: {error.strerror or error}."
        raise StoreError(said, hint="Check the folder's permissions and the space on the disk.") from error


async def _bring_snapshots(done: Restored, parts: Path, root: Path, folder: Path) -> None:
    moved: dict[str, str] = {}
    for name, former in done.manifest.places.items():
        if name not in done.manifest.files or name not in (bundles.OWN, bundles.REPOSITORY):
            continue
        try:
            place, count = await asyncio.to_thread(bundles.unbundle, root, folder, parts / name)
        except CodemadError as error:
            done.problems.append(f"Snapshots of files were not brought back: {error}")
            continue
        done.snapshots += count
        if not place:
            done.problems.append("Snapshots lay in a git repository that is not here: run git init first.")
        elif place != former:
            moved[former] = place
    database = await asyncio.to_thread(Database.open, parts / MAIN)  # brings an older one forward
    try:
        await database.write(partial(_point_to, moved=moved))
    finally:
        await database.close()


def _point_to(cursor: "DuckDBPyConnection", moved: dict[str, str]) -> None:
    """Let the records of checkpoints name the git folders of this machine."""
    for former, place in moved.items():
        for column in ("files", "touched", "after"):
            statement = f"update checkpoints set {column} = replace({column}, ?, ?)"  # noqa: S608 - ours
            cursor.execute(statement, [encode(former), encode(place)])


async def _bring_facts(done: Restored, parts: Path, person: Path) -> None:
    if user_memory.FILE not in done.manifest.files:
        return
    try:
        here = UserMemory(person)
        known = {fact.id for fact in await here.memories()}
        for fact in await UserMemory(parts).memories():
            if fact.id not in known:
                await here.put_memory(fact)
                done.facts += 1
    except CodemadError as error:
        done.problems.append(f"What is remembered of you was not brought back: {error}")


def _bring_levels(done: Restored, parts: Path, folder: Path, settings: Settings) -> None:
    if levels.FILE not in done.manifest.files:
        return
    here = levels.Levels(folder, default=settings.data_level)
    try:
        chosen = json.loads((parts / levels.FILE).read_bytes())
        for notebook, level in chosen.items():
            if _ORDER.index(level) < _ORDER.index(here.of(notebook or None)):
                here.choose(level, notebook or None)
    except (CodemadError, ValueError, AttributeError) as error:
        done.problems.append(f"Data levels of notebooks were not brought back: {error}")


def restored_text(done: Restored) -> str:
    """What a person is told."""
    lines = [f"Brought back: {counted(done.manifest.sessions, 'session')} of {done.manifest.workspace}."]
    lines += (
        [f"With their checkpoints: {counted(done.snapshots, 'snapshot')} of files."] if done.snapshots else []
    )
    lines += [f"Added: {counted(done.facts, 'fact')} about you."] if done.facts else []
    lines += [f"The sessions that were here before are kept as {done.kept}."] if done.kept else []
    return "\n".join(
        [*lines, *done.problems, "Keys, trust and approvals are in no backup: they stay as they are."]
    )
