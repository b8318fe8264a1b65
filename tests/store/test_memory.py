"""What is remembered, in real files: the workspace's store and the person's own."""

import asyncio
import multiprocessing
from pathlib import Path

import pytest

from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.protocol.events import MemoryChanged
from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.protocol.messages import Message, TextPart, ToolCallPart
from codemad_jupyter.store.db import Database
from codemad_jupyter.store.memory import Vector
from codemad_jupyter.store.migrations import MIGRATIONS
from codemad_jupyter.store.opening import MAIN, open_store
from codemad_jupyter.store.store import Store
from codemad_jupyter.store.user_memory import FILE, UserMemory

FACT = Memory(
    id="memory-1",
    scope="project",
    text='The target is "diagnosis" \x00 \ud800 ü',
    kind="decision",
    session="s",
    run="run-1",
    who="model",
    model="x/y",
    created=10.0,
    level="outputs",
)


@pytest.fixture(params=["workspace", "person"])
async def place(request: pytest.FixtureRequest, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Both places keep facts in the same way."""
    if request.param == "person":
        yield UserMemory(tmp_path)
        return
    store = await Store.open(tmp_path / "store.duckdb", workspace="/work")
    yield store
    await store.close()


async def test_facts_are_kept_changed_used_and_gone(place: Store | UserMemory) -> None:
    later = FACT.model_copy(update={"id": "memory-2", "created": 20.0, "confirmed": False, "run": None})
    await place.put_memory(later)
    await place.put_memory(FACT)
    assert await place.memories() == (FACT, later)
    await place.use_memories([FACT.id, "nobody"], 30.0)
    used = FACT.model_copy(update={"uses": 1, "used": 30.0})
    assert await place.memories() == (used, later)
    edited = used.model_copy(update={"text": "The target is 'outcome'."})
    await place.put_memory(edited)
    assert (await place.memories())[0] == edited
    await place.remove_memories([FACT.id, "nobody"])
    assert await place.memories() == (later,)


async def test_a_vector_stays_with_its_wording(place: Store | UserMemory) -> None:
    await place.put_memory(FACT)
    await place.put_memory_vectors([Vector(FACT.id, "small", b"\0\1"), Vector("gone", "small", b"\2")])
    assert await place.memory_vectors("small") == {FACT.id: b"\0\1"}
    assert await place.memory_vectors("other") == {}
    await place.put_memory(FACT.model_copy(update={"uses": 3}))
    assert await place.memory_vectors("small") == {FACT.id: b"\0\1"}
    await place.put_memory(FACT.model_copy(update={"text": "something else"}))
    assert await place.memory_vectors("small") == {}


async def test_a_store_without_memory_is_brought_forward(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    old = await asyncio.to_thread(Database.open, path, migrations=MIGRATIONS[:2])
    await old.write(
        lambda cursor: cursor.execute(
            "insert into sessions (id, title, model, created, updated) values ('s', '\"T\"', '\"m\"', 1, 1)"
        )
    )
    await old.close()
    store = await Store.open(path, workspace="/work")
    assert (await store.session("s")).title == "T"
    await store.put_memory(FACT)
    await store.close()
    again = await Store.open(path, workspace="/work")
    assert await again.memories() == (FACT,)
    await again.close()
    assert (tmp_path / "store.duckdb.v2.backup").exists()


async def test_facts_of_a_side_store_are_taken_in(tmp_path: Path) -> None:
    main, _ = await open_store(tmp_path, workspace="/work")
    side, notices = await open_store(tmp_path, workspace="/work")
    assert notices
    await side.put_memory(FACT)
    await side.close()
    await main.close()
    again, _ = await open_store(tmp_path, workspace="/work")
    assert again.path == tmp_path / MAIN
    assert await again.memories() == (FACT,)
    await again.close()


async def test_what_is_forgotten_is_silent_in_the_log(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "store.duckdb", workspace="/work")
    await store.create_session("s", "", "m", 1.0)
    events = [
        MemoryChanged(
            seq=seq, session="s", change="kept", memories=(id,), scope="project", text=f"about {id}"
        )
        for seq, id in enumerate(("memory-1", "memory-2"), start=1)
    ]
    await store.append_events(events)
    await store.silence_memories(["memory-1"])
    assert await store.events("s") == (events[0].model_copy(update={"text": ""}), events[1])
    await store.close()


def test_the_persons_file_holds_nothing_of_what_is_forgotten(tmp_path: Path) -> None:
    place = UserMemory(tmp_path)
    asyncio.run(place.put_memory(FACT.model_copy(update={"text": "likes marmalade"})))
    assert b"marmalade" in (tmp_path / FILE).read_bytes()
    asyncio.run(place.remove_memories([FACT.id]))
    assert all(b"marmalade" not in path.read_bytes() for path in tmp_path.iterdir())
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"version": 2, "memories": []}', b'{"version": 1}', b"\xff"]
)
async def test_a_damaged_file_of_the_person_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    place = UserMemory(tmp_path)
    with pytest.raises(StoreError, match="cannot be read"):
        await place.memories()
    with pytest.raises(StoreError, match="cannot be read"):
        await place.put_memory(FACT)
    assert (tmp_path / FILE).read_bytes() == content


def _keep_ten(folder: Path, name: str) -> None:
    async def work() -> None:
        place = UserMemory(folder)
        for number in range(10):
            await place.put_memory(FACT.model_copy(update={"id": f"{name}-{number}"}))

    asyncio.run(work())


async def test_two_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_keep_ten, args=(tmp_path, name)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        await asyncio.to_thread(writer.join, 60)
        assert writer.exitcode == 0
    assert len(await UserMemory(tmp_path).memories()) == 20


async def test_past_sessions_are_searched_by_their_words(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "store.duckdb", workspace="/work")
    texts = {
        "a": ["Which colour map suits the heat map?", "Use viridis: it is even to the eye."],
        "b": ["Plot the HEAT of each day"],
        "c": ["unrelated"],
    }
    for session, said in texts.items():
        await store.create_session(session, f"About {session}", "m", 1.0)
        parent = None
        for number, text in enumerate(said):
            message = Message.user(text) if number % 2 == 0 else Message.assistant(text)
            entry = await store.append_entry(
                session, id=f"{session}{number}", parent=parent, run="r", message=message, at=float(number)
            )
            parent = entry.id
    call = ToolCallPart(id="1", name="read_file", arguments={"path": "heat.txt"})
    message = Message(role="assistant", parts=(TextPart(text="Looking."), call))
    await store.append_entry("c", id="c9", parent="c0", run="r", message=message, at=9.0)
    hits = await store.search_sessions("heat map")
    assert [(hit.session, hit.who) for hit in hits] == [("a", "user"), ("b", "user")]
    assert hits[0].title == "About a"
    assert "heat map" in hits[0].excerpt
    assert [hit.session for hit in await store.search_sessions("VIRIDIS")] == ["a"]
    assert await store.search_sessions("  ") == ()
    assert await store.search_sessions("%_'\"") == ()
    assert len(await store.search_sessions("heat", limit=1)) == 1
    await store.close()
