"""What is known of models: windows, prices, abilities. What is not known is None, never a guess.

Three sources, the first that knows a model wins: the user's file, the table in this package (prices.json,
dated), and the map inside an installed LiteLLM, which is read as a file and never imported.
"""

import importlib.util
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from codemad_jupyter.gateway.provider import ModelInfo
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.messages import Usage

_TABLE = Path(__file__).with_name("prices.json")
_LITELLM_MAP = "model_prices_and_context_window_backup.json"
_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2}|latest)$")
_MILLION = 1_000_000
_AT_LITELLM = {
    **{name: name for name in ("anthropic", "openai", "litellm", "gemini", "mistral", "xai", "deepseek")},
    **{name: name for name in ("openrouter", "azure")},
    "qwen": "dashscope",
    "cohere": "cohere_chat",
}
"""How LiteLLM calls the providers it knows the prices of."""
_CLOUD = re.compile(r"(?:bedrock|vertex)/.*?(claude-[a-z0-9-]+?)(?:-\d{8})?(?:-v\d+(?::\d+)?)?(?:@\w+)?")
"""The names under which the clouds sell Anthropic's models."""


class LongPrices(Value):
    """Prices of a request whose input is longer than ``above`` tokens."""

    above: int
    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None


class Traits(Value):
    """One entry of the table. Prices are US dollars per million tokens.

    ``adaptive``: thinking is asked for without a budget. ``sampling``: takes a temperature. ``binding``:
    thinking is tied to all that came before it. The defaults are those of today's models, so a model
    newer than the table is called the way its siblings are.
    """

    window: int | None = None
    max_output: int | None = None
    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    long: LongPrices | None = None
    tools: bool = True
    thinking: bool = False
    images: bool = False
    adaptive: bool = True
    sampling: bool = False
    binding: bool = False


class Catalog:
    """Looks models up by their full name ``provider/name``."""

    def __init__(self, *, override: Path | None = None) -> None:
        self._own = _read_table(_TABLE)
        self._users = _read_table(override) if override is not None else {}

    def names(self, provider: str) -> tuple[str, ...]:
        """The full names known for this provider, the user's own first."""
        known = dict.fromkeys((*self._users, *self._own))
        return tuple(name for name in known if name.startswith(f"{provider}/"))

    def traits(self, model: str) -> Traits:
        """How to call this model, from the tables in memory alone."""
        return self._known(model) or _unknown(model)

    def find(self, model: str) -> Traits | None:
        """What is known of this model from any source. May read a large file, once: keep it off the loop."""
        return self._known(model) or self._from_litellm(model)

    def info(self, model: str, *, deep: bool = False) -> ModelInfo:
        """The model as a person sees it; ``deep`` looks into LiteLLM's map too."""
        traits = (self.find(model) if deep else self._known(model)) or Traits()
        return ModelInfo(
            name=model,
            provider=model.partition("/")[0],
            window=traits.window,
            max_output=traits.max_output,
            input_price=traits.input,
            output_price=traits.output,
            cache_read_price=traits.cache_read,
            cache_write_price=traits.cache_write,
            tools=traits.tools,
            thinking=traits.thinking,
            images=traits.images,
        )

    def cost(self, model: str, usage: Usage) -> float | None:
        """US dollars for this usage; None when a price it needs is unknown."""
        traits = self.find(model)
        if traits is None:
            return None
        counts = {
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "cache_read": usage.cache_read_tokens,
            "cache_write": usage.cache_write_tokens,
        }
        total = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        prices: Traits | LongPrices = traits
        if traits.long is not None and total > traits.long.above:
            prices = traits.long
        cost = 0.0
        for field, count in counts.items():
            price = getattr(prices, field)
            if count and price is None:
                return None
            cost += count * (price or 0.0) / _MILLION
        return cost

    def _known(self, model: str) -> Traits | None:
        for name in _spellings(model):
            if (found := self._users.get(name) or self._own.get(name)) is not None:
                return found
        return None

    def _from_litellm(self, model: str) -> Traits | None:
        provider, _, rest = model.partition("/")
        # A server at the user's own address sets its own prices, even for a famous name.
        theirs = _AT_LITELLM.get(provider)
        if theirs is None:
            return None
        bare = (*_spellings(rest), *_spellings(rest.partition("/")[2]))
        for name in (*(f"{theirs}/{each}" for each in _spellings(rest)), *bare):
            entry = self._litellm_map.get(name)
            if isinstance(entry, dict) and (provider == "litellm" or entry.get("litellm_provider") == theirs):
                return _from_entry(entry)
        return None

    @cached_property
    def _litellm_map(self) -> dict[str, Any]:
        try:
            spec = importlib.util.find_spec("litellm")
        except ValueError:
            return {}
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            path = Path(folder) / _LITELLM_MAP
            if path.is_file():
                found = json.loads(path.read_text("utf-8"))
                return found if isinstance(found, dict) else {}
        return {}


def _spellings(model: str) -> tuple[str, ...]:
    """The name, the name without its date, both without a leading ``litellm/``, and the maker's own."""
    names = (model, _DATED.sub("", model))
    bare = tuple(name.removeprefix("litellm/") for name in names)
    if (cloud := _CLOUD.fullmatch(model)) is not None:
        bare = (*bare, f"anthropic/{cloud[1]}")
    return tuple(dict.fromkeys(name for name in (*names, *bare) if name))


def _unknown(model: str) -> Traits:
    """How to call a model that is newer than the table."""
    return Traits(thinking=True) if model.startswith("anthropic/claude") else Traits()


def _from_entry(entry: dict[str, Any]) -> Traits:
    def price(name: str) -> float | None:
        value = entry.get(name)
        return value * _MILLION if isinstance(value, int | float) else None

    return Traits(
        window=entry.get("max_input_tokens"),
        max_output=entry.get("max_output_tokens"),
        input=price("input_cost_per_token"),
        output=price("output_cost_per_token"),
        cache_read=price("cache_read_input_token_cost"),
        cache_write=price("cache_creation_input_token_cost"),
        tools=bool(entry.get("supports_function_calling")),
        thinking=bool(entry.get("supports_reasoning")),
        images=bool(entry.get("supports_vision")),
    )


def _read_table(path: Path) -> dict[str, Traits]:
    hint = 'Write {"models": {"provider/name": {"window": 200000, "input": 3.0, "output": 15.0}}}.'
    try:
        models = json.loads(path.read_text("utf-8"))["models"]
        return {name: Traits.model_validate(entry) for name, entry in models.items()}
    except OSError as error:
        raise UsageError(f"The price file {path} cannot be read: {error.strerror}.", hint=hint) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        text = f"The price file {path} has a bad entry: {field}: {first['msg']}."
        raise UsageError(text, hint=hint) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(f"The price file {path} is not what is expected: {error}.", hint=hint) from error
