"""The settings about models: which are asked, where, under which limits, and from which recording."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.supply import PURPOSES, Budgets, Purpose, PurposeSettings, Rates, SignIn


class ModelSettings(Value):
    """A part of `settings.Settings`. Times are in seconds, costs in US dollars; None means: not set."""

    model: str | None = Field(None, description="The model to begin with, as text: provider/name.")
    fallbacks: tuple[str, ...] = Field(
        (),
        description="Models tried when the first fails: a list of texts, or one text with commas.",
    )
    anthropic_base_url: str | None = Field(None, description="Address for Anthropic's interface: http(s)://…")
    openai_base_url: str | None = Field(None, description="Address for OpenAI's interface: http(s)://…")
    openai_api: Literal["auto", "responses", "chat"] = Field(
        "auto", description="Which interface of OpenAI is used: auto, responses or chat."
    )
    compatible_base_url: str | None = Field(
        None, description="Address of a server that speaks OpenAI's interface: http(s)://…"
    )
    compatible_models: tuple[str, ...] = Field(
        (), description="Models of that server: a list of texts, or one text with commas."
    )
    compatible_sign_in: Literal["key", "hub"] = Field(
        "key",
        description="What that server gets as a key: key (yours, see codemad keys) or hub (the token of this"
        " JupyterHub server, for a gateway of the hub).",
    )
    ollama_url: str = Field("http://127.0.0.1:11434", description="Address of Ollama: http(s)://…")
    litellm_base_url: str | None = Field(None, description="Address given to LiteLLM: http(s)://…")
    timeout: float = Field(
        60.0, gt=0, le=3600, description="Longest silence of a model: seconds, up to 3600."
    )
    connect_timeout: float = Field(
        10.0, gt=0, le=600, description="Longest wait for a connection: seconds, up to 600."
    )
    total_timeout: float = Field(
        900.0, gt=0, le=86400, description="Longest time of one model call: seconds, up to 86400."
    )
    retry_cap: float = Field(
        120.0, ge=0, le=3600, description="Longest wait a provider may ask for: seconds, up to 3600."
    )
    max_output_tokens: int = Field(
        8192,
        ge=1,
        le=1_000_000,
        description="Longest answer of a model: a whole number, 1 or more.",
    )
    prices: Path | None = Field(None, description="A JSON file of windows and prices: its path.")
    completion_model: str | None = Field(
        None, description="The model that continues what you type in a cell, as text; none: off."
    )

    purposes: dict[Purpose, PurposeSettings] = Field(
        default_factory=dict,
        description="Which model serves what, tables [purposes.code] with model, fallbacks, routing, "
        "max_output_tokens, timeout; routing: explicit, complexity, window, price, latency or availability. "
        f"Purposes: {', '.join(PURPOSES)}.",
    )
    limits: dict[str, Rates] = Field(
        default_factory=dict,
        description="How often a provider may be called, tables [limits.anthropic] with "
        "requests_per_minute, tokens_per_minute, concurrency: whole numbers, 1 or more.",
    )
    budgets: Budgets = Field(
        default_factory=Budgets,
        description="What may be used before the next call is refused, tables [budgets.session], "
        "[budgets.notebook], [budgets.user] with cost (US dollars), tokens, seconds, days (how far back).",
    )
    provider_urls: dict[str, str] = Field(
        default_factory=dict,
        description="Addresses of providers that are not where usual, table [provider_urls]: name = http(s)://…",
    )
    sign_in: dict[str, SignIn] = Field(
        default_factory=dict,
        description="Where you sign in by a code instead of a key, tables [sign_in.azure] with client_id and,"
        " where it is not known, issuer (or device_url and token_url) and scope.",
    )
    cache: Literal["off", "deterministic", "all"] = Field(
        "deterministic",
        description="Which answers are given again when the same is asked: off, all, or deterministic (those "
        "at temperature 0).",
    )
    resume: bool = Field(
        False,
        description="Whether the next model goes on with an answer that broke off: true or false.",
    )

    cassette: Path | None = Field(
        None, description="A file, or a folder of files, with recorded answers of models: its path."
    )
    cassette_mode: Literal["off", "record", "replay", "replay_or_ask"] = Field(
        "off",
        description="What is done with the cassette: off, record, replay (asks no model) or replay_or_ask.",
    )
    cassette_pace: float = Field(
        0.0, ge=0, le=10, description="Pause between two pieces of a replayed answer: seconds, up to 10."
    )

    @field_validator("fallbacks", "compatible_models", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator(
        "anthropic_base_url", "openai_base_url", "compatible_base_url", "ollama_url", "litellm_base_url"
    )
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("not an address")
        return value

    @field_validator("purposes", "limits", "budgets", "provider_urls", "sign_in", mode="before")
    @classmethod
    def _table(cls, value: Any) -> Any:
        """A variable of the environment holds a table as JSON."""
        return json.loads(value) if isinstance(value, str) else value

    @field_validator("provider_urls")
    @classmethod
    def _addresses(cls, value: dict[str, str]) -> dict[str, str]:
        for address in value.values():
            cls._address(address)
        return value

    @field_validator("prices", "cassette")
    @classmethod
    def _files(cls, value: Path | None) -> Path | None:
        return value if value is None else value.expanduser()
