"""Trying again, settling a whole run, and what the model is told about its code."""

import asyncio
import json
from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import AcceptRun, RejectRun, TryEdit, Undo
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import Conflict, NotFound
from codemad_jupyter.protocol.events import LIVE_ONLY, Event
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import until

MODEL = "compatible/scripted"


@pytest.fixture
async def desk(make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    return await make_desk(kernel=True)


def insert(source: str, after: str = "load") -> Call:
    return Call("insert_cell", {"source": source, "after": after})


async def proposed(desk: Desk, server: ModelServer, *calls: Call) -> tuple[str, list[Edit], list[Event]]:
    server.play(Turn(calls=calls), Turn(text="Done."))
    events = await desk.ask("go", model=MODEL)
    edits = [event.edit for event in events if event.type == "edit_proposed"]
    run = events[-1].run
    assert run is not None
    assert len(edits) == len(calls), events
    return run, edits, events


def told(server: ModelServer) -> list[str]:
    return [m["content"] for m in server.asked[-1].body["messages"] if m["role"] == "tool"]


def stored(events: list[Event]) -> list[str]:
    return [event.type for event in events if event.type not in LIVE_ONLY]


def sources(root: Path) -> list[str]:
    cells = json.loads((root / "n.ipynb").read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells]


async def test_the_model_sees_what_its_code_does(desk: Desk, model_server: ModelServer) -> None:
    code = "df['twice'] = df['mean radius'] * 2\nprint('x' * 50_000)\ndf.head(3)"
    _, _, events = await proposed(desk, model_server, insert(code))
    [text] = told(model_server)
    assert len(text) < 2000
    trial = json.loads(text)["trial"]
    assert (trial["status"], trial["method"]) == ("passed", "fork")
    assert "changed in place: df: DataFrame 569 x 31 -> df: DataFrame 569 x 32" in trial["effect"]
    assert "xxxx" in trial["outputs"]
    lines = [line for line in desk.engine.services.audit.lines() if line.tool == "trial"]
    assert [(line.decision, line.axis, line.outcome) for line in lines] == [
        ("allowed", "kernel_run", "passed")
    ]
    seen = next(event.trial for event in events if event.type == "edit_tried")
    assert "<table" in seen.outputs[-1]["data"]["text/html"]
    assert not [name for name in sources(desk.root) if "twice" in name]


async def test_what_was_proposed_before_is_there_when_a_cell_is_tried(
    desk: Desk, model_server: ModelServer
) -> None:
    changed = Call("replace_cell", {"cell": "load", "source": "base = 20\nprint('unseen')"})
    _, edits, events = await proposed(
        desk, model_server, changed, insert("print(base)\ntop = base + 1\ntop"), insert("1 / (top - 21)")
    )
    trials = {event.edit: event.trial for event in events if event.type == "edit_tried"}
    second, third = trials[edits[1].id], trials[edits[2].id]
    assert second.status == "passed"
    assert [output.get("text") for output in second.outputs] == ["20\n", None]
    assert second.outputs[-1]["data"]["text/plain"] == "21"
    assert second.receipt is not None
    assert [state.name for state in second.receipt.added] == ["top"]
    assert not second.receipt.changed
    assert (third.status, third.detail) == ("failed", "ZeroDivisionError: division by zero (line 1)")


async def test_a_cell_after_one_that_fails_is_not_judged(desk: Desk, model_server: ModelServer) -> None:
    _, edits, events = await proposed(desk, model_server, insert("1 / 0"), insert("fine = 1"))
    trials = {event.edit: event.trial for event in events if event.type == "edit_tried"}
    assert trials[edits[0].id].status == "failed"
    assert trials[edits[1].id].status == "skipped"
    assert "proposed before it does not run: ZeroDivisionError" in trials[edits[1].id].detail


async def test_an_edit_is_tried_again(desk: Desk, model_server: ModelServer) -> None:
    _, [edit], events = await proposed(desk, model_server, insert("not_yet + 1"))
    assert next(event.trial.status for event in events if event.type == "edit_tried") == "failed"
    kernel = await desk.engine.services.ports.kernel(desk.target)
    assert kernel is not None
    await kernel.execute("not_yet = 41")
    again = await desk.do(TryEdit(session=desk.session, edit=edit.id))
    assert stored(again) == ["edit_tried"]
    assert again[0].type == "edit_tried"
    assert again[0].trial.outputs[0]["data"]["text/plain"] == "42"
    await desk.do(RejectRun(session=desk.session, run=str(events[-1].run)))
    with pytest.raises(Conflict, match="settled already"):
        await desk.engine.submit(TryEdit(session=desk.session, edit=edit.id))
    with pytest.raises(NotFound, match="no edit"):
        await desk.engine.submit(TryEdit(session=desk.session, edit="nope"))


async def test_a_run_is_accepted_and_run_up_to_the_first_failure(
    desk: Desk, model_server: ModelServer
) -> None:
    calls = (insert("one = 1"), insert("two = one / 0"), insert("three = 3"))
    run, edits, _ = await proposed(desk, model_server, *calls)
    before = sources(desk.root)
    events = await desk.do(AcceptRun(session=desk.session, run=run, execute=True))
    events += await desk.until(
        lambda event: event.type == "cell_executed" and not event.ok, after=events[-1].seq
    )
    settled = [event for event in events if event.type == "edit_settled"]
    assert [(event.edit, event.status) for event in settled] == [(edit.id, "accepted") for edit in edits]
    ran = [event.ok for event in events if event.type == "cell_executed"]
    assert ran == [True, False]
    assert stored(events).count("checkpoint_made") == 1
    assert {"one = 1", "two = one / 0", "three = 3"} <= set(sources(desk.root))
    with pytest.raises(Conflict, match="Nothing of the run is pending"):
        await desk.engine.submit(AcceptRun(session=desk.session, run=run))
    await desk.do(Undo(session=desk.session, run=run))
    assert sources(desk.root) == before


async def test_a_stale_edit_does_not_hold_up_the_others(desk: Desk, model_server: ModelServer) -> None:
    calls = (
        insert("first = 1"),
        Call("replace_cell", {"cell": "load", "source": "import pandas as pd\nimport numpy as np"}),
        insert("last = 1", after="intro"),
    )
    run, edits, _ = await proposed(desk, model_server, *calls)
    path = desk.root / "n.ipynb"
    path.write_text(path.read_text().replace("import pandas as pd", "import pandas"))
    events = await desk.do(AcceptRun(session=desk.session, run=run))
    statuses = {event.edit: event.status for event in events if event.type == "edit_settled"}
    assert [statuses[edit.id] for edit in edits] == ["accepted", "stale", "accepted"]
    assert sources(desk.root) == ["# Cancer", "last = 1", "import pandas", "first = 1"]


async def test_a_run_is_rejected(desk: Desk, model_server: ModelServer) -> None:
    run, edits, _ = await proposed(desk, model_server, insert("a = 1"), insert("b = 2"))
    before = (desk.root / "n.ipynb").read_bytes()
    events = await desk.do(RejectRun(session=desk.session, run=run))
    assert stored(events) == ["edit_settled", "edit_settled"]
    assert [event.status for event in events if event.type == "edit_settled"] == ["rejected", "rejected"]
    assert [event.edit for event in events if event.type == "edit_settled"] == [edit.id for edit in edits]
    assert (desk.root / "n.ipynb").read_bytes() == before
    with pytest.raises(NotFound, match="no run"):
        await desk.engine.submit(RejectRun(session=desk.session, run="nope"))


async def test_where_the_kernel_is_not_copied_the_cells_are_replayed(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_TRIAL_METHOD", "replay")
    desk = await make_desk(kernel=True)
    calls = (insert("s = pd.Series([1, 2])"), insert("s.sum()"))
    _, _, events = await proposed(desk, model_server, *calls)
    first, second = [event.trial for event in events if event.type == "edit_tried"]
    assert (first.status, first.method, first.replayed) == ("passed", "replay", ("load",))
    assert second.outputs[0]["data"]["text/plain"] == "np.int64(3)"
    assert json.loads(told(model_server)[0])["trial"]["replayed"] == ["load"]


async def test_without_a_kernel_the_syntax_is_told(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    desk = await make_desk()
    calls = (insert("%matplotlib inline\nx = 1"), insert("x = ("))
    _, edits, events = await proposed(desk, model_server, *calls)
    tried = {event.edit: event.trial for event in events if event.type == "edit_tried"}
    assert [(tried[e.id].status, tried[e.id].method) for e in edits] == [
        ("skipped", "syntax"),
        ("failed", "syntax"),
    ]
    assert "no kernel is running" in tried[edits[0].id].detail


async def test_an_undo_waits_until_all_of_a_run_is_accepted(desk: Desk, model_server: ModelServer) -> None:
    before = sources(desk.root)
    made = desk.root / "made.py"
    create = Call("write_file", {"path": made.name, "content": "pi = 3\n"})
    run, _, _ = await proposed(desk, model_server, insert("first = 1"), create, insert("last = 1"))
    accepting = asyncio.create_task(desk.engine.submit(AcceptRun(session=desk.session, run=run)))
    await until(made.exists)
    assert not accepting.done()
    events = await desk.do(Undo(session=desk.session, run=run))
    await accepting
    [restored] = [event for event in events if event.type == "restored"]
    assert (restored.files, len(restored.cells)) == (("made.py",), 2)
    assert not made.exists()
    assert sources(desk.root) == before
