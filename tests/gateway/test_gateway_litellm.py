"""LiteLLM: the same answers and failures as the other adapters, and nothing done to the process before."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from codemad_jupyter.gateway.provider import Failed
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.messages import ToolCallPart, Usage
from tests.gateway.calls import (
    KEYS,
    MODELS,
    TOOL,
    alone,
    ask,
    assert_clear,
    calls_of,
    collect,
    failed,
    text_of,
)
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = MODELS["litellm"]
needs_litellm = pytest.mark.skipif(find_spec("litellm") is None, reason="LiteLLM is not installed")


@needs_litellm
async def test_text_calls_and_usage(router: Router, model_server: ModelServer) -> None:
    usage = {"input": 100, "output": 20, "cache_read": 50}
    call = Call("replace_cell", {"a": 1}, id="c1")
    model_server.play(Turn(text="Here you are.", calls=(call,), usage=usage))
    deltas = await collect(alone(router, MODEL), ask(MODEL, tools=(TOOL,)))
    assert text_of(deltas) == "Here you are."
    assert [p.call for p in calls_of(deltas)] == [
        ToolCallPart(id="c1", name="replace_cell", arguments={"a": 1})
    ]
    assert deltas[-1].type == "finished"
    assert deltas[-1].usage == Usage(input_tokens=100, output_tokens=20, cache_read_tokens=50)
    assert model_server.asked[0].key == KEYS["litellm"]
    assert model_server.asked[0].body["model"] == "some-model"


@needs_litellm
@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (Turn(status=401, error="invalid_api_key"), "bad_key"),
        (Turn(status=404, error="model_not_found"), "unknown_model"),
        (Turn(status=429, error="rate_limit_exceeded"), "rate_limited"),
        (Turn(status=503), "overloaded"),
        (Turn(status=500), "server"),
        (Turn(status=400, message="maximum context length"), "context_window"),
    ],
)
async def test_statuses(router: Router, model_server: ModelServer, turn: Turn, kind: str) -> None:
    model_server.play(turn)
    failure = await failed(alone(router, MODEL), ask(MODEL))
    assert failure.kind == kind
    assert_clear(failure)


@needs_litellm
async def test_cuts_never_give_half_a_call(router: Router, model_server: ModelServer) -> None:
    for cut in range(0, 900, 60):
        model_server.play(Turn(text="Text", calls=(Call("replace_cell", {"a": "b" * 200}),), cut=cut))
        deltas = await collect(alone(router, MODEL), ask(MODEL, tools=(TOOL,)))
        assert isinstance(deltas[-1], Failed), cut
        assert calls_of(deltas) == []
        assert_clear(deltas[-1])


def test_without_the_package_the_next_step_is_named() -> None:
    script = """
import asyncio, sys
sys.modules["litellm"] = None
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.messages import Message

async def main():
    provider = Router(GatewayConfig(), redact=str).provider_for("litellm/gemini/x")
    request = Request(model="litellm/gemini/x", messages=(Message.user("hi"),))
    deltas = [delta async for delta in provider.stream(request)]
    print(len(deltas), deltas[0].type, deltas[0].kind, deltas[0].text, deltas[0].hint)

asyncio.run(main())
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("1 failed bad_request The package litellm is not installed")
    assert "pip install 'codemad-jupyter[litellm]'" in answer.stdout


@needs_litellm
def test_it_neither_reaches_out_nor_reads_a_project_s_secrets(tmp_path: Path) -> None:
    script = """
import os, sys, pathlib
asked = []
sys.addaudithook(lambda event, args: asked.append(args) if event == "socket.getaddrinfo" else None)
pathlib.Path(".env").write_text("CANARY=read\\n")
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.litellm import LiteLLMProvider
LiteLLMProvider(GatewayConfig(), catalog=Catalog(), redact=str)._make_client()
assert "CANARY" not in os.environ
print(os.environ["LITELLM_LOCAL_MODEL_COST_MAP"], os.environ["LITELLM_MODE"], asked)
"""
    command = [sys.executable, "-c", script]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "True PRODUCTION []"
