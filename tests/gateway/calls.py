"""How the gateway's tests make a call and look at what came of it."""

from __future__ import annotations

import asyncio
import base64
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.provider import (
    CallPiece,
    Delta,
    Failed,
    Finished,
    Provider,
    Request,
    TextPiece,
    ToolSpec,
)
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.messages import Message
from tests.servers.model_server import ModelServer
from tests.waiting import LIMIT

KEYS = {
    "anthropic": "canary-anthropic-7f3a9c51d2",
    "openai": "canary-openai-b64e08ff17",
    "compatible": "canary-compatible-55ad1e90c3",
    "litellm": "canary-litellm-09c2f7aa81",
}
MODELS = {
    "anthropic": "anthropic/claude-sonnet-5-5",
    "openai": "openai/gpt-6-sol",
    "compatible": "compatible/local",
    "ollama": "ollama/llama",
    "litellm": "litellm/openai/some-model",
}
TOOL = ToolSpec(
    name="replace_cell",
    description="Replace a cell",
    parameters={"type": "object", "properties": {"source": {"type": "string"}}},
)


def config_for(server: ModelServer, **changes: Any) -> GatewayConfig:
    """Settings under which every provider is the scripted server."""
    values: dict[str, Any] = {
        "anthropic_api_key": KEYS["anthropic"],
        "anthropic_base_url": server.url,
        "openai_api_key": KEYS["openai"],
        "openai_base_url": server.openai_url,
        "compatible_api_key": KEYS["compatible"],
        "compatible_base_url": server.openai_url,
        "ollama_base_url": server.url,
        "litellm_api_key": KEYS["litellm"],
        "litellm_base_url": server.openai_url,
    }
    return GatewayConfig(**{**values, **changes})


def redactor_of(config: GatewayConfig) -> Redactor:
    """What knows the keys of these settings, as the app hands it to the router."""
    keys = (getattr(config, f"{name}_api_key") for name in KEYS)
    return Redactor(key.get_secret_value() for key in keys if key is not None)


def alone(router: Router, model: str) -> Provider:
    """The bare adapter of a model, with no retry around it."""
    return next(adapter for adapter in router._adapters if adapter.name == model.partition("/")[0])


def ask(model: str, text: str = "Draw a histogram", **more: Any) -> Request:
    return Request(model=model, **{"messages": (Message.user(text),), "timeout": LIMIT, **more})


async def collect(provider: Provider, request: Request, *, seconds: float = LIMIT) -> list[Delta]:
    """All deltas of one call, checked to end with exactly one ending."""
    async with asyncio.timeout(seconds), aclosing(provider.stream(request)) as deltas:  # type: ignore[type-var]
        found = [delta async for delta in deltas]
    assert isinstance(found[-1], Finished | Failed), found
    assert not any(isinstance(delta, Finished | Failed) for delta in found[:-1])
    return found


async def finished(provider: Provider, request: Request) -> Finished:
    ending = (await collect(provider, request))[-1]
    assert isinstance(ending, Finished), ending
    return ending


async def failed(provider: Provider, request: Request) -> Failed:
    ending = (await collect(provider, request))[-1]
    assert isinstance(ending, Failed), ending
    return ending


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextPiece))


def calls_of(deltas: list[Delta]) -> list[CallPiece]:
    return [delta for delta in deltas if isinstance(delta, CallPiece)]


def assert_clear(failure: Failed) -> None:
    """One sentence, a next step, no key, no traceback."""
    shown = f"{failure.text} {failure.hint}"
    assert failure.text.endswith(".")
    assert failure.text[0].isupper()
    assert failure.hint
    assert len(failure.text) < 500
    assert "Traceback" not in shown
    assert "\n" not in shown
    for key in KEYS.values():
        forms = (key, quote(key), key.encode().hex(), base64.b64encode(key.encode()).decode().rstrip("="))
        assert not any(form in shown for form in forms), shown
