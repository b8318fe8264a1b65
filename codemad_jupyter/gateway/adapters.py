"""The list of all providers: those with an adapter of their own, the clouds, and those of the table."""

from collections.abc import Callable

from codemad_jupyter.gateway.adapter import Adapter
from codemad_jupyter.gateway.anthropic import AnthropicProvider
from codemad_jupyter.gateway.card_provider import CardProvider
from codemad_jupyter.gateway.cards import CARDS
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.clouds import AzureProvider, BedrockProvider, VertexProvider
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.litellm import LiteLLMProvider
from codemad_jupyter.gateway.openai import CompatibleProvider, OllamaProvider, OpenAIProvider

FREE = frozenset({"ollama", *(card.name for card in CARDS if card.local)})
"""Providers whose models cost nothing."""


def adapters(config: GatewayConfig, *, catalog: Catalog, redact: Callable[[str], str]) -> tuple[Adapter, ...]:
    """One adapter for each provider. Nothing is imported or called yet."""
    own = (
        AnthropicProvider,
        OpenAIProvider,
        CompatibleProvider,
        OllamaProvider,
        LiteLLMProvider,
        AzureProvider,
        BedrockProvider,
        VertexProvider,
    )
    cards = (CardProvider(card, config, catalog=catalog, redact=redact) for card in CARDS)
    return (*(kind(config, catalog=catalog, redact=redact) for kind in own), *cards)


def local_address(provider: str, config: GatewayConfig) -> str:
    """Where a provider that usually runs on this machine is called; empty for all others."""
    if provider == "ollama":
        return config.ollama_base_url
    addresses = {card.name: card.base_url for card in CARDS if card.local}
    return config.provider_urls.get(provider, addresses[provider]) if provider in addresses else ""
