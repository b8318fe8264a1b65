"""The cache, the budgets and the charges around a scripted provider: no server, no waiting."""

from __future__ import annotations

import pytest

from codemad_jupyter.gateway.budgets import BudgetedProvider, MemoryLedger, exceeded
from codemad_jupyter.gateway.cache import Cache, CachedProvider
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.latency import Latencies
from codemad_jupyter.gateway.metering import MeteringProvider
from codemad_jupyter.gateway.provider import (
    Announcement,
    Failed,
    Finished,
    Provider,
)
from codemad_jupyter.protocol.messages import Message, ToolCallPart, Usage
from codemad_jupyter.protocol.supply import Account, Budget, Budgets, Charge, Spent
from tests.gateway.calls import ask, collect, text_of
from tests.gateway.scripted import MODEL, Clock, Scripted, bad, ending, good

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
