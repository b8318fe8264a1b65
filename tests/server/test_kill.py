"""The server is killed in mid-run: what was said stays, the run counts as interrupted, one can go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.server.processes import Running, running
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import wait_until

MODEL = "compatible/scripted"


def events(server: Running, session: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.ask(f"codemad/sessions/{session}/events")["events"]
    return found


def wait_for(server: Running, session: str, kind: str, *, run: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [event for event in events(server, session) if (event["type"], event["run"]) == (kind, run)]

    wait_until(found, lambda: [event["type"] for event in events(server, session)])
    return found()[0]


def ask(server: Running, session: str, text: str) -> str:
    body = {"type": "prompt", "session": session, "text": text, "model": MODEL}
    run: str = server.ask("codemad/commands", body)["run"]
    return run


def test_nothing_acknowledged_is_lost_and_the_session_goes_on(
    tmp_path: Path, model_server: ModelServer
) -> None:
    env = {"CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url}
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a.txt").write_text("the file\n")
    model_server.play(
        Turn(text="The first answer."),
        Turn(text="Let me look.", calls=(Call("read_file", {"path": "a.txt"}),)),
        Turn(text="A slow answer that never ends. " * 100, delay=0.5),
    )
    with running(tmp_path, env=env) as server:
        session = server.ask("codemad/sessions")["current"]
        first = ask(server, session, "the first question")
        assert wait_for(server, session, "run_finished", run=first)["status"] == "done"
        cut = ask(server, session, "the second question")
        wait_for(server, session, "tool_done", run=cut)
        assert model_server.wait_for(lambda model: len(model.asked) == 3)  # for the slow answer
        before = events(server, session)
        server.process.kill()
        server.process.wait(10)

    model_server.play(Turn(text="The third answer."))
    with running(tmp_path, env=env) as server:
        after = events(server, session)
        assert after[: len(before)] == before
        ended = [event for event in after if event["type"] == "run_finished" and event["run"] == cut]
        assert [event["status"] for event in ended] == ["interrupted"]
        assert server.ask("codemad/sessions")["current"] == session
        third = ask(server, session, "the third question")
        assert wait_for(server, session, "run_finished", run=third)["status"] == "done"
        assert len(events(server, session)) > len(after)
    said = str(model_server.requests[-1].body)
    for text in ("the first question", "The first answer.", "the second question", "the third question"):
        assert text in said
