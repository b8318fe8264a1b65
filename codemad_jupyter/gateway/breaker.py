"""A circuit breaker for each provider: who fails again and again is left alone for a while.

Closed, calls go through. After some passing failures in a row it opens: calls are refused at once. When
its rest is over one call goes through as a probe (half open): it closes the circuit or opens it again,
for twice as long. A wrong key or a bad request is no sign of a sick provider and never counts.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Literal

from codemad_jupyter.gateway.provider import (
    PASSING,
    Announcement,
    Delta,
    Failed,
    Finished,
    ModelInfo,
    Provider,
    Request,
)
from codemad_jupyter.protocol.base import Value

FAILURES = 5
REST, LONGEST_REST = 30.0, 300.0
"""Seconds."""


class Health(Value):
    """The state of a provider's circuit, as a person sees it."""

    state: Literal["closed", "open", "half_open"] = "closed"
    failures: int = 0
    again_in: float = 0.0
    """Seconds until it is asked again."""


class Breaker:
    """What is known of one provider's health. Shared by all its calls."""

    def __init__(
        self, *, failures: int = FAILURES, rest: float = REST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = failures
        self._first_rest = self._rest = rest
        self._clock = clock
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False

    def health(self) -> Health:
        """How it stands now."""
        if self._open_until is None:
            return Health(failures=self._failures)
        left = self._open_until - self._clock()
        if left > 0:
            return Health(state="open", failures=self._failures, again_in=left)
        return Health(state="half_open", failures=self._failures)

    def admit(self) -> bool:
        """Whether a call may go out now. One that may must be settled, whatever becomes of it."""
        health = self.health()
        if health.state == "closed":
            return True
        if health.state == "open" or self._probing:
            return False
        self._probing = True
        return True

    def settle(self, failure: Failed | None, *, probe: bool) -> None:
        """The call ended: well, or with this failure."""
        if probe:
            self._probing = False
        elif self._open_until is not None:
            return  # it began before the circuit opened and knows nothing new
        if failure is None or failure.kind not in PASSING:
            self._failures, self._open_until, self._rest = 0, None, self._first_rest
            return
        self._failures += 1
        if probe:
            self._rest = min(self._rest * 2, LONGEST_REST)
        if probe or self._failures >= self._threshold:
            rest = min(max(self._rest, failure.retry_after or 0.0), LONGEST_REST)
            self._open_until = self._clock() + rest

    def give_up(self, *, probe: bool) -> None:
        """The call was cancelled: nothing was learnt."""
        if probe:
            self._probing = False


class BreakerProvider:
    """A provider that is not called while its circuit is open."""

    def __init__(self, inner: Provider, breaker: Breaker, *, label: str) -> None:
        self.name = inner.name
        self._inner = inner
        self._breaker = breaker
        self._label = label

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the model, or say at once why not; see `Provider`."""
        if not self._breaker.admit():
            yield self._refusal(request)
            return
        probe = self._breaker.health().state != "closed"
        settled = False
        try:
            if probe:
                text = f"{self._label} failed before; this call tries whether it works again."
                yield Announcement(code="probe", text=text, model=request.model)
            async with aclosing(self._inner.stream(request)) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    if isinstance(delta, Finished | Failed):
                        settled = True
                        self._breaker.settle(delta if isinstance(delta, Failed) else None, probe=probe)
                    yield delta
        finally:
            if not settled:
                self._breaker.give_up(probe=probe)

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the provider inside."""
        return await self._inner.models()

    def _refusal(self, request: Request) -> Failed:
        health = self._breaker.health()
        when = f"in {health.again_in:.0f} s" if health.again_in else "when a call that tries it has ended"
        return Failed(
            kind="overloaded",
            text=f"{self._label} failed {health.failures} times in a row and is left alone; "
            f"it is asked again {when}.",
            hint="Wait that long, choose another model, or name fallbacks in the settings.",
            model=request.model,
            retry_after=health.again_in or None,
            unasked=True,
        )


def health_text(health: Health) -> str:
    """The state in words; empty when all is well."""
    if health.state == "open":
        return f"resting after {health.failures} failures, asked again in {health.again_in:.0f} s"
    if health.state == "half_open":
        return f"failed {health.failures} times; the next call tries it again"
    return f"{health.failures} failures in a row" if health.failures else ""
