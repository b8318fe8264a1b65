"""Answers recorded from the scripted server and replayed with no key, no server and no network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.gateway.cassette import Cassette
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.offline import OfflineProvider
from codemad_jupyter.gateway.provider import (
    Announcement,
    Delta,
    Failed,
    Finished,
    Request,
    TextPiece,
    ThinkingPiece,
)
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.messages import Message, ToolCallPart, ToolResultPart
from tests.gateway.calls import (
    KEYS,
    MODELS,
    TOOL,
    ask,
    assert_clear,
    calls_of,
    collect,
    config_for,
    failed,
    finished,
    redactor_of,
    text_of,
)
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

CLAUDE = MODELS["anthropic"]
MakeRouter = Callable[..., Router]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "n.cassette.jsonl"


@pytest.fixture
def recording(routers: MakeRouter, path: Path) -> Iterator[Router]:
    return routers(cassette=path, cassette_mode="record")


def without_keys(path: Path, mode: str = "replay", root: Path | None = None, **changes: Any) -> Router:
    """A router as a visitor has it: no key, no address."""
    config = GatewayConfig(cassette=path, cassette_mode=mode, **changes)
    return Router(config, redact=redactor_of(config), offline=OfflineProvider(), root=root)


def said(deltas: list[Delta]) -> list[Delta]:
    """The deltas without the word that they are replayed."""
    return [each for each in deltas if not (isinstance(each, Announcement) and each.code == "replayed")]


async def test_an_answer_comes_back_piece_by_piece(
    recording: Router, path: Path, model_server: ModelServer
) -> None:
    turn = Turn(
        text="Here it is: done.",
        thinking="let me see",
        calls=(Call("replace_cell", {"source": "x = 1"}), Call("replace_cell", {"source": "y = 2"})),
        usage={"input": 120, "output": 34, "cache_read": 56},
        chunk=3,
    )
    model_server.play(turn)
    request = ask(CLAUDE, tools=(TOOL,), thinking=True)
    live = await collect(recording.provider_for(CLAUDE), request)
    deltas = await collect(without_keys(path).provider_for(CLAUDE), request)
    assert deltas[0] == Announcement(
        code="replayed", text="Answered from n.cassette.jsonl; no model is asked.", model=CLAUDE
    )
    assert deltas[1:] == live
    assert len([each for each in live if isinstance(each, TextPiece)]) > 3
    assert any(isinstance(each, ThinkingPiece) for each in live)
    assert len(calls_of(live)) == 2
    ending = deltas[-1]
    assert isinstance(ending, Finished)
    assert ending.cost
    assert ending.usage.cache_read_tokens == 56
    assert len(model_server.asked) == 1


@pytest.mark.parametrize("model", [MODELS["openai"], MODELS["compatible"]])
async def test_every_wire_format(
    recording: Router, path: Path, model_server: ModelServer, model: str
) -> None:
    model_server.play(Turn(text="ünï ☃", calls=(Call("replace_cell", {"source": "é"}),)))
    request = ask(model, tools=(TOOL,))
    live = await collect(recording.provider_for(model), request)
    assert said(await collect(without_keys(path).provider_for(model), request)) == live


async def test_the_same_question_again_gets_the_next_answer(
    recording: Router, path: Path, model_server: ModelServer
) -> None:
    model_server.play(Turn(text="one"), Turn(text="two"))
    provider = recording.provider_for(CLAUDE)
    for _ in range(2):
        await collect(provider, ask(CLAUDE))
    replayed = without_keys(path).provider_for(CLAUDE)
    answers = [text_of(await collect(replayed, ask(CLAUDE))) for _ in range(4)]
    assert answers == ["one", "two", "one", "two"]


@pytest.mark.parametrize(
    "turn",
    [
        Turn(status=400, error="invalid_request_error", message="no such thing"),
        Turn(text="half of it is here", cut=400),
        Turn(status=401, error="authentication_error"),
    ],
)
async def test_a_failure_is_an_answer(
    recording: Router, path: Path, model_server: ModelServer, turn: Turn
) -> None:
    model_server.play(turn, turn)
    live = await collect(recording.provider_for(CLAUDE), ask(CLAUDE))
    assert isinstance(live[-1], Failed)
    assert said(await collect(without_keys(path).provider_for(CLAUDE), ask(CLAUDE))) == live


async def test_what_is_cancelled_is_not_recorded(
    recording: Router, path: Path, model_server: ModelServer
) -> None:
    model_server.play(Turn(text="a long answer " * 20, delay=0.01))
    stream: Any = recording.provider_for(CLAUDE).stream(ask(CLAUDE))
    await anext(stream)
    await stream.aclose()
    assert not path.exists()  # noqa: ASYNC240


async def test_answers_speak_of_what_is_there_now(
    routers: MakeRouter, path: Path, tmp_path: Path, model_server: ModelServer
) -> None:
    def question(cell: str, root: Path, secret: str) -> Request:
        made = ToolCallPart(id=f"call-{cell}", name="insert_cell", arguments={"source": "x"})
        told = json.dumps({"edit": "edit-0123456789ab", "cell": cell, "seconds": 0.2})
        result = ToolResultPart(id=f"call-{cell}", name="insert_cell", content=told)
        first = Message.user(f"read {root}/data.csv with [secret {secret}: API key]")
        parts = (first, Message(role="assistant", parts=(made,)), Message(role="tool", parts=(result,)))
        return Request(model=CLAUDE, messages=parts, tools=(TOOL,))

    one, two = tmp_path / "one", tmp_path / "two" / "deep"
    recorder = Router(config_for(model_server, cassette=path, cassette_mode="record"), redact=str, root=one)
    arguments = {"cell": "1a2b3c4d", "source": f"open('{one}/data.csv', key='[secret abcdef: API key]')"}
    text = f"I changed 1a2b3c4d, which reads {one}/data.csv."
    model_server.play(Turn(text=text, calls=(Call("replace_cell", arguments),), chunk=2))
    await collect(recorder.provider_for(CLAUDE), question("1a2b3c4d", one, "abcdef"))
    await recorder.aclose()
    assert "1a2b3c4d" not in path.read_text()  # noqa: ASYNC240
    assert str(tmp_path) not in path.read_text()  # noqa: ASYNC240
    player = without_keys(path, root=two)
    deltas = await collect(player.provider_for(CLAUDE), question("99887766", two, "012345"))
    assert text_of(deltas) == f"I changed 99887766, which reads {two}/data.csv."
    assert calls_of(deltas)[0].call.arguments == {
        "cell": "99887766",
        "source": f"open('{two}/data.csv', key='[secret 012345: API key]')",
    }


DRIFTS: dict[str, tuple[dict[str, Any], str]] = {
    "prompt": ({"messages": (Message.user("Draw a pie"),)}, "message 1 of 1 (user): recorded “Draw a "),
    "model": ({"model": "anthropic/claude-opus-4-1"}, "model (recorded anthropic/claude-sonnet-5-5, asked"),
    "system": ({"system": "Be long."}, "the instructions: recorded “Be brief.”, asked “Be long.”"),
    "a new tool": (
        {"tools": (TOOL, TOOL.model_copy(update={"name": "run_code"}))},
        "the tools (new: run_code)",
    ),
    "a tool less": ({"tools": ()}, "the tools (gone: replace_cell)"),
    "another tool": (
        {"tools": (TOOL.model_copy(update={"description": "other"}),)},
        "the tools (changed: replace_cell)",
    ),
    "parameters": ({"temperature": 0.25}, "temperature (recorded the default, asked 0.25)"),
    "history": (
        {"messages": (Message.user("Draw a histogram"), Message.assistant("y"), Message.user("z"))},
        "the history (3 messages, recorded 1)",
    ),
}


@pytest.mark.parametrize("name", DRIFTS)
async def test_drift_says_what_differs(
    recording: Router, path: Path, model_server: ModelServer, name: str
) -> None:
    changes, words = DRIFTS[name]
    model_server.play(Turn(text="one"), Turn(text="two"))
    for more in ({}, {"messages": (Message.user("quite another question"),)}):
        request = ask(CLAUDE, system="Be brief.", tools=(TOOL,), **more)
        await collect(recording.provider_for(CLAUDE), request)
    request = ask(CLAUDE, system="Be brief.", tools=(TOOL,)).model_copy(update=changes)
    failure = await failed(without_keys(path).provider_for(request.model), request)
    assert failure.kind == "not_recorded"
    assert words in failure.text
    assert "line " in failure.text
    assert "n.cassette.jsonl" in failure.text
    assert "--replay-or-ask" in failure.hint
    assert_clear(failure)


async def test_where_it_may_ask_it_says_so_and_learns(
    recording: Router, routers: MakeRouter, path: Path, model_server: ModelServer
) -> None:
    model_server.play(Turn(text="one"), Turn(text="two"))
    await collect(recording.provider_for(CLAUDE), ask(CLAUDE))
    asking = routers(cassette=path, cassette_mode="replay_or_ask").provider_for(CLAUDE)
    assert text_of(await collect(asking, ask(CLAUDE))) == "one"
    deltas = await collect(asking, ask(CLAUDE, "Draw a pie"))
    notice = deltas[0]
    assert isinstance(notice, Announcement)
    assert notice.code == "asked_live"
    assert "message 1 of 1 (user)" in notice.text
    assert text_of(deltas) == "two"
    assert len(model_server.asked) == 2
    replayed = without_keys(path).provider_for(CLAUDE)
    assert text_of(await collect(replayed, ask(CLAUDE, "Draw a pie"))) == "two"
    assert text_of(await collect(replayed, ask(CLAUDE))) == "one"


async def test_a_visitor_without_a_key_has_the_recorded_models(
    recording: Router, path: Path, tmp_path: Path, model_server: ModelServer
) -> None:
    model_server.play(Turn(text="one"))
    await collect(recording.provider_for(CLAUDE), ask(CLAUDE))
    visitor = without_keys(path)
    assert visitor.default_model() == CLAUDE
    assert without_keys(path, default_model="codemad/offline").default_model() == "codemad/offline"
    assert without_keys(path, default_model=MODELS["openai"]).default_model() == CLAUDE
    ready = {model.name: model.why for model in await visitor.models() if model.ready}
    assert ready == {CLAUDE: "", "codemad/offline": ""}
    others = {model.why for model in await visitor.models() if not model.ready}
    assert others == {"Only answers recorded in n.cassette.jsonl are given."}
    folder = without_keys(tmp_path)
    assert folder.default_model() == CLAUDE
    assert text_of(await collect(folder.provider_for(CLAUDE), ask(CLAUDE))) == "one"


async def test_a_cassette_that_is_not_there(tmp_path: Path) -> None:
    router = without_keys(tmp_path / "none.jsonl")
    failure = await failed(router.provider_for(CLAUDE), ask(CLAUDE))
    assert "There is no cassette" in failure.text
    assert router.default_model() == "codemad/offline"
    assert any(model.ready for model in await router.models())
    empty = await failed(without_keys(tmp_path).provider_for(CLAUDE), ask(CLAUDE))
    assert "There is no cassette in" in empty.text


async def test_the_built_in_assistant_answers_itself(path: Path) -> None:
    router = without_keys(path, mode="record")
    request = Request(model="codemad/offline", messages=(Message.user("hello"),))
    assert (await finished(router.provider_for("codemad/offline"), request)).message.text
    assert not path.exists()  # noqa: ASYNC240
    assert (await finished(without_keys(path).provider_for("codemad/offline"), request)).message.text


async def test_where_nothing_can_be_written_the_answer_comes_all_the_same(
    routers: MakeRouter, tmp_path: Path, model_server: ModelServer
) -> None:
    model_server.play(Turn(text="one"))
    router = routers(cassette=tmp_path / "no" / "where.jsonl", cassette_mode="record")
    deltas = await collect(router.provider_for(CLAUDE), ask(CLAUDE))
    assert text_of(deltas) == "one"
    notice = deltas[-2]
    assert isinstance(notice, Announcement)
    assert "not recorded" in notice.text


async def test_no_secret_gets_into_the_cassette(
    recording: Router, path: Path, model_server: ModelServer
) -> None:
    key, shaped = KEYS["anthropic"], "sk-ant-api03-" + "aB3dE5fG7h" * 9
    leak = f"the key is {key} and {shaped}."
    arguments = {"source": f"k = '{key}'", shaped: key}
    model_server.play(Turn(text=leak, thinking=leak, calls=(Call("replace_cell", arguments),), chunk=5))
    model_server.play(Turn(text=leak, cut=600, chunk=5), Turn(text=leak, cut=600, chunk=5))
    call = ToolCallPart(id="c", name="run_code", arguments={"code": f"print('{shaped}')"})
    result = ToolResultPart(id="c", name="run_code", content=leak)
    messages = (
        Message.user(leak),
        Message(role="assistant", parts=(call,)),
        Message(role="tool", parts=(result,)),
        Message.user("go on"),
    )
    for system in (leak, "other"):
        request = Request(model=CLAUDE, system=system, messages=messages, tools=(TOOL,))
        await collect(recording.provider_for(CLAUDE), request)
    text = path.read_text()  # noqa: ASYNC240
    assert len(Cassette(path)) == 2
    assert text.count(key) == 0
    assert text.count(shaped) == 0
    assert text.count(shaped[14:40]) == 0


async def test_many_at_once_in_one_process(recording: Router, path: Path, model_server: ModelServer) -> None:
    model_server.play(*(Turn(text=f"answer {n}", match=f"^question {n}$", chunk=3) for n in range(20)))
    questions = [ask(CLAUDE, f"question {n}") for n in range(20)]
    await asyncio.gather(*(collect(recording.provider_for(CLAUDE), each) for each in questions))
    player = without_keys(path)
    replayed = await asyncio.gather(
        *(collect(player.provider_for(CLAUDE), each) for each in reversed(questions))
    )
    assert [text_of(each) for each in reversed(replayed)] == [f"answer {n}" for n in range(20)]


async def test_pace(recording: Router, path: Path, model_server: ModelServer) -> None:
    model_server.play(Turn(text="abcdef", chunk=1))
    await collect(recording.provider_for(CLAUDE), ask(CLAUDE))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await collect(without_keys(path, cassette_pace=0.02).provider_for(CLAUDE), ask(CLAUDE))
    assert loop.time() - began >= 0.12
