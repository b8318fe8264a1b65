"""A command of a model: asked about, run in the sandbox, its changes brought back by undo."""

import sys
from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import Approve, Prompt, Undo
from codemad_jupyter.protocol.errors import Conflict
from codemad_jupyter.tools.sandbox import state as sandbox
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sandboxes here are Linux's")


@pytest.fixture
async def desk(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    root = tmp_path / "work"
    root.mkdir()
    (root / "data.csv").write_text("a,b\n1,2\n")
    return await make_desk(root=root)


async def test_what_a_command_changed_is_brought_back(desk: Desk, model_server: ModelServer) -> None:
    command = "echo working; rm data.csv; mkdir made; echo new > made/file; rm -rf ~/thesis"
    model_server.play(
        Turn(calls=(Call("run_command", {"command": command}),)),
        Turn(calls=(Call("run_command", {"command": "sleep 600", "background": True}),)),
        Turn(calls=(Call("stop_job", {"job": "job-2"}),)),
        Turn(text="Done."),
    )
    ack = await desk.engine.submit(Prompt(session=desk.session, text="tidy up", model=MODEL, edge="test"))
    seen, after = [], ack.seq
    for _ in range(2):
        events = await desk.until(lambda event: event.type == "approval_asked", after=after)
        question = events[-1]
        assert question.type == "approval_asked"
        strength = (await sandbox.state()).strength
        assert f"{strength} sandbox" in question.reason
        seen += events
        after = question.seq
        await desk.engine.submit(
            Approve(session=desk.session, approval=question.approval, digest=question.digest)
        )
    seen += await desk.until(lambda event: event.type == "run_finished", after=after)
    done = [event for event in seen if event.type == "tool_done"]
    assert [event.status for event in done] == ["ok", "ok", "ok"]
    assert '"exit": 0' in done[0].content
    assert any(event.type == "tool_output" and "working" in event.text for event in seen)
    assert any(event.type == "checkpoint_made" for event in seen)
    assert not (desk.root / "data.csv").exists()
    assert (desk.root / "made" / "file").read_text() == "new\n"
    await desk.do(Undo(session=desk.session))
    assert (desk.root / "data.csv").read_text() == "a,b\n1,2\n"
    assert not (desk.root / "made").exists()


async def test_undo_waits_for_a_command_in_the_background(desk: Desk, model_server: ModelServer) -> None:
    call = Call("run_command", {"command": "echo more >> data.csv; sleep 600", "background": True})
    model_server.play(Turn(calls=(call,)), Turn(text="It runs."))
    ack = await desk.engine.submit(Prompt(session=desk.session, text="serve", model=MODEL, edge="test"))
    events = await desk.until(lambda event: event.type == "approval_asked", after=ack.seq)
    question = events[-1]
    assert question.type == "approval_asked"
    await desk.engine.submit(
        Approve(session=desk.session, approval=question.approval, digest=question.digest)
    )
    await desk.until(lambda event: event.type == "run_finished", after=question.seq)
    with pytest.raises(Conflict, match="in the background"):
        await desk.do(Undo(session=desk.session))
