"""The REST routes of trust, keys and settings, for people's front ends alone.

A key goes in and never comes out: no answer, error or log line holds one.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from codemad_jupyter.server.rest import BodyHandler, CodemadHandler

PROVIDER = r"(?P<provider>[a-z0-9_-]{1,40})"


class JsonHandler(BodyHandler):
    """Reads one JSON object."""

    def fields(self, **kinds: type | tuple[type, ...]) -> dict[str, Any]:
        """The object's fields, each of its kind. Raises `UsageError` without a word of what was sent."""
        from codemad_jupyter.protocol.errors import UsageError

        try:
            sent = json.loads(self.body())
        except (ValueError, RecursionError):
            sent = None
        found = sent if isinstance(sent, dict) else {}
        if not all(isinstance(found.get(name), kind) for name, kind in kinds.items()):
            raise UsageError("This is no valid request.", hint=f"Send JSON with: {', '.join(kinds)}.")
        return {name: found[name] for name in kinds}


@web.stream_request_body
class TrustHandler(JsonHandler):
    """Whether the person trusts the workspace."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self._look)

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self.answer(self._decide)

    async def _look(self) -> str:
        from codemad_jupyter.app import trusting

        return (await asyncio.to_thread(trusting.look, self.host.root)).model_dump_json()

    async def _decide(self) -> str:
        from codemad_jupyter.app import trusting

        self.host.answering.need_tab(self.nonce)
        sent = self.fields(trusted=bool, seen=str)
        seen = sent["seen"] if sent["trusted"] else None
        decided = await asyncio.to_thread(trusting.decide, self.host.root, trusted=sent["trusted"], seen=seen)
        return decided.model_dump_json()


class KeysHandler(CodemadHandler):
    """Which providers have a key, and where it is kept."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self._ring)

    async def _ring(self) -> str:
        from codemad_jupyter.app import key_desk

        settings = await self.host.settings()
        return (await asyncio.to_thread(key_desk.ring, settings)).model_dump_json()


@web.stream_request_body
class KeyHandler(JsonHandler):
    """Keeps and forgets the key of one provider."""

    @web.authenticated
    @authorized
    async def put(self, provider: str) -> None:
        await self.answer(lambda: self._keep(provider))

    @web.authenticated
    @authorized
    async def delete(self, provider: str) -> None:
        await self.answer(lambda: self._forget(provider))

    async def _keep(self, provider: str) -> dict[str, str]:
        from codemad_jupyter.app import key_desk

        self.host.answering.need_tab(self.nonce)
        key = self.fields(key=str)["key"]
        return {"done": await asyncio.to_thread(key_desk.keep, provider, key)}

    async def _forget(self, provider: str) -> dict[str, str]:
        from codemad_jupyter.app import key_desk

        self.host.answering.need_tab(self.nonce)
        return {"done": await asyncio.to_thread(key_desk.forget, provider)}


class KeyTestHandler(CodemadHandler):
    """Tries the key of one provider."""

    @web.authenticated
    @authorized
    async def post(self, provider: str) -> None:
        await self.answer(lambda: self._try(provider))

    async def _try(self, provider: str) -> str:
        from codemad_jupyter.app import key_desk

        return (await key_desk.try_key(provider, await self.host.settings())).model_dump_json()


@web.stream_request_body
class SettingsHandler(JsonHandler):
    """The settings with their origins, and changes to the person's own."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self._rows)

    @web.authenticated
    @authorized
    async def put(self) -> None:
        await self.answer(self._change)

    async def _rows(self) -> str:
        from codemad_jupyter.app import settings_desk

        return settings_desk.everything(await self.host.settings()).model_dump_json()

    async def _change(self) -> dict[str, str]:
        from codemad_jupyter.app import settings_desk

        self.host.answering.need_tab(self.nonce)
        values = self.fields(values=dict)["values"]
        return {"done": await asyncio.to_thread(settings_desk.set_values, values)}
