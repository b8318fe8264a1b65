"""What holds when a process is killed, the disk is full, or another process owns the store."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codemad_jupyter.protocol.errors import StoreError, StoreHeld
from codemad_jupyter.protocol.events import MessageDone
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.store.opening import open_store
from codemad_jupyter.store.store import Store
from tests.waiting import LIMIT

APPENDER = Path(__file__).with_name("appender.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate(timeout=LIMIT)


def appender(folder: Path, prefix: str, processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(APPENDER), str(folder), prefix],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    processes.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n", process.communicate(timeout=LIMIT)
    return process


def kill_and_read(process: subprocess.Popen[str], acknowledgements: int) -> dict[str, int]:
    """Kill the process after so many acknowledgements; the last number of each session it got."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(acknowledgements)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=LIMIT)
    last: dict[str, int] = {}
    for line in lines + rest.splitlines():
        session, _, number = line.partition(" ")
        if number:
            last[session] = int(number)
    return last


async def check(store: Store, acknowledged: dict[str, int]) -> None:
    for session, last in acknowledged.items():
        stored = [event.seq for event in await store.events(session)]
        assert stored == list(range(1, len(stored) + 1))
        assert len(stored) >= last
        path = await store.entries(session, await store.head(session))
        assert [entry.id for entry in path] == [f"{session}-{n}" for n in range(1, len(path) + 1)]
        assert len(path) >= last


async def test_ten_kills_lose_nothing_that_was_acknowledged(
    tmp_path: Path, processes: list[subprocess.Popen[str]]
) -> None:
    dice = random.Random(20)
    acknowledged: dict[str, int] = {}
    for turn in range(10):
        process = await asyncio.to_thread(appender, tmp_path, f"t{turn}-", processes)
        acknowledged |= await asyncio.to_thread(kill_and_read, process, dice.randrange(4, 120))
    store, notices = await open_store(tmp_path, workspace="/work")
    assert (store.path, notices) == (tmp_path / "store.duckdb", ())
    assert len(acknowledged) >= 40
    await check(store, acknowledged)
    sys.stdout.write(f"\n10 kills, {sum(acknowledged.values())} acknowledged, 0 lost\n")
    await store.close()


async def test_a_second_process_is_told_who_holds_the_store(
    tmp_path: Path, processes: list[subprocess.Popen[str]]
) -> None:
    process = await asyncio.to_thread(appender, tmp_path, "first", processes)
    with pytest.raises(StoreHeld) as held:
        await Store.open(tmp_path / "store.duckdb", workspace="/work")
    assert held.value.holder == process.pid
    assert f"process {process.pid} (python" in held.value.message
    assert "appender.py" in held.value.message


async def test_the_same_process_cannot_open_the_store_twice(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "store.duckdb", workspace="/work")
    with pytest.raises(StoreHeld, match="held by this process"):
        await Store.open(tmp_path / "store.duckdb", workspace="/work")
    await store.close()


async def test_a_program_that_knows_nothing_of_our_lock_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    await (await Store.open(path, workspace="/work")).close()
    code = (
        "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    )
    arguments = [sys.executable, "-c", code, str(path)]
    other = await asyncio.to_thread(subprocess.Popen, arguments, stdout=subprocess.PIPE)
    assert other.stdout is not None
    await asyncio.to_thread(other.stdout.readline)
    try:
        with pytest.raises(StoreHeld) as held:
            await Store.open(path, workspace="/work")
        assert held.value.holder == other.pid
    finally:
        other.kill()
        other.communicate(timeout=LIMIT)


async def test_a_side_file_is_used_while_the_store_is_held_and_taken_in_later(
    tmp_path: Path, processes: list[subprocess.Popen[str]]
) -> None:
    main = await asyncio.to_thread(appender, tmp_path, "main", processes)
    side, notices = await open_store(tmp_path, workspace="/work")
    assert side.path == tmp_path / f"store-{os.getpid()}-0.duckdb"
    assert f"process {main.pid}" in notices[0]
    second, _ = await open_store(tmp_path, workspace="/work")
    assert second.path == tmp_path / f"store-{os.getpid()}-1.duckdb"
    for number, store in enumerate((side, second)):
        session = f"side{number}"
        await store.create_session(session, "Aside", "x/y", 1.0)
        await store.append_entry(
            session, id=f"e{number}", parent=None, run=None, message=Message.user("\ud800"), at=1.0
        )
        message = Message.assistant("kept")
        await store.append_events([MessageDone(seq=1, session=session, id="m", message=message, model="x/y")])
    await side.close()
    acknowledged = await asyncio.to_thread(kill_and_read, main, 20)

    taken, notices = await open_store(tmp_path, workspace="/work")
    assert notices == (f"Taken in: 1 session from {side.path.name}.",)  # the other is still open
    await check(taken, acknowledged)
    assert (await taken.entries("side0", "e0"))[0].message.text == "\ud800"
    assert await taken.head("side0") == "e0"
    await second.close()
    await taken.close()

    again, notices = await open_store(tmp_path, workspace="/work")
    assert len(notices) == 1
    assert await again.last_seq("side1") == 1
    assert {info.id for info in await again.sessions()} >= {"side0", "side1"}
    await again.close()
    left = sorted(path.name for path in await asyncio.to_thread(lambda: list(tmp_path.iterdir())))
    assert left == ["store.duckdb", "store.duckdb.lock"]


async def test_three_processes_on_one_folder_lose_nothing(
    tmp_path: Path, processes: list[subprocess.Popen[str]]
) -> None:
    running = [await asyncio.to_thread(appender, tmp_path, f"p{number}-", processes) for number in range(3)]
    await asyncio.sleep(0.5)
    acknowledged: dict[str, int] = {}
    for process in running:
        acknowledged |= await asyncio.to_thread(kill_and_read, process, 10)
    store, notices = await open_store(tmp_path, workspace="/work")
    assert len(notices) == 2
    assert len(acknowledged) == 12
    await check(store, acknowledged)
    await store.close()


async def test_a_side_file_taken_in_twice_changes_nothing(tmp_path: Path) -> None:
    """The commit may succeed and the process die before the side file is removed."""
    import shutil

    from codemad_jupyter.store.opening import take_in

    main = await Store.open(tmp_path / "store.duckdb", workspace="/work")
    side, _ = await open_store(tmp_path, workspace="/work")
    await side.create_session("s", "old title", "m", 1.0)
    await side.append_entry("s", id="1", parent=None, run=None, message=Message.user("x"), at=1.0)
    await side.close()
    assert side.path is not None
    await asyncio.to_thread(shutil.copy, side.path, tmp_path / "copy")
    assert len(await take_in(main, tmp_path)) == 1
    await main.update_session("s", title="new title")
    await asyncio.to_thread(shutil.copy, tmp_path / "copy", side.path)
    assert len(await take_in(main, tmp_path)) == 1
    assert (await main.session("s")).title == "new title"
    assert len(await main.entries("s", "1")) == 1
    await main.close()


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.protocol.events import MessageDone
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.store.store import Store

def event(seq):
    import random
    message = Message.assistant(random.Random(seq).randbytes(4000).hex())
    return MessageDone(seq=seq, session="s", id=str(seq), message=message, model="x/y")

async def main():
    store = await Store.open(Path(sys.argv[1]), workspace="/work")
    await store.append_events([event(1)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    kept = 1
    try:
        while True:
            await store.append_events([event(kept + 1)])
            kept += 1
    except StoreError as error:
        assert "disk has space" in error.hint, error
    for _ in range(3):
        try:
            await store.append_events([event(kept + 1)])
            kept += 1
        except StoreError:
            pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    stored = [one.seq for one in await store.events("s")]
    assert stored == list(range(1, kept + 1)), (kept, stored)
    await store.append_events([event(kept + 1)])
    await store.close()
    again = await Store.open(Path(sys.argv[1]), workspace="/work")
    assert await again.last_seq("s") == kept + 1
    await again.close()
    print(kept)

asyncio.run(main())
"""


@pytest.mark.parametrize("limit", [60_000, 400_000, 1_000_000, 3_000_000])
def test_a_disk_that_fills_up_loses_nothing_and_the_store_works_again(tmp_path: Path, limit: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "store.duckdb"), str(limit)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= 1


async def test_a_store_that_was_never_closed_does_not_keep_the_process(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom codemad_jupyter.store.store import Store\n"
        "async def main():\n    store = await Store.open(Path(sys.argv[1]), workspace='w')\n"
        "    await store.create_session('s', 't', 'm', 1.0)\nasyncio.run(main())\n"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "store.duckdb")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = await asyncio.to_thread(
        subprocess.run, arguments, timeout=LIMIT, env=environment, capture_output=True
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    store = await Store.open(tmp_path / "store.duckdb", workspace="w")
    assert (await store.session("s")).title == "t"
    await store.close()


async def test_errors_have_a_next_step(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "store.duckdb", workspace="/work")
    await store.create_session("s", "", "m", 1.0)
    with pytest.raises(StoreError) as twice:
        await store.create_session("s", "", "m", 1.0)
    assert twice.value.hint
    await store.close()
