"""Tries again and then tries the next model. Every retry and every change of model is announced.

While nothing of a reply has been shown a second try costs nothing. Once a piece is out it would be shown
twice, so the failure is passed on; or, where the settings allow it, the next model is given what was
received, marked as such, and asked to go on from there.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from codemad_jupyter.gateway.provider import (
    ANOTHER_MAY,
    PASSING,
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
from codemad_jupyter.gateway.resuming import Received

_DEFAULT_WAIT = 1.0


@dataclass(frozen=True)
class Link:
    """One model of the chain and the provider that offers it. ``resumes``: can go on with a reply that
    another one began."""

    provider: Provider
    model: str
    resumes: bool = True


class FallbackProvider:
    """A chain of models: each is tried twice at most, then the next one.

    ``cap`` is the longest wait in seconds a provider may ask for; ``sleep`` is given by tests; with
    ``resume`` a reply that broke off is gone on with by the next model, by the same one if it is the last.
    """

    def __init__(
        self,
        chain: Sequence[Link],
        *,
        cap: float = 120.0,
        resume: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = chain[0].provider.name
        self._chain = tuple(chain)
        self._cap = cap
        self._resume = resume
        self._sleep = sleep

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the first model that answers; see `Provider`."""
        failures: list[Failed] = []
        received = Received()
        links = deque(self._chain)
        while links:
            link = links.popleft()
            if failures:
                yield _changed(failures[-1], link, received)
            attempt = _Attempt(link, received.continued(request))
            async with aclosing(self._twice(attempt)) as deltas:
                async for delta in deltas:
                    yield received.joined(delta)
            if (failure := attempt.failure) is None:
                return
            failures.append(failure)
            if attempt.shown:
                links = self._resuming(link, links, failure, again=not received.text)
                received = received.with_partial(failure)
                if not links:
                    yield received.failed(failure)
                    return
            # A wrong key or a bad request of the person's own model is theirs to mend, not to paper over.
            elif failure.kind not in ANOTHER_MAY and len(failures) == 1:
                yield failure
                return
        yield received.failed(_summary(failures))

    def _resuming(self, link: Link, links: "deque[Link]", failure: Failed, *, again: bool) -> "deque[Link]":
        """Who may go on with a reply that broke off; the same model once, when there is no other."""
        if not self._resume or failure.kind not in PASSING:
            return deque()
        others = deque(each for each in links if each.resumes)
        return others or deque([link] if again and link.resumes else [])

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
        failure = self.failure
        passing = failure is not None and failure.kind in PASSING and not failure.unasked
        return passing and not self.shown and self.wait <= cap

    def announcement(self) -> Announcement:
        words = self.failure.text if self.failure is not None else ""
        text = f"{words} Trying {self._link.model} again in {seconds(self.wait)} s."
        return Announcement(code="retry", text=text, model=self._link.model)


def seconds(wait: float) -> str:
    """A wait as a person counts it."""
    return f"{wait:g}" if wait < 10 and wait == round(wait, 1) else f"{math.ceil(wait)}"


def _changed(failure: Failed, link: Link, received: Received) -> Announcement:
    if received.text:
        text = f"{failure.text} {link.model} is given what was received and goes on from there."
        return Announcement(code="resumed", text=text, model=link.model)
    text = f"{failure.text} Continuing with {link.model}."
    return Announcement(code="fallback", text=text, model=link.model)


def _summary(failures: Sequence[Failed]) -> Failed:
    """The first failure is the one to mend; the hint names the others."""
    first = failures[0]
    notes = []
    if first.retry_after is not None and first.retry_after > _DEFAULT_WAIT and not first.unasked:
        notes.append(f"The provider asks to wait {seconds(first.retry_after)} s.")
    if len(failures) > 1:
        others = ", ".join(f"{failure.model} ({failure.kind.replace('_', ' ')})" for failure in failures[1:])
        notes.append(f"Also tried: {others}.")
    hint = " ".join([*notes, first.hint]).strip()
    return first.model_copy(update={"hint": hint})
