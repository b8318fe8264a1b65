"""The adapter of every provider in `cards`: chat completions at its address, with its key and its quirks."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from codemad_jupyter.gateway.adapter import Adapter
from codemad_jupyter.gateway.cards import Card
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.openai import CompatibleProvider
from codemad_jupyter.gateway.provider import ModelInfo, Request

_SHORT = re.compile(r"[a-zA-Z0-9]{9}")


class CardProvider(CompatibleProvider):
    """One provider of the table."""

    def __init__(
        self, card: Card, config: GatewayConfig, *, catalog: Catalog, redact: Callable[[str], str]
    ) -> None:
        self.name = card.name
        self.label = card.label
        self.key_variable = " or ".join(card.variables)
        self.needs_key = not card.local
        self.local = card.local
        self._card = card
        self._length_field = card.length_field
        Adapter.__init__(
            self,
            config,
            key=config.keys.get(card.name),
            base_url=config.provider_urls.get(card.name, card.base_url),
            catalog=catalog,
            redact=redact,
        )

    def why_not_ready(self) -> str:
        """What is missing. Whether a local server runs is known only when it is asked."""
        return Adapter.why_not_ready(self)

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the tables; what a server really has is found out by `probe` alone."""
        why = self.why_not_ready()
        return tuple(self._described(name, why=why) for name in self._catalog.names(self.name))

    async def _chat_body(self, request: Request) -> dict[str, Any]:
        body = await super()._chat_body(request)
        if not self._card.usage:
            del body["stream_options"]
        if self._card.short_ids:
            _shorten(body["messages"])
        return body


def _shorten(messages: list[dict[str, Any]]) -> None:
    """Give the calls ids that are taken, the same ones in every request."""
    for message in messages:
        if "tool_call_id" in message:
            message["tool_call_id"] = _short(message["tool_call_id"])
        for call in message.get("tool_calls", ()):
            call["id"] = _short(call["id"])


def _short(id: str) -> str:
    return id if _SHORT.fullmatch(id) else hashlib.sha256(id.encode()).hexdigest()[:9]
