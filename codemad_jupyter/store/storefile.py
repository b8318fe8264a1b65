"""Owns the database file itself: opening it so that it reaches nothing else, telling a damaged file
from a held or a newer one, copying it before a migration, and setting it aside."""

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.store.lock import duckdb_holder, held_by
from codemad_jupyter.store.migrations import Migration, StoreDamaged, check, migrate, version_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LOCKED_DOWN: dict[str, str | bool | int | float | list[str]] = {
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "lock_configuration": "true",
    "memory_limit": "1GB",
    "python_enable_replacements": "false",
    "threads": "2",
}

_TROUBLE = ("no space left", "permission denied", "read-only file system", "too large", "input/output error")


def keep_aside(path: Path) -> Path:
    """Move an unreadable store, and what belongs to it, to a new name."""
    kept = _new_name(path, "damaged")
    if wal_of(path).exists():
        wal_of(path).rename(f"{kept}.wal")
    if path.is_symlink() or path.exists():
        path.rename(kept)
    return kept


def _new_name(path: Path, why: str) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name, number = Path(f"{path}.{why}-{stamp}"), 1
    while os.path.lexists(name):
        number += 1
        name = Path(f"{path}.{why}-{stamp}-{number}")
    return name


def put_in_place(fresh: Path, path: Path) -> Path | None:
    """Make ``fresh`` the store ``path``, in one step, and keep the one that was there; its new name. Only for
    who holds the store's lock."""
    kept: Path | None = None
    if os.path.lexists(path):
        try:
            with as_store_error(path, opening=True):
                connect(str(path)).close()  # takes its journal into it
            kept = _new_name(path, "replaced")
            os.link(path, kept, follow_symlinks=False)
        except (StoreDamaged, OSError):
            kept = keep_aside(path)
    wal_of(path).unlink(missing_ok=True)
    fresh.replace(path)
    return kept


def open_file(path: Path, migrations: Sequence[Migration]) -> "tuple[DuckDBPyConnection, Path | None]":
    """Open, create or migrate the file, with the copy of it that was kept where it was migrated;
    `StoreDamaged` where it cannot be read."""
    former: Path | None = None
    if path.is_symlink() or path.exists():
        if not stat.S_ISREG(path.lstat().st_mode):
            raise StoreDamaged(f"The session store {path} is no regular file.")
        former = _keep_former(path, migrations)
    elif wal_of(path).exists():
        raise StoreDamaged(f"The session store {path} is gone; only its latest changes are left.")
    with as_store_error(path, opening=True):
        connection = connect(str(path))
    try:
        tighten(path)
        with as_store_error(path):  # a migration that fails does not make the file a damaged one
            migrate(connection, migrations)
        with as_store_error(path, opening=True):
            connection.execute("select * from sessions").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection, former


def version_in(path: Path, migrations: Sequence[Migration]) -> int:
    """The schema version of a file, which is not changed; `StoreNewer` where we do not know it."""
    with (
        as_store_error(path, opening=True),
        contextlib.closing(connect(str(path), read_only=True)) as connection,
    ):
        version = version_of(connection)
        check(version, migrations)
    return version


def _keep_former(path: Path, migrations: Sequence[Migration]) -> Path | None:
    """Look at the version without writing, and copy the file before an older one is migrated."""
    version = version_in(path, migrations)
    if not 0 < version < len(migrations):
        return None
    backup = Path(f"{path}.v{version}.backup")
    shutil.copy2(path, backup)
    tighten(backup)
    if wal_of(path).exists():
        shutil.copy2(wal_of(path), wal_of(backup))
    return backup


def connect(target: str, *, read_only: bool = False) -> "DuckDBPyConnection":
    """A connection that reaches no other file, loads nothing and cannot be told to."""
    import duckdb

    return duckdb.connect(target, read_only=read_only, config=_LOCKED_DOWN)


def wal_of(path: Path) -> Path:
    """Where DuckDB writes what is not yet in the file."""
    return Path(f"{path}.wal")


def tighten(path: Path) -> None:
    """Make a file its owner's alone."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


@contextlib.contextmanager
def as_store_error(
    path: Path | None, *, opening: bool = False, reopen: Callable[[], None] | None = None
) -> Iterator[None]:
    """Turn DuckDB's errors into ours, each with its next step."""
    import duckdb

    where = f"the session store {path}" if path else "the session store in memory"
    try:
        yield
    except duckdb.ConstraintException as error:
        raise StoreError(
            f"This is already in {where}: {error}.", hint="Nothing was written; use a new id."
        ) from error
    except duckdb.Error as error:
        text = str(error)
        if path is not None and opening and "lock" in text.lower() and duckdb_holder(text):
            raise held_by(path, duckdb_holder(text)) from error
        if opening and not any(sign in text.lower() for sign in _TROUBLE):
            raise StoreDamaged(f"{where[0].upper()}{where[1:]} cannot be read: {text}") from error
        if reopen is not None and isinstance(error, duckdb.FatalException):
            reopen()
        raise StoreError(
            f"The database under {where} failed: {text}",
            hint="Check that the disk has space and the folder can be written, then try again.",
        ) from error
