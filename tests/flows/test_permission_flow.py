"""Permissions over the whole line: modes, rules, exact approvals, what is kept, and the audit log."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from codemad_jupyter.orchestrator.modes import Modes
from codemad_jupyter.protocol.commands import AcceptRun, Approve, ChooseMode, Reject
from codemad_jupyter.protocol.errors import Conflict, Denied, UsageError
from codemad_jupyter.protocol.events import ApprovalAsked, ApprovalSettled, Event
from codemad_jupyter.protocol.permissions import UNCONFINED, Rule, SandboxState
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"
RUN = Call("run_code", {"code": "told = 1"})


@pytest.fixture(autouse=True)
def _model(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)


async def begun(desk: Desk, text: str) -> tuple[ApprovalAsked, "asyncio.Task[list[Event]]"]:
    """Ask, and wait for the question that comes of it."""
    after = await desk.engine.state_seq(desk.session)
    asking = asyncio.create_task(desk.ask(text, model=MODEL))
    events = await desk.until(lambda event: event.type == "approval_asked", after=after)
    assert isinstance(events[-1], ApprovalAsked)
    return events[-1], asking


async def test_an_answer_counts_once_and_for_the_action_that_was_shown(
    make_desk: MakeDesk, model_server: ModelServer
) -> None:
    desk = await make_desk(kernel=True)
    model_server.play(Turn(calls=(RUN,)), Turn(text="Done."))
    asked, asking = await begun(desk, "run it")
    assert (asked.axis, asked.keepable, asked.action) == ("kernel_mutate", True, "told = 1")
    answer = Approve(session=desk.session, approval=asked.approval, digest=asked.digest)
    with pytest.raises(Conflict, match="another action"):
        await desk.engine.submit(answer.model_copy(update={"digest": "0" * 64}))
    await desk.engine.submit(answer.model_copy(update={"always": True}))
    for late in (answer, Reject(session=desk.session, approval=asked.approval)):
        with pytest.raises(Conflict, match="not open"):
            await desk.engine.submit(late)
    await asking

    model_server.play(Turn(calls=(RUN,)), Turn(text="Again."))
    again = await desk.ask("again", model=MODEL)
    assert not [event for event in again if event.type == "approval_asked"]
    kept = desk.engine.services.allowed.listed()
    assert [(each.tool, each.action, each.digest) for each in kept] == [
        ("run_code", "told = 1", asked.digest)
    ]
    desk.engine.services.allowed.revoke(asked.digest[:8])
    model_server.play(Turn(calls=(RUN,)), Turn(text="Refused."))
    asked, asking = await begun(desk, "and again")
    await desk.engine.submit(Reject(session=desk.session, approval=asked.approval))
    events = await asking
    assert [event.status for event in events if event.type == "tool_done"] == ["denied"]
    lines = [line for line in desk.engine.services.audit.lines() if line.tool == "run_code"]
    assert [(line.decision, line.outcome) for line in lines] == [
        ("approved", "done"),
        ("allowed", "done"),
        ("rejected", "not done"),
    ]
    assert lines[1].rule == "you allowed exactly this for good"


async def test_edits_apply_by_themselves_but_what_gives_rights(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_MODE", "auto_edit")
    desk = await make_desk()
    plain = Call("write_file", {"path": "notes.txt", "content": "hello\n"})
    granting = Call("write_file", {"path": "codemad.toml", "content": "mode = 'auto_sandboxed'\n"})
    model_server.play(Turn(calls=(plain, granting)), Turn(text="Done."))
    events = await desk.ask("write", model=MODEL)
    assert (desk.root / "notes.txt").read_text() == "hello\n"
    assert not (desk.root / "codemad.toml").exists()
    kinds = [event.type for event in events]
    assert kinds.index("checkpoint_made") < kinds.index("edit_settled")
    statuses = [edit.status for edit in desk.engine._active[desk.session].session.state.edits.values()]
    assert statuses == ["accepted", "pending"]
    with pytest.raises(Denied, match="what assistants, editors or shells"):
        await desk.engine.submit(AcceptRun(session=desk.session, run=str(events[-1].run)))
    assert not (desk.root / "codemad.toml").exists()
    applied = [line for line in desk.engine.services.audit.lines() if line.tool == "edit"]
    assert [(line.decision, line.outcome) for line in applied] == [("allowed", "done")]


async def test_where_nobody_is_and_in_planning_nothing_happens(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write = Call("write_file", {"path": "notes.txt", "content": "hello\n"})
    for mode, attended, proposed in (("ask", False, 1), ("plan", True, 0)):
        monkeypatch.setenv("CODEMAD_MODE", mode)
        desk = await make_desk(kernel=True, attended=attended, root=tmp_path / mode)
        model_server.play(Turn(calls=(RUN, write)), Turn(text="Done."))
        events = await desk.ask("do it", model=MODEL)
        assert not [event for event in events if event.type == "approval_asked"]
        assert len([event for event in events if event.type == "edit_proposed"]) == proposed
        done = [event.status for event in events if event.type == "tool_done"]
        refused = [line.decision for line in desk.engine.services.audit.lines() if line.tool == "run_code"]
        # In planning the tool is not even there, and that it was called is written down all the same.
        assert (done[0], refused) == ("error" if mode == "plan" else "denied", ["denied"])
        await desk.engine.close()


async def test_rules_of_path_and_tool_hold_for_every_tool(
    make_desk: MakeDesk, model_server: ModelServer
) -> None:
    rules = (
        Rule(decide="deny", path="secrets/**", origin="mine"),
        Rule(decide="hide", tool="run_code", origin="mine"),
    )
    desk = await make_desk(kernel=True, rules=rules)
    (desk.root / "secrets").mkdir()
    (desk.root / "secrets" / "key.txt").write_text("CANARY needle\n")
    (desk.root / "link.txt").symlink_to("secrets/key.txt")
    patch = "*** Begin Patch\n*** Add File: secrets/new.txt\n+x\n*** End Patch"
    calls = (
        Call("read_file", {"path": "link.txt"}),
        Call("read_file", {"path": "SECRETS/../secrets/key.txt"}),
        Call("apply_patch", {"patch": patch}),
        Call("search_workspace", {"query": "needle"}),
        Call("list_files", {"pattern": "*"}),
        RUN,
    )
    model_server.play(Turn(calls=calls), Turn(text="Done."))
    events = await desk.ask("look", model=MODEL)
    done = {event.call: event for event in events if event.type == "tool_done"}
    statuses = [event.status for event in done.values()]
    assert statuses == ["denied", "denied", "denied", "ok", "ok", "error"]
    said = str([request.body for request in model_server.requests])
    assert "CANARY" not in said
    assert "secrets/key.txt" not in list(done.values())[4].content
    assert "run_code" not in str(model_server.requests[0].body["tools"])


async def test_a_question_of_a_process_that_ended_is_settled_with_a_sentence(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk = await make_desk(kernel=True)
    model_server.play(Turn(calls=(RUN,)), Turn(text="Done."))
    asked, asking = await begun(desk, "run it")
    await desk.engine._active[desk.session].session.bus.saved()
    # What a kill leaves behind: the store as it is on the disk at this moment.
    shutil.copytree(tmp_path / "data", tmp_path / "left")
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "left"))
    second = await make_desk(kernel=True)
    stored = await second.engine.stored(desk.session)
    settled = [event for event in stored if isinstance(event, ApprovalSettled)]
    assert [(event.approval, event.decision) for event in settled] == [(asked.approval, "expired")]
    assert "has ended" in settled[0].reason
    with pytest.raises(Conflict):
        await second.engine.submit(
            Approve(session=desk.session, approval=asked.approval, digest=asked.digest)
        )
    await desk.engine.submit(Reject(session=desk.session, approval=asked.approval))
    await asking


async def test_the_sandbox_is_tried_only_where_a_decision_rests_on_it(make_desk: MakeDesk) -> None:
    tried: list[str] = []

    async def sandbox() -> SandboxState:
        tried.append("tried")
        return UNCONFINED

    services = replace((await make_desk()).engine.services, sandbox=sandbox)
    await services.granted()
    assert not tried, "no first word of an answer waits for it"
    await replace(services, modes=Modes("auto_sandboxed")).granted()
    assert tried


async def test_the_mode_is_shown_and_chosen_by_a_slash_command(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    modes = desk.engine.services.modes
    shown = await desk.ask("/mode")
    told = next(event.message.text for event in shown if event.type == "message_done")
    assert told.startswith("Mode **ask**\n- `plan`: nothing but reading")
    assert "Sandbox **" in told
    after = await desk.engine.state_seq(desk.session)
    chosen = await desk.ask("/mode auto_edit")
    assert "Mode **auto_edit** (settings: ask)" in str(chosen)
    stored = await desk.engine.stored(desk.session, after)
    assert [(e.mode, e.was) for e in stored if e.type == "mode_chosen"] == [("auto_edit", "ask")]
    with pytest.raises(UsageError, match="no mode 'everything'"):
        await desk.ask("/mode everything")
    await desk.do(ChooseMode(session=desk.session, mode="plan"))
    assert (modes.now, modes.settled) == ("plan", "ask")
    lines = [line for line in desk.engine.services.audit.lines() if line.tool == "choose_mode"]
    assert [(line.action, line.decision) for line in lines] == [
        ("ask -> auto_edit", "approved"),
        ("auto_edit -> plan", "approved"),
    ]


async def test_amid_a_run_a_mode_becomes_stricter_at_once_and_looser_never(
    make_desk: MakeDesk, model_server: ModelServer
) -> None:
    desk = await make_desk(kernel=True)
    model_server.play(Turn(calls=(RUN,)), Turn(calls=(RUN,)), Turn(text="Done."))
    asked, asking = await begun(desk, "run it")
    with pytest.raises(Conflict, match="more than it began with"):
        await desk.engine.submit(ChooseMode(session=desk.session, mode="auto_edit"))
    await desk.engine.submit(ChooseMode(session=desk.session, mode="plan"))
    await desk.engine.submit(Reject(session=desk.session, approval=asked.approval))
    events = await asking
    denied = [event for event in events if event.type == "tool_done" and event.status == "denied"]
    assert "mode plan" in denied[-1].content
    assert len([event for event in events if event.type == "approval_asked"]) == 1
