"""The server is killed in mid-run: what was said stays, the run counts as interrupted, one can go on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.server.processes import Running, running
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"


def events(server: Running, session: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.ask(f"codemad/sessions/{session}/events")["events"]
    return found


def wait_for(server: Running, session: str, kind: str, *, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for event in events(server, session):
            if event["type"] == kind and event["run"] == run:
                return event
        time.sleep(0.05)
    raise AssertionError(f"no {kind} within 30 s: {[e['type'] for e in events(server, session)]}")


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
        time.sleep(0.7)  # into the slow answer
        before = events(server, session)
        server.process.kill()
        server.process.wait(10)

    model_server.play(Turn(text="The third answer."))
    began = time.monotonic()
    with running(tmp_path, env=env) as server:
        after = events(server, session)
        assert time.monotonic() - began < 30
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
