"""Claude models over the Messages format: what is sent, what comes back."""

from __future__ import annotations

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
from tests.gateway.calls import KEYS, MODELS, TOOL, alone, ask, calls_of, collect, finished, text_of
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = MODELS["anthropic"]
CACHED = {"type": "ephemeral"}


async def test_text_arrives_in_pieces_and_once(router: Router, model_server: ModelServer) -> None:
    model_server.play(Turn(text="A histogram shows how values spread. Ünïcödé 🎉.", chunk=7))
    deltas = await collect(alone(router, MODEL), ask(MODEL))
    assert sum(isinstance(delta, TextPiece) for delta in deltas) == 7
    assert text_of(deltas) == "A histogram shows how values spread. Ünïcödé 🎉."
    ending = deltas[-1]
    assert ending.type == "finished"
    assert ending.message.text == text_of(deltas)
    assert (ending.stop, ending.model) == ("end", MODEL)
    assert model_server.asked[0].key == KEYS["anthropic"]


async def test_calls_are_whole_and_come_last(router: Router, model_server: ModelServer) -> None:
    arguments = {"source": "df.hist()", "deep": {"list": [1, None, True]}}
    calls = (Call("replace_cell", arguments, id="toolu_1"), Call("list_variables", {}, id="toolu_2"))
    model_server.play(Turn(text="Here.", calls=calls, chunk=3))
    deltas = await collect(alone(router, MODEL), ask(MODEL, tools=(TOOL,)))
    assert [piece.call for piece in calls_of(deltas)] == [
        ToolCallPart(id="toolu_1", name="replace_cell", arguments=arguments),
        ToolCallPart(id="toolu_2", name="list_variables"),
    ]
    assert [delta.type for delta in deltas[-3:]] == ["call", "call", "finished"]
    assert deltas[-1].type == "finished"
    assert deltas[-1].stop == "tool_calls"


async def test_usage_and_cost(router: Router, model_server: ModelServer) -> None:
    usage = {"input": 1000, "output": 200, "cache_read": 5000, "cache_write": 300}
    model_server.play(Turn(text="Hi", usage=usage))
    ending = await finished(router.provider_for(MODEL), ask(MODEL))
    assert ending.usage == Usage(
        input_tokens=1000, output_tokens=200, cache_read_tokens=5000, cache_write_tokens=300
    )
    assert ending.cost is not None
    assert round(ending.cost, 8) == (1000 * 2 + 200 * 10 + 5000 * 0.1 + 300 * 2.5) / 1e6


async def test_thinking_goes_back_with_its_signature(router: Router, model_server: ModelServer) -> None:
    provider = alone(router, MODEL)
    call = Call("replace_cell", {"source": "1"}, id="toolu_1")
    model_server.play(Turn(thinking="Let me see.", signature="c2ln", redacted="aGlkZGVu", calls=(call,)))
    first = ask(MODEL, tools=(TOOL,), thinking=True)
    deltas = await collect(provider, first)
    assert "".join(d.text for d in deltas if isinstance(d, ThinkingPiece)) == "Let me see."
    assert deltas[-1].type == "finished"
    reply = deltas[-1].message
    assert reply.parts[0] == ThinkingPart(text="Let me see.", signature="c2ln", provider="anthropic")

    model_server.play(Turn(text="Done"))
    result = ToolResultPart(id="toolu_1", name="replace_cell", content="{}")
    history = (*first.messages, reply, Message(role="tool", parts=(result,)))
    await finished(provider, first.model_copy(update={"messages": history}))
    assert model_server.asked[1].body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "aGlkZGVu"},
                {"type": "tool_use", "id": "toolu_1", "name": "replace_cell", "input": {"source": "1"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": "{}",
                    "is_error": False,
                    "cache_control": CACHED,
                }
            ],
        },
    ]


async def test_the_repeating_prefix_is_marked_for_the_cache(
    router: Router, model_server: ModelServer
) -> None:
    model_server.play(Turn(text="ok"))
    more = TOOL.model_copy(update={"name": "other"})
    parts = (TextPart(text="<context>df</context>"), TextPart(text="Plot it"))
    request = ask(
        MODEL, system="Be brief.", tools=(TOOL, more), messages=(Message(role="user", parts=parts),)
    )
    await finished(alone(router, MODEL), request)
    body = model_server.asked[0].body
    assert body["system"] == [{"type": "text", "text": "Be brief.", "cache_control": CACHED}]
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, CACHED]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<context>df</context>"},
                {"type": "text", "text": "Plot it", "cache_control": CACHED},
            ],
        }
    ]


async def test_each_generation_is_asked_to_think_in_its_own_way(
    router: Router, model_server: ModelServer
) -> None:
    bound: dict[str, object] = {
        "type": "adaptive",
        "block_binding": {"prefix_mismatch_behavior": "drop_block"},
    }
    expected: dict[tuple[str, bool], dict[str, object] | None] = {
        ("claude-sonnet-5-5", False): bound,
        ("claude-sonnet-5-5", True): {**bound, "display": "summarized"},
        ("claude-opus-5", True): {"type": "adaptive", "display": "summarized"},
        ("claude-opus-5", False): None,
        ("claude-haiku-4-5-20251001", True): {"type": "enabled", "budget_tokens": 4096},
        ("claude-saga-9", True): {"type": "adaptive", "display": "summarized"},
    }
    for (name, thinking), wanted in expected.items():
        model_server.play(Turn(text="ok"))
        await finished(alone(router, MODEL), ask(f"anthropic/{name}", thinking=thinking, temperature=0.5))
        asked = model_server.asked[-1]
        assert asked.body.get("thinking") == wanted, name
        assert "temperature" not in asked.body
        assert ("anthropic-beta" in asked.headers) == bool(wanted and "block_binding" in wanted)


async def test_temperature_only_where_it_is_taken(router: Router, model_server: ModelServer) -> None:
    model_server.play(Turn(text="ok", repeat=True))
    for name in ("claude-haiku-4-5", "claude-opus-5"):
        await finished(alone(router, MODEL), ask(f"anthropic/{name}", temperature=0.25))
    assert [request.body.get("temperature") for request in model_server.asked] == [0.25, None]


async def test_an_odd_history_is_made_acceptable(router: Router, model_server: ModelServer) -> None:
    model_server.play(Turn(text="ok"))
    foreign = ThinkingPart(text="hm", signature="s", provider="openai")
    history = (
        Message(role="user", parts=(TextPart(text="See"), ImagePart(mime="image/png", data="aGk="))),
        Message(role="assistant", parts=(TextPart(text="  "),)),
        Message(role="assistant", parts=(ToolCallPart(id="call:1|x", name="run_code"),)),
        Message.user("And half \ud800 a character?"),
        Message(role="assistant", parts=(foreign, TextPart(text="A"))),
        Message(role="tool", parts=(ToolResultPart(id="nobody", name="x", content="lost"),)),
        Message.user("Go on"),
    )
    await finished(alone(router, MODEL), ask(MODEL, messages=history))
    turns = model_server.asked[0].body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert turns[0]["content"][1]["source"] == {"type": "base64", "media_type": "image/png", "data": "aGk="}
    assert turns[1]["content"] == [{"type": "tool_use", "id": "call_1_x", "name": "run_code", "input": {}}]
    assert turns[2]["content"][0]["tool_use_id"] == "call_1_x"
    assert turns[2]["content"][0]["is_error"] is True
    assert turns[2]["content"][1]["text"] == "And half ? a character?"
    assert turns[3]["content"] == [{"type": "text", "text": "A"}]


async def test_odd_endings(router: Router, model_server: ModelServer) -> None:
    table = {
        "max_tokens": "length",
        "refusal": "refused",
        "pause_turn": "end",
        "something_new": "end",
        "tool_use": "end",
    }
    for reason, stop in table.items():
        model_server.play(Turn(text="Well", stop=reason))
        assert (await finished(alone(router, MODEL), ask(MODEL))).stop == stop, reason
    model_server.play(Turn(), Turn(thinking="only this"))
    assert (await finished(alone(router, MODEL), ask(MODEL))).message.parts == ()
    assert (await finished(alone(router, MODEL), ask(MODEL))).message.text == ""
