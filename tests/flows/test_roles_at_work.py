"""A role that does a prompt, and explorers whose reports alone come back."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.protocol.errors import NotFound, UsageError
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"
ROLE = """---
name: sql
description: Writes queries
tools: [read_file]
model: compatible/small
steps: 3
---
Write SQL only.
"""


@pytest.fixture
async def desk(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODEL", MODEL)
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "own" / "config.toml"))
    (tmp_path / "own" / "roles").mkdir(parents=True)
    (tmp_path / "own" / "roles" / "sql.md").write_text(ROLE)
    root = tmp_path / "work"
    root.mkdir()
    (root / "geometry.py").write_text("def area(r):\n    return 3 * r * r\n")
    return await make_desk(root=root)


async def test_a_role_does_a_prompt_with_its_model_tools_and_limits(
    desk: Desk, model_server: ModelServer
) -> None:
    for number in range(4):
        model_server.play(Turn(calls=(Call("read_file", {"path": "geometry.py", "start": number + 1}),)))
    events = await desk.ask("/agent sql top ten by area")
    started, last = events[0], events[-1]
    started = next(e for e in events if e.type == "run_started")
    assert started.type == "run_started"
    assert (started.model, started.why) == ("compatible/small", "set for the role sql")
    assert last.type == "run_finished"
    assert last.status == "out_of_budget"
    body = model_server.asked[0].body
    assert [each["function"]["name"] for each in body["tools"]] == ["read_file"]
    assert "Write SQL only." in json.dumps(body["messages"])
    with pytest.raises(NotFound, match="no role nobody"):
        await desk.ask("/agent nobody x")
    with pytest.raises(UsageError, match="Who is to do what"):
        await desk.ask("/agent sql")


async def test_explorers_look_side_by_side_and_only_their_reports_return(
    desk: Desk, model_server: ModelServer
) -> None:
    one = Call("delegate", {"task": "Where is area?"})
    other = Call("delegate", {"task": "Is it safe?", "role": "security"})
    read = Call("read_file", {"path": "geometry.py"})
    model_server.play(
        Turn(calls=(one, other)),
        Turn(match="Where is area", calls=(read,)),
        Turn(match="Is it safe", text="It is safe: nothing comes from outside."),
        Turn(match="Where is area", text="area is in geometry.py, line 2."),
        Turn(text="Both are answered."),
    )
    events = await desk.ask("look around")
    last = events[-1]
    assert last.type == "run_finished"
    assert last.status == "done", last.text
    requests = [request.body for request in model_server.asked]
    looking = [
        {each["function"]["name"] for each in body["tools"]}
        for body in requests
        if "sees nothing but your last message" in json.dumps(body["messages"])
    ]
    assert len(looking) == 3
    assert not set.union(*looking) & {"edit_file", "run_code", "delegate", "plan"}
    final = json.dumps(requests[-1]["messages"])
    assert "area is in geometry.py, line 2." in final
    assert "It is safe" in final
    assert "return 3 * r" not in final
    # Their steps are seen under their names; what they say to themselves is not part of the conversation.
    assert {e.agent for e in events if e.type == "tool_called"} == {"main", "analyst"}
    assert [e.message.text for e in events if e.type == "message_done"][-1] == "Both are answered."
    assert {e.agent for e in events if e.type == "message_done"} == {"main"}
    spent = sum(e.usage.input_tokens for e in events if e.type == "message_done")
    assert last.usage.input_tokens > spent


async def test_explorers_are_bounded_and_unknown_roles_told(desk: Desk, model_server: ModelServer) -> None:
    calls = tuple(Call("delegate", {"task": f"t{n}", "role": "nobody"}) for n in range(9))
    model_server.play(Turn(calls=calls), Turn(text="I see."))
    done = [e for e in await desk.ask("look around") if e.type == "tool_done"]
    assert [e.status for e in done] == ["error"] * 9
    told = [e.content for e in done]  # they go out side by side: which of them is one too many is open
    assert sum("There is no role nobody" in each for each in told) == 8
    assert sum("8 explorers were sent out in this run" in each for each in told) == 1
