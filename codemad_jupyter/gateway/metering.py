"""Adds the cost to the end of every call, keeps the charge, and measures how long the first word took."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from codemad_jupyter.gateway.budgets import Ledger
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.latency import Latencies
from codemad_jupyter.gateway.provider import (
    Announcement,
    Delta,
    Failed,
    Finished,
    ModelInfo,
    Provider,
    Request,
)
from codemad_jupyter.protocol.messages import Usage
from codemad_jupyter.protocol.supply import Account, Charge


class MeteringProvider:
    """A provider whose ending says what the call cost, where the price is known."""

    def __init__(
        self,
        inner: Provider,
        *,
        catalog: Catalog,
        ledger: Ledger | None = None,
        account: Account | None = None,
        latencies: Latencies | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._catalog = catalog
        self._ledger = ledger
        self._account = account or Account()
        self._latencies = latencies
        self._clock = clock

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the model; see `Provider`."""
        begun, first = self._clock(), True
        async with aclosing(self._inner.stream(request)) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                if first and not isinstance(delta, Announcement | Failed):
                    first = False
                    if self._latencies is not None:
                        self._latencies.note(request.model, self._clock() - begun)
                if isinstance(delta, Finished | Failed):
                    yield await self._ended(delta, self._clock() - begun)
                else:
                    yield delta

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the provider inside."""
        return await self._inner.models()

    async def _ended(self, delta: Finished | Failed, seconds: float) -> Finished | Failed:
        if delta.usage == Usage() and isinstance(delta, Failed):
            return delta
        cost = delta.cost
        if cost is None:
            # In a thread: for a rare model the price is looked up in a file of 3 MB.
            cost = await asyncio.to_thread(self._catalog.cost, delta.model, delta.usage)
        if self._ledger is not None:
            tokens = sum(delta.usage.model_dump().values())
            charge = Charge(
                at=time.time(),
                model=delta.model,
                account=self._account,
                tokens=tokens,
                cost=cost,
                seconds=seconds,
            )
            await self._ledger.record(charge)
        return delta.model_copy(update={"cost": cost})
