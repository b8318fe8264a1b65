"""Sessions, entries, events and checkpoints in a real DuckDB file."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import HunkStatus
from codemad_jupyter.protocol.errors import NotFound, StoreError
from codemad_jupyter.protocol.events import (
    EditSettled,
    Event,
    MessageDone,
    RunFinished,
    RunStarted,
    TextDelta,
    ToolCalled,
)
from codemad_jupyter.protocol.messages import Message, TextPart, ToolCallPart, ToolResultPart
from codemad_jupyter.store.checkpoints import CheckpointRecord
from codemad_jupyter.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "store.duckdb", workspace="/work")
    yield opened
    await opened.close()


async def reopened(store: Store) -> Store:
    await store.close()
    return await Store.open(store.path, workspace="/work")


def done(seq: int, text: str = "hello") -> MessageDone:
    message = Message.assistant(text)
    return MessageDone(seq=seq, session="s", run="r", at=1.0, id=f"m{seq}", message=message, model="x/y")


def started(run: str, seq: int) -> RunStarted:
    return RunStarted(
        seq=seq, session="s", run=run, prompt="p", model="x/y", edge="test", target=Target(notebook="a.ipynb")
    )


async def test_sessions_are_kept_and_the_latest_comes_first(store: Store) -> None:
    await store.create_session("a", "First", "x/one", 10.0)
    await store.create_session("b", "Second", "x/one", 20.0)
    assert [info.id for info in await store.sessions()] == ["b", "a"]
    renamed = await store.update_session("a", title="Renamed")
    assert (renamed.title, renamed.model) == ("Renamed", "x/one")
    assert [info.id for info in await store.sessions()] == ["a", "b"]
    again = await reopened(store)
    assert await again.session("a") == renamed
    assert await again.update_session("a", title="Renamed", head=None) == renamed  # nothing changes
    await again.close()


async def test_what_is_not_there_is_named(store: Store) -> None:
    await store.create_session("a", "", "m", 1.0)
    with pytest.raises(NotFound, match="no session 'nobody'"):
        await store.session("nobody")
    with pytest.raises(NotFound, match="no entry 'gone'"):
        await store.update_session("a", head="gone")
    with pytest.raises(NotFound, match="no entry 'gone'"):
        await store.append_entry("a", id="1", parent="gone", run=None, message=Message.user("x"), at=1.0)
    with pytest.raises(NotFound, match="no entry 'gone'"):
        await store.entries("a", "gone")
    with pytest.raises(NotFound, match="no checkpoint 'c'"):
        await store.checkpoint("c")
    assert await store.head("a") is None
    assert await store.entries("a", None) == ()


async def test_entries_make_a_tree_and_a_moved_head_deletes_nothing(store: Store) -> None:
    await store.create_session("s", "", "m", 1.0)
    for id, parent in (("1", None), ("2", "1"), ("3", "2")):
        await store.append_entry("s", id=id, parent=parent, run="r", message=Message.user(id), at=float(id))
    await store.update_session("s", head="1")
    await store.append_entry("s", id="4", parent="1", run="q", message=Message.user("4"), at=4.0)
    assert await store.head("s") == "4"
    assert [entry.id for entry in await store.entries("s", "4")] == ["1", "4"]
    old = await store.entries("s", "3")
    assert [entry.message.text for entry in old] == ["1", "2", "3"]
    assert (old[1].parent, old[1].run, old[1].at, old[1].session) == ("1", "r", 2.0, "s")
    await store.update_session("s", head=None)
    assert await store.head("s") is None
    assert len(await store.entries("s", "3")) == 3


async def test_a_parent_from_another_session_is_refused(store: Store) -> None:
    for session in ("a", "b"):
        await store.create_session(session, "", "m", 1.0)
    await store.append_entry("a", id="1", parent=None, run=None, message=Message.user("x"), at=1.0)
    with pytest.raises(NotFound, match="Session 'b' has no entry '1'"):
        await store.append_entry("b", id="2", parent="1", run=None, message=Message.user("x"), at=1.0)
    assert await store.head("b") is None


async def test_a_long_conversation_is_read_back_in_order(store: Store) -> None:
    await store.create_session("s", "", "m", 1.0)
    parent = None
    for number in range(300):
        entry = await store.append_entry(
            "s", id=f"e{number}", parent=parent, run="r", message=Message.user(str(number)), at=1.0
        )
        parent = entry.id
    begun = time.perf_counter()
    path = await store.entries("s", parent)
    sys.stdout.write(f"\n300 entries from the tree: {time.perf_counter() - begun:.3f} s\n")
    assert [entry.message.text for entry in path] == [str(number) for number in range(300)]


async def test_events_come_back_equal_and_after_a_number(store: Store) -> None:
    statuses: dict[int, HunkStatus] = {0: "accepted", 2: "rejected"}
    events: list[Event] = [
        started("r", 1),
        ToolCalled(
            seq=2, session="s", run="r", call="c", tool="t", arguments={"x": [1, {"y": None}]}, risk="read"
        ),
        done(5),
        EditSettled(seq=9, session="s", run="r", edit="e", status="accepted", hunks=statuses),
    ]
    await store.append_events(events)
    again = await reopened(store)
    assert list(await again.events("s")) == events
    assert [event.seq for event in await again.events("s", after=2)] == [5, 9]
    assert await again.events("other") == ()
    assert (await again.last_seq("s"), await again.last_seq("other")) == (9, 0)
    await again.close()


async def test_live_events_and_used_numbers_are_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="text_delta are live only"):
        await store.append_events([TextDelta(seq=1, session="s", message="m", text="x")])
    await store.append_events([done(1)])
    with pytest.raises(StoreError, match="already in the session store"):
        await store.append_events([done(2), done(1)])
    assert [event.seq for event in await store.events("s")] == [1]


async def test_runs_without_an_end_are_found(store: Store) -> None:
    end = RunFinished(seq=3, session="s", run="one", status="done", text="Done.")
    await store.append_events([started("one", 1), end, started("two", 4)])
    assert await store.open_runs() == (("s", "two"),)


async def test_checkpoints_keep_their_order_and_can_be_completed(store: Store) -> None:
    first = CheckpointRecord(
        id="c1", session="s", run="r", reason="run", at=50.0, head="e1", files={"kind": "ref", "n": 1},
        notebooks={"a b.ipynb": {"cells": [{"id": "x", "source": "1"}]}},
    )  # fmt: skip
    second = CheckpointRecord(id="c2", session="s", run=None, reason="undo", at=10.0)
    await store.save_checkpoint(first)
    await store.save_checkpoint(second)
    await store.update_checkpoint("c1", touched={"files": ["a.py"]})
    await store.update_checkpoint("c1", after={"commit": "abc"})
    touched = first.model_copy(
        update={"touched": {"files": ["a.py"]}, "after": {"commit": "abc"}, "size": 23}
    )
    assert await store.checkpoints("s") == (touched, second)
    await store.update_checkpoint("c1", after=None, notebooks={})
    last = await store.checkpoint("c1")
    assert (last.touched, last.after, last.notebooks) == ({"files": ["a.py"]}, None, {})
    with pytest.raises(NotFound):
        await store.update_checkpoint("nothing", touched={})


HARD_TEXTS = [
    "\ud800",
    "a\udcffb\udfff",
    "nul \0 and \x1b[31m",
    "combining e" + "\u0301" * 5000,
    "\u202eright to left\u2066",
    "emoji 🧪 and 漢字 with \udc80 inside",
    '{"not": "json"} \' -- ; drop table sessions',
    "",
]


@pytest.mark.parametrize("text", HARD_TEXTS, ids=range(len(HARD_TEXTS)))
async def test_text_that_databases_dislike_comes_back_equal(store: Store, text: str) -> None:
    await store.create_session("s", text, text, 1.0)
    call = ToolCallPart(id="c", name="t", arguments={text: [text]})
    message = Message(role="assistant", parts=(TextPart(text=text), call))
    result = Message(role="tool", parts=(ToolResultPart(id="c", name="t", content=text),))
    await store.append_entry("s", id="1", parent=None, run=None, message=message, at=1.0)
    await store.append_entry("s", id="2", parent="1", run=None, message=result, at=1.0)
    await store.append_events([done(1, text)])
    await store.save_checkpoint(
        CheckpointRecord(id="c", session="s", run=None, reason="run", at=1.0, touched={text: text})
    )
    again = await reopened(store)
    info = await again.session("s")
    assert (info.title, info.model) == (text, text)
    assert [entry.message for entry in await again.entries("s", "2")] == [message, result]
    assert await again.events("s") == (done(1, text),)
    assert (await again.checkpoint("c")).touched == {text: text}
    await again.close()


async def test_a_message_of_five_megabytes_is_kept(store: Store) -> None:
    text = "0123456789" * 500_000
    await store.append_events([done(1, text)])
    (event,) = await store.events("s")
    assert event == done(1, text)


async def test_what_json_cannot_hold_is_refused_and_nothing_is_written(store: Store) -> None:
    call = ToolCalled(seq=1, session="s", call="c", tool="t", arguments={"x": object()}, risk="read")
    with pytest.raises(StoreError, match="cannot be stored"):
        await store.append_events([call])
    assert await store.last_seq("s") == 0


async def test_many_tasks_write_and_read_at_once(store: Store) -> None:
    async def chat(number: int) -> None:
        session, parent = f"s{number}", None
        await store.create_session(session, "", "m", 1.0)
        for step in range(20):
            id = f"{number}-{step}"
            await store.append_entry(
                session, id=id, parent=parent, run="r", message=Message.user(id), at=float(step)
            )
            event = done(step + 1).model_copy(update={"session": session})
            await store.append_events([event])
            assert await store.head(session) == id
            assert await store.last_seq(session) == step + 1
            parent = id

    begun = time.perf_counter()
    await asyncio.wait_for(asyncio.gather(*(chat(number) for number in range(25))), 60)
    sys.stdout.write(f"\n1,000 writes of 25 tasks: {time.perf_counter() - begun:.2f} s\n")
    for number in range(25):
        path = await store.entries(f"s{number}", f"{number}-19")
        assert [entry.id for entry in path] == [f"{number}-{step}" for step in range(20)]


async def test_a_refused_write_does_not_take_its_neighbours_with_it(store: Store) -> None:
    await store.append_events([done(1)])
    writes = [store.append_events([done(number)]) for number in (1, 2, 1, 3, 1, 4)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results] == [StoreError, type(None)] * 3
    assert [event.seq for event in await store.events("s")] == [1, 2, 3, 4]


async def test_a_cancelled_write_leaves_the_store_in_order(store: Store) -> None:
    tasks = [asyncio.create_task(store.append_events([done(number)])) for number in range(1, 200)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    kept = {number for number, result in enumerate(results, start=1) if result is None}
    assert kept <= {event.seq for event in await store.events("s")}
    await store.append_events([done(1000)])
    assert await store.last_seq("s") == 1000


async def test_ten_thousand_events_are_replayed(store: Store) -> None:
    text = "A finished message of ordinary length, said in the middle of a long conversation. " * 3
    for start in range(0, 10_000, 1000):
        await store.append_events([done(seq, text) for seq in range(start + 1, start + 1001)])
    begun = time.perf_counter()
    events = await store.events("s")
    sys.stdout.write(f"\n10,000 events replayed in {time.perf_counter() - begun:.2f} s\n")
    assert [event.seq for event in events] == list(range(1, 10_001))


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.sessions()
    with pytest.raises(StoreError, match="closed"):
        await store.append_events([done(1)])


async def test_a_store_in_memory_does_all_but_last() -> None:
    memory = await Store.open(None, workspace="/work")
    await memory.create_session("s", "t", "m", 1.0)
    await memory.append_events([done(1)])
    assert (await memory.last_seq("s"), memory.path) == (1, None)
    await memory.close()


def test_importing_the_store_does_not_import_the_database() -> None:
    import subprocess

    code = "import sys, codemad_jupyter.store.opening; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
