"""Stops before a call when a budget of money, tokens or seconds is used up.

What was used is counted by a `Ledger` that comes in from outside: it outlives this process and knows the
other ones. A turn's own budget stands in the loop, which sees the turn. Where a price is unknown a budget
of money cannot hold; tokens and seconds do.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Protocol

from codemad_jupyter.gateway.provider import Delta, Failed, ModelInfo, Provider, Request
from codemad_jupyter.protocol.supply import Account, Budget, Budgets, Charge, Scope, Spent

DAY = 86_400.0


class Ledger(Protocol):
    """Keeps what calls used."""

    async def record(self, charge: Charge) -> None:
        """Keep this charge."""
        ...

    async def spent(self, scope: Scope, key: str, *, since: float = 0.0) -> Spent:
        """What was used on that account since then (seconds since the epoch); ``key`` is the session's id
        or the notebook's path."""
        ...


class MemoryLedger:
    """A ledger of this process alone, for where none is kept."""

    def __init__(self) -> None:
        self._charges: list[Charge] = []

    async def record(self, charge: Charge) -> None:
        """Keep this charge."""
        self._charges.append(charge)

    async def spent(self, scope: Scope, key: str, *, since: float = 0.0) -> Spent:
        """See `Ledger`."""
        return Spent.of(each for each in self._charges if each.at >= since and each.on(scope, key))


class BudgetedProvider:
    """A provider that is not called once a budget is used up."""

    def __init__(
        self,
        inner: Provider,
        budgets: Budgets,
        *,
        ledger: Ledger,
        account: Account,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._budgets = budgets
        self._ledger = ledger
        self._account = account
        self._now = now

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the model unless that is too much; see `Provider`."""
        stopped = await first_exceeded(
            self._budgets, self._ledger, self._account, self._now, model=request.model
        )
        if stopped is not None:
            yield stopped
            return
        async with aclosing(self._inner.stream(request)) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                yield delta

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the provider inside."""
        return await self._inner.models()


async def first_exceeded(
    budgets: Budgets, ledger: Ledger, account: Account, now: Callable[[], float], *, model: str
) -> Failed | None:
    """The refusal by the first budget of this account that is used up."""
    for scope, key, budget in _held(budgets, account):
        since = now() - budget.days * DAY if budget.days is not None else 0.0
        spent = await ledger.spent(scope, key, since=since)
        if reached := exceeded(budget, spent):
            return _stopped(scope, budget, reached, model=model)
    return None


def _held(budgets: Budgets, account: Account) -> Iterator[tuple[Scope, str, Budget]]:
    """The budgets that hold for this account."""
    if budgets.session is not None and account.session:
        yield "session", account.session, budgets.session
    if budgets.notebook is not None and account.notebook:
        yield "notebook", account.notebook, budgets.notebook
    if budgets.user is not None:
        yield "user", "", budgets.user


def exceeded(budget: Budget, spent: Spent) -> str:
    """What of the budget is used up, in words; empty when nothing is."""
    if budget.cost is not None and spent.cost >= budget.cost:
        return f"${spent.cost:.2f} of ${budget.cost:.2f}"
    if budget.tokens is not None and spent.tokens >= budget.tokens:
        return f"{spent.tokens} of {budget.tokens} tokens"
    if budget.seconds is not None and spent.seconds >= budget.seconds:
        return f"{spent.seconds:.0f} of {budget.seconds:.0f} seconds"
    return ""


def _stopped(scope: Scope, budget: Budget, reached: str, *, model: str) -> Failed:
    whose = {"session": "this session", "notebook": "this notebook", "user": "you"}[scope]
    days = f" in {budget.days:g} days" if budget.days is not None else ""
    return Failed(
        kind="out_of_budget",
        text=f"The budget of {whose} is used up: {reached}{days}. No model was called.",
        hint=f"Raise budgets.{scope} in your settings, or choose codemad/offline, which costs nothing.",
        model=model,
        unasked=True,
    )
