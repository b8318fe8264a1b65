"""How often a provider is called: requests and tokens a minute, and calls at once. Who must wait stands in
one line, first come first served, and is told the place in it.

The line is a provider's, shared by all chats of the process. What a call will need is estimated from its
text; the true count takes the estimate's place when the call ends.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from codemad_jupyter.gateway.provider import (
    Announcement,
    Delta,
    Failed,
    Finished,
    ModelInfo,
    Provider,
    Request,
)
from codemad_jupyter.gateway.sizes import request_tokens
from codemad_jupyter.protocol.messages import Usage
from codemad_jupyter.protocol.supply import Rates

MINUTE = 60.0


@dataclass
class Ticket:
    """A call in the line, or on its way: when it began and the tokens it takes from the minute."""

    tokens: int
    at: float = 0.0
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class Line:
    """The line before one provider."""

    def __init__(
        self,
        rates: Rates,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rates = rates
        self._clock = clock
        self._sleep = sleep
        self._waiting: deque[Ticket] = deque()
        self._active = 0
        self._minute: deque[Ticket] = deque()

    @property
    def length(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def wait(self, ticket: Ticket) -> AsyncIterator[tuple[int, float | None]]:
        """Yields the place in the line and the seconds until the next one goes, each time the place
        changes (None: when a call ends); ends when it is this one's turn, which then must be given back."""
        told = 0
        self._waiting.append(ticket)
        try:
            while True:
                place = self._waiting.index(ticket) + 1
                pause = self._pause(self._waiting[0])
                if place == 1 and pause == 0:
                    self._start(ticket)
                    return
                if place != told:
                    told = place
                    yield place, pause
                await self._until(ticket, pause if place == 1 else None)
        finally:
            with suppress(ValueError):
                self._waiting.remove(ticket)
            self._wake()

    def end(self, ticket: Ticket, usage: Usage | None) -> None:
        """The call is over, and took this much."""
        self._active -= 1
        if usage is not None and (total := _total(usage)):
            ticket.tokens = total
        self._wake()

    def _start(self, ticket: Ticket) -> None:
        ticket.at = self._clock()
        self._active += 1
        self._minute.append(ticket)

    def _pause(self, ticket: Ticket) -> float | None:
        """Seconds until this one may go; None: not before a call ends."""
        rates = self._rates
        if rates.concurrency is not None and self._active >= rates.concurrency:
            return None
        now = self._clock()
        while self._minute and now - self._minute[0].at >= MINUTE:
            self._minute.popleft()
        free_at = now
        if rates.requests_per_minute is not None and len(self._minute) >= rates.requests_per_minute:
            free_at = max(free_at, self._minute[-rates.requests_per_minute].at + MINUTE)
        if rates.tokens_per_minute is not None:
            free_at = max(free_at, self._tokens_free_at(ticket, rates.tokens_per_minute, now))
        return free_at - now

    def _tokens_free_at(self, ticket: Ticket, limit: int, now: float) -> float:
        """When enough of the minute's tokens are free; a call above the limit goes when all are."""
        used = sum(each.tokens for each in self._minute)
        free_at = now
        for each in self._minute:
            if used == 0 or used + ticket.tokens <= limit:
                break
            used -= each.tokens
            free_at = each.at + MINUTE
        return free_at

    async def _until(self, ticket: Ticket, pause: float | None) -> None:
        """Until the line moved, or that many seconds are over."""
        ticket.moved.clear()
        tasks = [asyncio.create_task(_waited(ticket.moved.wait()))]
        if pause is not None:
            tasks.append(asyncio.create_task(_waited(self._sleep(pause))))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    def _wake(self) -> None:
        for ticket in self._waiting:
            ticket.moved.set()


class LimitedProvider:
    """A provider with a line before it."""

    def __init__(self, inner: Provider, line: Line, *, label: str) -> None:
        self.name = inner.name
        self._inner = inner
        self._line = line
        self._label = label

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Wait in the line, then call the model; see `Provider`. Closing it leaves the line."""
        ticket = Ticket(request_tokens(request))
        async with aclosing(self._line.wait(ticket)) as places:  # type: ignore[type-var]
            async for place, pause in places:
                yield _queued(self._label, place, pause, model=request.model)
        usage: Usage | None = None
        try:
            async with aclosing(self._inner.stream(request)) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    if isinstance(delta, Finished | Failed):
                        usage = delta.usage
                    yield delta
        finally:
            self._line.end(ticket, usage)

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the provider inside."""
        return await self._inner.models()


async def _waited(work: Awaitable[object]) -> None:
    await work


def _queued(label: str, place: int, pause: float | None, *, model: str) -> Announcement:
    when = "when a running call has ended" if pause is None else f"in {max(1, round(pause))} s"
    text = f"{label} is at the limit of the settings: number {place} in the line, the next call goes {when}."
    return Announcement(code="queued", text=text, model=model)


def _total(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens
