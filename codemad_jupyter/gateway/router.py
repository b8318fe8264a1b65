"""From the name of a model to a provider that calls it, with fallback and metering around it.

Owns the list of providers and the checks of names. Knows the built-in assistant and the providers of
plugins only as arguments.
"""

import asyncio
import difflib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from codemad_jupyter.gateway.adapter import Adapter
from codemad_jupyter.gateway.anthropic import AnthropicProvider
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.fallback import FallbackProvider, Link
from codemad_jupyter.gateway.litellm import LiteLLMProvider
from codemad_jupyter.gateway.metering import MeteringProvider
from codemad_jupyter.gateway.openai import CompatibleProvider, OllamaProvider, OpenAIProvider
from codemad_jupyter.gateway.provider import ModelInfo, Provider
from codemad_jupyter.gateway.tapes import tape_of
from codemad_jupyter.protocol.errors import UsageError

OFFLINE_MODEL = "codemad/offline"
_ANTHROPIC_MODEL = "anthropic/claude-sonnet-5-5"
_OPENAI_MODEL = "openai/gpt-6-sol"
# New models appear every month, so an unlisted name is fine as long as it has the family's look.
_FAMILIES = {
    "anthropic": re.compile(r"claude-.+"),
    "openai": re.compile(r"(gpt|o\d|chatgpt|chat|codex|computer|ft:|daybreak)\S*"),
}


class Router:
    """Assembles providers. ``redact`` takes secrets out of what a failure says, ``offline`` is the
    built-in assistant, ``extra`` are the providers of plugins by name."""

    def __init__(
        self,
        config: GatewayConfig,
        *,
        redact: Callable[[str], str],
        offline: Provider | None = None,
        extra: Mapping[str, Provider] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        root: Path | None = None,
    ) -> None:
        self.config = config
        self.tape = tape_of(config, redact=redact, root=root, default=self._usual_model)
        self.catalog = Catalog(override=config.prices)
        self._sleep = sleep
        adapters: tuple[Adapter, ...] = (
            AnthropicProvider(config, catalog=self.catalog, redact=redact),
            OpenAIProvider(config, catalog=self.catalog, redact=redact),
            CompatibleProvider(config, catalog=self.catalog, redact=redact),
            OllamaProvider(config, catalog=self.catalog, redact=redact),
            LiteLLMProvider(config, catalog=self.catalog, redact=redact),
        )
        self._adapters = adapters
        self._providers: dict[str, Provider] = {adapter.name: adapter for adapter in adapters}
        self._providers.update(extra or {})
        if offline is not None:
            self._providers["codemad"] = offline

    def provider_for(self, model: str, *, fallbacks: Sequence[str] | None = None) -> Provider:
        """The provider for this model; ``fallbacks`` are those of the settings unless given.

        Raises `UsageError` for a name that cannot be right.
        """
        if self.tape is None:
            return self._live(model, fallbacks)
        return self.tape.provider(model, lambda: self._live(model, fallbacks))

    def _live(self, model: str, fallbacks: Sequence[str] | None) -> Provider:
        names = (model, *(self.config.fallbacks if fallbacks is None else fallbacks))
        links = [Link(self._provider(name), name) for name in dict.fromkeys(names)]
        chain = FallbackProvider(links, cap=self.config.retry_cap, sleep=self._sleep)
        return MeteringProvider(chain, catalog=self.catalog)

    async def models(self, *, probe: bool = False) -> tuple[ModelInfo, ...]:
        """All models one can choose, the ready ones first; ``probe`` asks local servers for theirs."""
        found: dict[str, ModelInfo] = {}
        for provider in self._providers.values():
            found.update((model.name, model) for model in await provider.models())
        if probe:
            for adapter in self._adapters:
                if isinstance(adapter, CompatibleProvider):
                    found.update((model.name, model) for model in await adapter.probe())
        listed = found.values() if self.tape is None else self.tape.models(found.values())
        return tuple(sorted(listed, key=lambda model: not model.ready))

    def default_model(self) -> str:
        """The configured model, else the best one that has what it needs, else the built-in assistant.
        Where answers are replayed it is a recorded one."""
        usual, chosen = self._usual_model(), self.config.default_model
        return usual if self.tape is None else self.tape.default_model(usual, chosen=chosen)

    def _usual_model(self) -> str:
        config = self.config
        if config.default_model:
            return config.default_model
        if _present(config.anthropic_api_key):
            return _ANTHROPIC_MODEL
        if _present(config.openai_api_key):
            return _OPENAI_MODEL
        if config.compatible_base_url:
            return f"compatible/{next(iter(config.compatible_models), 'default')}"
        return OFFLINE_MODEL

    async def aclose(self) -> None:
        """Close the connections of all providers that were used."""
        for adapter in self._adapters:
            await adapter.aclose()

    def _provider(self, model: str) -> Provider:
        name, slash, rest = model.partition("/")
        if not slash or not rest or model != model.strip():
            raise UsageError(f"{model!r} is not the name of a model.", hint=self._near(model))
        provider = self._providers.get(name)
        if provider is None:
            near = difflib.get_close_matches(name, self._providers, n=1)
            meant = f"Did you mean {near[0]}/{rest}? " if near else ""
            hint = f"{meant}Providers: {', '.join(sorted(self._providers))}."
            raise UsageError(f"There is no model provider called {name!r}.", hint=hint)
        self._check_name(model, provider=name, rest=rest)
        return provider

    def _check_name(self, model: str, *, provider: str, rest: str) -> None:
        """Refuse what is surely a slip; what may be a new model is left to the provider."""
        if provider == "codemad" and model != OFFLINE_MODEL:
            raise UsageError(f"There is no model called {model!r}.", hint=f"Did you mean {OFFLINE_MODEL}?")
        family = _FAMILIES.get(provider)
        own_address = {"anthropic": self.config.anthropic_base_url, "openai": self.config.openai_base_url}
        if family is None or own_address.get(provider):
            return
        odd = family.fullmatch(rest) is None or self._misspelt(provider, rest)
        if odd and self.catalog.find(model) is None:
            raise UsageError(f"There is no model called {model!r}.", hint=self._near(model))

    def _misspelt(self, provider: str, rest: str) -> bool:
        """Whether a word of the name is nearly, but not quite, one that the provider's names are made of."""
        known = {word for name in self.catalog.names(provider) for word in _words(name)}
        unknown = [word for word in _words(rest) if word not in known]
        return any(difflib.get_close_matches(word, known, n=1, cutoff=0.75) for word in unknown)

    def _near(self, model: str) -> str:
        """A next step that names what comes closest, and what else exists."""
        names = [name for provider in self._providers for name in self.catalog.names(provider)]
        bare = {name.partition("/")[2]: name for name in names}
        close = difflib.get_close_matches(model.rpartition("/")[2], bare, n=3)
        meant = f"Did you mean {' or '.join(bare[name] for name in close)}? " if close else ""
        listed = ", ".join(name for name in names if name not in close)
        return f"{meant}Names are provider/model; known are {listed}."


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]{3,}", name.lower())


def _present(key: object) -> bool:
    return key is not None and bool(getattr(key, "get_secret_value", lambda: "")().strip())
