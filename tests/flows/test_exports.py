"""Sessions as files: what an export holds and leaves out, and what becomes of one that is read."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import CodemadError, Conflict, TooLarge, UsageError
from codemad_jupyter.protocol.events import (
    ApprovalAsked,
    EditProposed,
    PlanChanged,
    RunStarted,
)
from codemad_jupyter.protocol.messages import Message, ToolCallPart, ToolResultPart
from codemad_jupyter.protocol.plans import Plan, PlanTask
from codemad_jupyter.protocol.sessions import MAIN
from tests.flows.branch_story import Story, telling

KEY = "sk-ant-api03-" + "Zq8Xw3Lk9Vb2Nm7Pd4Rt6Yh1"


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    async with telling(tmp_path) as told:
        yield told


async def test_exports_can_be_read_and_read_again(story: Story) -> None:
    first = await story.turn("# What is\n```in``` it?", f"Your key is {KEY}", path="a.py", content="a = 1\n")
    session = (await story.engine._activated(story.session)).session
    result = ToolResultPart(id="c", name="run_code", content="patient 4711", level="outputs")
    call = ToolCallPart(id="c", name="run_code", arguments={"code": "df"})
    await session.append(Message(role="assistant", parts=(call,)), run=first)
    await session.append(Message(role="tool", parts=(result,)), run=first)
    await story.branch(run=first, before=True, name="b")
    await story.turn("two")
    await story.switch(MAIN)
    page = await story.engine.export_session(story.session, "markdown", "schema")
    assert page.name.endswith(".md")
    book = await story.engine.export_session(story.session, "ipynb", "schema")
    nbformat.validate(nbformat.reads(book.text, as_version=4))
    whole = await story.engine.export_session(story.session, "json", "schema")
    for export in (page, book, whole):
        assert KEY not in export.text
        assert "4711" not in export.text
        assert export.withheld > 0
    assert "4711" in (await story.engine.export_session(story.session, "json", "images")).text

    ack = await story.engine.submit(cmd.ImportSession(text=whole.text))
    other = Story(story.root, story.engine, ack.session)
    assert await other.words() == await story.words()
    old, new = await story.tree(), await other.tree()
    assert [b.name for b in new.branches] == [b.name for b in old.branches]
    assert [t.prompt for t in new.turns] == [t.prompt for t in old.turns]
    assert not {t.run for t in new.turns} & {t.run for t in old.turns}
    [copy] = (await story.engine._activated(ack.session)).session.state.edits.values()
    assert copy.status == "accepted"
    again = await story.engine.export_session(ack.session, "json", "schema")
    assert len(json.loads(again.text)["entries"]) == len(json.loads(whole.text)["entries"])
    await other.switch(next(b.id for b in new.branches if b.name == "b"))
    assert await other.words() == ["two"]


async def test_nothing_of_an_imported_session_can_be_approved_or_accepted(story: Story) -> None:
    session = (await story.engine._activated(story.session)).session
    run = await story.turn("one")
    edit = story.edit("evil.py", "import os\n")
    session.bus.emit(EditProposed(edit=edit), run=run)
    asked = ApprovalAsked(
        approval="a", call="c", tool="run_command", action="rm -rf /", reason="", digest="d"
    )
    session.bus.emit(asked, run=run)
    task = PlanTask(id="t", title="do it")
    plan = Plan(id="p", goal="g", tasks=(task,))
    session.bus.emit(PlanChanged(change="proposed", plan=plan), run=run)
    session.bus.emit(RunStarted(prompt="open", model="m/n", edge="test", target=Target()), run="run-open")
    await session.bus.saved()
    text = (await story.engine.export_session(story.session, "json", "images")).text
    document = json.loads(text)
    types = {event["type"] for event in document["events"]}
    assert {"approval_asked", "plan_changed", "edit_proposed"} <= types
    ack = await story.engine.submit(cmd.ImportSession(text=text))
    state = (await story.engine._activated(ack.session)).session.state
    assert (state.approvals, state.plan, state.running) == ({}, None, [])
    [copy] = state.edits.values()
    with pytest.raises(Conflict):
        await story.engine.submit(cmd.AcceptEdit(session=ack.session, edit=copy.id))
    approve = cmd.Approve(session=ack.session, approval="a", digest="d")
    with pytest.raises(CodemadError):
        await story.engine.submit(approve)
    assert not (story.root / "evil.py").exists()
    sides = await story.engine.compare_branches(story.session, "", MAIN, ack.session)
    assert sides.common == 2


BROKEN: list[tuple[str, type[CodemadError], str]] = [
    ("not json", UsageError, "no JSON"),
    ("[" * 100_000, UsageError, "no JSON"),
    ('{"format": "other"}', UsageError, "call itself"),
    ('{"format": "codemad-session", "version": 2}', UsageError, "has version 2"),
    ('{"format": "codemad-session", "version": 1, "entries": 3}', UsageError, "'entries'"),
    (" " * (33 * 1024 * 1024), TooLarge, "characters"),
]


@pytest.mark.parametrize(("text", "kind", "words"), BROKEN, ids=range(len(BROKEN)))
async def test_what_is_no_session_is_refused(
    story: Story, text: str, kind: type[CodemadError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        await story.engine.submit(cmd.ImportSession(text=text))
    assert len(await story.engine.sessions()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"entries": [{"id": "1", "parent": "2", "run": None, "message": {}, "at": 1}]},
        {"branches": []},
        {"branches": [{"id": "main", "name": "", "head": "nowhere", "created": 1}]},
        {"session": {}},
        {"events": [{"type": "run_started"}]},
        {"events": [7]},
        {"entries": [{"id": "1", "parent": None, "run": None, "at": "x", "message": {"role": "system"}}]},
    ],
)
async def test_a_session_that_does_not_hold_together_is_refused(story: Story, change: dict[str, Any]) -> None:
    await story.turn("one")
    whole = json.loads((await story.engine.export_session(story.session, "json")).text)
    with pytest.raises(UsageError, match="no session that can be read"):
        await story.engine.submit(cmd.ImportSession(text=json.dumps({**whole, **change})))
    assert len(await story.engine.sessions()) == 1
