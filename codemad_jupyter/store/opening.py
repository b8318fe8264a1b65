"""Decides which file a workspace's store lives in, so that CodeMAD starts whatever state it finds.

The main file where it is free; a side file where another process holds it, taken in later; memory
where nothing can be written. Every departure from the first is said in words.
"""

import asyncio
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.protocol.errors import StoreError, StoreHeld
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.store.db import Database
from codemad_jupyter.store.migrations import COLUMNS, StoreDamaged, StoreNewer, insert_rows
from codemad_jupyter.store.store import Store
from codemad_jupyter.store.storefile import keep_aside

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAIN = "store.duckdb"
SIDE = "store-*-*.duckdb"
CHOSEN = "Sessions are kept in memory alone, as the setting store says: they end with this process."

Rows = dict[str, list[tuple[object, ...]]]


async def open_store(
    folder: Path, *, workspace: str, in_memory: bool = False
) -> tuple[Store, tuple[str, ...]]:
    """The store in ``folder``, and what the person should know about it; with ``in_memory`` nothing is
    looked at or written."""
    if in_memory:
        return await Store.open(None, workspace=workspace), (CHOSEN,)
    try:
        _prepare(folder)
        store = await Store.open(folder / MAIN, workspace=workspace, set_aside=True)
    except (StoreHeld, StoreNewer) as reason:
        return await _open_side(folder, workspace, reason)
    except (OSError, StoreError) as error:
        return await _open_memory(folder, workspace, error)
    return store, store.notices + await take_in(store, folder)


async def take_in(store: Store, folder: Path) -> tuple[str, ...]:
    """Copy left-over side files into the store, each removed once its rows are on disk."""
    notices: list[str] = []
    for path in await asyncio.to_thread(lambda: sorted(folder.glob(SIDE))):
        try:
            side = await asyncio.to_thread(Database.open, path)
        except StoreHeld:
            continue  # its owner still writes there
        except StoreDamaged as damage:
            notices.append(f"{damage.message} It was kept as {await asyncio.to_thread(keep_aside, path)}.")
            continue
        except (OSError, StoreError) as error:
            notices.append(f"The side store {path} was left where it is: {error}")
            continue
        taken = False
        try:
            rows = await side.read(_dump)
            await store.database.write(functools.partial(_merge, rows=rows))
            taken = True
            notices.append(f"Taken in: {counted(len(rows['sessions']), 'session')} from {path.name}.")
        finally:
            await side.close(remove=taken)
    return tuple(notices)


async def _open_side(folder: Path, workspace: str, reason: StoreError) -> tuple[Store, tuple[str, ...]]:
    number, todo = 0, f" {reason.hint}" if isinstance(reason, StoreNewer) else ""
    while True:
        path = folder / f"store-{os.getpid()}-{number}.duckdb"
        number += 1
        if path.exists():
            continue  # ours already, or left over by an earlier process of this pid
        try:
            store = await Store.open(path, workspace=workspace)
        except StoreHeld:
            continue
        except (OSError, StoreError) as error:
            return await _open_memory(folder, workspace, error)
        notice = (
            f"{reason.message} This process keeps its sessions in {path.name}; they are taken into the"
            f" main store when it is next opened undisturbed.{todo}"
        )
        return store, (notice,)


async def _open_memory(folder: Path, workspace: str, error: Exception) -> tuple[Store, tuple[str, ...]]:
    store = await Store.open(None, workspace=workspace)
    why = f"{error.strerror}." if isinstance(error, OSError) else error
    notice = (
        f"Sessions cannot be saved in {folder}: {why} They are kept in memory and end with this process."
        " Make the folder writable, or name another one with CODEMAD_DATA_DIR, and start again."
    )
    return store, (notice,)


def _prepare(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _dump(cursor: "DuckDBPyConnection") -> Rows:
    rows: Rows = {}
    for table, columns in COLUMNS.items():
        names = ", ".join(f'"{name}"' for name, _ in columns)
        rows[table] = cursor.execute(f"select {names} from {table}").fetchall()  # noqa: S608 - names are ours
    return rows


def _merge(cursor: "DuckDBPyConnection", rows: Rows) -> None:
    for table, new in rows.items():
        insert_rows(cursor, table, new, known="keep")
