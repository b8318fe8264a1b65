"""Images that tools gave, in the words of each provider."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.messages import ImagePart, Message, ToolCallPart, ToolResultPart, without_images
from tests.gateway.calls import MODELS
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn

PICTURE = ImagePart(mime="image/png", data="iVBORw0KGgo=")


def conversation(*, failed: bool = False) -> tuple[Message, ...]:
    calls = tuple(ToolCallPart(id=id, name="run_code", arguments={}) for id in ("c1", "c2"))
    results = (
        ToolResultPart(id="c1", name="run_code", content='{"ok":true}', images=(PICTURE,), is_error=failed),
        ToolResultPart(id="c2", name="run_code", content="plain"),
    )
    return (
        Message.user("plot"),
        Message(role="assistant", parts=calls),
        Message(role="tool", parts=results),
    )


async def sent(router: Router, model: str, server: ModelServer, messages: tuple[Message, ...]) -> Any:
    server.play(Turn(text="Seen."))
    request = Request(model=model, system="s", messages=messages, tools=(), max_tokens=100)
    async for _ in router.provider_for(model).stream(request):
        pass
    return server.asked[-1].body


async def test_anthropic_gets_them_within_the_result(router: Router, model_server: ModelServer) -> None:
    body = await sent(router, MODELS["anthropic"], model_server, conversation())
    first, second = body["messages"][-1]["content"]
    assert first["content"][0] == {"type": "text", "text": '{"ok":true}'}
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE.data}
    assert first["content"][1] == {"type": "image", "source": source}
    assert second["content"] == "plain"


async def test_beside_an_error_there_is_text_only(router: Router, model_server: ModelServer) -> None:
    body = await sent(router, MODELS["anthropic"], model_server, conversation(failed=True))
    assert body["messages"][-1]["content"][0]["content"] == '{"ok":true}'


async def test_responses_get_them_within_the_result(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    router = routers(openai_api="responses")
    body = await sent(router, MODELS["openai"], model_server, conversation())
    outputs = [item["output"] for item in body["input"] if item.get("type") == "function_call_output"]
    assert [part["type"] for part in outputs[0]] == ["input_text", "input_image"]
    assert outputs[0][1]["image_url"] == f"data:image/png;base64,{PICTURE.data}"
    assert outputs[1] == "plain"


@pytest.mark.parametrize("provider", ["openai", "compatible"])
async def test_chat_gets_them_after_all_results(
    routers: Callable[..., Router], model_server: ModelServer, provider: str
) -> None:
    router = routers(openai_api="chat")
    body = await sent(router, MODELS[provider], model_server, conversation())
    roles = [message["role"] for message in body["messages"]]
    assert roles[-3:] == ["tool", "tool", "user"]
    assert [part["type"] for part in body["messages"][-1]["content"]] == ["text", "image_url"]


async def test_a_model_that_cannot_see_gets_none(router: Router, model_server: ModelServer) -> None:
    body = await sent(router, MODELS["compatible"], model_server, without_images(conversation()))
    assert "image" not in json.dumps(body)
    assert body["messages"][-1]["role"] == "tool"
