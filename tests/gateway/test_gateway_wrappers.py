"""The wrappers one by one around a scripted provider: breaker, line, cache, budgets. No server, no clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import pytest

from codemad_jupyter.gateway.breaker import Breaker, BreakerProvider, health_text
from codemad_jupyter.gateway.budgets import BudgetedProvider, MemoryLedger, exceeded
from codemad_jupyter.gateway.cache import Cache, CachedProvider
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.latency import Latencies
from codemad_jupyter.gateway.limits import LimitedProvider, Line
from codemad_jupyter.gateway.metering import MeteringProvider
from codemad_jupyter.gateway.provider import (
    Announcement,
    Delta,
    Failed,
    Finished,
    ModelInfo,
    Provider,
    Request,
    TextPiece,
)
from codemad_jupyter.protocol.errors import ProviderErrorKind
from codemad_jupyter.protocol.messages import Message, TextPart, ToolCallPart, Usage
from codemad_jupyter.protocol.supply import Account, Budget, Budgets, Charge, Rates, Spent
from tests.gateway.calls import MODELS, ask, collect, text_of

MODEL = MODELS["anthropic"]


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Scripted:
    """A provider that plays endings one after another; the last one for ever."""

    name = "anthropic"

    def __init__(
        self, *endings: Finished | Failed, gate: asyncio.Event | asyncio.Semaphore | None = None
    ) -> None:
        self.endings = list(endings)
        self.asked: list[Request] = []
        self.active = self.most = 0
        self._gate = gate

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        self.asked.append(request)
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            if isinstance(self._gate, asyncio.Event):
                await self._gate.wait()
            elif self._gate is not None:
                await self._gate.acquire()
            ending = self.endings.pop(0) if len(self.endings) > 1 else self.endings[0]
            if isinstance(ending, Finished):
                yield TextPiece(text=ending.message.text)
            yield ending
        finally:
            self.active -= 1

    async def models(self) -> tuple[ModelInfo, ...]:
        return ()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is a state of plain objects
            await asyncio.sleep(0)


def good(text: str = "Fine.", **more: object) -> Finished:
    message = Message(role="assistant", parts=(TextPart(text=text),))
    return Finished(message=message, model=MODEL, usage=Usage(input_tokens=100, output_tokens=10)).model_copy(
        update=more
    )


def bad(kind: ProviderErrorKind = "overloaded", **more: object) -> Failed:
    return Failed(kind=kind, text="It failed.", model=MODEL).model_copy(update=more)


async def ending(provider: Provider, request: Request | None = None) -> Finished | Failed:
    last = (await collect(provider, request or ask(MODEL)))[-1]
    assert isinstance(last, Finished | Failed)
    return last


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


# The cache


async def test_the_same_request_is_answered_once_and_says_so() -> None:
    inner = Scripted(good("First."), good("Second."))
    provider = CachedProvider(inner, Cache(), caching="deterministic")
    request = ask(MODEL, temperature=0.0)
    assert text_of(await collect(provider, request)) == "First."
    again = await collect(provider, request.model_copy(update={"timeout": 5.0}))
    assert text_of(again) == "First."
    assert isinstance(again[0], Announcement)
    assert "From the cache" in again[0].text
    last = again[-1]
    assert isinstance(last, Finished)
    assert (last.usage, last.cost) == (Usage(), 0.0)
    assert len(inner.asked) == 1
    for other in ({"system": "x"}, {"max_tokens": 5}, {"messages": (Message.user("?"),)}, {"thinking": True}):
        await collect(provider, request.model_copy(update=other))
    assert len(inner.asked) == 5


@pytest.mark.parametrize(
    ("caching", "temperature", "calls"),
    [("deterministic", None, 2), ("deterministic", 0.7, 2), ("off", 0.0, 2), ("all", None, 1)],
)
async def test_what_is_sampled_is_not_kept_unless_asked(
    caching: str, temperature: float | None, calls: int
) -> None:
    inner = Scripted(good())
    provider = CachedProvider(inner, Cache(), caching=caching)  # type: ignore[arg-type]
    for _ in range(2):
        await collect(provider, ask(MODEL, temperature=temperature))
    assert len(inner.asked) == calls


async def test_failures_cut_answers_and_calls_of_tools_are_never_kept() -> None:
    call = Message(role="assistant", parts=(ToolCallPart(id="c", name="run", arguments={}),))
    for answer in (bad(), good(stop="length"), good(stop="refused"), good(message=call, stop="tool_calls")):
        inner = Scripted(answer)
        provider = CachedProvider(inner, Cache(), caching="all")
        await ending(provider)
        await ending(provider)
        assert len(inner.asked) == 2


def test_the_cache_is_bounded_in_number_size_and_age() -> None:
    clock = Clock()
    cache = Cache(entries=2, letters=1_950, seconds=10, clock=clock)
    for name in "abc":
        cache.keep(name, good(name))
    assert (cache.find("a"), len(cache)) == (None, 2)
    cache.find("b")
    cache.keep("d", good("d"))
    assert cache.find("c") is None
    cache.keep("big", good("x" * 1_860))
    assert len(cache) == 1
    cache.keep("huge", good("x" * 5_000))
    assert cache.find("huge") is None
    clock.now += 11
    assert cache.find("big") is None
    assert len(cache) == 0


# Budgets and charges


def charged(inner: Provider, ledger: MemoryLedger, budgets: Budgets, account: Account) -> Provider:
    return MeteringProvider(
        BudgetedProvider(inner, budgets, ledger=ledger, account=account),
        catalog=Catalog(),
        ledger=ledger,
        account=account,
        latencies=Latencies(),
    )


@pytest.mark.parametrize(
    ("budgets", "whose"),
    [
        (Budgets(session=Budget(tokens=200)), "this session"),
        (Budgets(notebook=Budget(cost=0.0005)), "this notebook"),
        (Budgets(user=Budget(tokens=150, days=30)), "you"),
    ],
)
async def test_a_budget_stops_before_the_next_call(budgets: Budgets, whose: str) -> None:
    inner, ledger = Scripted(good()), MemoryLedger()  # 110 tokens and $0.0003 a call
    provider = charged(inner, ledger, budgets, Account(session="s", notebook="n.ipynb"))
    assert (await ending(provider)).type == "finished"
    assert (await ending(provider)).type == "finished"
    stopped = await ending(provider)
    assert isinstance(stopped, Failed)
    assert (stopped.kind, stopped.unasked, stopped.started) == ("out_of_budget", True, False)
    assert whose in stopped.text
    assert stopped.hint
    assert len(inner.asked) == 2
    if budgets.user is None:  # another session and notebook have budgets of their own
        other = charged(inner, ledger, budgets, Account(session="t", notebook="m.ipynb"))
        assert (await ending(other)).type == "finished"


def test_what_is_used_up() -> None:
    spent = Spent(cost=1.0, tokens=500, seconds=60.0)
    assert exceeded(Budget(cost=1.0), spent) == "$1.00 of $1.00"
    assert exceeded(Budget(tokens=500), spent) == "500 of 500 tokens"
    assert exceeded(Budget(seconds=50), spent) == "60 of 50 seconds"
    assert exceeded(Budget(cost=1.1, tokens=501, seconds=61), spent) == ""
    assert exceeded(Budget(cost=0), Spent()) != ""


async def test_failed_calls_that_used_tokens_are_charged_too() -> None:
    ledger = MemoryLedger()
    failing = charged(Scripted(bad(usage=Usage(input_tokens=70))), ledger, Budgets(), Account(session="s"))
    failure = await ending(failing)
    assert failure.cost is not None
    await ending(charged(Scripted(bad()), ledger, Budgets(), Account(session="s")))
    assert await ledger.spent("session", "s") == Spent(
        calls=1, cost=failure.cost, tokens=70, seconds=(await ledger.spent("user", "")).seconds
    )


async def test_only_what_lies_in_the_days_counts() -> None:
    ledger = MemoryLedger()
    for at in (0.0, 86_400.0 * 9):
        await ledger.record(Charge(at=at, model=MODEL, account=Account(session="s"), tokens=100))
    assert (await ledger.spent("session", "s", since=86_400.0 * 8)).tokens == 100
    assert (await ledger.spent("session", "s")).unpriced == 2


def test_recent_latencies_count_more() -> None:
    latencies = Latencies()
    assert latencies.of(MODEL) is None
    for seconds in (1.0, 2.0, 2.0):
        latencies.note(MODEL, seconds)
    found = latencies.of(MODEL)
    assert found is not None
    assert 1.4 < found < 1.6
