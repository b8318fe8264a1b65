"""Embeddings over the OpenAI interface, and the prefix that providers cache: the same bytes each turn."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from codemad_jupyter.gateway.failures import CallFailed
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.messages import Message, TextPart, ToolResultPart
from codemad_jupyter.protocol.supply import Account, Budget, Budgets
from tests.gateway.calls import TOOL, alone, ask, finished
from tests.gateway.test_gateway_providers import cards_at
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

Make = Callable[..., Router]


@pytest.mark.parametrize("model", ["openai/text-embedding-3-small", "ollama/nomic", "mistral/mistral-embed"])
async def test_vectors_come_in_the_order_of_the_texts(
    routers: Make, model_server: ModelServer, model: str
) -> None:
    model_server.play(Turn(repeat=True))
    router = routers(**cards_at(model_server.openai_url))
    texts = [f"{number:03d}" + "x" * (number % 5) for number in range(150)]
    vectors = await router.embed(model, texts)
    assert vectors == [[float(len(text)), float(ord(text[0]))] for text in texts]
    assert [len(asked.body["input"]) for asked in model_server.asked] == [64, 64, 22]
    assert model_server.asked[0].body["model"] == model.partition("/")[2]
    spent = await router.stack.ledger.spent("user", "")
    assert spent.tokens == sum(map(len, texts))
    assert await router.embed(model, []) == []


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (Turn(status=401, error="invalid_api_key"), "bad_key"),
        (Turn(status=429, error="rate_limit_exceeded"), "rate_limited"),
        (Turn(status=500), "server"),
        (Turn(status=200, body='{"object": "list", "data": [], "model": "m"}'), "malformed"),
        (Turn(status=200, body='{"data": [{"index": 0, "embedding": []}]}'), "malformed"),
    ],
)
async def test_embeddings_fail_like_calls_do(
    router: Router, model_server: ModelServer, turn: Turn, kind: str
) -> None:
    model_server.play(turn)
    with pytest.raises(CallFailed) as caught:
        await router.embed("openai/text-embedding-3-small", ["text"], tries=1)
    assert caught.value.kind == kind
    assert caught.value.text.endswith(".")
    assert caught.value.hint


async def test_what_may_pass_is_asked_again_as_late_as_the_provider_says(
    routers: Make, model_server: ModelServer
) -> None:
    waits: list[float] = []
    router = routers(waits=waits)
    late = Turn(status=429, error="rate_limit_exceeded", headers={"retry-after": "7"})
    model_server.play(Turn(status=500), late, Turn())
    assert await router.embed("openai/text-embedding-3-small", ["text"]) == [[4.0, 116.0]]
    assert waits == [1.0, 7.0]


async def test_embeddings_mind_budgets_and_names(routers: Make, model_server: ModelServer) -> None:
    model_server.play(Turn(repeat=True))
    router = routers(budgets=Budgets(user=Budget(tokens=3)))
    await router.embed("ollama/nomic", ["four"], account=Account(purpose="embed"))
    with pytest.raises(CallFailed) as caught:
        await router.embed("ollama/nomic", ["four"])
    assert caught.value.kind == "out_of_budget"
    assert len(model_server.asked) == 1
    with pytest.raises(UsageError, match="makes no embeddings"):
        await router.embed("anthropic/claude-opus-5-5", ["x"])


# Prompt caching


def unmarked(value: Any) -> Any:
    """Without the marks, which move on with the conversation and are no part of what is cached."""
    if isinstance(value, dict):
        return {name: unmarked(each) for name, each in value.items() if name != "cache_control"}
    return [unmarked(each) for each in value] if isinstance(value, list) else value


async def test_the_prefix_of_a_conversation_keeps_its_bytes_over_turns(
    spoken: tuple[Router, str], model_server: ModelServer
) -> None:
    router, model = spoken
    messages: tuple[Message, ...] = ()
    for number in range(4):
        call = Call("replace_cell", {"title": "ä", "source": f"df[{number}]"}, id=f"toolu_{number}")
        model_server.play(Turn(text=f"Step {number}.", thinking="Hm.", calls=(call,)))
        context = TextPart(text=f"<context>{number}</context>")
        messages = (*messages, Message(role="user", parts=(context, TextPart(text=f"Go {number}"))))
        ending = await finished(
            alone(router, model), ask(model, messages=messages, tools=(TOOL,), system="S")
        )
        result = ToolResultPart(id=f"toolu_{number}", name="replace_cell", content=f"ok {number}")
        messages = (*messages, ending.message, Message(role="tool", parts=(result,)))
    bodies = [asked.body for asked in model_server.asked]
    field = "input" if "input" in bodies[0] else "messages"
    for earlier, later in itertools.pairwise(bodies):
        for part in ("system", "instructions", "tools"):
            assert json.dumps(earlier.get(part)) == json.dumps(later.get(part))
        before, after = (unmarked(body[field]) for body in (earlier, later))
        # A tool's result and the next prompt are one turn to Anthropic; all before it is the same bytes.
        assert json.dumps(after)[: len(json.dumps(before)) - 2] == json.dumps(before)[:-2]
    if model.startswith("anthropic"):
        for body in bodies:
            assert json.dumps(body).count('"cache_control"') == 3
