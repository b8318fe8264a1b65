"""From the name of a model, or from a purpose, to a provider that calls it, with all wrappers around it.

Owns the checks of names and the choice among models. The wrappers' order is in `stack`, the list of
providers in `adapters`. Knows the built-in assistant and the providers of plugins only as arguments.
"""

import asyncio
import difflib
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from codemad_jupyter.gateway.adapter import Adapter
from codemad_jupyter.gateway.adapters import FREE, adapters
from codemad_jupyter.gateway.breaker import health_text
from codemad_jupyter.gateway.budgets import Ledger
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.choosing import Candidate, Choice, Need, choose
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.embedding import TRIES, Embedder
from codemad_jupyter.gateway.openai import CompatibleProvider, OpenAIProvider
from codemad_jupyter.gateway.probing import Probe, probed
from codemad_jupyter.gateway.provider import ModelInfo, Provider
from codemad_jupyter.gateway.purposes import Serving, serving
from codemad_jupyter.gateway.stack import Stack
from codemad_jupyter.gateway.tapes import tape_of
from codemad_jupyter.protocol.errors import SetByAdministrator, UsageError
from codemad_jupyter.protocol.supply import CHOSEN, DEFAULT, Account, Purpose, PurposeSettings

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
    built-in assistant, ``extra`` are the providers of plugins by name, ``ledger`` counts what is used."""

    def __init__(
        self,
        config: GatewayConfig,
        *,
        redact: Callable[[str], str],
        offline: Provider | None = None,
        extra: Mapping[str, Provider] | None = None,
        ledger: Ledger | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        root: Path | None = None,
    ) -> None:
        self.config = config
        self.tape = tape_of(config, redact=redact, root=root, default=self._usual_model)
        self.catalog = Catalog(override=config.prices)
        self.stack = Stack(config, catalog=self.catalog, ledger=ledger, sleep=sleep, clock=clock)
        self._adapters = adapters(config, catalog=self.catalog, redact=redact)
        self._providers: dict[str, Provider] = {adapter.name: adapter for adapter in self._adapters}
        self._providers.update(extra or {})
        if offline is not None:
            self._providers["codemad"] = offline

    def provider_for(
        self, model: str, *, fallbacks: Sequence[str] | None = None, account: Account | None = None
    ) -> Provider:
        """The provider for this model; ``fallbacks`` are those of the settings unless given.

        Raises `UsageError` for a name that cannot be right, `SetByAdministrator` for one that is not allowed.
        """
        self._allowed(model)
        if self.tape is None:
            return self._live(model, fallbacks, account)
        purpose = account.purpose if account is not None else ""
        return self.tape.provider(model, lambda: self._live(model, fallbacks, account), purpose=purpose)

    def _live(self, model: str, fallbacks: Sequence[str] | None, account: Account | None) -> Provider:
        names = (model, *self._permitted(self.config.fallbacks if fallbacks is None else fallbacks))
        chain = [(self._provider(name), name) for name in dict.fromkeys(names)]
        return self.stack.around(chain, account or Account())

    def choose(self, need: Need, *, asked: str | None = None) -> Choice:
        """The model for what is to be asked. ``asked`` is the one a person chose, which always holds."""
        served = serving(self.config, need.purpose)
        if asked:
            return Choice(model=asked, fallbacks=self._beside(asked, self.config.fallbacks), reason=CHOSEN)
        first = next(iter(self._permitted([served.model] if served.model else [])), self.default_model())
        if not served.own:
            return Choice(model=first, fallbacks=self._beside(first, served.fallbacks), reason=DEFAULT)
        names = dict.fromkeys((first, *self._permitted(served.fallbacks)))
        # The built-in assistant is no model to compare: where it is not the first it is the last resort.
        last = (OFFLINE_MODEL,) if OFFLINE_MODEL in names and first != OFFLINE_MODEL else ()
        candidates = [self._candidate(name) for name in names if name not in last]
        chosen = choose(candidates, need, served.routing)
        fallbacks = self._beside(chosen.model, (*chosen.fallbacks, *last))
        return chosen.model_copy(update={"fallbacks": fallbacks})

    def serving(self, purpose: Purpose) -> Serving:
        """What serves a purpose, and its limits."""
        return serving(self.config, purpose)

    def choose_beside(self, need: Need, *, default: str | None) -> Choice | None:
        """The model for a call beside the conversation: that of its purpose, else ``default``; None: none
        is to be asked. Only a purpose with a model of its own has others step in."""
        if self.config.purposes.get(need.purpose, PurposeSettings()).model is not None:
            return self.choose(need)
        return None if default is None else Choice(model=default, reason=DEFAULT)

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        account: Account | None = None,
        tries: int = TRIES,
        timeout: float | None = None,
    ) -> list[list[float]]:
        """One vector for each text; ``timeout`` is the longest silence, the purpose's own unless it is given.
        Raises `UsageError` for a name that cannot be right, or `CallFailed`."""
        self._allowed(model)
        provider = self._provider(model)
        if not isinstance(provider, OpenAIProvider):
            hint = "Name one of OpenAI, of Ollama, or of a server that speaks OpenAI's interface."
            raise UsageError(f"{model} makes no embeddings.", hint=hint)
        served = serving(self.config, "embed")
        embedder = Embedder(
            provider=provider,
            breaker=self.stack.breaker(model),
            budgets=self.config.budgets,
            ledger=self.stack.ledger,
            catalog=self.catalog,
            account=account or Account(purpose="embed"),
            line=self.stack.line(provider.name),
            timeout=served.timeout if timeout is None else min(timeout, served.timeout),
            cap=self.config.retry_cap,
            sleep=self.stack.sleep,
        )
        return await embedder.embed(model, texts, tries=tries)

    async def models(self, *, probe: bool = False) -> tuple[ModelInfo, ...]:
        """All models one can choose, the ready ones first; ``probe`` asks local servers for theirs."""
        found: dict[str, ModelInfo] = {}
        for provider in self._providers.values():
            found.update((model.name, model) for model in await provider.models())
        if probe:
            compatible = [each for each in self._adapters if isinstance(each, CompatibleProvider)]
            local = [each for each in compatible if each.local and not self._barred(each.name)]
            for listed in await asyncio.gather(*(adapter.probe() for adapter in local)):
                found.update((model.name, model) for model in listed)
        offered = found.values() if self.tape is None else self.tape.models(found.values())
        known = (self._with_health(model) for model in offered)
        return tuple(sorted(known, key=lambda model: not model.ready))

    async def check(self) -> dict[str, Probe]:
        """Asks every provider that has what it needs for its models: who answers, how fast, or why not."""
        asked = {
            adapter.name: listing
            for adapter in self._adapters
            if not self._barred(adapter.name)
            and not adapter.why_not_ready()
            and (listing := adapter.listing()) is not None
        }
        answers = await asyncio.gather(*(probed(*listing) for listing in asked.values()))
        return dict(zip(asked, answers, strict=True))

    def _with_health(self, model: ModelInfo) -> ModelInfo:
        """What this process learnt of the provider when it called it."""
        if self.config.policy.model_refusal(model.name):
            locked = {"ready": False, "why": f"Not allowed: {self.config.policy.by}.", "locked": True}
            return model.model_copy(update=locked)
        health = health_text(self.stack.breaker(model.name).health())
        return model.model_copy(update={"health": health, "latency": self.stack.latencies.of(model.name)})

    def _candidate(self, model: str) -> Candidate:
        provider = self._provider(model)
        info = self.catalog.info(model)
        if provider.name in FREE:
            info = info.model_copy(update={"input_price": 0.0, "output_price": 0.0})
        if self.tape is not None and self.tape.mode == "replay":
            return Candidate(info=info)  # nobody is called, so nothing is lacking
        lacks = provider.why_not_ready() if isinstance(provider, Adapter) else ""
        health = self.stack.breaker(model).health()
        if not lacks and health.state == "open":
            lacks = health_text(health)
        return Candidate(info=info, latency=self.stack.latencies.of(model), lacks=lacks)

    def _beside(self, model: str, fallbacks: Sequence[str]) -> tuple[str, ...]:
        """Who may step in. The built-in assistant sees everything, so no other model steps in for it."""
        return () if model == OFFLINE_MODEL else tuple(name for name in fallbacks if name != model)

    def default_model(self) -> str:
        """The configured model, else the best one that has what it needs, else the built-in assistant.
        Where answers are replayed it is a recorded one."""
        usual, chosen = self._usual_model(), self.config.default_model
        return usual if self.tape is None else self.tape.default_model(usual, chosen=chosen)

    def _usual_model(self) -> str:
        return next(iter(self._permitted(self._usual_models())), OFFLINE_MODEL)

    def _usual_models(self) -> Iterator[str]:
        """Those that have what they need, the best one first."""
        config = self.config
        if config.default_model:
            yield config.default_model
        if _present(config.anthropic_api_key):
            yield _ANTHROPIC_MODEL
        if _present(config.openai_api_key):
            yield _OPENAI_MODEL
        if config.compatible_base_url:
            yield from (f"compatible/{name}" for name in config.compatible_models or ("default",))

    def _permitted(self, models: Iterable[str]) -> tuple[str, ...]:
        """Those that the administrator allows."""
        return tuple(model for model in models if not self.config.policy.model_refusal(model))

    def _barred(self, provider: str) -> bool:
        return bool(self.config.policy.provider_refusal(provider))

    def _allowed(self, model: str) -> None:
        why = self.config.policy.model_refusal(model)
        if why:
            raise SetByAdministrator(f"Nobody was asked: {why}.", hint="Choose another: codemad models")

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
        """A next step that names what comes closest."""
        names = [name for provider in self._providers for name in self.catalog.names(provider)]
        bare = {name.partition("/")[2]: name for name in names}
        close = difflib.get_close_matches(model.rpartition("/")[2], bare, n=3)
        meant = f"Did you mean {' or '.join(bare[name] for name in close)}? " if close else ""
        return f"{meant}Names are provider/model; codemad models lists those that are known."


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]{3,}", name.lower())


def _present(key: object) -> bool:
    return key is not None and bool(getattr(key, "get_secret_value", lambda: "")().strip())
