"""What one run may use, and what it has used."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from codemad_jupyter.protocol.messages import Usage


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one run may use. None means no limit."""

    steps: int = 25
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None

    def left(self, used: "Tally") -> "Limits":
        """What may still be used. A cost that is not known takes nothing away."""
        tokens = used.usage.input_tokens + used.usage.output_tokens
        return Limits(
            steps=max(self.steps - used.steps, 0),
            tokens=None if self.tokens is None else max(self.tokens - tokens, 0),
            cost=None if self.cost is None else max(self.cost - (used.cost or 0.0), 0.0),
            seconds=None if self.seconds is None else max(self.seconds - used.seconds, 0.0),
        )


@dataclass
class Tally:
    """What a run has used so far. ``cost`` is None as soon as one price is unknown."""

    usage: Usage = field(default_factory=Usage)
    cost: float | None = 0.0
    steps: int = 0
    started: float = field(default_factory=time.monotonic)

    def add(self, usage: Usage, cost: float | None) -> None:
        """Count one model call."""
        self.usage += usage
        self.cost = None if self.cost is None or cost is None else self.cost + cost

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def exceeded(self, limits: Limits) -> str | None:
        """The limit that is reached, as a sentence; checked before every model call."""
        used = self.usage.input_tokens + self.usage.output_tokens
        if self.steps >= limits.steps:
            return f"Stopped after {self.steps} model calls, the limit for one run."
        if limits.tokens is not None and used >= limits.tokens:
            return f"Stopped after {used} tokens, the limit for one run."
        if limits.cost is not None and self.cost is not None and self.cost >= limits.cost:
            return f"Stopped after ${self.cost:.4f}, the limit for one run."
        if limits.seconds is not None and self.seconds >= limits.seconds:
            return f"Stopped after {self.seconds:.0f} seconds, the limit for one run."
        return None


@dataclass(kw_only=True)
class Share(Tally):
    """What one agent of a run uses: it counts in the ``whole`` as it comes, so that several at work at once
    keep to the ``most`` of the run together."""

    whole: Tally
    most: Limits
    heard: Callable[["Share"], object] = lambda share: None

    def add(self, usage: Usage, cost: float | None) -> None:
        """Count one model call, here and in the whole."""
        super().add(usage, cost)
        self.whole.add(usage, cost)
        self.heard(self)

    def exceeded(self, limits: Limits) -> str | None:
        """The limit that is reached, the agent's own or that of all."""
        return super().exceeded(limits) or self.whole.exceeded(self.most)


class Stopwatch:
    """How long one model call takes, and how long its first piece (``to_first``)."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self.to_first: float | None = None

    def first(self) -> None:
        """A piece has come; only the first counts."""
        if self.to_first is None:
            self.to_first = self.seconds

    @property
    def seconds(self) -> float:
        """Seconds since the call began."""
        return round(time.monotonic() - self._begun, 4)
