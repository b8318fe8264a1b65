"""The WebSocket: live events, replay after a number, and frames that make no sense."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from codemad_jupyter.server.host import Limits
from tests.server.serving import Served, Tab


async def prompt(server: Served, session: str, text: str = "What can you do?") -> dict[str, Any]:
    return await server.command(type="prompt", session=session, text=text, model="codemad/offline")


async def until_finished(tab: Tab, run: str) -> list[dict[str, Any]]:
    """The events up to the end of the run; each number once and in order."""
    events: list[dict[str, Any]] = []
    while not (events and events[-1]["type"] == "run_finished" and events[-1]["run"] == run):
        events.append((await tab.hear("event"))["event"])
    numbers = [event["seq"] for event in events]
    assert numbers == sorted(set(numbers))
    return events


async def test_a_prompt_s_events_arrive_live_and_again_after_a_number(server: Served) -> None:
    session, tab = await server.session(), await server.tab("one")
    await tab.say(type="subscribe", session=session)
    assert (await tab.hear("replayed"))["session"] == session
    ack = await prompt(server, session)
    live = await until_finished(tab, ack["run"])
    kinds = [event["type"] for event in live]
    assert "run_started" in kinds
    assert "message_done" in kinds
    assert live[-1] == await server.finished(ack), "stored as well: what is live may be so a moment earlier"
    assert live[-1]["status"] == "done"

    late = await server.tab("two")
    middle = live[len(live) // 2]["seq"]
    await late.say(type="subscribe", session=session, after=middle)
    again = await until_finished(late, ack["run"])
    kept = [e for e in live if e["seq"] > middle and e["type"] not in ("text_delta", "thinking_delta")]
    assert again == kept
    assert (await late.hear("replayed"))["seq"] == live[-1]["seq"]

    stored = json.loads((await server.fetch(f"codemad/sessions/{session}/events", after=middle)).body)
    assert stored == {"events": kept}


async def test_a_run_goes_on_without_its_socket(server: Served) -> None:
    session, tab = await server.session(), await server.tab("one")
    await tab.say(type="subscribe", session=session)
    ack = await prompt(server, session)
    await tab.hear("event")
    tab.close()
    back = await server.tab("one")
    await back.say(type="subscribe", session=session, after=ack["seq"])
    assert (await until_finished(back, ack["run"]))[-1]["status"] == "done"


async def test_a_slow_tab_gets_the_stored_events_later(server: Served) -> None:
    server.host.limits = Limits(waiting_frames=2, patience=0.001)
    session, tab = await server.session(), await server.tab("one")
    last = ""
    for _ in range(3):
        ack = await prompt(server, session)
        last = ack["run"]
        await server.finished(ack)
    await tab.say(type="subscribe", session=session)
    events: list[dict[str, Any]] = []
    while not (events and events[-1]["type"] == "run_finished" and events[-1]["run"] == last):
        await asyncio.sleep(0.01)
        events.append((await tab.hear("event"))["event"])
    stored = json.loads((await server.fetch(f"codemad/sessions/{session}/events")).body)["events"]
    assert events == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "null",
        '{"type": "hello"}',
        '{"type": "unknown"}',
        '{"type": "hello", "client": 7}',
        '{"type": "subscribe", "session": "s", "after": NaN}',
        '{"type": "subscribe", "session": "s", "after": ' + "9" * 10_000 + "}",
        '{"type": "subscribe", "session": "s", "extra": 1}',
        "[" * 100_000,
        '{"type": "port_reply", "id": ' + '{"a":' * 50_000 + "1" + "}" * 50_001,
        b"\xff\xfe",
    ],
    ids=lambda text: repr(text[:24]),
)
async def test_a_bad_frame_is_told_and_the_socket_stays(server: Served, text: str | bytes) -> None:
    tab = await server.tab("one")
    await tab.socket.write_message(text, binary=isinstance(text, bytes))
    error = (await tab.hear("stream_error"))["error"]
    assert error["code"] == "usage"
    assert len(error["message"]) < 1000
    await tab.settle()


@pytest.mark.parametrize("session", ["nobody", "../../etc", "a\x00b", "x" * 10_000, "' OR 1=1 --", "\ud800"])
async def test_an_unknown_session_is_told(server: Served, session: str) -> None:
    tab = await server.tab("one")
    await tab.say(type="subscribe", session=session)
    error = (await tab.hear("stream_error"))["error"]
    assert error["code"] in ("not_found", "usage"), error
    await tab.settle()


async def test_unsubscribing_ends_the_events(server: Served) -> None:
    session, tab = await server.session(), await server.tab("one")
    await tab.say(type="subscribe", session=session)
    await tab.hear("replayed")
    await tab.say(type="unsubscribe", session=session)
    await tab.settle()
    await prompt(server, session)
    with pytest.raises(TimeoutError):
        await tab.hear("event", wait=0.5)


async def test_a_tab_follows_a_bounded_number_of_sessions(server: Served) -> None:
    server.host.limits = Limits(subscriptions=2)
    tab = await server.tab("one")
    for _ in range(3):
        ack = await server.command(type="new_session", title="")
        await tab.say(type="subscribe", session=ack["session"])
    assert "follows" in (await tab.hear("stream_error"))["error"]["message"]


async def test_a_frame_above_the_limit_closes_only_its_own_socket(server: Served) -> None:
    server.host.limits = Limits(message_bytes=1024 * 1024)
    tab, other = await server.tab("one"), await server.tab("two")
    await tab.socket.write_message("x" * (1024 * 1024 + 1))
    await tab.closed()
    await other.settle()
