"""Owns whom a token belongs to, by the word of the JupyterHub that started this service."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tornado.httpclient import AsyncHTTPClient

from codemad_jupyter.protocol.errors import UsageError

KNOWN_FOR = 10.0
"""Seconds that the hub's word about a token counts, also of one that it has withdrawn since."""
MOST = 10_000


@dataclass(frozen=True)
class Person:
    """Who asks."""

    name: str
    groups: tuple[str, ...]


class Hub:
    """Asks the hub whom a token belongs to; its word counts for ``known_for`` seconds."""

    def __init__(self, environ: Mapping[str, str], *, known_for: float = KNOWN_FOR) -> None:
        self._known_for = known_for
        self._api = environ.get("JUPYTERHUB_API_URL", "").rstrip("/")
        self._scopes = frozenset(json.loads(environ.get("JUPYTERHUB_OAUTH_ACCESS_SCOPES") or "[]"))
        if not self._api or not self._scopes:
            said = "This is no service of a JupyterHub: JUPYTERHUB_API_URL and its scopes are not set."
            raise UsageError(said, hint="Name the command in c.JupyterHub.services; the hub starts it.")
        self._known: dict[str, tuple[float, Person | None]] = {}

    async def person(self, token: str) -> Person | None:
        """None: nobody who may come here. Raises `OSError` or `HTTPClientError` where the hub fails."""
        until, person = self._known.get(token, (0.0, None))
        if time.monotonic() < until:
            return person
        headers = {"Authorization": f"token {token}"}
        answer = await AsyncHTTPClient().fetch(f"{self._api}/user", headers=headers, raise_error=False)
        if answer.code not in (200, 401, 403, 404):
            answer.rethrow()
        person = self._read(json.loads(answer.body)) if answer.code == 200 else None
        if len(self._known) > MOST:
            self._known.clear()
        self._known[token] = (time.monotonic() + self._known_for, person)
        return person

    def _read(self, said: dict[str, Any]) -> Person | None:
        if said.get("kind") != "user" or not self._scopes & set(said.get("scopes") or ()):
            return None
        return Person(str(said["name"]), tuple(map(str, said.get("groups") or ())))
