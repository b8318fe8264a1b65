"""The breaker and the line around a scripted provider: no server, no waiting."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from codemad_jupyter.gateway.breaker import Breaker, BreakerProvider, health_text
from codemad_jupyter.gateway.limits import LimitedProvider, Line
from codemad_jupyter.gateway.provider import (
    Announcement,
    Failed,
)
from codemad_jupyter.protocol.errors import ProviderErrorKind
from codemad_jupyter.protocol.supply import Rates
from tests.gateway.calls import ask, collect
from tests.gateway.scripted import MODEL, Clock, Scripted, bad, ending, good, until

# The breaker


async def test_the_circuit_opens_after_failures_in_a_row_and_refuses_without_a_call() -> None:
    clock, inner = Clock(), Scripted(bad())
    breaker = Breaker(failures=3, rest=30, clock=clock)
    provider = BreakerProvider(inner, breaker, label="Anthropic")
    for _ in range(3):
        assert (await ending(provider)).type == "failed"
    refused = await ending(provider)
    assert isinstance(refused, Failed)
    assert (refused.unasked, refused.kind, refused.retry_after) == (True, "overloaded", 30)
    assert "3 times in a row" in refused.text
    assert "30 s" in refused.text
    assert len(inner.asked) == 3
    assert breaker.health().state == "open"
    assert "resting" in health_text(breaker.health())


async def test_one_probe_goes_out_when_the_rest_is_over_and_closes_the_circuit() -> None:
    clock, gate = Clock(), asyncio.Event()
    inner = Scripted(bad(), bad(), good(), gate=gate)
    provider = BreakerProvider(inner, breaker := Breaker(failures=2, clock=clock), label="A")
    gate.set()
    await ending(provider)
    await ending(provider)
    gate.clear()
    clock.now += 31
    assert breaker.health().state == "half_open"
    probe = asyncio.create_task(collect(provider, ask(MODEL)))
    await until(lambda: bool(inner.active))
    assert (await ending(provider)).type == "failed"  # a second one is refused meanwhile
    assert len(inner.asked) == 3
    gate.set()
    deltas = await probe
    assert [delta.code for delta in deltas if isinstance(delta, Announcement)] == ["probe"]
    assert deltas[-1].type == "finished"
    assert breaker.health().state == "closed"
    assert health_text(breaker.health()) == ""


async def test_a_probe_that_fails_rests_twice_as_long_and_a_cancelled_one_leaves_the_next() -> None:
    clock, inner = Clock(), Scripted(bad())
    breaker = Breaker(failures=1, rest=10, clock=clock)
    provider = BreakerProvider(inner, breaker, label="A")
    await ending(provider)
    clock.now += 11
    async with aclosing(provider.stream(ask(MODEL))) as deltas:  # type: ignore[type-var]
        assert (await anext(deltas)).type == "announcement"
    assert breaker.admit()  # the probe that was closed is nobody's any more
    breaker.give_up(probe=True)
    await ending(provider)
    assert breaker.health().again_in == 20


@pytest.mark.parametrize("kind", ["bad_key", "bad_request", "context_window", "malformed", "no_key"])
async def test_what_a_person_must_mend_never_opens_it(kind: ProviderErrorKind) -> None:
    breaker = Breaker(failures=1)
    provider = BreakerProvider(Scripted(bad(kind)), breaker, label="A")
    await ending(provider)
    await ending(provider)
    assert breaker.health().state == "closed"


# The line


async def test_calls_at_once_are_limited_and_the_others_told_their_place_in_order() -> None:
    gate = asyncio.Semaphore(0)
    inner = Scripted(good(), gate=gate)
    line = Line(Rates(concurrency=1))
    provider = LimitedProvider(inner, line, label="Anthropic")
    told: list[list[str]] = [[], [], []]

    async def call(number: int) -> None:
        async with aclosing(provider.stream(ask(MODEL, str(number)))) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                if isinstance(delta, Announcement):
                    told[number].append(delta.text)

    calls = []
    for number in range(3):
        calls.append(asyncio.create_task(call(number)))
        await until(lambda number=number: line.length == number and inner.active == 1)
    for waiting in (1, 0):
        gate.release()
        await until(lambda waiting=waiting: line.length == waiting and inner.active == 1)
        await until(lambda: all(text for text in told[1:]))
    gate.release()
    await asyncio.gather(*calls)
    assert told[0] == []
    assert "number 1 in the line" in told[1][0]
    assert ["number 2" in told[2][0], "number 1" in told[2][1]] == [True, True]
    assert [request.messages[0].text for request in inner.asked] == ["0", "1", "2"]
    assert (inner.most, line.length) == (1, 0)


async def test_requests_a_minute() -> None:
    clock, inner = Clock(), Scripted(good())
    line = Line(Rates(requests_per_minute=2), clock=clock, sleep=clock.sleep)
    provider = LimitedProvider(inner, line, label="A")
    at = []
    for _ in range(5):
        await ending(provider)
        at.append(clock.now - 1000)
        clock.now += 1
    assert at == [0, 1, 60, 61, 120]


async def test_tokens_a_minute_are_estimated_then_counted() -> None:
    clock = Clock()
    line = Line(Rates(tokens_per_minute=250), clock=clock, sleep=clock.sleep)
    provider = LimitedProvider(Scripted(good()), line, label="A")  # 110 tokens each, by its usage
    waited = []
    for _ in range(4):
        deltas = await collect(provider, ask(MODEL, "x" * 400))
        waited += [delta.text for delta in deltas if isinstance(delta, Announcement)]
    assert len(waited) == 1
    assert "in 60 s" in waited[0]
    large = await collect(provider, ask(MODEL, "x" * 4000))  # more than the minute ever has
    assert large[-1].type == "finished"


async def test_who_leaves_the_line_lets_the_next_one_move_up() -> None:
    gate = asyncio.Event()
    inner, line = Scripted(good(), gate=gate), Line(Rates(concurrency=1))
    provider = LimitedProvider(inner, line, label="A")
    first, second, third = (
        asyncio.create_task(collect(provider, ask(MODEL, str(number)))) for number in range(3)
    )
    await until(lambda: line.length == 2)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert line.length == 1
    gate.set()
    await asyncio.gather(first, third)
    assert [request.messages[0].text for request in inner.asked] == ["0", "2"]


async def test_a_cancelled_call_gives_its_place_back() -> None:
    line = Line(Rates(concurrency=1))
    inner = Scripted(good(), gate=asyncio.Event())
    waiting = LimitedProvider(inner, line, label="A")
    task = asyncio.create_task(collect(waiting, ask(MODEL)))
    await until(lambda: inner.active == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await ending(LimitedProvider(Scripted(good()), line, label="A"))).type == "finished"
