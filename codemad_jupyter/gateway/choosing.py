"""Which of the models for a purpose comes first, and why: pure functions of what is known.

The candidates are a model and its fallbacks. A strategy only puts them in another order; those that are
left serve as fallbacks. What cannot be called now always comes last.
"""

import re
from collections.abc import Callable, Sequence
from typing import Literal

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.models import ModelInfo
from codemad_jupyter.protocol.supply import Purpose, Routing

Complexity = Literal["simple", "moderate", "hard"]

_EXPECTED_OUTPUT = 1_000
"""Tokens of a usual answer, for comparing prices."""
_LONG = 1_500
_HARD = re.compile(
    r"\b(architect\w*|asynchronous|concurren\w+|deadlock|debug|design|migrat\w+|optimi[sz]\w+|performance|"
    r"proof|prove|race condition|refactor\w*|rewrite|security|why)\b",
    re.IGNORECASE,
)
_STEPS = re.compile(r"(?m)^\s*(?:\d+[.)]|[-*])\s+\S|\b(?:then|after that|finally)\b", re.IGNORECASE)
_HARD_PURPOSES: frozenset[Purpose] = frozenset({"plan", "review"})
_SIMPLE_PURPOSES: frozenset[Purpose] = frozenset({"classify", "complete", "rerank", "summarise"})


class Need(Value):
    """What is to be asked, as far as the choice depends on it. ``tokens`` are those of all that is sent."""

    purpose: Purpose = "chat"
    text: str = ""
    tokens: int = 0
    output: int = 0
    images: bool = False


class Candidate(Value):
    """A model, what is known of it, and what keeps it from being called now (empty: nothing)."""

    info: ModelInfo
    latency: float | None = None
    lacks: str = ""

    @property
    def name(self) -> str:
        """The full name of the model."""
        return self.info.name


class Choice(Value):
    """The model, who steps in for it, and why it is this one."""

    model: str
    fallbacks: tuple[str, ...] = ()
    reason: str


def choose(candidates: Sequence[Candidate], need: Need, routing: Routing) -> Choice:
    """The candidates in the order of the strategy, the first one with its reason."""
    ordered, reason = _STRATEGIES[routing](candidates, need)
    ready = [each for each in ordered if not each.lacks]
    blocked = [each for each in ordered if each.lacks]
    # The person's own order is theirs: a model that cannot be called then says itself what it lacks.
    final = ordered if routing == "explicit" or not ready else [*ready, *blocked]
    if routing != "explicit" and final[0] is not ordered[0]:
        reason = f"{reason}; {ordered[0].name} cannot be called: {ordered[0].lacks}"
    return Choice(model=final[0].name, fallbacks=tuple(each.name for each in final[1:]), reason=reason)


def complexity(need: Need) -> Complexity:
    """How hard a request looks: by its purpose, length, words and steps."""
    points = 2 * (need.purpose in _HARD_PURPOSES) - 2 * (need.purpose in _SIMPLE_PURPOSES)
    points += len(need.text) > _LONG
    points += need.tokens > 30_000
    points += len(_STEPS.findall(need.text)) >= 3
    points += min(2, len({word.lower() for word in _HARD.findall(need.text)}))
    return "simple" if points <= 0 else "moderate" if points == 1 else "hard"


Ordered = tuple[list[Candidate], str]


def _explicit(candidates: Sequence[Candidate], need: Need) -> Ordered:
    return list(candidates), f"set for {need.purpose}"


def _by_complexity(candidates: Sequence[Candidate], need: Need) -> Ordered:
    """Price stands for strength: the cheapest for what is simple, the dearest for what is hard."""
    ranked = _by_known(candidates, lambda each: each.info.output_price)
    level = complexity(need)
    place = {"simple": 0, "moderate": len(ranked) // 2, "hard": len(ranked) - 1}[level]
    ordered = [ranked[place], *ranked[place + 1 :], *reversed(ranked[:place])]
    return ordered, f"the request looks {level}"


def _by_window(candidates: Sequence[Candidate], need: Need) -> Ordered:
    """The first one that holds the request; then those whose window nobody knows; then the largest."""
    size = need.tokens + need.output

    def rank(each: Candidate) -> tuple[int, int]:
        window = each.info.window
        if window is None:
            return 1, 0
        return (0, 0) if window >= size else (2, -window)

    ordered = sorted(candidates, key=rank)
    fits = rank(ordered[0])[0] == 0
    known = f"its window holds about {size} tokens" if fits else f"no window is known to hold {size} tokens"
    return ordered, known


def _by_price(candidates: Sequence[Candidate], need: Need) -> Ordered:
    ordered = _by_known(candidates, lambda each: _price(each.info, need))
    price = _price(ordered[0].info, need)
    return ordered, "no price is known" if price is None else f"the cheapest, about ${price:.4f} a call"


def _by_latency(candidates: Sequence[Candidate], need: Need) -> Ordered:
    """Those that were never measured first, so that each one is; then the quickest."""
    ordered = sorted(candidates, key=lambda each: -1.0 if each.latency is None else each.latency)
    seconds = ordered[0].latency
    return (
        ordered,
        "not measured yet" if seconds is None else f"the quickest, {seconds:.1f} s to the first word",
    )


def _by_availability(candidates: Sequence[Candidate], need: Need) -> Ordered:
    return list(candidates), f"the first for {need.purpose} that can be called"


_STRATEGIES: dict[Routing, Callable[[Sequence[Candidate], Need], Ordered]] = {
    "explicit": _explicit,
    "complexity": _by_complexity,
    "window": _by_window,
    "price": _by_price,
    "latency": _by_latency,
    "availability": _by_availability,
}


def _by_known(candidates: Sequence[Candidate], value: Callable[[Candidate], float | None]) -> list[Candidate]:
    """Lowest first, as listed where equal; what is unknown comes after what is known."""

    def key(each: Candidate) -> tuple[bool, float]:
        found = value(each)
        return found is None, found or 0.0

    return sorted(candidates, key=key)


def _price(info: ModelInfo, need: Need) -> float | None:
    if info.input_price is None or info.output_price is None:
        return None
    return (need.tokens * info.input_price + _EXPECTED_OUTPUT * info.output_price) / 1_000_000
