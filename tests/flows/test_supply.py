"""Purposes and budgets through a whole engine: the right model, the reason in the event, the stop in time."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import ChooseModel, Prompt
from codemad_jupyter.protocol.completions import CompletionRequest
from tests.flows.conftest import MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn


@pytest.fixture
def served(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODEL", "compatible/usual")
    model_server.play(Turn(text="Here you are.", repeat=True))
    return model_server


async def test_each_kind_of_work_goes_to_its_own_model(
    make_desk: MakeDesk, served: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    purposes = {"code": {"model": "compatible/coder"}, "complete": {"model": "compatible/quick"}}
    monkeypatch.setenv("CODEMAD_PURPOSES", json.dumps(purposes))
    desk = await make_desk()
    chosen = []
    for text in ("What is a median?", "rename the column a to b", "And what is a mean?"):
        events = await desk.ask(text)
        started = next(event for event in events if event.type == "run_started")
        done = next(event for event in events if event.type == "message_done")
        assert done.model == started.model
        chosen.append((started.model, started.why))
    assert chosen == [
        ("compatible/usual", "the default model"),
        ("compatible/coder", "set for code"),
        ("compatible/usual", "the default model"),
    ]
    preview = await desk.engine.preview(Prompt(session=desk.session, text="add a column"))
    assert preview.model == "compatible/coder"
    await desk.engine.complete(CompletionRequest(prefix="x = "))
    assert served.asked[-1].body["model"] == "quick"
    await desk.do(ChooseModel(session=desk.session, model="compatible/mine"))
    events = await desk.ask("rename it back")
    started = next(event for event in events if event.type == "run_started")
    assert (started.model, started.why) == ("compatible/mine", "chosen by the person")


async def test_a_budget_ends_the_run_before_the_call_even_after_a_restart(
    make_desk: MakeDesk, served: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CODEMAD_BUDGETS", json.dumps({"notebook": {"tokens": 20}}))
    for number in range(3):
        desk = await make_desk()  # an engine of its own, with a session of its own
        finished = (await desk.ask("What is a median?"))[-1]
        assert finished.type == "run_finished"
        assert finished.status == ("done" if number < 2 else "out_of_budget")
    assert "The budget of this notebook is used up: 30 of 20 tokens" in finished.text
    assert "budgets.notebook" in finished.text
    assert len(served.asked) == 2
    elsewhere = await make_desk(root=tmp_path / "other")  # its notebook has the same name and is another one
    assert (await elsewhere.ask("What is a median?"))[-1].status == "done"
