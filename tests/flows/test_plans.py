"""A plan from the question to its last task, with a restart in between; commands that ask no model."""

import json
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.protocol.commands import ApprovePlan, Cancel, ChangePlan, DropPlan
from codemad_jupyter.protocol.errors import Conflict, UsageError
from codemad_jupyter.protocol.events import Event, PlanChanged
from codemad_jupyter.protocol.plans import Plan
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"
TASKS: list[dict[str, Any]] = [
    {"id": "tell", "title": "Write the readme", "needs": ["area"], "minutes": 5},
    {"id": "area", "title": "Use pi", "minutes": 10},
]


@pytest.fixture
async def desk(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODEL", MODEL)
    root = tmp_path / "work"
    root.mkdir()
    (root / "geometry.py").write_text("def area(r):\n    return 3 * r * r\n")
    return await make_desk(root=root)


def propose(tasks: list[dict[str, Any]]) -> Call:
    return Call("plan", {"action": "propose", "goal": "Right areas", "tasks": tasks})


def plans(events: list[Event]) -> list[PlanChanged]:
    return [event for event in events if isinstance(event, PlanChanged)]


async def planned(desk: Desk, model_server: ModelServer) -> Plan:
    model_server.play(Turn(calls=(propose(TASKS),)), Turn(text="Have a look."))
    return plans(await desk.ask("/plan right areas"))[-1].plan


async def test_a_plan_is_proposed_changed_approved_and_carried_out(
    desk: Desk, model_server: ModelServer
) -> None:
    circle = [{"id": "a", "title": "A", "needs": ["a"]}]
    model_server.play(
        Turn(calls=(propose(circle),)), Turn(calls=(propose(TASKS),)), Turn(text="Have a look.")
    )
    events = await desk.ask("/plan right areas")
    # Only reading and planning is possible: the other tools are not even there.
    offered = {each["function"]["name"] for each in model_server.asked[0].body["tools"]}
    assert {"plan", "read_file"} <= offered
    assert not offered & {"edit_file", "run_code", "insert_cell", "remember"}
    assert next(e.content for e in events if e.type == "tool_done").startswith(
        "These tasks wait for each other"
    )
    plan = plans(events)[-1].plan
    last = events[-1]
    assert last.type == "run_finished"
    assert last.text == "The plan waits for you: change it, approve it, or drop it."
    assert [e.phase for e in events if e.type == "phase_changed"] == ["plan"]

    tell, area = plan.tasks
    area = area.model_copy(update={"detail": "Take math.pi."})
    change = ChangePlan(session=desk.session, plan=plan.id, revision=plan.revision, tasks=(tell, area))
    changed = plans(await desk.do(change))[-1].plan
    with pytest.raises(Conflict, match="changed meanwhile"):
        await desk.engine.submit(change)

    edit = Call("edit_file", {"path": "geometry.py", "old": "3 * r", "new": "3.14159 * r"})
    write = Call("write_file", {"path": "README.md", "content": "Areas.\n"})
    done = Call("plan", {"action": "update", "task": "area", "status": "done", "note": "pi is used"})
    model_server.play(
        Turn(calls=(edit, done)), Turn(text="Area."), Turn(calls=(write,)), Turn(text="Readme.")
    )
    command = ApprovePlan(session=desk.session, plan=plan.id, revision=changed.revision, edge="test")
    ack = await desk.engine.submit(command)
    events = await desk.until(lambda e: e.type == "run_finished", after=ack.seq)
    assert [e.edit.target.path for e in events if e.type == "edit_proposed"] == ["geometry.py", "README.md"]  # type: ignore[union-attr]
    told = json.dumps(model_server.asked[-1].body["messages"], ensure_ascii=False)
    assert told.index("Task 1 of 2") < told.index("Task 2 of 2")
    assert "Take math.pi." in told
    assert "Use pi: pi is used" in told
    last = events[-1]
    assert last.type == "run_finished"
    assert (last.status, last.text) == ("done", "2 of 2 tasks are done.")
    assert plans(events)[-1].plan.status == "done"
    phases = [e.phase for e in events if e.type == "phase_changed"]
    assert phases == ["execute", "verify", "execute", "verify"]


async def test_a_plan_survives_the_end_of_the_process_and_goes_on(
    desk: Desk, make_desk: MakeDesk, model_server: ModelServer
) -> None:
    plan = await planned(desk, model_server)
    failed = Call("plan", {"action": "update", "task": "area", "status": "failed", "note": "no such file"})
    model_server.play(Turn(calls=(failed,)), Turn(text="It cannot be done."))
    ack = await desk.engine.submit(
        ApprovePlan(session=desk.session, plan=plan.id, revision=plan.revision, edge="test")
    )
    last = (await desk.until(lambda e: e.type == "run_finished", after=ack.seq))[-1]
    assert last.type == "run_finished"
    assert last.status == "failed"
    assert "Task area (“Use pi”) failed." in last.text
    await desk.engine.close()

    again = await make_desk(root=desk.root)
    kept = await again.engine.plan(again.session)
    assert kept is not None
    assert [(task.id, task.status, task.note) for task in kept.tasks] == [
        ("tell", "open", ""),
        ("area", "failed", "no such file"),
    ]
    tasks = (kept.tasks[0].model_copy(update={"needs": ()}),)
    again_changed = ChangePlan(session=again.session, plan=kept.id, revision=kept.revision, tasks=tasks)
    kept = plans(await again.do(again_changed))[-1].plan
    model_server.play(Turn(text="Written."))
    ack = await again.engine.submit(
        ApprovePlan(session=again.session, plan=kept.id, revision=kept.revision, edge="test")
    )
    events = await again.until(lambda e: e.type == "run_finished", after=ack.seq)
    assert plans(events)[-1].plan.status == "done"


async def test_a_stopped_task_is_open_again_and_no_second_plan_comes_between(
    desk: Desk, model_server: ModelServer
) -> None:
    plan = await planned(desk, model_server)
    model_server.play(Turn(calls=(propose(TASKS),)), Turn(text="slow " * 200, delay=0.05))
    ack = await desk.engine.submit(
        ApprovePlan(session=desk.session, plan=plan.id, revision=plan.revision, edge="test")
    )
    events = await desk.until(lambda e: e.type == "text_delta", after=ack.seq)
    refused = next(e for e in events if e.type == "tool_done")
    assert "being carried out" in refused.content
    with pytest.raises(Conflict, match="A run is going on"):
        await desk.engine.submit(DropPlan(session=desk.session, plan=plan.id))
    await desk.engine.submit(Cancel(session=desk.session))
    events = await desk.until(lambda e: e.type == "run_finished", after=ack.seq)
    last = plans(events)[-1].plan
    assert (last.id, last.status, {task.status for task in last.tasks}) == (plan.id, "approved", {"open"})


async def test_what_cannot_be_is_refused_and_a_dropped_plan_stays_dropped(
    desk: Desk, model_server: ModelServer
) -> None:
    plan = await planned(desk, model_server)
    alone = (plan.tasks[0],)
    with pytest.raises(UsageError, match="needs area, which is no task"):
        await desk.engine.submit(
            ChangePlan(session=desk.session, plan=plan.id, revision=plan.revision, tasks=alone)
        )
    dropped = plans(await desk.do(DropPlan(session=desk.session, plan=plan.id)))[-1].plan
    assert dropped.status == "dropped"
    with pytest.raises(Conflict, match="was dropped"):
        await desk.engine.submit(
            ApprovePlan(session=desk.session, plan=plan.id, revision=dropped.revision, edge="test")
        )


async def test_commands_that_ask_no_model(desk: Desk, model_server: ModelServer) -> None:
    events = await desk.ask("/help")
    assert "`/plan [WHAT]`" in next(e.message.text for e in events if e.type == "message_done")
    events = await desk.ask("/plan")
    assert "There is no plan yet" in next(e.message.text for e in events if e.type == "message_done")
    events = await desk.ask("/compact")
    assert events[-1].type == "run_finished"
    assert "nothing to summarise" in events[-1].text
    assert model_server.asked == []
    with pytest.raises(UsageError, match="no command /complct"):
        await desk.ask("/complct")


async def test_compacting_on_demand_sends_a_summary_from_then_on(
    desk: Desk, model_server: ModelServer
) -> None:
    model_server.play(Turn(text="One."), Turn(text="Two."), Turn(text="The notes."), Turn(text="Three."))
    for text in ("What is first?", "What is second?"):
        await desk.ask(text)
    told = [e for e in await desk.ask("/compact") if e.type == "compacted"]
    assert [e.turns for e in told] == [1]
    await desk.ask("What is third?")
    sent = json.dumps(model_server.asked[-1].body["messages"])
    assert "The notes." in sent
    assert "One." not in sent


async def test_a_small_model_is_asked_only_where_words_leave_doubt(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODEL", MODEL)
    monkeypatch.setenv("CODEMAD_PURPOSES", json.dumps({"classify": {"model": "compatible/small"}}))
    desk = await make_desk()
    model_server.play(
        Turn(text="fix", model="small"),
        Turn(text="Mended."),
        Turn(text="perhaps", model="small"),
        Turn(text="Hm."),
    )
    first = [e for e in await desk.ask("the outliers look odd") if e.type == "intent_decided"]
    assert [(e.intent, e.reason) for e in first] == [("fix", "compatible/small reads it so")]
    events = await desk.ask("the axes look odd")
    assert [e.intent for e in events if e.type == "intent_decided"] == ["answer"]
    assert any(e.type == "notice" and "named nothing that can be asked for" in e.text for e in events)
    model_server.play(Turn(text="Sure."))
    await desk.ask("why is it so?")
    assert len(model_server.asked) == 5
