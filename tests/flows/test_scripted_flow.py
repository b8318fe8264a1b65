"""The same line with a model behind HTTP: edits of files, approvals, cancel, limits, faults."""

from collections.abc import Callable
from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import AcceptEdit, Approve, Cancel, Prompt, Redo, Reject, Undo
from codemad_jupyter.protocol.errors import Conflict
from codemad_jupyter.protocol.events import Event
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT, until

MODEL = "compatible/scripted"
SOURCE = "def area(r):\n    return 3 * r * r\n\n\ndef name():\n    return 'x'\n"


@pytest.fixture
async def desk(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    root = tmp_path / "work"
    root.mkdir()
    (root / "geometry.py").write_text(SOURCE)
    return await make_desk(root=root)


def edit_call(old: str, new: str) -> Call:
    return Call("edit_file", {"path": "geometry.py", "old": old, "new": new, "title": "Use pi"})


async def test_a_file_edit_is_settled_by_hunk_and_undone_byte_for_byte(
    desk: Desk, model_server: ModelServer, golden: Callable[[str, list[Event]], None]
) -> None:
    old = "    return 3 * r * r\n\n\ndef name():\n    return 'x'"
    new = "    return 3.14159 * r * r\n\n\ndef name():\n    return 'circle'"
    model_server.play(
        Turn(calls=(Call("read_file", {"path": "geometry.py"}),)),
        Turn(text="I propose two changes.", calls=(edit_call(old, new),)),
        Turn(text="Done: see the diff."),
    )
    events = await desk.ask("use pi", model=MODEL)
    golden("scripted_file_edit", events)
    edit = next(event.edit for event in events if event.type == "edit_proposed")
    assert [hunk.id for hunk in edit.hunks] == [0, 1]
    path = desk.root / "geometry.py"
    assert path.read_text() == SOURCE

    await desk.do(AcceptEdit(session=desk.session, edit=edit.id, hunks=(1,)))
    assert path.read_text() == SOURCE.replace("'x'", "'circle'")
    await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
    assert path.read_text() == SOURCE.replace(old, new)
    both = path.read_text()
    await desk.do(Undo(session=desk.session))
    assert path.read_text() == SOURCE
    await desk.do(Redo(session=desk.session))
    assert path.read_text() == both


async def test_a_new_file_is_created_and_undo_removes_it(desk: Desk, model_server: ModelServer) -> None:
    call = Call("write_file", {"path": "pkg/new.py", "content": "x = 1\n"})
    model_server.play(Turn(calls=(call,)), Turn(text="Proposed."))
    events = await desk.ask("make it", model=MODEL)
    edit = next(event.edit for event in events if event.type == "edit_proposed")
    await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
    assert (desk.root / "pkg" / "new.py").read_text() == "x = 1\n"
    await desk.do(Undo(session=desk.session))
    assert not (desk.root / "pkg").exists()


async def test_undo_covers_ignored_files_and_keeps_what_the_person_did_before(
    desk: Desk, model_server: ModelServer
) -> None:
    (desk.root / ".gitignore").write_text("local.cfg\n")
    (desk.root / "local.cfg").write_text("a = 1\n")
    first = Call("edit_file", {"path": "geometry.py", "old": "3 * r", "new": "4 * r"})
    second = Call("edit_file", {"path": "local.cfg", "old": "a = 1", "new": "a = 2"})
    model_server.play(Turn(calls=(first, second)), Turn(text="Proposed."))
    events = await desk.ask("change both", model=MODEL)
    edits = [event.edit.id for event in events if event.type == "edit_proposed"]
    await desk.do(AcceptEdit(session=desk.session, edit=edits[0]))
    (desk.root / "notes.txt").write_text("mine, between the two\n")
    await desk.do(AcceptEdit(session=desk.session, edit=edits[1]))
    assert (desk.root / "local.cfg").read_text() == "a = 2\n"
    restored = (await desk.do(Undo(session=desk.session)))[-1]
    assert restored.type == "restored"
    assert set(restored.files) == {"geometry.py", "local.cfg"}
    assert (desk.root / "local.cfg").read_text() == "a = 1\n"
    assert (desk.root / "geometry.py").read_text() == SOURCE
    assert (desk.root / "notes.txt").read_text() == "mine, between the two\n"
    await desk.do(Redo(session=desk.session))
    assert (desk.root / "local.cfg").read_text() == "a = 2\n"


async def test_a_file_changed_meanwhile_makes_the_edit_stale(desk: Desk, model_server: ModelServer) -> None:
    model_server.play(Turn(calls=(edit_call("3 * r", "4 * r"),)), Turn(text="Proposed."))
    events = await desk.ask("use four", model=MODEL)
    edit = next(event.edit for event in events if event.type == "edit_proposed")
    path = desk.root / "geometry.py"
    path.write_text(SOURCE + "# mine\n")
    settled = (await desk.do(AcceptEdit(session=desk.session, edit=edit.id)))[-1]
    assert settled.type == "edit_settled"
    assert (settled.status, path.read_text()) == ("stale", SOURCE + "# mine\n")
    assert "changed since" in settled.detail


async def test_a_wrong_edit_is_answered_and_mended_by_the_model(
    desk: Desk, model_server: ModelServer
) -> None:
    model_server.play(
        Turn(calls=(edit_call("no such text", "nor this"),)),
        Turn(calls=(edit_call("3 * r", "4 * r"),)),
        Turn(text="Proposed."),
    )
    events = await desk.ask("use four", model=MODEL)
    done = [event for event in events if event.type == "tool_done"]
    assert [event.status for event in done] == ["error", "ok"]
    assert "is not in geometry.py" in done[0].content


async def test_a_proposal_that_failed_its_trial_is_replaced_by_a_better_one(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    desk = await make_desk(kernel=True)
    better: dict[str, str] = {}  # the cell's id is known when the first proposal is there
    model_server.play(
        Turn(calls=(Call("insert_cell", {"source": "df['radius'].mean()"}),)),
        Turn(calls=(Call("replace_cell", better),), first_delay=1.0),
        Turn(text="Mended."),
    )
    prompt = Prompt(session=desk.session, text="mean?", target=desk.target, model=MODEL, edge="test")
    ack = await desk.engine.submit(prompt)
    tried = (await desk.until(lambda e: e.type == "edit_tried", after=ack.seq))[-1]
    assert tried.type == "edit_tried"
    assert tried.trial.status == "failed"
    assert "KeyError" in tried.trial.detail
    said = await desk.engine.stored(desk.session, after=ack.seq)
    first = next(event.edit for event in said if event.type == "edit_proposed")
    assert first.target.type == "cell"
    better.update(cell=first.target.cell, source="df['mean radius'].mean()")
    events = await desk.until(lambda e: e.type == "run_finished", after=tried.seq)
    settled = next(event for event in events if event.type == "edit_settled")
    assert (settled.edit, settled.status) == (first.id, "rejected")
    second = next(event.edit for event in events if event.type == "edit_proposed")
    assert second.target == first.target
    again = next(event for event in events if event.type == "edit_tried")
    assert again.trial.status == "passed"
    assert not any(event.type == "notice" for event in events)


@pytest.mark.parametrize("yes", [True, False])
async def test_running_code_asks_and_the_answer_is_obeyed(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, yes: bool
) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    desk = await make_desk(kernel=True)
    code = "open('made.txt', 'w').write('hi'); answer = 42"
    model_server.play(Turn(calls=(Call("run_code", {"code": code}),)), Turn(text="That is it."))
    prompt = Prompt(session=desk.session, text="run it", target=desk.target, model=MODEL, edge="test")
    ack = await desk.engine.submit(prompt)
    asked = (await desk.until(lambda e: e.type == "approval_asked", after=ack.seq))[-1]
    assert asked.type == "approval_asked"
    assert asked.action == code
    reply = Approve if yes else Reject
    await desk.engine.submit(reply(session=desk.session, approval=asked.approval))
    events = await desk.until(lambda e: e.type == "run_finished", after=asked.seq)
    done = next(event for event in events if event.type == "tool_done")
    assert done.status == ("ok" if yes else "denied")
    made = desk.root / "made.txt"
    assert made.exists() == yes
    if yes:
        await desk.do(Undo(session=desk.session))
        assert not made.exists()


async def test_cancel_stops_and_keeps_what_was_said(desk: Desk, model_server: ModelServer) -> None:
    model_server.play(Turn(text="word " * 400, delay=0.05), Turn(text="Fine."))
    ack = await desk.engine.submit(Prompt(session=desk.session, text="talk", model=MODEL, edge="test"))
    await desk.until(lambda e: e.type == "text_delta", after=ack.seq)
    await desk.engine.submit(Cancel(session=desk.session, run=ack.run))
    events = await desk.until(lambda e: e.type == "run_finished", after=ack.seq)
    assert events[-1].type == "run_finished"
    assert events[-1].status == "cancelled"
    kept = next(event for event in events if event.type == "message_done")
    assert kept.message.text.startswith("word word")
    assert model_server.wait_for(lambda s: s.asked[0].closed_at is not None)
    assert (await desk.ask("and now?", model=MODEL))[-1].status == "done"  # type: ignore[union-attr]


async def test_cancel_interrupts_code_that_runs_in_the_kernel(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    desk = await make_desk(kernel=True, policy="allow")
    code = "import time\nopen('began', 'w').close()\ntime.sleep(600)"
    model_server.play(Turn(calls=(Call("run_code", {"code": code}),)))
    prompt = Prompt(session=desk.session, text="wait", target=desk.target, model=MODEL, edge="test")
    ack = await desk.engine.submit(prompt)
    await until((desk.root / "began").exists, "the code")
    await desk.engine.submit(Cancel(session=desk.session))
    last = (await desk.until(lambda e: e.type == "run_finished", after=ack.seq))[-1]
    assert last.type == "run_finished"
    assert last.status == "cancelled"
    kernel = await desk.engine.services.ports.kernel(desk.target)
    assert kernel is not None
    assert (await kernel.execute("1 + 1", timeout=LIMIT)).ok


async def test_a_second_prompt_waits_its_turn(desk: Desk, model_server: ModelServer) -> None:
    model_server.play(Turn(text="slow " * 20, delay=0.05))
    ack = await desk.engine.submit(Prompt(session=desk.session, text="talk", model=MODEL, edge="test"))
    with pytest.raises(Conflict, match="A run is going on"):
        await desk.engine.submit(Prompt(session=desk.session, text="again", model=MODEL, edge="test"))
    await desk.until(lambda e: e.type == "run_finished", after=ack.seq)


async def test_the_same_call_over_and_over_is_stopped(desk: Desk, model_server: ModelServer) -> None:
    model_server.play(Turn(calls=(Call("list_files", {"pattern": "*"}),), repeat=True))
    last = (await desk.ask("loop", model=MODEL))[-1]
    assert last.type == "run_finished"
    assert (last.status, len(model_server.asked)) == ("failed", 3)
    assert "same tool call" in last.text


async def test_the_step_limit_ends_the_run(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MAX_STEPS", "2")
    desk = await make_desk()
    for number in range(5):
        model_server.play(Turn(calls=(Call("list_files", {"pattern": f"*{number}"}),)))
    last = (await desk.ask("go", model=MODEL))[-1]
    assert last.type == "run_finished"
    assert (last.status, len(model_server.asked)) == ("out_of_budget", 2)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Turn(status=401, error="invalid_api_key"), "key"),
        (Turn(status=404, error="model_not_found"), "model"),
        (Turn(html=True), "cannot be read"),
    ],
)
async def test_a_failing_model_ends_the_run_with_one_sentence(
    desk: Desk, model_server: ModelServer, fault: Turn, said: str
) -> None:
    model_server.play(fault)
    events = await desk.ask("hi", model=MODEL)
    last = events[-1]
    assert last.type == "run_finished"
    assert last.status == "failed"
    assert said in last.text.lower()


async def test_history_is_sent_and_calls_left_open_are_closed(desk: Desk, model_server: ModelServer) -> None:
    model_server.play(Turn(text="first answer"), Turn(text="second answer"))
    await desk.ask("first question", model=MODEL)
    await desk.ask("second question", model=MODEL)
    roles = [message["role"] for message in model_server.asked[1].body["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert model_server.asked[0].body["messages"][0] == model_server.asked[1].body["messages"][0]


async def test_a_listener_that_comes_late_sees_the_beginning_of_a_stream(
    desk: Desk, model_server: ModelServer
) -> None:
    model_server.play(Turn(text="".join(f"w{i} " for i in range(60)), delay=0.03, chunk=8))
    ack = await desk.engine.submit(Prompt(session=desk.session, text="talk", model=MODEL, edge="test"))
    await desk.until(lambda e: e.type == "text_delta" and "w5" in e.text, after=ack.seq)
    late = await desk.until(lambda e: e.type == "message_done", after=0)
    text = "".join(event.text for event in late if event.type == "text_delta")
    assert text.startswith("w0 w1")
    assert late[-1].type == "message_done"
    assert text == late[-1].message.text
