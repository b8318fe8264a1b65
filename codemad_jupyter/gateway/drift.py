"""Says why a request is not in a cassette: what differs from the recorded call that comes nearest. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from codemad_jupyter.gateway.cassette import Recorded
from codemad_jupyter.gateway.normal import Sketch
from codemad_jupyter.protocol.wording import counted

_SHOWN = 60
_NAMED = 3
_RIVALS, _COMPARED = 20, 2_000
"""How many calls are compared by their texts, and how many characters of each."""


def nearest(asked: Sketch, records: Iterable[Recorded]) -> list[Recorded]:
    """The recorded calls that have most in common with what is asked, as far as digests tell; the newest
    ones, should there be many."""
    best: list[Recorded] = []
    score = (-1, -1, -1)
    for record in records:
        found = _likeness(asked, record.sketch)
        if found > score:
            best, score = [], found
        if found == score:
            best = [*best[1 - _RIVALS :], record]
    return best


def closest(asked: Sketch, rivals: Sequence[Recorded], values: Mapping[str, Any]) -> Recorded:
    """The one of equally near calls whose text is most like what is asked; ``values`` are their parts."""
    return max(reversed(rivals), key=lambda record: _resemblance(asked, record.sketch, values))


def _resemblance(asked: Sketch, recorded: Sketch, values: Mapping[str, Any]) -> float:
    at = _same(asked, recorded)
    if at >= min(len(asked.messages), len(recorded.messages)):
        return 0.0
    was, now = values.get(recorded.messages[at]), asked.values.get(asked.messages[at])
    one, other = ((_text(each) or "")[-_COMPARED:] for each in (was, now))
    return SequenceMatcher(None, one, other, autojunk=False).quick_ratio()


def _likeness(one: Sketch, other: Sketch) -> tuple[int, int, int]:
    """How long the conversations are the same; then how much else; then how near their lengths are."""
    same = _same(one, other)
    rest = (one.params == other.params) + (one.system == other.system) + (one.tools == other.tools)
    return same, rest, -abs(len(one.messages) - len(other.messages))


def _same(one: Sketch, other: Sketch) -> int:
    pairs = enumerate(zip(one.messages, other.messages, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one.messages), len(other.messages)))


def differences(asked: Sketch, recorded: Sketch, values: Mapping[str, Any]) -> str:
    """What differs, the first in which it does shown; ``values`` are the recorded parts that are known."""
    found = [*_params(asked.params, recorded.params)]
    if asked.system != recorded.system:
        excerpt = _excerpt(values.get(recorded.system), asked.values.get(asked.system))
        found.append(f"the instructions{excerpt}")
    found += _tools(asked.tools, recorded.tools)
    found += _messages(asked, recorded, values)
    return "; ".join(found) or "nothing that is kept"


def _params(asked: Mapping[str, Any], recorded: Mapping[str, Any]) -> list[str]:
    names = [name for name in sorted({*asked, *recorded}) if asked.get(name) != recorded.get(name)]
    return [f"{name} (recorded {_worth(recorded, name)}, asked {_worth(asked, name)})" for name in names]


def _worth(params: Mapping[str, Any], name: str) -> str:
    return str(params[name])[:_SHOWN] if name in params else "the default"


def _tools(asked: Mapping[str, str], recorded: Mapping[str, str]) -> list[str]:
    groups = {
        "new": [name for name in asked if name not in recorded],
        "gone": [name for name in recorded if name not in asked],
        "changed": [name for name in asked if name in recorded and asked[name] != recorded[name]],
    }
    said = [f"{word}: {_listed(names)}" for word, names in groups.items() if names]
    return [f"the tools ({', '.join(said)})"] if said else []


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _messages(asked: Sketch, recorded: Sketch, values: Mapping[str, Any]) -> list[str]:
    at = _same(asked, recorded)
    if at < min(len(asked.messages), len(recorded.messages)):
        was, now = values.get(recorded.messages[at]), asked.values.get(asked.messages[at])
        return [f"message {at + 1} of {len(asked.messages)}{_message(was, now)}"]
    if len(asked.messages) != len(recorded.messages):
        return [f"the history ({counted(len(asked.messages), 'message')}, recorded {len(recorded.messages)})"]
    return []


def _message(was: Any, now: Any) -> str:
    role = now.get("role", "") if isinstance(now, dict) else ""
    return f" ({role})" + _excerpt(_text(was), _text(now))


def _text(message: Any) -> str | None:
    """The message as text: what stands in its parts, one after the other."""
    if not isinstance(message, dict):
        return None
    parts = [part for part in message.get("parts", ()) if isinstance(part, dict)]
    return "\n".join(
        " ".join(str(each) for key, each in part.items() if key not in ("type", "id")) for part in parts
    )


def _excerpt(was: Any, now: Any) -> str:
    """The place where two texts begin to differ."""
    if not isinstance(was, str) or not isinstance(now, str):
        return " (its recorded text cannot be read)"
    at = next((n for n, (a, b) in enumerate(zip_longest(was, now)) if a != b), 0)
    return f": recorded {_around(was, at)}, asked {_around(now, at)}"


def _around(text: str, at: int) -> str:
    start = max(at - _SHOWN // 3, text.rfind("\n", 0, at) + 1, 0)
    end = start + _SHOWN
    cut = " ".join(text[start:end].split())
    return f"“{'…' if start else ''}{cut}{'…' if end < len(text) else ''}”"
