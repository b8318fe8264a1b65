"""The order in which the wrappers stand around an adapter, and what they share between calls.

::

    CachedProvider           the same request again: answered from memory, nothing below hears of it
      FallbackProvider       a second try, then the next model of the chain
        for each model of the chain:
        MeteringProvider     cost, charge to the ledger, time to the first word
          BudgetedProvider   stops before the call when a budget is used up
            BreakerProvider  refuses at once while the provider is down, before anybody waits in a line
              LimitedProvider    waits in the provider's line: requests, tokens, calls at once
                adapter          the SDK

Budgets stand inside the fallback, so that a second try is checked like a first one. What is masked, and what
of the data may be sent, is settled before any of this.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from codemad_jupyter.gateway.breaker import Breaker, BreakerProvider, Health
from codemad_jupyter.gateway.budgets import BudgetedProvider, Ledger, MemoryLedger
from codemad_jupyter.gateway.cache import Cache, CachedProvider
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.fallback import FallbackProvider, Link
from codemad_jupyter.gateway.latency import Latencies
from codemad_jupyter.gateway.limits import LimitedProvider, Line
from codemad_jupyter.gateway.metering import MeteringProvider
from codemad_jupyter.gateway.provider import Provider
from codemad_jupyter.protocol.supply import Account, Rates

_OWN = "codemad"
"""The built-in assistant: it costs nothing, cannot be down and never waits."""


class Stack:
    """What calls share: one cache, the measurements, and for each provider a breaker and a line."""

    def __init__(
        self,
        config: GatewayConfig,
        *,
        catalog: Catalog,
        ledger: Ledger | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ledger = ledger or MemoryLedger()
        self.latencies = Latencies()
        self._config = config
        self._catalog = catalog
        self.sleep = sleep
        self._clock = clock
        self._cache = Cache(clock=clock)
        self._breakers: dict[str, Breaker] = {}
        self._lines: dict[str, Line] = {}

    def around(self, chain: Sequence[tuple[Provider, str]], account: Account) -> Provider:
        """The whole stack around a chain of providers and models."""
        links = [self._link(provider, model, account) for provider, model in chain]
        config = self._config
        inner = FallbackProvider(links, cap=config.retry_cap, resume=config.resume, sleep=self.sleep)
        return CachedProvider(inner, self._cache, caching=config.cache)

    def breaker(self, model: str) -> Breaker:
        """The breaker of the provider of this model. LiteLLM is many providers."""
        provider, _, rest = model.partition("/")
        key = f"{provider}/{rest.partition('/')[0]}" if provider == "litellm" else provider
        return self._breakers.setdefault(key, Breaker(clock=self._clock))

    def health(self) -> dict[str, Health]:
        """The circuits of the providers that were called in this process."""
        return {name: breaker.health() for name, breaker in self._breakers.items()}

    def _link(self, provider: Provider, model: str, account: Account) -> Link:
        if provider.name == _OWN:
            return Link(self._metered(provider, account), model, resumes=False)
        label = getattr(provider, "label", provider.name)
        limited = LimitedProvider(provider, self.line(provider.name), label=label)
        guarded = BreakerProvider(limited, self.breaker(model), label=label)
        budgets = self._config.budgets
        budgeted = BudgetedProvider(guarded, budgets, ledger=self.ledger, account=account)
        return Link(self._metered(budgeted, account), model)

    def _metered(self, inner: Provider, account: Account) -> Provider:
        return MeteringProvider(
            inner,
            catalog=self._catalog,
            ledger=self.ledger,
            account=account,
            latencies=self.latencies,
            clock=self._clock,
        )

    def line(self, name: str) -> Line:
        """The line before the provider of this name."""
        if name not in self._lines:
            rates = self._config.limits.get(name, Rates())
            self._lines[name] = Line(rates, clock=self._clock, sleep=self.sleep)
        return self._lines[name]
