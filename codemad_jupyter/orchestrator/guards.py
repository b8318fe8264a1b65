"""Tells when a model goes round in circles: the same call with the same answer, two that alternate, or
nothing but failures. Pure but for what it has seen; the loop asks after every round of calls."""

import re
from collections import Counter, deque
from dataclasses import dataclass, field

from codemad_jupyter.protocol.messages import ToolCallPart, ToolResultPart

SAME = 3
"""How often one call may have the very same answer before the model is stopped."""
FAILURES = 6
"""Rounds in a row of which every call failed."""
# What differs between two equal answers: ids and times.
_PASSING = re.compile(r"\b[0-9a-f]{8,}\b|\"seconds\": ?[0-9.e-]+")


@dataclass
class Guard:
    """What a model has called since it was last told what to do."""

    _seen: Counter[str] = field(default_factory=Counter)
    _rounds: deque[str] = field(default_factory=lambda: deque(maxlen=4))
    _failures: int = 0

    def look(self, calls: tuple[ToolCallPart, ...], results: tuple[ToolResultPart, ...]) -> str | None:
        """Take in a round of calls with its results; a sentence when this leads nowhere."""
        done = [_named(call, result) for call, result in zip(calls, results, strict=True)]
        self._seen.update(done)
        self._rounds.append("\n".join(done))
        self._failures = self._failures + 1 if all(each.is_error for each in results) else 0
        names = " and ".join(dict.fromkeys(call.name for call in calls))
        if max(self._seen[each] for each in done) >= SAME:
            return f"Stopped: the model made the same tool call {SAME} times with the same answer ({names})."
        if self._failures >= FAILURES:
            return f"Stopped: the model makes no progress, {FAILURES} rounds of tool calls failed in a row."
        rounds = list(self._rounds)
        if len(rounds) == 4 and rounds[:2] == rounds[2:]:
            return f"Stopped: the model goes back and forth between the same tool calls ({names} was last)."
        return None


def _named(call: ToolCallPart, result: ToolResultPart) -> str:
    asked = call.model_dump_json(exclude={"id"})
    return f"{asked}\t{result.is_error}\t{_PASSING.sub('', result.content)}"
