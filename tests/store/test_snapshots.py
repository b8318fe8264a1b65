"""Daily snapshots: whole, the newest few kept, and never in the way of who writes."""

import asyncio
import os
import stat
import time
from pathlib import Path

import pytest

from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.store.opening import CHOSEN, open_store
from codemad_jupyter.store.snapshots import DAY, Snapshots, copy_store
from codemad_jupyter.store.store import Store


async def opened(folder: Path, *, created: float = 1.0) -> Store:
    store, notices = await open_store(folder, workspace="/work")
    assert notices == ()
    await store.create_session("s", "kept", "m", created)
    return store


async def titles(path: Path) -> list[str]:
    store = await Store.open(path, workspace="/work")
    found = [info.title for info in await store.sessions()]
    await store.close()
    return found


async def test_a_snapshot_of_an_open_store_is_whole_and_private(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    snapshots = Snapshots(store.database, kept=3)
    assert await snapshots.due()
    path = await snapshots.take()
    assert path is not None
    assert not await snapshots.due()
    await store.create_session("later", "not in it", "m", 2.0)
    await store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert await titles(path) == ["kept"]


async def test_the_newest_few_are_kept(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    folder = tmp_path / "snapshots"
    folder.mkdir()
    for day in range(10, 15):
        old = folder / f"2026-01-{day}-120000.duckdb"
        old.write_bytes(b"an older one")
        os.utime(old, (day, day))
    (folder / ".new-1-1").write_bytes(b"of a killed process")
    snapshots = Snapshots(store.database, kept=3)
    taken = await snapshots.take()
    await store.close()
    assert taken is not None
    kept = sorted(path.name for path in folder.iterdir())
    assert kept == ["2026-01-13-120000.duckdb", "2026-01-14-120000.duckdb", taken.name]


async def test_one_is_due_a_day_after_the_first_session_or_the_last_snapshot(tmp_path: Path) -> None:
    store = await opened(tmp_path, created=time.time())
    snapshots = Snapshots(store.database, kept=3)
    assert not await snapshots.due()
    path = await snapshots.take()
    assert path is not None
    assert not await snapshots.due()
    for moment in (time.time() - DAY - 60, time.time() + DAY):  # late, or the clock was set back
        os.utime(path, (moment, moment))
        assert await snapshots.due()
    await store.close()


async def test_a_copy_gives_way_to_a_write(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    held, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(cursor: object) -> None:
        loop.call_soon_threadsafe(held.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(60)

    holding = asyncio.create_task(store.database.still(hold))
    await held.wait()
    copying = asyncio.create_task(copy_store(store.database, tmp_path / "copy", patient=True))
    await asyncio.sleep(0)  # it stands in the line before the write
    writing = asyncio.create_task(store.create_session("urgent", "first", "m", 2.0))
    await asyncio.sleep(0)
    go_on.set()
    assert not await copying
    await asyncio.gather(holding, writing)
    assert not (tmp_path / "copy").exists()
    assert await copy_store(store.database, tmp_path / "copy", patient=True)
    await store.close()
    assert await titles(tmp_path / "copy") == ["first", "kept"]


async def test_writes_go_on_while_copies_are_taken(tmp_path: Path) -> None:
    store = await opened(tmp_path)

    async def write(person: int) -> None:
        for number in range(20):
            await store.create_session(f"{person}-{number}", "t", "m", 1.0)

    work = asyncio.gather(*map(write, range(4)))
    counts = []
    for number in range(3):
        assert await copy_store(store.database, tmp_path / f"copy-{number}", patient=False)
        counts.append(len(await titles(tmp_path / f"copy-{number}")))
    await work
    assert counts == sorted(counts)
    assert len(await store.sessions()) == 81
    await store.close()


async def test_a_store_in_memory_has_no_snapshots_and_says_so(tmp_path: Path) -> None:
    store, notices = await open_store(tmp_path / "nowhere", workspace="/work", in_memory=True)
    assert notices == (CHOSEN,)
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(StoreError, match="in memory alone"):
        await copy_store(store.database, tmp_path / "copy", patient=False)
    snapshots = Snapshots(store.database, kept=3)
    snapshots.start(lambda: False)
    await snapshots.stop()
    await store.close()
    assert not (tmp_path / "snapshots").exists()


async def test_where_no_copy_can_be_written_nothing_is_left_and_it_is_said(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="could not be copied"):
        await copy_store(store.database, tmp_path / "file" / "copy", patient=False)
    await store.create_session("after", "works", "m", 2.0)
    await store.close()


async def test_a_snapshot_that_is_due_is_taken_when_the_store_is_left(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    snapshots = Snapshots(store.database, kept=3)
    snapshots.start(lambda: True)
    await snapshots.stop()
    await store.close()
    (path,) = (tmp_path / "snapshots").iterdir()
    assert await titles(path) == ["kept"]
