"""A local Ollama is found when one asks for it, and answers like any model."""

import pytest

from codemad_jupyter.protocol.commands import ChooseModel
from tests.flows.conftest import MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn


async def test_ollama_is_listed_when_asked_chosen_and_used(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_OLLAMA_URL", model_server.url)
    desk = await make_desk()
    quiet = await desk.engine.models()
    assert not any(model.name.startswith("ollama/") for model in quiet)
    assert not model_server.requests
    found = [model.name for model in await desk.engine.models(probe=True) if model.provider == "ollama"]
    assert found == ["ollama/scripted"]
    await desk.do(ChooseModel(session=desk.session, model=found[0]))
    model_server.play(Turn(text="Hello from here."))
    events = await desk.ask("hello")
    done = next(event for event in events if event.type == "message_done")
    assert (done.model, done.message.text) == ("ollama/scripted", "Hello from here.")
