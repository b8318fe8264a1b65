"""A reply that broke off: gone on with by the next model where the settings allow it, said and whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from codemad_jupyter.gateway.offline import OfflineProvider
from codemad_jupyter.gateway.provider import Announcement, Delta, Failed, Finished
from codemad_jupyter.gateway.router import OFFLINE_MODEL, Router
from codemad_jupyter.protocol.messages import TextPart
from tests.gateway.calls import MODELS, TOOL, ask, assert_clear, calls_of, collect, text_of
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

FIRST, SECOND = MODELS["anthropic"], MODELS["openai"]
HALF = Turn(
    text="One two three four", chunk=4, error="overloaded_error", error_after=5, model="claude-sonnet-5-5"
)
"""Two pieces of four letters arrive, then an error inside the stream."""


def said(deltas: list[Delta]) -> list[str]:
    return [delta.code for delta in deltas if isinstance(delta, Announcement)]


async def test_the_next_model_goes_on_from_what_was_received(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    router = routers(resume=True)
    call = Call("replace_cell", {"source": "1"}, id="c1")
    model_server.play(HALF, Turn(text="e four.", calls=(call,), model="gpt-6-sol"))
    deltas = await collect(router.provider_for(FIRST, fallbacks=[SECOND]), ask(FIRST, tools=(TOOL,)))
    assert said(deltas) == ["resumed"]
    shown = text_of(deltas)
    ending = deltas[-1]
    assert isinstance(ending, Finished)
    assert ending.model == SECOND
    assert ending.message.text == shown
    assert shown.startswith("One two ")
    assert shown.endswith("e four.")
    assert isinstance(ending.message.parts[0], TextPart)
    assert len(calls_of(deltas)) == len(ending.message.tool_calls) == 1
    assert ending.usage.input_tokens == 20  # what both calls took
    assert ending.cost is not None
    asked = model_server.asked[1].body["messages"]
    assert asked[-2] == {"role": "assistant", "content": shown.removesuffix("e four.")}
    assert "broke off" in str(asked[-1]["content"])


async def test_without_the_setting_the_failure_is_passed_on(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    model_server.play(HALF)
    deltas = await collect(routers().provider_for(FIRST, fallbacks=[SECOND]), ask(FIRST))
    assert isinstance(deltas[-1], Failed)
    assert said(deltas) == []
    assert len(model_server.asked) == 1


async def test_the_only_model_is_asked_to_go_on_once(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    router = routers(resume=True)
    model_server.play(HALF, Turn(text="rest", model="claude-sonnet-5-5"))
    deltas = await collect(router.provider_for(FIRST), ask(FIRST))
    assert said(deltas) == ["resumed"]
    assert text_of(deltas).endswith("rest")
    model_server.play(HALF, HALF)
    deltas = await collect(router.provider_for(FIRST), ask(FIRST))
    failure = deltas[-1]
    assert isinstance(failure, Failed)
    assert failure.partial is not None
    assert failure.partial.text == text_of(deltas)
    assert len(model_server.asked) == 4
    assert_clear(failure)


async def test_thinking_alone_leaves_nothing_to_go_on_from(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    thought = Turn(
        thinking="Half a thought", chunk=4, error="overloaded_error", error_after=4, model="claude-sonnet-5-5"
    )
    model_server.play(thought, Turn(text="From the second.", model="gpt-6-sol"))
    deltas = await collect(routers(resume=True).provider_for(FIRST, fallbacks=[SECOND]), ask(FIRST))
    assert said(deltas) == ["fallback"]
    ending = deltas[-1]
    assert isinstance(ending, Finished)
    assert ending.message.text == "From the second."
    assert len(model_server.asked[1].body["messages"]) == 1


@pytest.mark.parametrize("error", ["authentication_error", "invalid_request_error"])
async def test_what_a_person_must_mend_is_not_gone_on_with(
    routers: Callable[..., Router], model_server: ModelServer, error: str
) -> None:
    model_server.play(Turn(**{**vars(HALF), "error": error}))
    deltas = await collect(routers(resume=True).provider_for(FIRST, fallbacks=[SECOND]), ask(FIRST))
    assert isinstance(deltas[-1], Failed)
    assert len(model_server.asked) == 1


async def test_the_built_in_assistant_never_goes_on_with_another_s_reply(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    router = routers(resume=True)
    router._providers["codemad"] = OfflineProvider()
    model_server.play(HALF, Turn(text="rest", model="claude-sonnet-5-5"))
    deltas = await collect(router.provider_for(FIRST, fallbacks=[OFFLINE_MODEL]), ask(FIRST))
    assert text_of(deltas).endswith("rest")  # the same model, once more
