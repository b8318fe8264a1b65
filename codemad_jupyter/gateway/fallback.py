"""Tries again and then tries the next model, while nothing of a reply has been shown yet.

Once a piece of a reply is out, a second try would show it twice; the failure is passed on instead. Every
retry and every change of model is announced.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from codemad_jupyter.gateway.provider import (
    Announcement,
    CallPiece,
    Delta,
    Failed,
    ModelInfo,
    Provider,
    Request,
    TextPiece,
    ThinkingPiece,
)
from codemad_jupyter.protocol.errors import ProviderErrorKind

_PASSING: frozenset[ProviderErrorKind] = frozenset(
    {"rate_limited", "overloaded", "server", "timeout", "connection"}
)
_DEFAULT_WAIT = 1.0


@dataclass(frozen=True)
class Link:
    """One model of the chain and the provider that offers it."""

    provider: Provider
    model: str


class FallbackProvider:
    """A chain of models: each is tried twice at most, then the next one.

    ``cap`` is the longest wait in seconds a provider may ask for; ``sleep`` is given by tests.
    """

    def __init__(
        self,
        chain: Sequence[Link],
        *,
        cap: float = 120.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = chain[0].provider.name
        self._chain = tuple(chain)
        self._cap = cap
        self._sleep = sleep

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the first model that answers; see `Provider`."""
        failures: list[Failed] = []
        for link in self._chain:
            if failures:
                yield _changed(failures[-1], link)
            attempt = _Attempt(link, request)
            async with aclosing(self._twice(attempt)) as deltas:
                async for delta in deltas:
                    yield delta
            if attempt.failure is None:
                return
            # A wrong key or a bad request of the person's own model is theirs to mend, not to paper over.
            if attempt.shown or (attempt.failure.kind not in _PASSING and not failures):
                yield attempt.failure
                return
            failures.append(attempt.failure)
        yield _summary(failures)

    async def _twice(self, attempt: "_Attempt") -> AsyncGenerator[Delta]:
        """The model's deltas; after a passing failure a wait and a second try."""
        async with aclosing(attempt.run()) as deltas:
            async for delta in deltas:
                yield delta
        if not attempt.may_repeat(cap=self._cap):
            return
        yield attempt.announcement()
        await self._sleep(attempt.wait)
        async with aclosing(attempt.run()) as deltas:
            async for delta in deltas:
                yield delta

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the first provider of the chain."""
        return await self._chain[0].provider.models()


class _Attempt:
    """One model at work on one request: how it failed, and whether any of its reply was shown."""

    def __init__(self, link: Link, request: Request) -> None:
        self.failure: Failed | None = None
        self.shown = False
        self._link = link
        same = request.model == link.model
        self._request = request if same else request.model_copy(update={"model": link.model})

    async def run(self) -> AsyncGenerator[Delta]:
        self.failure = None
        async with aclosing(self._link.provider.stream(self._request)) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                if isinstance(delta, Failed):
                    self.failure = delta
                    return
                self.shown = self.shown or isinstance(delta, TextPiece | ThinkingPiece | CallPiece)
                yield delta

    @property
    def wait(self) -> float:
        asked = self.failure.retry_after if self.failure is not None else None
        return _DEFAULT_WAIT if asked is None else asked

    def may_repeat(self, *, cap: float) -> bool:
        passing = self.failure is not None and self.failure.kind in _PASSING
        return passing and not self.shown and self.wait <= cap

    def announcement(self) -> Announcement:
        words = self.failure.text if self.failure is not None else ""
        text = f"{words} Trying {self._link.model} again in {self.wait:g} s."
        return Announcement(code="retry", text=text, model=self._link.model)


def _changed(failure: Failed, link: Link) -> Announcement:
    text = f"{failure.text} Continuing with {link.model}."
    return Announcement(code="fallback", text=text, model=link.model)


def _summary(failures: Sequence[Failed]) -> Failed:
    """The first failure is the one to mend; the hint names the others."""
    first = failures[0]
    notes = []
    if first.retry_after is not None and first.retry_after > _DEFAULT_WAIT:
        notes.append(f"The provider asks to wait {first.retry_after:g} s.")
    if len(failures) > 1:
        others = ", ".join(f"{failure.model} ({failure.kind.replace('_', ' ')})" for failure in failures[1:])
        notes.append(f"Also tried: {others}.")
    hint = " ".join([*notes, first.hint]).strip()
    return first.model_copy(update={"hint": hint})
