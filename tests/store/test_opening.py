"""Whatever state the file is in, CodeMAD starts, the person is told, and the original is kept."""

import asyncio
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.store.db import Database
from codemad_jupyter.store.migrations import MIGRATIONS, StoreDamaged, StoreNewer
from codemad_jupyter.store.opening import open_store
from codemad_jupyter.store.store import Store

ROOT = Path(__file__).parents[2]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def filled(path: Path) -> bytes:
    """A store with one session; returns the bytes of its file."""
    store = await Store.open(path, workspace="/work")
    await store.create_session("s", "kept", "m", 1.0)
    await store.close()
    return await asyncio.to_thread(path.read_bytes)


async def works(store: Store) -> None:
    await store.create_session("new", "works", "m", 1.0)
    assert (await store.session("new")).title == "works"
    await store.close()


async def test_folder_and_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    before = os.umask(0)
    try:
        store, notices = await open_store(folder, workspace="/work")
        await store.create_session("s", "", "m", 1.0)
        modes = {path.name: path.stat().st_mode & 0o777 for path in sorted(folder.iterdir())}
        await store.close()
    finally:
        os.umask(before)
    assert (notices, folder.stat().st_mode & 0o777) == ((), 0o700)
    assert modes == {"store.duckdb": 0o600, "store.duckdb.lock": 0o600, "store.duckdb.wal": 0o600}


def cut(data: bytes) -> bytes:
    return data[: len(data) // 3]


def scrambled(data: bytes) -> bytes:
    return data[:8192] + random.Random(1).randbytes(len(data) - 8192)


DAMAGED = {
    "zero bytes": lambda data: b"",
    "noise": lambda data: random.Random(0).randbytes(40_000),
    "text": lambda data: b"version https://git-lfs.github.com/spec/v1\n",
    "cut short": cut,
    "scrambled blocks": scrambled,
    "sqlite": lambda data: b"SQLite format 3\0" + bytes(4080),
}


@pytest.mark.parametrize("kind", DAMAGED)
async def test_an_unreadable_file_is_kept_and_a_fresh_store_begun(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "store.duckdb"
    bad = DAMAGED[kind](await filled(path))
    path.write_bytes(bad)
    with pytest.raises(StoreDamaged, match="cannot be read"):
        await Store.open(path, workspace="/work")
    assert path.read_bytes() == bad
    store, notices = await open_store(tmp_path, workspace="/work")
    assert store.path == path
    assert "fresh store was begun" in notices[0]
    (kept,) = [name for name in names(tmp_path) if "damaged" in name]
    assert kept in notices[0]
    assert (tmp_path / kept).read_bytes() == bad
    await works(store)
    again, notices = await open_store(tmp_path, workspace="/work")
    assert notices == ()
    await again.close()


async def test_a_damaged_journal_of_changes_is_kept_with_its_store(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    good = await filled(path)
    (tmp_path / "store.duckdb.wal").write_bytes(random.Random(3).randbytes(5000))
    store, notices = await open_store(tmp_path, workspace="/work")
    await works(store)
    if notices:
        (kept,) = [name for name in names(tmp_path) if "damaged" in name and not name.endswith(".wal")]
        assert (tmp_path / kept).read_bytes() == good


async def test_changes_without_their_store_are_not_mixed_into_a_fresh_one(tmp_path: Path) -> None:
    (tmp_path / "store.duckdb.wal").write_bytes(b"left over")
    store, notices = await open_store(tmp_path, workspace="/work")
    assert "only its latest changes are left" in notices[0]
    (kept,) = [name for name in names(tmp_path) if "damaged" in name]
    assert (tmp_path / kept).read_bytes() == b"left over"
    await works(store)


async def test_a_folder_or_a_link_in_place_of_the_file_is_moved_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"not ours")
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
    (tmp_path / "a" / "store.duckdb").mkdir()
    (tmp_path / "b" / "store.duckdb").symlink_to(target)
    for place in ("a", "b"):
        store, notices = await open_store(tmp_path / place, workspace="/work")
        assert "no regular file" in notices[0]
        await works(store)
    assert target.read_bytes() == b"not ours"


async def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"not ours")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "store.duckdb.lock").symlink_to(target)
    store, notices = await open_store(tmp_path / "data", workspace="/work")
    assert (store.path, target.read_bytes()) == (None, b"not ours")
    assert "kept in memory" in notices[0]
    await works(store)


async def test_a_database_of_something_else_is_kept(tmp_path: Path) -> None:
    import duckdb

    with duckdb.connect(str(tmp_path / "store.duckdb")) as connection:
        connection.execute("create table sales (amount int)")
    store, notices = await open_store(tmp_path, workspace="/work")
    assert "not a session store of CodeMAD" in notices[0]
    await works(store)


async def test_a_place_that_cannot_be_written_gives_a_store_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store, notices = await open_store(tmp_path / "file" / "data", workspace="/work")
    assert store.path is None
    assert "data: Not a directory. They are kept in memory" in notices[0]
    assert "CODEMAD_DATA_DIR" in notices[0]
    await works(store)


READ_ONLY = """
import asyncio, os, sys
from pathlib import Path
folder = Path(sys.argv[1])
if os.geteuid() == 0:
    import codemad_jupyter.store.opening, duckdb  # before we lose the right to read them
    os.setgid(65534); os.setuid(65534)
from codemad_jupyter.store.opening import open_store
async def main():
    store, notices = await open_store(folder, workspace="w")
    await store.create_session("s", "t", "m", 1.0)
    print(store.path, notices)
    await store.close()
asyncio.run(main())
"""


def test_a_read_only_store_gives_a_store_in_memory() -> None:
    folder = Path(tempfile.mkdtemp(prefix="codemad-readonly-"))  # where a plain user can reach it, too
    try:
        good = asyncio.run(filled(folder / "store.duckdb"))
        (folder / "store.duckdb.lock").chmod(0o666)
        (folder / "store.duckdb").chmod(0o444)
        folder.chmod(0o555)
        ran = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(folder)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"},
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.startswith("None (")
        assert "kept in memory" in ran.stdout
        assert (folder / "store.duckdb").read_bytes() == good
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


NEXT = (*MIGRATIONS, ("alter table sessions add column note varchar", "create table extra (id varchar)"))


async def test_an_older_store_is_copied_and_migrated(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    old = await filled(path)
    database = await asyncio.to_thread(Database.open, path, migrations=NEXT)
    rows = await database.read(lambda cursor: cursor.execute("select id, note from sessions").fetchall())
    version = await database.read(
        lambda cursor: cursor.execute("select value from meta where key = 'schema_version'").fetchone()
    )
    await database.close()
    assert (rows, version) == ([("s", None)], (str(len(NEXT)),))
    backup = tmp_path / f"store.duckdb.v{len(MIGRATIONS)}.backup"
    assert backup.read_bytes() == old
    assert backup.stat().st_mode & 0o777 == 0o600


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    await filled(path)
    broken = (*MIGRATIONS, ("alter table sessions add column note varchar", "select nonsense"))
    with pytest.raises(StoreError, match="nonsense") as failure:
        await asyncio.to_thread(Database.open, path, migrations=broken, set_aside=True)
    assert not isinstance(failure.value, StoreDamaged)
    store, notices = await open_store(tmp_path, workspace="/work")
    assert (notices, (await store.session("s")).title) == ((), "kept")
    await works(store)


async def test_a_newer_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    await filled(path)
    database = await asyncio.to_thread(Database.open, path, migrations=NEXT)
    await database.close()
    newer = path.read_bytes()
    with pytest.raises(
        StoreNewer, match=f"version {len(NEXT)}; this CodeMAD knows up to {len(MIGRATIONS)}"
    ) as refusal:
        await Store.open(path, workspace="/work", set_aside=True)
    assert "Update CodeMAD" in refusal.value.hint
    store, notices = await open_store(tmp_path, workspace="/work")
    assert store.path == tmp_path / f"store-{os.getpid()}-0.duckdb"
    assert f"schema version {len(NEXT)}" in notices[0]
    await works(store)
    assert path.read_bytes() == newer


async def test_a_damaged_side_file_is_kept_and_does_not_stop_the_start(tmp_path: Path) -> None:
    await filled(tmp_path / "store.duckdb")
    (tmp_path / "store-1-0.duckdb").write_bytes(b"noise")
    store, notices = await open_store(tmp_path, workspace="/work")
    assert "was kept as" in notices[0]
    assert (await store.session("s")).title == "kept"
    await works(store)
    again, notices = await open_store(tmp_path, workspace="/work")
    assert notices == ()
    await again.close()


async def test_the_database_reaches_no_file_and_keeps_its_configuration(tmp_path: Path) -> None:
    database = await asyncio.to_thread(Database.open, tmp_path / "store.duckdb")
    for statement in (
        "select * from read_text('/etc/passwd')",
        "select * from read_csv('/etc/passwd')",
        "select * from glob('/*')",
        f"copy (select 1) to '{tmp_path}/out.csv'",
        f"attach '{tmp_path}/other.duckdb'",
        f"export database '{tmp_path}/out'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "pragma threads = 8",
    ):
        with pytest.raises(StoreError):
            await database.write(lambda cursor, statement=statement: cursor.execute(statement).fetchall())
    await database.close()
    assert names(tmp_path) == ["store.duckdb", "store.duckdb.lock"]
