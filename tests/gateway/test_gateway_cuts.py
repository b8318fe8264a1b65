"""Streams cut at any byte and streams of rubbish: no half call, no exception, the text that came is kept."""

from __future__ import annotations

import gc
import random
import re
from types import AsyncGeneratorType

import pytest

from codemad_jupyter.gateway.provider import Failed, Finished
from codemad_jupyter.gateway.router import Router
from tests.gateway.calls import TOOL, alone, ask, assert_clear, calls_of, collect, text_of
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn, anthropic_frames, chat_frames, response_frames
from tests.waiting import until

TEXT = "Here is a histogram of the column."
ARGUMENTS = {"source": "df['a'].hist(bins=30)", "title": "Histogramm für a"}
WHOLE = Turn(text=TEXT, calls=(Call("replace_cell", ARGUMENTS, id="c1"), Call("run", {}, id="c2")), chunk=20)
RUBBISH = [
    "data: {",
    "data: not json\n\n",
    "data: 5\n\n",
    "data: null\n\n",
    "data: []\n\n",
    'data: "x"\n\n',
    "data: {}\n\n",
    "event: message_start\ndata: {}\n\n",
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0}\n\n',
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":null}\n\n',
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n',
    "event: error\ndata: not json\n\n",
    'event: error\ndata: {"type":"error"}\n\n',
    'data: {"choices": null}\n\n',
    'data: {"choices": [{}]}\n\n',
    'data: {"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]}\n\n',
    'data: {"choices": [{"delta": {"content": 5}, "finish_reason": null}]}\n\n',
    'data: {"error": "plain words"}\n\n',
    'data: {"error": {}}\n\n',
    'data: {"type": "response.failed", "response": {}}\n\n',
    'data: {"type": "response.completed"}\n\n',
    'data: {"type": "response.output_item.done", "item": {"type": "function_call"}}\n\n',
    "data: " + "[" * 5000 + "\n\n",
    "data: \udc80\udcff\udcfe\n\n",
    ": only a comment\n\n",
    "retry: 5\n\n",
    "\n" * 50,
    "event: ping\n\n" * 20,
    "HTTP/1.1 200 OK\r\n\r\n",
    "\x00\x01\x02",
]


def frames_of(turn: Turn, router: Router, model: str) -> bytes:
    if model.startswith("anthropic"):
        return b"".join(anthropic_frames(turn, "m"))
    if model.startswith("openai") and router.config.openai_api == "responses":
        return b"".join(response_frames(turn, "m"))
    return b"".join(chat_frames(turn, "m"))


@pytest.mark.parametrize("clean", [False, True], ids=["broken", "clean"])
async def test_a_cut_anywhere_never_gives_half_a_call(
    spoken: tuple[Router, str], model_server: ModelServer, clean: bool
) -> None:
    """At every 11th byte and around each end of a frame; `benchmarks/fault_table.py` cuts at each byte."""
    router, model = spoken
    whole = frames_of(WHOLE, router, model)
    ends = {match.start() + near for match in re.finditer(rb"\n\n", whole) for near in (0, 1, 2, 3)}
    offsets = sorted({*range(0, len(whole), 11), *ends} - {*range(len(whole), len(whole) + 4)})
    complete = 0
    for offset in offsets:
        model_server.play(Turn(**{**vars(WHOLE), "cut": offset, "clean_cut": clean}))
        deltas = await collect(alone(router, model), ask(model, tools=(TOOL,)))
        ending = deltas[-1]
        if isinstance(ending, Finished):
            complete += 1
            assert [piece.call.arguments for piece in calls_of(deltas)] == [ARGUMENTS, {}], offset
            continue
        assert isinstance(ending, Failed)
        assert calls_of(deltas) == [], offset
        assert ending.kind in ("connection", "malformed"), offset
        assert TEXT.startswith(text_of(deltas)), offset
        assert (ending.partial.text if ending.partial else "") == text_of(deltas)
        assert ending.started == bool(text_of(deltas))
    # After the word that it is complete, a reply that lost its tail counts; before, it never does.
    assert complete < len(offsets) * 0.25


async def test_rubbish_is_one_clear_failure(spoken: tuple[Router, str], model_server: ModelServer) -> None:
    router, model = spoken
    good = frames_of(Turn(text="Good."), router, model).partition(b"Good.")[0].rpartition(b"\n\n")[0]
    for rubbish in RUBBISH:
        for prefix in ("", good.decode() + "\n\n"):
            model_server.play(Turn(raw=prefix + rubbish))
            ending = (await collect(alone(router, model), ask(model)))[-1]
            if isinstance(ending, Failed):
                assert ending.kind in ("malformed", "connection", "server"), rubbish[:60]
                assert_clear(ending)
            else:
                assert ending.type == "finished"
                assert ending.message.parts == (), rubbish[:60]


async def test_a_failed_stream_leaves_nothing_to_the_garbage_collector(
    spoken: tuple[Router, str], model_server: ModelServer
) -> None:
    """It would close generators that hang together one by one, whatever they are doing."""
    router, model = spoken

    def left() -> list[str]:
        found = [each for each in gc.get_objects() if isinstance(each, AsyncGeneratorType)]
        return [each.__qualname__ for each in found if "Stream" in each.__qualname__]

    wrong = 'event: message_delta\ndata: {"type": "response.failed", "choices": [5], "usage": "x"}\n\n'
    gc.collect()
    gc.disable()
    try:
        model_server.play(Turn(raw=wrong + "data: [DONE]\n\n" * 9))
        ending = (await collect(alone(router, model), ask(model)))[-1]
        assert isinstance(ending, Failed)
        await until(lambda: not left(), left)
    finally:
        gc.enable()


async def test_mutated_streams_end_in_one_of_two_ways(
    spoken: tuple[Router, str], model_server: ModelServer
) -> None:
    router, model = spoken
    whole = frames_of(WHOLE, router, model)
    chance = random.Random(20261121)
    for _ in range(120):
        stream = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(stream))
            match chance.randrange(4):
                case 0:
                    stream[place] = chance.randrange(256)
                case 1:
                    del stream[place : place + chance.randrange(1, 40)]
                case 2:
                    stream[place:place] = bytes(chance.randrange(256) for _ in range(3))
                case 3:
                    stream[place:place] = stream[place : place + 80]
        model_server.play(Turn(raw=bytes(stream).decode("utf-8", "surrogateescape")))
        deltas = await collect(alone(router, model), ask(model, tools=(TOOL,)))
        if isinstance(deltas[-1], Failed):
            assert calls_of(deltas) == []
            assert_clear(deltas[-1])
