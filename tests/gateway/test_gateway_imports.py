"""The gateway is light until it is used, and does not block the event loop while an SDK loads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn

_HEAVY = ("anthropic", "openai", "litellm", "httpx", "httpx2", "aiohttp", "nbformat", "duckdb", "tiktoken")
_LOOK = f"heavy = [name for name in {_HEAVY!r} if name in sys.modules]; print(json.dumps(heavy))"


def run(script: str) -> str:
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_the_router_imports_no_sdk() -> None:
    script = f"""
import asyncio, json, sys
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.router import Router
router = Router(GatewayConfig(anthropic_api_key="k", openai_api_key="k"), redact=str)
for name in ("anthropic/claude-opus-5", "openai/gpt-6-sol", "litellm/gemini/x", "ollama/x"):
    router.provider_for(name)
router.default_model()
asyncio.run(router.models())
{_LOOK}
"""
    assert json.loads(run(script)) == []


@pytest.mark.parametrize(
    ("name", "sdk"), [("anthropic/claude-opus-5", "anthropic"), ("openai/x-1", "openai")]
)
def test_the_first_call_loads_one_sdk_beside_the_loop(model_server: ModelServer, name: str, sdk: str) -> None:
    model_server.play(Turn(text="Hello"))
    script = f"""
import asyncio, json, sys, threading
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.messages import Message

on_main_thread = []

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == {sdk!r}:
            on_main_thread.append(threading.current_thread() is threading.main_thread())

sys.meta_path.insert(0, Watch())

async def main():
    router = Router(GatewayConfig(anthropic_api_key="k", anthropic_base_url={model_server.url!r},
                                  openai_api_key="k", openai_base_url={model_server.openai_url!r}),
                    redact=str)
    async for delta in router.provider_for({name!r}).stream(
        Request(model={name!r}, messages=(Message.user("hi"),))):
        last = delta
    assert last.type == "finished", last
    await router.aclose()
    print(json.dumps([on_main_thread, [n for n in {_HEAVY[:3]!r} if n in sys.modules]]))

asyncio.run(main())
"""
    on_main_thread, loaded = json.loads(run(script))
    assert loaded == [sdk]
    assert on_main_thread == [False], "the loop must not stand still while it is imported"
