"""Asks a server of one's own which models it has. Called only when a person asks, never at start-up."""

import asyncio
import http.client
import json
import urllib.error
import urllib.request
from typing import Any

_SECONDS = 3.0
_MOST_BYTES = 4_000_000


async def listed(url: str, *, key: str) -> tuple[str, ...]:
    """The names of the models at this address; empty when nobody answers there with a list of models."""
    return await asyncio.to_thread(_listed, url, key)


def _listed(url: str, key: str) -> tuple[str, ...]:
    if not url.startswith(("http://", "https://")):
        return ()
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            found = json.loads(answer.read(_MOST_BYTES))
    except (OSError, ValueError, http.client.HTTPException, urllib.error.URLError):
        # Not running, or no list of models there: both mean that it offers none now.
        return ()
    return tuple(_names(found))


def _names(found: Any) -> list[str]:
    """Ollama answers with ``models`` and ``name``, all others with ``data`` and ``id``."""
    if not isinstance(found, dict):
        return []
    rows = found.get("models") or found.get("data") or []
    names = [row.get("name") or row.get("id") for row in rows if isinstance(row, dict)]
    return [name for name in names if isinstance(name, str) and name]
