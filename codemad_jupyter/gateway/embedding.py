"""Vectors for texts, by any provider that speaks OpenAI's embeddings: OpenAI itself, the cards, Ollama, one's
own server. Failures have the same kinds and sentences as those of a model call, raised as `CallFailed`.

Sits beside the streams: the provider's breaker and line, the budgets and the ledger hold here too.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from codemad_jupyter.gateway.breaker import Breaker
from codemad_jupyter.gateway.budgets import Ledger, first_exceeded
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.failures import CallFailed
from codemad_jupyter.gateway.limits import Line, Ticket
from codemad_jupyter.gateway.openai import OpenAIProvider
from codemad_jupyter.gateway.provider import PASSING, Failed
from codemad_jupyter.protocol.messages import Usage
from codemad_jupyter.protocol.supply import Account, Budgets, Charge

BATCH = 64
"""Texts in one request; more are refused by some servers."""
TRIES = 3
"""How often a request is made that fails for a reason that may pass."""
Vector = list[float]


@dataclass(frozen=True, kw_only=True)
class Embedder:
    """What turns texts into vectors with one model."""

    provider: OpenAIProvider
    breaker: Breaker
    budgets: Budgets
    ledger: Ledger
    catalog: Catalog
    account: Account
    line: Line
    timeout: float
    cap: float
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], float] = time.time

    async def embed(self, model: str, texts: Sequence[str], *, tries: int) -> list[Vector]:
        """One vector for each text, in their order; a failure that may pass is tried again, ``tries`` times
        in all. Raises `CallFailed`."""
        vectors: list[Vector] = []
        for start in range(0, len(texts), BATCH):
            vectors += await self._tried(model, texts[start : start + BATCH], tries)
        return vectors

    async def _tried(self, model: str, texts: Sequence[str], tries: int) -> list[Vector]:
        for number in range(1, tries):
            try:
                return await self._in_line(model, texts)
            except CallFailed as error:
                wait = float(2 ** (number - 1)) if error.retry_after is None else error.retry_after
                if error.kind not in PASSING or wait > self.cap:
                    raise
            await self.sleep(wait)
        return await self._in_line(model, texts)

    async def _in_line(self, model: str, texts: Sequence[str]) -> list[Vector]:
        """The same once, when the limits of the provider allow it."""
        ticket = Ticket(sum(map(len, texts)) // 4)
        async with aclosing(self.line.wait(ticket)) as places:  # type: ignore[type-var]
            async for _ in places:
                pass  # nobody sees this line
        try:
            return await self._batch(model, texts)
        finally:
            self.line.end(ticket, None)

    async def _batch(self, model: str, texts: Sequence[str]) -> list[Vector]:
        stopped = await first_exceeded(self.budgets, self.ledger, self.account, self.now, model=model)
        if stopped is not None:
            raise CallFailed(stopped.kind, stopped.text, hint=stopped.hint)
        if not self.breaker.admit():
            label = self.provider.label
            text = f"{label} failed several times in a row and is left alone for a while."
            raise CallFailed("overloaded", text, hint="Wait a minute, or choose another model.")
        probe = self.breaker.health().state != "closed"
        begun = time.monotonic()
        settled = False
        try:
            answer = await self.provider.embeddings(model, texts, timeout=self.timeout)
            vectors = _vectors(answer, len(texts), self.provider.label)
            self.breaker.settle(None, probe=probe)
            settled = True
        except CallFailed as error:
            failure = Failed(kind=error.kind, text=error.text, model=model, retry_after=error.retry_after)
            self.breaker.settle(failure, probe=probe)
            settled = True
            raise
        finally:
            if not settled:
                self.breaker.give_up(probe=probe)
        await self._charge(model, answer, time.monotonic() - begun)
        return vectors

    async def _charge(self, model: str, answer: Any, seconds: float) -> None:
        tokens = getattr(getattr(answer, "usage", None), "prompt_tokens", None) or 0
        if not tokens:
            return
        cost = await asyncio.to_thread(self.catalog.cost, model, Usage(input_tokens=tokens))
        charge = Charge(
            at=self.now(), model=model, account=self.account, tokens=tokens, cost=cost, seconds=seconds
        )
        await self.ledger.record(charge)


def _vectors(answer: Any, count: int, label: str) -> list[Vector]:
    """The vectors in the order of the texts; refused unless there is one sound vector for each."""
    rows = sorted(answer.data or (), key=lambda row: row.index)
    vectors = [[float(number) for number in row.embedding] for row in rows]
    sizes = {len(vector) for vector in vectors}
    sound = all(math.isfinite(number) for vector in vectors for number in vector)
    if len(vectors) != count or len(sizes) != 1 or 0 in sizes or not sound:
        raise CallFailed(
            "malformed",
            f"{label} sent {len(vectors)} vectors for {count} texts, or vectors that cannot be compared.",
            hint="Choose a model that is made for embeddings.",
        )
    return vectors
