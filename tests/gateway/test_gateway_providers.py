"""Providers by card, the clouds, and embeddings: the right address, key and body, read like all others."""

from __future__ import annotations

import binascii
import json
import struct
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from codemad_jupyter.config.providers import CARDS as KEYS
from codemad_jupyter.gateway.cards import CARDS
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.messages import Message, ToolCallPart, ToolResultPart, Usage
from tests.gateway.calls import TOOL, ask, assert_clear, calls_of, collect, failed, finished, text_of
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn, anthropic_frames

Make = Callable[..., Router]
CALLED = (
    Message.user("Do it"),
    Message(role="assistant", parts=(ToolCallPart(id="toolu_long_id", name="run", arguments={"a": 1}),)),
    Message(role="tool", parts=(ToolResultPart(id="toolu_long_id", name="run", content="done"),)),
)


def cards_at(url: str) -> dict[str, Any]:
    return {
        "keys": {card.name: SecretStr(f"canary-{card.name}-0123456789") for card in CARDS if not card.local},
        "provider_urls": {card.name: url for card in CARDS},
    }


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
async def test_each_card_is_called_with_its_key_and_its_quirks(
    routers: Make, model_server: ModelServer, card: Any
) -> None:
    router = routers(**cards_at(model_server.openai_url))
    call = Call("replace_cell", {"source": "1"}, id="c1")
    model_server.play(Turn(text="Here.", calls=(call,), usage={"input": 7, "output": 3}))
    model = f"{card.name}/some-model"
    deltas = await collect(
        router.provider_for(model), ask(model, tools=(TOOL,), messages=CALLED, temperature=0.1)
    )
    assert text_of(deltas) == "Here."
    assert len(calls_of(deltas)) == 1
    assert deltas[-1].type == "finished"
    assert deltas[-1].usage == Usage(input_tokens=7, output_tokens=3)
    asked = model_server.asked[0]
    assert asked.path == "/v1/chat/completions"
    assert asked.key == ("none" if card.local else f"canary-{card.name}-0123456789")
    body = asked.body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("some-model", 0.1, 8192)
    assert ("stream_options" in body) is card.usage
    ids = [body["messages"][1]["tool_calls"][0]["id"], body["messages"][2]["tool_call_id"]]
    assert ids[0] == ids[1]
    assert (ids[0] == "toolu_long_id") is not card.short_ids
    assert len(ids[0]) == 9 or not card.short_ids


@pytest.mark.parametrize("card", [card for card in CARDS if not card.local], ids=lambda card: card.name)
async def test_without_a_key_nothing_is_sent(routers: Make, model_server: ModelServer, card: Any) -> None:
    router = routers(provider_urls={card.name: model_server.openai_url})
    failure = await failed(router.provider_for(f"{card.name}/x"), ask(f"{card.name}/x"))
    assert failure.kind == "no_key"
    assert card.variables[0] in failure.hint
    assert KEYS[card.name].variables == card.variables
    assert model_server.requests == []
    assert card.base_url.startswith("https://")


async def test_local_servers_are_found_only_by_a_probe(routers: Make, model_server: ModelServer) -> None:
    router = routers(**cards_at(model_server.openai_url), compatible_base_url=None)
    assert not any(model.name.endswith("/scripted") for model in await router.models())
    assert model_server.requests == []
    found = {model.name for model in await router.models(probe=True) if model.name.endswith("/scripted")}
    assert found == {f"{name}/scripted" for name in ("ollama", "lmstudio", "vllm", "llamacpp")}
    answers = await router.check()
    assert all(probe.answers for probe in answers.values())
    assert {"anthropic", "openai", "gemini", "ollama"} <= set(answers)


def test_prices_of_clouds_and_dates() -> None:
    catalog, usage = Catalog(), Usage(input_tokens=1_000_000)
    for name in (
        "bedrock/anthropic.claude-opus-4-5-20251101-v1:0",
        "bedrock/us.anthropic.claude-opus-4-5-20251101-v1:0",
        "bedrock/anthropic.claude-opus-4-5",
        "vertex/claude-opus-4-5@20251101",
    ):
        assert catalog.cost(name, usage) == pytest.approx(5), name
        assert catalog.traits(name).window == 200_000


async def test_azure(routers: Make, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    router = routers(keys={"azure": SecretStr("canary-azure")})
    assert "AZURE_OPENAI_ENDPOINT" in (await failed(router.provider_for("azure/d"), ask("azure/d"))).hint
    router = routers(keys={"azure": SecretStr("canary-azure")}, provider_urls={"azure": model_server.url})
    model_server.play(Turn(text="From Azure."), Turn(status=401, error="invalid_api_key"))
    assert (
        await finished(router.provider_for("azure/our-gpt"), ask("azure/our-gpt"))
    ).message.text == "From Azure."
    asked = model_server.asked[0]
    assert asked.path == "/openai/deployments/our-gpt/chat/completions"
    assert asked.headers["api-key"] == "canary-azure"
    failure = await failed(router.provider_for("azure/our-gpt"), ask("azure/our-gpt"))
    assert failure.kind == "bad_key"
    assert_clear(failure)


@pytest.fixture
def vertex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_ML_REGION", "europe-west1")
    monkeypatch.setenv("ANTHROPIC_VERTEX_PROJECT_ID", "ours")


@pytest.mark.usefixtures("vertex")
async def test_vertex(routers: Make, model_server: ModelServer) -> None:
    router = routers(
        keys={"vertex": SecretStr("canary-token")}, provider_urls={"vertex": f"{model_server.url}/v1"}
    )
    model_server.play(Turn(text="From Vertex."))
    model = "vertex/claude-sonnet-5-5"
    ending = await finished(router.provider_for(model), ask(model, system="Be brief."))
    assert ending.message.text == "From Vertex."
    assert ending.cost is not None
    asked = model_server.asked[0]
    assert asked.path.endswith(
        "projects/ours/locations/europe-west1/publishers/anthropic/models/claude-sonnet-5-5:streamRawPredict"
    )
    assert asked.key == "canary-token"
    other = await failed(router.provider_for("vertex/gemini-9"), ask("vertex/gemini-9"))
    assert "litellm/vertex_ai/gemini-9" in other.hint


async def test_a_cloud_that_is_not_set_up_says_what_is_missing(routers: Make) -> None:
    for model, words in (("vertex/claude-x", "CLOUD_ML_REGION"), ("bedrock/claude-x", "AWS_")):
        failure = await failed(routers().provider_for(model), ask(model))
        assert failure.kind == "no_key"
        assert words in failure.hint


def aws_event(frame: bytes) -> bytes:
    """An event of a Messages stream in the binary framing of Amazon's streams."""
    data = frame.partition(b"data: ")[2].strip()
    payload = json.dumps({"bytes": b64encode(data).decode()}).encode()
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in (
            (":event-type", "chunk"),
            (":content-type", "application/json"),
            (":message-type", "event"),
        )
    )
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", binascii.crc32(message))


@pytest.fixture
def bedrock() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The address of a server that speaks as Bedrock does, and what it was asked."""
    pytest.importorskip("botocore")
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(200)
            self.send_header("content-type", "application/vnd.amazon.eventstream")
            self.end_headers()
            turn = Turn(text="From Bedrock.", calls=(Call("replace_cell", {"source": "1"}, id="c1"),))
            for frame in anthropic_frames(turn, "m"):
                if b"event: ping" not in frame:
                    self.wfile.write(aws_event(frame))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join(10)


async def test_bedrock(
    routers: Make, bedrock: tuple[str, list[tuple[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    url, asked = bedrock
    router = routers(keys={"bedrock": SecretStr("canary-bearer")}, provider_urls={"bedrock": url})
    model = "bedrock/anthropic.claude-sonnet-5-5-v1:0"
    deltas = await collect(router.provider_for(model), ask(model, tools=(TOOL,)))
    assert text_of(deltas) == "From Bedrock."
    assert [piece.call.arguments for piece in calls_of(deltas)] == [{"source": "1"}]
    assert deltas[-1].type == "finished"
    path, key = asked[0]
    assert path.startswith("/model/anthropic.claude-sonnet-5-5-v1")
    assert path.endswith("/invoke-with-response-stream")
    assert key == "Bearer canary-bearer"
