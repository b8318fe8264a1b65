"""Asks a provider which models it has, and so whether it answers at all. Called only when a person asks,
never at start-up."""

import asyncio
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from codemad_jupyter.protocol.base import Value

_SECONDS = 3.0
_MOST_BYTES = 4_000_000


class Probe(Value):
    """What came of asking: the models it named, or why there are none."""

    names: tuple[str, ...] = ()
    seconds: float = 0.0
    why: str = ""

    @property
    def answers(self) -> bool:
        """Whether somebody is there who knows of models."""
        return not self.why


async def probed(url: str, headers: Mapping[str, str]) -> Probe:
    """What this address says when it is asked for its models."""
    return await asyncio.to_thread(_probed, url, headers)


def _probed(url: str, headers: Mapping[str, str]) -> Probe:
    if not url.startswith(("http://", "https://")):
        return Probe(why="no address is set")
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            found = json.loads(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        refused = "the key was refused" if error.code in (401, 403) else "it fails"
        return Probe(why=f"{refused} (HTTP {error.code})", seconds=time.monotonic() - begun)
    except (OSError, http.client.HTTPException) as error:
        return Probe(why=f"it does not answer: {getattr(error, 'reason', None) or error}")
    except ValueError:
        return Probe(why="no list of models is there; check the address")
    return Probe(names=tuple(_names(found)), seconds=time.monotonic() - begun)


def _names(found: Any) -> list[str]:
    """Ollama answers with ``models`` and ``name``, all others with ``data`` and ``id``."""
    if not isinstance(found, dict):
        return []
    rows = found.get("models") or found.get("data") or []
    names = [row.get("name") or row.get("id") for row in rows if isinstance(row, dict)]
    return [name for name in names if isinstance(name, str) and name]
