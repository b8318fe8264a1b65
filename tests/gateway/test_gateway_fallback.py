"""Retries and fallbacks: when, after how long, how often, and how it is said."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest

from codemad_jupyter.gateway.provider import Announcement, Delta, Failed, Finished
from codemad_jupyter.gateway.router import Router
from tests.gateway.calls import MODELS, TOOL, ask, assert_clear, calls_of, collect, config_for, text_of
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

FIRST, SECOND = MODELS["anthropic"], MODELS["openai"]
OVERLOADED = Turn(status=529, error="overloaded_error", model="claude-sonnet-5-5", repeat=True)
GOOD = Turn(text="From the second.", model="gpt-6-sol", repeat=True)


def said(deltas: list[Delta]) -> list[tuple[str, str]]:
    return [(delta.code, delta.model) for delta in deltas if isinstance(delta, Announcement)]


@pytest.mark.parametrize(
    "fault",
    [
        Turn(status=429, error="rate_limit_error"),
        Turn(status=529, error="overloaded_error"),
        Turn(status=500),
        Turn(status=503),
        Turn(text="never seen", cut=40),
        Turn(text="never seen", cut=40, clean_cut=True),
        Turn(error="overloaded_error", error_after=1),
        Turn(silence=True),
        Turn(hang=True),
    ],
    ids=["429", "529", "500", "503", "cut", "clean cut", "error in stream", "silence", "hang"],
)
async def test_a_passing_fault_is_retried_then_the_next_model_answers(
    routers: Callable[..., Router], model_server: ModelServer, fault: Turn
) -> None:
    waits: list[float] = []
    router = routers(waits=waits)
    reserved = Turn(**{**vars(fault), "model": "claude-sonnet-5-5", "repeat": True})
    model_server.play(reserved, GOOD)
    request = ask(FIRST, timeout=3.0 if fault.silence or fault.hang else 60.0)
    deltas = await collect(router.provider_for(FIRST, fallbacks=[SECOND]), request)
    assert said(deltas) == [("retry", FIRST), ("fallback", SECOND)]
    assert waits == [1.0]
    assert [asked.body["model"] for asked in model_server.asked] == ["claude-sonnet-5-5"] * 2 + ["gpt-6-sol"]
    ending = deltas[-1]
    assert isinstance(ending, Finished)
    assert (ending.model, text_of(deltas)) == (SECOND, "From the second.")
    assert ending.cost is not None


async def test_a_quota_that_is_used_up_is_not_waited_for(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    waits: list[float] = []
    spent = Turn(
        status=429, error="billing_error", message="nothing left", model="claude-sonnet-5-5", repeat=True
    )
    model_server.play(spent, GOOD)
    router = routers(waits=waits)
    deltas = await collect(router.provider_for(FIRST, fallbacks=[SECOND]), ask(FIRST))
    assert (said(deltas), waits) == ([("fallback", SECOND)], [])
    assert text_of(deltas) == "From the second."
    *_, failed = await collect(router.provider_for(FIRST), ask(FIRST))
    assert isinstance(failed, Failed)
    assert (failed.kind, waits) == ("out_of_quota", [])
    assert "nothing left" in failed.text


async def test_a_second_try_that_works(routers: Callable[..., Router], model_server: ModelServer) -> None:
    waits: list[float] = []
    model_server.play(Turn(status=529, error="overloaded_error"), Turn(text="Now it works."))
    deltas = await collect(routers(waits=waits).provider_for(FIRST), ask(FIRST))
    assert said(deltas) == [("retry", FIRST)]
    assert text_of(deltas) == "Now it works."


@pytest.mark.parametrize("date", [False, True], ids=["seconds", "date"])
async def test_the_wait_is_the_one_asked_for(
    routers: Callable[..., Router], model_server: ModelServer, date: bool
) -> None:
    waits: list[float] = []
    header = formatdate(time.time() + 30, usegmt=True) if date else "30"
    model_server.play(
        Turn(status=429, error="rate_limit_error", headers={"retry-after": header}), Turn(text="ok")
    )
    deltas = await collect(routers(waits=waits).provider_for(FIRST), ask(FIRST))
    assert len(waits) == 1
    assert 24 <= waits[0] <= 36
    assert isinstance(deltas[-1], Finished)
    assert "again in" in next(delta.text for delta in deltas if isinstance(delta, Announcement))


async def test_a_wait_beyond_the_cap_is_not_waited(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    waits: list[float] = []
    limited = Turn(status=429, error="rate_limit_error", headers={"retry-after": "3600"}, repeat=True)
    model_server.play(Turn(**{**vars(limited), "model": "claude-sonnet-5-5"}), GOOD)
    router = routers(waits=waits)
    deltas = await collect(router.provider_for(FIRST, fallbacks=[SECOND]), ask(FIRST))
    assert said(deltas) == [("fallback", SECOND)]
    ending = (await collect(router.provider_for(FIRST), ask(FIRST)))[-1]
    assert isinstance(ending, Failed)
    assert ending.retry_after == 3600
    assert "3600 s" in ending.hint
    assert waits == []


async def test_nothing_is_repeated_after_the_first_piece(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    turns = {
        "text": Turn(text="Half a sentence that", cut=700, chunk=4),
        "thinking": Turn(thinking="Half a thought that", cut=700, chunk=4),
        "error": Turn(text="Half a sentence", chunk=4, error="overloaded_error", error_after=5),
    }
    for name, turn in turns.items():
        model_server.play(Turn(**{**vars(turn), "model": "claude-sonnet-5-5"}), GOOD)
        deltas = await collect(routers().provider_for(FIRST, fallbacks=[SECOND]), ask(FIRST))
        assert isinstance(deltas[-1], Failed), name
        assert deltas[-1].partial is not None
        assert said(deltas) == []


async def test_calls_are_delivered_once(routers: Callable[..., Router], model_server: ModelServer) -> None:
    call = (Call("replace_cell", {"source": "1"}, id="c1"),)
    model_server.play(Turn(calls=call, cut=600), Turn(calls=call))
    deltas = await collect(routers().provider_for(FIRST), ask(FIRST, tools=(TOOL,)))
    assert said(deltas) == [("retry", FIRST)]
    assert len(calls_of(deltas)) == 1


@pytest.mark.parametrize(
    "turn",
    [
        Turn(status=401, error="authentication_error"),
        Turn(status=404, error="not_found_error"),
        Turn(status=400, error="invalid_request_error"),
        Turn(html=True),
    ],
    ids=["key", "model", "request", "page"],
)
async def test_what_a_person_must_mend_is_not_papered_over(
    routers: Callable[..., Router], model_server: ModelServer, turn: Turn
) -> None:
    model_server.play(Turn(**{**vars(turn), "model": "claude-sonnet-5-5"}), GOOD)
    deltas = await collect(routers().provider_for(FIRST, fallbacks=[SECOND]), ask(FIRST))
    assert [delta.type for delta in deltas] == ["failed"]
    assert len(model_server.asked) == 1


async def test_all_models_failing_names_the_first_and_the_others(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    model_server.play(OVERLOADED, Turn(status=401, error="invalid_api_key", model="gpt-6-sol"))
    model_server.play(Turn(status=500, model="local", repeat=True))
    router = routers(fallbacks=(SECOND, MODELS["compatible"]))
    deltas = await collect(router.provider_for(FIRST), ask(FIRST))
    assert [code for code, _ in said(deltas)] == ["retry", "fallback", "fallback", "retry"]
    failure = deltas[-1]
    assert isinstance(failure, Failed)
    assert (failure.kind, failure.model) == ("overloaded", FIRST)
    assert f"Also tried: {SECOND} (bad key), compatible/local (server)." in failure.hint
    assert_clear(failure)


async def test_the_wait_can_be_cancelled(model_server: ModelServer) -> None:
    router = Router(config_for(model_server), redact=str)
    model_server.play(Turn(status=429, error="rate_limit_error", headers={"retry-after": "60"}))
    task = asyncio.create_task(collect(router.provider_for(FIRST), ask(FIRST)))
    assert await asyncio.to_thread(model_server.wait_for, lambda server: len(server.requests) == 1)
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await router.aclose()
