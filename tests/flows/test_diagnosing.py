"""What language servers say of a proposal reaches the model and the person, and stays out of the way."""

import json
from typing import cast

import pytest

from codemad_jupyter.protocol.events import Event
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"


@pytest.fixture
async def desk(make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_DIAGNOSTICS", "auto")
    return await make_desk(kernel=False)


async def asked(desk: Desk, server: ModelServer, *calls: Call) -> tuple[list[Event], list[dict[str, object]]]:
    server.play(*(Turn(calls=(call,)) for call in calls), Turn(text="Done."))
    events = await desk.ask("go", model=MODEL)
    told = [m["content"] for m in server.asked[-1].body["messages"] if m["role"] == "tool"]
    return events, [json.loads(each) for each in told]


async def test_new_problems_come_back_with_the_proposal(desk: Desk, model_server: ModelServer) -> None:
    (desk.root / "lib.py").write_text("def area(r: float) -> float:\n    return r\n\n\nunknown_before\n")
    # The first call starts the servers, however long that takes on this machine.
    events, told = await asked(
        desk,
        model_server,
        Call("diagnostics", {}),
        Call("insert_cell", {"source": "size = 1\nimport planned", "after": "load"}),
        Call("write_file", {"path": "planned.py", "content": "import json\n"}),
        Call("insert_cell", {"source": "import planned\nsize.nope\nnot_anywhere", "after": "load"}),
        Call("edit_file", {"path": "lib.py", "old": "return r", "new": "return str(r)"}),
        Call("diagnostics", {"path": "lib.py"}),
    )
    notebook, first, planned, second, file, again = told
    assert (notebook["count"], notebook["checked_by"]) == (1, ["ty", "ruff"])
    assert "`pandas` imported but unused" in str(notebook["problems"])
    assert "new_problems" not in planned
    missing = first["new_problems"]
    assert isinstance(missing, list)
    assert [line for line in missing if "planned" not in line] == []
    problems = second["new_problems"]
    assert isinstance(problems, list)
    assert [line.split(":")[0] for line in problems[:2]] == ["line 2", "line 3"]
    assert "not_anywhere" in problems[1]
    [problem] = cast("list[str]", file["new_problems"])
    assert problem.startswith("line 2: error: Return type does not match")
    assert again["count"] == 2  # the file itself is as it was: what was wrong before
    seen = [event for event in events if event.type == "edit_diagnosed"]
    proposed = [event for event in events if event.type == "edit_proposed"]
    assert len(seen) == 3
    assert all(a.seq < b.seq for a, b in zip([proposed[0], proposed[2], proposed[3]], seen, strict=True))
    edit = (await desk.engine._activated(desk.session)).session.state.edits[seen[-1].edit]
    assert edit.diagnosis == seen[-1].diagnosis


async def test_switched_off_nothing_is_looked_at(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    desk = await make_desk(kernel=False)
    server = model_server
    server.play(
        Turn(calls=(Call("write_file", {"path": "a.py", "content": "x: int = 'a'\n"}),)),
        Turn(calls=(Call("diagnostics", {"path": "a.py"}),)),
        Turn(text="Done."),
    )
    events = await desk.ask("go", model=MODEL)
    assert not [event for event in events if event.type == "edit_diagnosed"]
    done = [event for event in events if event.type == "tool_done"]
    assert (done[-1].status, "switched off" in done[-1].content) == ("error", True)
