"""Makes an Ollama fetch a model, and tells how far it is."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import ModelError

_SILENCE = 60.0
"""Seconds Ollama may say nothing; it tells its progress several times a second."""


class Step(Value):
    """How far it is. ``done`` and ``total`` are bytes of the part that is fetched now; 0: not known."""

    status: str
    done: int = 0
    total: int = 0


def pull(address: str, name: str) -> Iterator[Step]:
    """Fetch the model; ends when it is there. Raises `ModelError`."""
    body = json.dumps({"model": name, "stream": True}).encode()
    request = urllib.request.Request(  # noqa: S310 - the address is the person's own setting
        f"{address.rstrip('/').removesuffix('/v1')}/api/pull",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_SILENCE) as answer:  # noqa: S310
            yield from _steps(answer, name)
    except urllib.error.HTTPError as error:
        raise _failed(name, _words(error) or f"HTTP {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(
            f"Ollama at {address} cannot be asked for {name}: {getattr(error, 'reason', None) or error}.",
            hint="Start it with: ollama serve. What was fetched is kept; pull again to go on.",
        ) from error


def _steps(answer: Any, name: str) -> Iterator[Step]:
    for line in answer:
        try:
            told = json.loads(line)
        except ValueError:
            raise _failed(name, "its answer cannot be read") from None
        if not isinstance(told, dict):
            continue
        if told.get("error"):
            raise _failed(name, str(told["error"]))
        status = str(told.get("status", ""))
        yield Step(status=status, done=_number(told, "completed"), total=_number(told, "total"))
        if status == "success":
            return
    raise _failed(name, "it stopped before the model was complete")


def _number(told: dict[str, Any], field: str) -> int:
    value = told.get(field)
    return value if isinstance(value, int) and value > 0 else 0


def _words(error: urllib.error.HTTPError) -> str:
    try:
        told = json.loads(error.read(10_000))
    except (ValueError, OSError):
        return ""
    return str(told.get("error", "")) if isinstance(told, dict) else ""


def _failed(name: str, words: str) -> ModelError:
    return ModelError(
        f"Ollama did not pull {name}: {words.rstrip('.')}.",
        hint="Check the name, the space on the disk and the network, then pull again: it goes on from there.",
    )
