"""Long conversations with a small model: the window holds, older turns are summarised, nothing is lost."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from codemad_jupyter.orchestrator.compacting import FAILURES
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import ChooseDataLevel
from codemad_jupyter.protocol.events import Compacted, ContextBuilt, Event
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"
WINDOW = 24_000
NOTES = "Goal: radius by group. Found: the bins are wrong."
LONG = "word " * 2_300


@pytest.fixture
async def small(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[], Awaitable[Desk]]:
    """A desk whose model has a small window."""
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"models": {MODEL: {"window": WINDOW, "max_output": 2_000}}}))
    monkeypatch.setenv("CODEMAD_PRICES", str(prices))
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    return make_desk


def sent(server: ModelServer, number: int = -1) -> str:
    return json.dumps(server.asked[number].body, ensure_ascii=False)


async def summarised(desk: Desk, after: int = 0) -> Compacted:
    event = (await desk.until(lambda each: each.type == "compacted", after=after))[-1]
    assert isinstance(event, Compacted)
    return event


def built(events: list[Event]) -> ContextBuilt:
    return next(event for event in events if isinstance(event, ContextBuilt))


def asked(count: int) -> Callable[[ModelServer], bool]:
    return lambda server: len(server.asked) >= count


async def filled(desk: Desk, server: ModelServer, *, turns: int) -> None:
    """Some turns with long answers."""
    for number in range(turns):
        server.play(Turn(text=f"answer-{number} {LONG}"))
        await desk.ask(f"question-{number}", model=MODEL)


async def test_older_turns_are_summarised_and_stay_in_the_session(
    small: Callable[[], Awaitable[Desk]], model_server: ModelServer
) -> None:
    desk = await small()
    await filled(desk, model_server, turns=2)
    model_server.play(Turn(text=f"answer-2 {LONG}"), Turn(text=NOTES))
    await desk.ask("question-2", model=MODEL)
    event = await summarised(desk)
    assert (event.model, event.level) == (MODEL, "outputs")
    assert NOTES in event.text
    assert "- question-0" in event.text
    model_server.play(Turn(text="Go on."))
    events = await desk.ask("question-3", model=MODEL)
    request = sent(model_server)
    assert NOTES in request
    assert "answer-0" not in request
    assert "answer-2" in request
    assert "question-3" in request
    assert built(events).tokens <= WINDOW * 0.9
    stored = [entry.message.text for entry in await entries(desk)]
    assert any("answer-0" in text for text in stored)


async def entries(desk: Desk) -> tuple[object, ...]:
    store = desk.engine.services.store
    return await store.entries(desk.session, await store.head(desk.session))


async def test_a_summary_holds_only_while_its_turns_are_before_the_head_and_may_be_told(
    small: Callable[[], Awaitable[Desk]], model_server: ModelServer
) -> None:
    desk = await small()
    await filled(desk, model_server, turns=2)
    model_server.play(Turn(text=f"answer-2 {LONG}"), Turn(text=NOTES))
    await desk.ask("question-2", model=MODEL)
    await summarised(desk)
    model_server.play(Turn(text="It is stored by now."))
    await desk.ask("question-3", model=MODEL)
    services = desk.engine.services
    session = await Session.load(
        desk.session, services.store, on_event=lambda event: None, redact=services.redact
    )
    assert NOTES in session.conversation.at("images")[0].text
    assert NOTES not in "".join(message.text for message in session.conversation.at("schema"))
    await session.move(session.path[1].id)  # as an undo of the later turns does
    assert session.conversation.covered == 0
    await desk.do(ChooseDataLevel(session=desk.session, level="schema"))
    model_server.play(Turn(text="Go on."), Turn(text="Notes."))
    await desk.ask("question-4", model=MODEL)
    assert NOTES in sent(model_server, 4)
    assert NOTES not in sent(model_server, 5)


async def test_a_run_that_reads_much_stays_in_the_window(
    small: Callable[[], Awaitable[Desk]], model_server: ModelServer
) -> None:
    desk = await small()
    reads = []
    for number in range(12):
        (desk.root / f"f{number}.txt").write_text(f"file-{number}\n" + "text " * 2_000)
        reads.append(Turn(calls=(Call("read_file", {"path": f"f{number}.txt"}),)))
    model_server.play(*reads, Turn(text="I have read all."))
    events = await desk.ask("read them", model=MODEL)
    assert events[-1].text == "Done."
    assert any(event.type == "notice" and event.code == "compacted" for event in events)
    last = sent(model_server)
    assert "read them" in last
    assert "file-11" in last
    assert "file-0\\" not in last
    assert all(len(json.dumps(request.body)) / 4 < WINDOW for request in model_server.asked)


async def test_a_prompt_beyond_the_window_is_refused_before_anything_is_sent(
    small: Callable[[], Awaitable[Desk]], model_server: ModelServer
) -> None:
    desk = await small()
    events = await desk.ask("explain " * 20_000, model=MODEL)
    assert events[-1].status == "failed"
    assert "larger window" in events[-1].text
    assert model_server.asked == []


async def test_without_summaries_earlier_turns_are_told_in_short(
    small: Callable[[], Awaitable[Desk]], model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_COMPACTION", "plain")
    desk = await small()
    await filled(desk, model_server, turns=12)
    model_server.play(Turn(text="Go on."))
    events = await desk.ask("question-12", model=MODEL)
    history = next(each for each in built(events).segments if each.name == "history")
    assert history.truncated
    assert "told in short" in history.left_out[0]
    assert "Asked: question-0" in sent(model_server)
    assert built(events).tokens <= WINDOW * 0.9
    assert len(model_server.asked) == 13


async def test_summaries_that_fail_are_given_up_and_said_once(
    small: Callable[[], Awaitable[Desk]], model_server: ModelServer
) -> None:
    desk = await small()
    await filled(desk, model_server, turns=2)
    for number in range(FAILURES):
        broken = Turn(status=400, error="invalid_request_error")
        model_server.play(Turn(text=f"answer {LONG}"), broken)
        await desk.ask(f"more-{number}", model=MODEL)
        await asyncio.to_thread(model_server.wait_for, asked(4 + 2 * number))
    events = await desk.until(lambda each: each.type == "notice" and each.code == "compacted", after=0)
    assert "told to the model in short" in events[-1].text
    model_server.play(Turn(text="Go on."))
    events = await desk.ask("and now", model=MODEL)
    assert events[-1].status == "done"
    assert len(model_server.asked) == 2 + 2 * FAILURES + 1
