"""OpenAI, compatible servers and Ollama: Responses and chat completions, what is sent, what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from codemad_jupyter.gateway.provider import TextPiece, ThinkingPiece
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.messages import (
    ImagePart,
    Message,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
)
from tests.gateway.calls import KEYS, MODELS, TOOL, alone, ask, calls_of, collect, failed, finished, text_of
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn, sse

MODEL = MODELS["openai"]


@pytest.fixture(params=["chat", "responses"])
def by(request: pytest.FixtureRequest, routers: Callable[..., Router]) -> Router:
    """A router that speaks one of the two formats with OpenAI."""
    return routers(openai_api=request.param)


async def test_text_thinking_calls_and_usage(by: Router, model_server: ModelServer) -> None:
    calls = (Call("replace_cell", {"source": "df.hist()"}, id="c1"), Call("list_variables", id="c2"))
    usage = {"input": 1000, "output": 200, "cache_read": 5000}
    model_server.play(Turn(text="Hélas, a plot 🎉", thinking="Let me see", calls=calls, usage=usage, chunk=4))
    deltas = await collect(by.provider_for(MODEL), ask(MODEL, tools=(TOOL,), thinking=True))
    assert text_of(deltas) == "Hélas, a plot 🎉"
    assert sum(isinstance(delta, TextPiece) for delta in deltas) == 4
    assert "".join(d.text for d in deltas if isinstance(d, ThinkingPiece)) == "Let me see"
    assert [piece.call for piece in calls_of(deltas)] == [
        ToolCallPart(id="c1", name="replace_cell", arguments={"source": "df.hist()"}),
        ToolCallPart(id="c2", name="list_variables"),
    ]
    ending = deltas[-1]
    assert ending.type == "finished"
    assert ending.stop == "tool_calls"
    assert ending.usage == Usage(input_tokens=1000, output_tokens=200, cache_read_tokens=5000)
    assert ending.cost is not None
    assert round(ending.cost, 8) == (1000 * 2 + 200 * 10 + 5000 * 0.2) / 1e6
    assert model_server.asked[0].key == KEYS["openai"]


async def test_endings(by: Router, model_server: ModelServer) -> None:
    responses = by.config.openai_api == "responses"
    table = {"max_output_tokens" if responses else "length": "length", "content_filter": "refused"}
    for reason, stop in table.items():
        model_server.play(Turn(text="Well", stop=reason))
        assert (await finished(alone(by, MODEL), ask(MODEL))).stop == stop


async def test_the_conversation_in_responses(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    router = routers(openai_api="responses")
    call = Call("replace_cell", {"source": "1"}, id="c1")
    model_server.play(Turn(thinking="Hm.", signature="ZW5j", calls=(call,)), Turn(text="Done"))
    request = ask(MODEL, system="Be brief.", tools=(TOOL,), thinking=True)
    reply = (await finished(alone(router, MODEL), request)).message
    result = ToolResultPart(id="c1", name="replace_cell", content="{}")
    lost = Message(role="assistant", parts=(reply.parts[0],))
    history = (*request.messages, reply, Message(role="tool", parts=(result,)), lost, Message.user("And?"))
    await finished(alone(router, MODEL), request.model_copy(update={"messages": history}))
    first, second = (request.body for request in model_server.asked)
    assert first["store"] is False
    assert first["instructions"] == "Be brief."
    assert first["reasoning"] == {"summary": "auto"}
    assert first["include"] == ["reasoning.encrypted_content"]
    assert first["tools"][0]["name"] == "replace_cell"
    assert second["input"][1:] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "encrypted_content": "ZW5j",
            "summary": [{"type": "summary_text", "text": "Hm."}],
        },
        {
            "type": "function_call",
            "call_id": "c1",
            "name": "replace_cell",
            "arguments": json.dumps({"source": "1"}),
        },
        {"type": "function_call_output", "call_id": "c1", "output": "{}"},
        {"role": "user", "content": [{"type": "input_text", "text": "And?"}]},
    ]


async def test_the_conversation_in_chat(router: Router, model_server: ModelServer) -> None:
    model_server.play(Turn(text="ok", repeat=True))
    thinking = ThinkingPart(text="Hm.", provider="compatible")
    history = (
        Message(role="user", parts=(TextPart(text="See"), ImagePart(mime="image/png", data="aGk="))),
        Message(role="assistant", parts=(thinking, ToolCallPart(id="c1", name="run", arguments={"a": 1}))),
        Message(role="tool", parts=(ToolResultPart(id="c1", name="run", content="2"),)),
        Message(role="user", parts=(TextPart(text="<context/>"), TextPart(text="And?"))),
    )
    for model in (MODELS["compatible"], MODEL):
        request = ask(model, system="Brief.", messages=history, temperature=0.5, tools=(TOOL,))
        await finished(alone(router, model), request)
    body, official = (request.body for request in model_server.asked)
    call = {"id": "c1", "type": "function", "function": {"name": "run", "arguments": '{"a": 1}'}}
    assert body["messages"] == [
        {"role": "system", "content": "Brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "Hm."},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        {"role": "user", "content": "<context/>\n\nAnd?"},
    ]
    assert (body["temperature"], body["max_tokens"]) == (0.5, 8192)
    assert body["tools"][0]["function"]["parameters"] == TOOL.parameters
    assert "reasoning_content" not in official["messages"][2]
    assert "temperature" not in official
    assert official["max_completion_tokens"] == 8192


async def test_the_address_decides_the_format(routers: Callable[..., Router]) -> None:
    for url, expected in (
        (None, True),
        ("https://api.openai.com/v1", True),
        ("http://127.0.0.1:9/v1", False),
    ):
        adapter = alone(routers(openai_base_url=url), MODEL)
        assert adapter._speaks_responses(await adapter._client.get()) is expected  # type: ignore[attr-defined]


async def test_parallel_calls_that_share_an_index(router: Router, model_server: ModelServer) -> None:
    def delta(id: str | None, name: str | None, arguments: str) -> bytes:
        call = {"index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
        return sse({"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]})

    stop = sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    frames = [
        delta("a", "one", '{"x":'),
        delta(None, None, " 1}"),
        delta("b", "two", ""),
        delta("", None, "{}"),
        stop,
    ]
    model_server.play(Turn(raw=b"".join(frames).decode()))
    deltas = await collect(alone(router, "compatible/x"), ask("compatible/x", tools=(TOOL,)))
    assert [(p.call.id, p.call.name, p.call.arguments) for p in calls_of(deltas)] == [
        ("a", "one", {"x": 1}),
        ("b", "two", {}),
    ]


async def test_reasoning_under_its_other_name(router: Router, model_server: ModelServer) -> None:
    model_server.play(Turn(text="A", thinking="Because", reasoning_field="reasoning"))
    ending = await finished(alone(router, "ollama/x"), ask("ollama/x"))
    assert ending.message.parts[0] == ThinkingPart(text="Because", provider="ollama")


async def test_a_server_without_keys_and_names(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    model_server.models = ("qwen", "llama")
    router = routers(compatible_api_key=None)
    model_server.play(Turn(text="ok"))
    await finished(alone(router, "compatible/default"), ask("compatible/default"))
    assert model_server.asked[0].body["model"] == "qwen"


async def test_no_address_is_said_plainly(routers: Callable[..., Router]) -> None:
    router = routers(compatible_base_url=None)
    failure = await failed(alone(router, "compatible/x"), ask("compatible/x"))
    assert failure.kind == "bad_request"
    assert "No address of a model server is set" in failure.text
    assert "http://" in failure.hint


async def test_local_models_are_listed_when_asked(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    model_server.models = ("llama3:8b",)
    router = routers(compatible_models=("qwen",))
    names = [model.name for model in await router.models()]
    assert "compatible/qwen" in names
    assert "ollama/llama3:8b" not in names
    assert model_server.requests == []
    names = [model.name for model in await router.models(probe=True)]
    assert {"ollama/llama3:8b", "compatible/llama3:8b"} <= set(names)
    nowhere = routers(ollama_base_url="http://127.0.0.1:9", compatible_base_url="http://127.0.0.1:9/v1")
    assert not any(model.provider == "ollama" for model in await nowhere.models(probe=True))
