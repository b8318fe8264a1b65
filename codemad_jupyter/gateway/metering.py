"""Adds the cost to the end of every call that worked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.provider import Delta, Finished, ModelInfo, Provider, Request


class MeteringProvider:
    """A provider whose `Finished` says what the call cost, where the price is known."""

    def __init__(self, inner: Provider, *, catalog: Catalog) -> None:
        self.name = inner.name
        self._inner = inner
        self._catalog = catalog

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the model; see `Provider`."""
        async with aclosing(self._inner.stream(request)) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                if isinstance(delta, Finished) and delta.cost is None:
                    # In a thread: for a rare model the price is looked up in a file of 3 MB.
                    cost = await asyncio.to_thread(self._catalog.cost, delta.model, delta.usage)
                    yield delta.model_copy(update={"cost": cost})
                else:
                    yield delta

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the provider inside."""
        return await self._inner.models()
