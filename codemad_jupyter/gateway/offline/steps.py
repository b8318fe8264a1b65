"""How an ability is written: a generator that yields tool calls, gets results, and returns a text.

The generator is started afresh for every request and fed the results found in its messages,
so the assistant keeps no state between model calls. `advance` does the feeding; what the
abilities say and propose is theirs.
"""

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

MAX_CALLS = 16
"""Tool calls of one turn after which the assistant stops by itself."""


@dataclass(frozen=True)
class Call:
    """A tool call the ability wants."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What came of a call. ``offered`` is false when this place has no such tool."""

    content: str
    is_error: bool = False
    offered: bool = True

    @property
    def ok(self) -> bool:
        return self.offered and not self.is_error

    @property
    def data(self) -> Any:
        """The JSON value, or None where the content is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Recorded:
    """A call of this turn with its result, as found in the messages."""

    call: Call
    result: Result


Plan = Generator[tuple[Call, ...], tuple[Result, ...], str]


class Answer(Exception):
    """Ends the turn with a text from anywhere inside an ability: a question back, or a plain no."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True)
class Turn:
    """What a request says: the person's words (bounded), earlier texts (oldest first), offered tools."""

    words: str
    history: tuple[str, ...] = ()
    tools: frozenset[str] = frozenset()
    cut: bool = False


@dataclass(frozen=True)
class Step:
    """The next thing to say: calls to make, or, with none, the final text."""

    text: str
    calls: tuple[Call, ...] = ()


def advance(plan: Plan, recorded: tuple[Recorded, ...], tools: frozenset[str]) -> Step:
    """Run the plan over the recorded results up to the first call that has none."""
    left = list(recorded)
    try:
        wanted = next(plan)
        while True:
            found = [_take(left, call, tools) for call in wanted]
            missing = tuple(call for call, got in zip(wanted, found, strict=True) if got is None)
            if missing and len(recorded) >= MAX_CALLS:
                return Step("I stopped: this took more steps than it should. Please ask for less at once.")
            if missing:
                return Step("", missing)
            wanted = plan.send(tuple(got for got in found if got is not None))
    except StopIteration as end:
        return Step(str(end.value))
    except Answer as end:
        return Step(end.text)


def _take(left: list[Recorded], call: Call, tools: frozenset[str]) -> Result | None:
    if call.tool not in tools:
        return Result(f"The tool {call.tool} is not offered here.", is_error=True, offered=False)
    same = [each for each in left if each.call == call] or [e for e in left if e.call.tool == call.tool]
    if not same:
        return None
    left.remove(same[0])
    return same[0].result


def ask(tool: str, **arguments: Any) -> Generator[tuple[Call, ...], tuple[Result, ...], Result]:
    """Call one tool."""
    (result,) = yield (Call(tool, arguments),)
    return result
