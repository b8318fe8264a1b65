"""What the gateway has to know, as one plain value.

Owns the names and defaults of these settings; where the values come from (environment, keyring,
TOML, arguments) is the business of the config room, which fills it.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.policy import NO_POLICY, Policy
from codemad_jupyter.protocol.supply import Budgets, Purpose, PurposeSettings, Rates


class GatewayConfig(Value):
    """Keys, addresses, models and limits.

    Proxies and certificates are not settings: the SDKs read HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and
    SSL_CERT_DIR from the environment themselves. REQUESTS_CA_BUNDLE counts for LiteLLM alone.
    """

    default_model: str | None = None
    fallbacks: tuple[str, ...] = ()
    """Full model names tried in this order when the first one is overloaded or out of reach."""

    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: str | None = None

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_api: Literal["auto", "responses", "chat"] = "auto"
    """OpenAI's reasoning models take tools only through the Responses interface; servers behind another
    address often know chat completions alone. ``auto`` chooses by the address."""

    compatible_api_key: SecretStr | None = None
    compatible_base_url: str | None = None
    compatible_models: tuple[str, ...] = ()

    ollama_base_url: str = "http://127.0.0.1:11434"

    litellm_api_key: SecretStr | None = None
    litellm_base_url: str | None = None

    timeout: float = Field(default=60.0, gt=0)
    """The longest silence in seconds that a request made from these settings should allow."""
    connect_timeout: float = Field(default=10.0, gt=0)
    total_timeout: float = Field(default=900.0, gt=0)
    """The longest time in seconds one model call may take, however lively it is."""
    retry_cap: float = Field(default=120.0, ge=0)
    """The longest wait in seconds a provider may ask for before the next model is tried instead."""
    max_output_tokens: int = Field(default=8192, gt=0)

    cassette: Path | None = None
    """The cassette, or a folder of them, that answers are recorded in or replayed from."""
    cassette_mode: Literal["off", "record", "replay", "replay_or_ask"] = "off"
    cassette_pace: float = Field(default=0.0, ge=0)

    prices: Path | None = None
    """A JSON file of windows and prices that overrides the table in the package."""

    keys: dict[str, SecretStr] = Field(default_factory=dict)
    """The keys of the providers in `cards` and of the clouds, by the provider's name."""
    provider_urls: dict[str, str] = Field(default_factory=dict)
    """Addresses of providers that are elsewhere than their card says, by the provider's name."""
    azure_api_version: str = "2025-04-01-preview"

    purposes: dict[Purpose, PurposeSettings] = Field(default_factory=dict)
    limits: dict[str, Rates] = Field(default_factory=dict)
    """How often a provider may be called, by its name."""
    budgets: Budgets = Budgets()
    cache: Literal["off", "deterministic", "all"] = "deterministic"
    resume: bool = False
    """Whether another model goes on with a reply that broke off in the middle."""
    policy: Policy = NO_POLICY
    """Which models the administrator allows."""
