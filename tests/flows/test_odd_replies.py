"""Replies that are empty, or hold a call nobody can read: nothing is run, and the model may mend it."""

import pytest

from codemad_jupyter.protocol.events import Event
from tests.flows.conftest import MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

BROKEN = Turn(text="Let me see.", calls=(Call("list_files", {}), Call("read_file", '{"path": "n.ip')))


@pytest.fixture
def served(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODEL", "compatible/scripted")
    return model_server


def ended(events: list[Event]) -> tuple[str, str]:
    last = events[-1]
    assert last.type == "run_finished"
    return last.status, last.text


async def test_a_call_that_cannot_be_read_is_mended_by_the_model(
    make_desk: MakeDesk, served: ModelServer
) -> None:
    desk = await make_desk()
    served.play(BROKEN, Turn(calls=(Call("list_files", {"pattern": "*"}),)), Turn(text="One notebook."))
    events = await desk.ask("which files are there?")
    assert ended(events) == ("done", "Done.")
    assert [event.tool for event in events if event.type == "tool_called"] == ["list_files"]
    assert [event.code for event in events if event.type == "notice"] == ["repair"]
    told = served.asked[1].body["messages"]
    assert told[-2]["content"] == "Let me see."
    assert "none was run" in told[-1]["content"]


async def test_the_rounds_of_mending_are_few(make_desk: MakeDesk, served: ModelServer) -> None:
    desk = await make_desk()
    served.play(Turn(**{**vars(BROKEN), "repeat": True}))
    status, text = ended(await desk.ask("which files are there?"))
    assert status == "failed"
    assert "read_file" in text
    assert len(served.asked) == 3


async def test_an_empty_answer_is_said_but_not_after_work_was_done(
    make_desk: MakeDesk, served: ModelServer
) -> None:
    desk = await make_desk()
    served.play(Turn())
    assert ended(await desk.ask("hello")) == (
        "failed",
        "The model's answer was empty. Ask again or choose another model.",
    )
    served.play(Turn(thinking="Hm.", stop="length"))
    assert "max_output_tokens" in ended(await desk.ask("hello"))[1]
    served.play(Turn(calls=(Call("list_files", {"pattern": "*"}),)), Turn())
    assert ended(await desk.ask("list them")) == ("done", "Done.")
