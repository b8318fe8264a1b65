"""Makes a backup of a workspace in one file, and takes one apart. What is done with its parts: `restore`.

In it: the sessions with all that belongs to them (messages, events, checkpoints, what is remembered here),
the snapshots of files that checkpoints name, what is remembered of the person, and the data levels of
notebooks. Not in it: keys, trust, approvals and allowed actions (they are decisions about one machine),
settings, the search index and the audit log.
"""

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

import codemad_jupyter
from codemad_jupyter.config import levels
from codemad_jupyter.git import bundles
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import StoreError, UsageError
from codemad_jupyter.store import user_memory
from codemad_jupyter.store.migrations import MIGRATIONS
from codemad_jupyter.store.opening import MAIN
from codemad_jupyter.store.snapshots import copy_store
from codemad_jupyter.store.store import Store
from codemad_jupyter.store.storefile import version_in

T = TypeVar("T")
FOLDER = "backups"
MANIFEST = "manifest.json"
FORMAT, VERSION = "codemad-backup", 1
SMALL = (user_memory.FILE, levels.FILE)
KNOWN = frozenset({MAIN, bundles.OWN, bundles.REPOSITORY, *SMALL})
_LARGEST = 100_000_000_000
_PIECE = 1 << 20


class Member(Value):
    """A file in a backup."""

    size: int
    sha256: str


class Manifest(Value):
    """What a backup says of itself. ``places`` has the git folder of each bundle, as it was then."""

    format: str = FORMAT
    version: int = VERSION
    codemad: str
    schema_version: int
    workspace: str
    made: float
    sessions: int
    places: dict[str, str]
    files: dict[str, Member]


async def make_backup(store: Store, folder: Path, *, root: Path, person: Path, target: Path) -> Manifest:
    """Write the backup of the open ``store`` of the workspace ``root``; ``folder`` has its data, ``person``
    what is the person's in every workspace. ``target`` must be new. Raises `StoreError`."""
    if await asyncio.to_thread(os.path.lexists, target):
        raise UsageError(f"{target} is there already.", hint="Name a new file.")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=folder) as inside:
            parts = Path(inside)
            await copy_store(store.database, parts / MAIN, patient=False)
            sessions = len(await store.sessions())
            return await asyncio.to_thread(_pack, parts, folder, root, person, target, sessions)
    except OSError as error:
        said = f"The backup could not be written to {target}: {error.strerror or error}."
        raise StoreError(said, hint="Check the folder's permissions and the space on the disk.") from error


def default_target(folder: Path, root: Path) -> Path:
    """Where a backup goes that nobody named a place for: with the workspace's data, out of its reach."""
    name = "".join(sign if sign.isalnum() else "-" for sign in root.name)[:60] or "workspace"
    return folder / FOLDER / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.codemad.zip"


def _pack(parts: Path, folder: Path, root: Path, person: Path, target: Path, sessions: int) -> Manifest:
    places = bundles.bundle(root, folder, parts)
    for source in (person / user_memory.FILE, folder / levels.FILE):
        if source.is_file() and not source.is_symlink():
            shutil.copyfile(source, parts / source.name)
    files = {path.name: _member(path) for path in sorted(parts.iterdir())}
    manifest = Manifest(
        codemad=codemad_jupyter.__version__,
        schema_version=len(MIGRATIONS),
        workspace=str(root),
        made=time.time(),
        sessions=sessions,
        places=places,
        files=files,
    )
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
                for path in sorted(parts.iterdir()):
                    archive.write(path, path.name)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
    return manifest


def read_manifest(file: Path) -> Manifest:
    """What a backup says of itself. Raises `UsageError` for what is none, or of a later CodeMAD."""
    try:
        with zipfile.ZipFile(file) as archive:
            return _manifest(archive, file)
    except OSError as error:
        said = f"{file} cannot be read: {error.strerror or error}."
        raise UsageError(said, hint="Name a file that codemad backup wrote.") from None
    except (zipfile.BadZipFile, KeyError, ValueError, ValidationError, NotImplementedError):
        raise _damaged(file) from None


def unpack(file: Path, into: Path) -> Manifest:
    """Take a backup apart and look at each part: its size, its checksum, and whether the sessions can be read
    by this CodeMAD. Raises `UsageError` or `StoreError`, before anything but ``into`` was touched."""
    manifest = read_manifest(file)
    try:
        with zipfile.ZipFile(file) as archive:
            for name, member in manifest.files.items():
                _extract(archive, name, member, into / name)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError):
        raise _damaged(file) from None
    version_in(into / MAIN, MIGRATIONS)
    return manifest


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    found: Any = json.loads(_bounded(archive, MANIFEST, 1_000_000))
    if found.get("format") == FORMAT and found.get("version", 0) > VERSION:
        said = f"A later CodeMAD ({found.get('codemad')}) wrote {file}."
        raise UsageError(said, hint="Update CodeMAD Jupyter to restore it. Nothing was changed.")
    manifest = Manifest.model_validate(found)
    names = {info.filename for info in archive.infolist()}
    if manifest.format != FORMAT or MAIN not in manifest.files or not manifest.files.keys() <= KNOWN:
        raise ValueError
    if names != {MANIFEST, *manifest.files} or len(names) != len(archive.infolist()):
        raise ValueError
    return manifest


def _bounded(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as reading:
        data = reading.read(most + 1)
    if len(data) > most:
        raise ValueError
    return data


def _extract(archive: zipfile.ZipFile, name: str, member: Member, target: Path) -> None:
    """Never more than was said, whatever the archive holds."""
    if not 0 <= member.size <= _LARGEST:
        raise ValueError
    digest, left = hashlib.sha256(), member.size
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with archive.open(name) as reading, os.fdopen(descriptor, "wb") as writing:
        while piece := reading.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise ValueError
            digest.update(piece)
            writing.write(piece)
    if left or digest.hexdigest() != member.sha256:
        raise ValueError


def _member(path: Path) -> Member:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return Member(size=path.stat().st_size, sha256=digest.hexdigest())


def _damaged(file: Path) -> UsageError:
    return UsageError(
        f"{file} is no whole backup of CodeMAD: nothing was changed.",
        hint="Take another one; daily snapshots lie in the folder snapshots beside the store.",
    )
