"""Fixtures of the gateway's tests: a router whose providers all are the scripted server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from codemad_jupyter.gateway.router import Router
from tests.gateway.calls import MODELS, config_for, redactor_of
from tests.servers.model_server import ModelServer

FORMATS = [("anthropic", "auto"), ("openai", "chat"), ("openai", "responses"), ("compatible", "auto")]


@pytest.fixture
async def routers(model_server: ModelServer) -> AsyncIterator[Callable[..., Router]]:
    """Makes routers with changed settings; all are closed at the end."""
    async with AsyncExitStack() as stack:

        def make(*, waits: list[float] | None = None, **changes: Any) -> Router:
            async def sleep(seconds: float) -> None:
                if waits is not None:
                    waits.append(seconds)

            config = config_for(model_server, **changes)
            router = Router(config, redact=redactor_of(config), sleep=sleep)
            stack.push_async_callback(router.aclose)
            return router

        yield make


@pytest.fixture
async def router(routers: Callable[..., Router]) -> Router:
    return routers()


@pytest.fixture(params=FORMATS, ids=["anthropic", "chat", "responses", "compatible"])
def spoken(request: pytest.FixtureRequest, routers: Callable[..., Router]) -> tuple[Router, str]:
    """A router and a model, for each wire format."""
    provider, api = request.param
    return routers(openai_api=api), MODELS[provider]
