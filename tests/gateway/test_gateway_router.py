"""Names of models, the default, what is ready; the catalogue of windows and prices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import SecretStr

from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.provider import Delta, Finished, ModelInfo, Request
from codemad_jupyter.gateway.router import OFFLINE_MODEL, Router
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.messages import Message, Usage
from tests.gateway.calls import ask, finished


class Assistant:
    """A provider from outside the gateway, as the built-in assistant and plugins are."""

    name = "codemad"

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        yield Finished(message=Message.assistant("Hello"), model=request.model)

    async def models(self) -> tuple[ModelInfo, ...]:
        return (ModelInfo(name=OFFLINE_MODEL, provider="codemad"),)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, OFFLINE_MODEL),
        ({"anthropic_api_key": " "}, OFFLINE_MODEL),
        ({"compatible_base_url": "http://127.0.0.1:1/v1"}, "compatible/default"),
        ({"compatible_base_url": "http://x/v1", "compatible_models": ("qwen", "b")}, "compatible/qwen"),
        ({"openai_api_key": "k", "compatible_base_url": "http://x/v1"}, "openai/gpt-6-sol"),
        ({"anthropic_api_key": "k", "openai_api_key": "k"}, "anthropic/claude-sonnet-5-5"),
        ({"anthropic_api_key": "k", "default_model": "ollama/llama"}, "ollama/llama"),
    ],
)
def test_the_default_model(values: dict[str, object], expected: str) -> None:
    router = Router(GatewayConfig.model_validate(values), redact=str, offline=Assistant())
    assert router.default_model() == expected
    router.provider_for(expected)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("claude-sonnet-5-5", "Did you mean anthropic/claude-sonnet-5-5"),
        ("anthropic/claude-sonet-5-5", "Did you mean anthropic/claude-sonnet-5-5"),
        ("anthropic/gpt-5.6", "Did you mean openai/gpt-5.6"),
        ("openai/claude-opus-5", "Did you mean anthropic/claude-opus-5"),
        ("antropic/claude-opus-5", "Did you mean anthropic/claude-opus-5?"),
        ("openai/gpt-6-lunar", "Did you mean openai/gpt-6-luna"),
        ("mystery/x", "Providers: anthropic, azure, bedrock, codemad"),
        ("codemad/offlin", "Did you mean codemad/offline?"),
        ("anthropic/", "Names are provider/model"),
        ("", "codemad models lists those"),
    ],
)
def test_a_wrong_name_is_a_usage_error_that_names_the_right_one(name: str, hint: str) -> None:
    router = Router(GatewayConfig(), redact=str, offline=Assistant())
    for model, fallbacks in ((name, []), (OFFLINE_MODEL, [name])):
        with pytest.raises(UsageError) as caught:
            router.provider_for(model, fallbacks=fallbacks)
        assert hint in caught.value.hint
        assert repr(name.partition("/")[0])[1:-1] in caught.value.message


@pytest.mark.parametrize(
    "name",
    [
        "anthropic/claude-opus-7",
        "anthropic/claude-saga-1",
        "anthropic/claude-haiku-4-5-20251001",
        "openai/gpt-7-comet",
        "openai/o9",
        "openai/gpt-6-sol-2026-09-01",
        "compatible/any thing:goes/here",
        "ollama/llama3.3:70b",
        "litellm/gemini/gemini-9",
    ],
)
def test_a_model_newer_than_the_table_can_be_called(name: str) -> None:
    assert Router(GatewayConfig(), redact=str).provider_for(name).name == name.partition("/")[0]


def test_any_name_goes_at_an_address_of_one_s_own() -> None:
    router = Router(GatewayConfig(anthropic_base_url="http://x", openai_base_url="http://x/v1"), redact=str)
    assert router.provider_for("anthropic/our-model").name == "anthropic"
    assert router.provider_for("openai/our-model").name == "openai"


async def test_models_say_what_they_lack() -> None:
    router = Router(
        GatewayConfig(openai_api_key=SecretStr("k")),
        redact=str,
        offline=Assistant(),
        extra={"mine": Assistant()},
    )
    models = {model.name: model for model in await router.models()}
    assert models[OFFLINE_MODEL].ready
    assert models["openai/gpt-6-sol"].ready
    assert models["openai/gpt-6-sol"].window == 922_000
    claude = models["anthropic/claude-sonnet-5-5"]
    assert (claude.ready, claude.why) == (False, "Set ANTHROPIC_API_KEY.")
    assert (claude.input_price, claude.output_price, claude.thinking, claude.images) == (2, 10, True, True)
    assert [model.ready for model in await router.models()] == sorted(
        (model.ready for model in models.values()), reverse=True
    )
    ending = await finished(router.provider_for(OFFLINE_MODEL), ask(OFFLINE_MODEL))
    assert ending.cost == 0


def test_costs() -> None:
    catalog = Catalog()
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000)
    assert catalog.cost("anthropic/claude-opus-4-5-20251101", usage) == pytest.approx(5 + 2.5)
    assert catalog.cost("openai/gpt-6-sol", Usage(input_tokens=100_000)) == pytest.approx(0.2)
    assert catalog.cost("openai/gpt-6-sol", Usage(input_tokens=300_000)) == pytest.approx(1.2)
    assert catalog.cost("compatible/gpt-6-sol", usage) is None
    assert catalog.cost("ollama/llama", usage) is None
    assert catalog.cost("anthropic/claude-saga-1", usage) is None
    assert catalog.cost("openai/gpt-5.5", Usage(cache_write_tokens=5)) is None


def test_the_table_is_dated_and_whole() -> None:
    table = json.loads((Path(__file__).parents[2] / "codemad_jupyter/gateway/prices.json").read_text("utf-8"))
    assert table["taken"] >= "2026-11-21"
    assert "litellm" in table["source"]
    for name, entry in table["models"].items():
        if name != OFFLINE_MODEL:
            assert entry["window"] >= 100_000
            assert 0 < entry["input"] < entry["output"], name
            assert entry["cache_read"] < entry["input"], name


@pytest.mark.skipif(find_spec("litellm") is None, reason="LiteLLM is not installed")
def test_litellm_s_map_is_read_and_not_imported() -> None:
    catalog = Catalog()
    found = catalog.info("litellm/mistral/mistral-large-latest", deep=True)
    assert found.window is not None
    assert catalog.cost("litellm/anthropic/claude-opus-5", Usage(input_tokens=1_000_000)) == pytest.approx(5)


def test_a_person_s_prices_win(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    models = {
        "compatible/qwen": {"window": 32_000, "input": 0.1, "output": 0.2},
        "openai/gpt-6-sol": {"input": 1, "output": 1},
    }
    path.write_text(json.dumps({"models": models}), "utf-8")
    catalog = Catalog(override=path)
    usage = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
    assert catalog.cost("compatible/qwen", usage) == pytest.approx(0.3)
    assert catalog.cost("openai/gpt-6-sol", usage) == pytest.approx(2)
    assert catalog.info("compatible/qwen").window == 32_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Expecting"),
        ("[]", "list"),
        ('{"models": {"a/b": {"input": "much"}}}', "input"),
        ('{"models": {"a/b": {"inputs": 1}}}', "inputs"),
        (None, "No such file"),
    ],
)
def test_a_broken_price_file_says_where(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "prices.json"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        Router(GatewayConfig(prices=path), redact=str)
    assert str(path) in caught.value.message
    assert words in caught.value.message
    assert "provider/name" in caught.value.hint
