"""The adapter of Anthropic's Messages interface, over their SDK with its own retries switched off."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from codemad_jupyter.gateway.adapter import Adapter, opened, untouched
from codemad_jupyter.gateway.anthropic_wire import read_event, request_body
from codemad_jupyter.gateway.catalog import Catalog, Traits
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.provider import Delta, Request
from codemad_jupyter.gateway.reply import Reply

_ADDRESS = "https://api.anthropic.com"


class AnthropicProvider(Adapter):
    """Claude models by the Anthropic SDK."""

    name = "anthropic"
    label = "Anthropic"
    key_variable = "ANTHROPIC_API_KEY"

    def __init__(self, config: GatewayConfig, *, catalog: Catalog, redact: Callable[[str], str]) -> None:
        super().__init__(
            config,
            key=config.anthropic_api_key,
            base_url=config.anthropic_base_url,
            catalog=catalog,
            redact=redact,
        )

    def listing(self) -> tuple[str, dict[str, str]] | None:
        """See `Adapter`."""
        headers = {"x-api-key": self._key, "anthropic-version": "2023-06-01"}
        return f"{(self._base_url or _ADDRESS).rstrip('/')}/v1/models", headers

    def _make_client(self) -> Any:
        import anthropic

        limits = anthropic.Timeout(60.0, connect=self._config.connect_timeout)
        client = anthropic.AsyncAnthropic(
            api_key=self._key, base_url=self._base_url, max_retries=0, timeout=limits
        )
        _ = client.messages  # loads the rest of the SDK here and not on the event loop
        return client

    async def _pieces(self, request: Request, reply: Reply) -> AsyncIterator[Delta]:
        client = await self._client.get()
        body = request_body(
            request,
            model=self._bare(request.model),
            max_tokens=self._max_tokens(request),
            traits=self._traits(request.model),
        )
        limits = type(client.timeout)(request.timeout, connect=self._config.connect_timeout)
        calling = client.messages.create(**untouched(body), stream=True, timeout=limits)
        async with opened(await calling) as stream:
            self._check_reply(stream.response, request.model)
            async for event in stream:
                for piece in read_event(event, reply):
                    yield piece

    def _traits(self, model: str) -> Traits:
        return self._catalog.traits(model)
