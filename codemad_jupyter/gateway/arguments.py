"""Reads the arguments of a tool call, strictly: what is not one sound JSON object is refused."""

import json
from typing import Any


class BadArguments(ValueError):
    """The arguments are not one JSON object; the message says why."""


def read_arguments(raw: str) -> dict[str, Any]:
    """The arguments as a dict. An empty string is a call without arguments, as some servers send it."""
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw, object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except BadArguments:
        raise
    except UnicodeEncodeError as error:
        raise BadArguments("half a character (a lone surrogate)") from error
    except (ValueError, RecursionError) as error:
        raise BadArguments("not valid JSON") from error
    if not isinstance(value, dict):
        raise BadArguments("not an object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadArguments("the same name twice")
    return found


def _no_constant(name: str) -> Any:
    raise BadArguments(f"{name} is not JSON")
