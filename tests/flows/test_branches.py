"""Branches and forks of a session, told on values: heads move and nothing is lost; files stay unless asked
for; undo and redo give back the very bytes whatever branch one stands on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError
from codemad_jupyter.protocol.events import (
    BranchChanged,
    EditProposed,
    MessageDone,
    Restored,
    RunFinished,
    RunStarted,
)
from codemad_jupyter.protocol.messages import Message, TextPart, ToolCallPart, ToolResultPart
from codemad_jupyter.protocol.sessions import MAIN
from tests.flows.branch_story import Story, engine_on, telling
from tests.flows.test_turn_sequences import PATIENCE, QUIET, SEQUENCES, changes, told
from tests.flows.test_turn_sequences import Story as NotebookStory

KEY = "sk-ant-api03-" + "Zq8Xw3Lk9Vb2Nm7Pd4Rt6Yh1"


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    async with telling(tmp_path) as told:
        yield told


async def test_a_branch_leaves_everything_where_it_is(story: Story, tmp_path: Path) -> None:
    first = await story.turn("one", path="a.py", content="a = 1\n")
    second = await story.turn("two", path="a.py", content="a = 2\n")
    made = await story.branch(run=first, name="another way")
    assert (made.change, made.name, made.runs) == ("made", "another way", (first,))
    assert made.differing == ("a.py",), "the person is told what the files would be there"
    assert story.files() == {"a.py": "a = 2\n"}, "files stay as they are"
    assert await story.words() == ["one"]
    third = await story.turn("three")
    tree = await story.tree()
    assert {turn.run: turn.parent for turn in tree.turns} == {first: None, second: first, third: first}
    assert [(b.name, b.run, b.current) for b in tree.branches] == [
        ("main", second, False),
        ("another way", third, True),
    ]
    await story.switch(MAIN)
    assert await story.words() == ["one", "two"]

    await story.engine.close()
    story.engine = await engine_on(tmp_path)  # all of it is in the store
    assert (await story.tree()).branches[0].current
    await story.switch(made.branch)
    assert await story.words() == ["one", "three"]
    with pytest.raises(Conflict, match="already"):
        await story.branch(name="another way")
    with pytest.raises(NotFound, match="no branch nowhere"):
        await story.switch("nowhere")
    with pytest.raises(NotFound, match="no message x"):
        await story.branch(entry="x")


async def test_files_of_a_branch_come_back_when_that_is_asked(story: Story) -> None:
    first = await story.turn("one", path="a.py", content="a = 1\n")
    await story.turn("two", path="a.py", content="a = 2\n")
    made = await story.branch(run=first, restore=True)
    assert story.files() == {"a.py": "a = 1\n"}
    await story.turn("three", path="b.py", content="b = 3\n")
    back = await story.switch(MAIN, restore=True)
    assert set(back.differing) == {"a.py", "b.py"}
    assert story.files()["a.py"] == "a = 2\n"
    assert await story.words() == ["one", "two"]
    await story.switch(made.branch, restore=True)
    assert story.files() == {"a.py": "a = 1\n", "b.py": "b = 3\n"}
    [redone] = [e for e in await story.do(cmd.Undo(session=story.session)) if isinstance(e, Restored)]
    assert redone.conflicts == ()
    assert story.files() == {"a.py": "a = 1\n"}
    assert await story.words() == ["one"]


async def test_undo_concerns_the_branch_one_stands_on(story: Story) -> None:
    first = await story.turn("one", path="a.py", content="a = 1\n")
    made = await story.branch(name="b")
    other = await story.turn("two", path="b.py", content="b = 2\n")
    await story.switch(MAIN)
    await story.turn("three", path="c.py", content="c = 3\n")
    with pytest.raises(Conflict, match="another branch"):
        await story.do(cmd.Undo(session=story.session, run=other))
    await story.do(cmd.Undo(session=story.session))
    assert story.files() == {"a.py": "a = 1\n", "b.py": "b = 2\n"}
    await story.switch(made.branch)
    with pytest.raises(Conflict, match="nothing to redo"):
        await story.do(cmd.Redo(session=story.session))
    await story.do(cmd.Undo(session=story.session, run=first))
    assert story.files() == {}
    await story.do(cmd.Redo(session=story.session))
    assert await story.words() == ["one", "two"]
    await story.switch(MAIN)
    await story.do(cmd.Redo(session=story.session))
    assert story.files() == {"a.py": "a = 1\n", "b.py": "b = 2\n", "c.py": "c = 3\n"}
    assert await story.words() == ["one", "three"]


async def test_a_checkpoint_leads_back_to_its_branch(story: Story) -> None:
    first = await story.turn("one", path="a.py", content="a = 1\n")
    await story.do(cmd.MakeCheckpoint(session=story.session, name="here"))
    point = next(c.id for c in await story.engine.checkpoints(story.session) if c.name == "here")
    made = await story.branch(name="b")
    await story.turn("two", path="a.py", content="a = 2\n")
    restore = cmd.RestoreCheckpoint(session=story.session, checkpoint=point)
    events = await story.do(restore)
    assert [e.branch for e in events if isinstance(e, BranchChanged)] == [MAIN]
    assert story.files() == {"a.py": "a = 1\n"}
    assert await story.words() == ["one"]
    with pytest.raises(Conflict, match="nothing to redo"):
        await story.do(cmd.Redo(session=story.session))
    await story.switch(made.branch)
    assert await story.words() == ["one", "two"]
    assert [turn.undone for turn in (await story.tree()).turns] == [False, True]
    await story.do(cmd.Redo(session=story.session))
    assert story.files() == {"a.py": "a = 2\n"}
    main = (await story.tree()).branches[0]
    assert (main.name, main.run) == ("main", first)


step = st.one_of(
    st.tuples(st.just("run"), changes),
    st.tuples(st.sampled_from(["branch", "switch", "back"]), st.integers(0, 5)),
    st.tuples(st.sampled_from(["undo", "redo"]), st.none()),
)


@PATIENCE
@settings(QUIET, max_examples=max(12, SEQUENCES // 2))
@given(st.lists(step, min_size=3, max_size=9))
def test_undo_and_redo_give_back_the_very_bytes_on_any_branch(order: list[tuple[str, Any]]) -> None:
    """After whatever was done, an undo followed by its redo changes nothing: not a byte of the notebook,
    not a message of the conversation; and nothing that was said is ever out of reach."""

    async def state(story: NotebookStory) -> tuple[bytes, list[str], str]:
        session = (await story.engine._activated(story.session)).session
        return story.path.read_bytes(), [entry.id for entry in session.path], session.state.branch

    async def play(story: NotebookStory, kind: str, detail: Any) -> None:
        tree = await story.engine.session_tree(story.session)
        if kind == "run":
            await story.run(detail)
        elif kind == "branch":
            run = tree.turns[detail % len(tree.turns)].run if tree.turns else None
            await story.engine.submit(cmd.MakeBranch(session=story.session, run=run))
        elif kind in ("switch", "back"):
            branch = tree.branches[detail % len(tree.branches)].id
            switch = cmd.SwitchBranch(session=story.session, branch=branch, restore=kind == "back")
            await story.engine.submit(switch)
        else:
            await story.step((cmd.Undo if kind == "undo" else cmd.Redo)(session=story.session))

    async def work(story: NotebookStory) -> None:
        said: set[str] = set()
        for kind, detail in order:
            await play(story, kind, detail)
            before = await state(story)
            if await story.step(cmd.Undo(session=story.session)) is not None:
                assert (await state(story))[2] == before[2]
                assert await story.step(cmd.Redo(session=story.session)) is not None
                assert await state(story) == before
            there = {turn.entry for turn in (await story.engine.session_tree(story.session)).turns}
            assert said <= there
            said = there

    asyncio.run(told(work))


async def test_a_fork_is_a_session_of_its_own(story: Story) -> None:
    first = await story.turn("one", path="a.py", content="a = 1\n")
    await story.turn("two")
    forked = (await story.engine.submit(cmd.ForkSession(session=story.session, run=first))).session
    info = next(info for info in await story.engine.sessions() if info.id == forked)
    assert info.origin == story.session
    fork = Story(story.root, story.engine, forked)
    assert await fork.words() == ["one"]
    assert [e.type for e in await story.engine.stored(forked)][-1] == "session_changed"
    await fork.turn("else")
    assert await story.words() == ["one", "two"]
    sides = await story.engine.compare_branches(story.session, "", "", forked)
    assert sides.common == 2
    assert sides.ancestor is not None
    assert sides.ancestor.text == "Answer to one"
    assert [m.text for m in sides.left.messages] == ["two", "Answer to two"]
    assert [m.text for m in sides.right.messages] == ["else", "Answer to else"]
    empty = (await story.engine.submit(cmd.ForkSession(session=forked, run=first, before=True))).session
    assert await Story(story.root, story.engine, empty).words() == []


async def test_a_fork_in_the_middle_of_a_run_ends_there(story: Story) -> None:
    session = (await story.engine._activated(story.session)).session
    run = "run-x"
    session.bus.emit(RunStarted(prompt="go", model="m/n", edge="test", target=Target()), run=run)
    await session.append(Message.user("go"), run=run)
    for number in (1, 2):
        call = ToolCallPart(id=f"c{number}", name="list_files")
        message = Message(role="assistant", parts=(TextPart(text=f"step {number}"), call))
        session.bus.emit(MessageDone(id=f"m{number}", message=message, model="m/n"), run=run)
        await session.append(message, run=run)
        result = ToolResultPart(id=f"c{number}", name="list_files", content="[]")
        await session.append(Message(role="tool", parts=(result,)), run=run)
    session.bus.emit(RunFinished(status="done", text="Done."), run=run)
    await session.bus.saved()
    place = session.path[2].id  # the first result
    await story.branch(run=run, before=True)  # from elsewhere
    ack = await story.engine.submit(cmd.ForkSession(session=story.session, entry=place))
    types = [(e.type, getattr(e, "id", "")) for e in await story.engine.stored(ack.session)]
    assert ("message_done", "m1") in types
    assert ("message_done", "m2") not in types
    finished = [e for e in await story.engine.stored(ack.session) if isinstance(e, RunFinished)]
    assert [e.status for e in finished] == ["interrupted"]


async def test_what_is_chosen_of_another_branch_comes_over_as_proposals(story: Story) -> None:
    (story.root / "a.py").write_text("a = 1\nb = 2\nc = 3\nd = 4\n")
    first = await story.turn("one")
    made = await story.branch(name="b")
    await story.turn("two", path="a.py", content="a = 1\nb = 2\nc = 3\nd = 40\n")
    await story.turn("clash", path="x.py", content="x = 1\n")
    await story.switch(MAIN)
    (story.root / "a.py").write_text("a = 10\nb = 2\nc = 3\nd = 4\n")  # as if the branch had not been
    (story.root / "x.py").write_text("x = 2\n")
    sides = await story.engine.compare_branches(story.session, "", made.branch)
    assert (sides.common, [edit.path for edit in sides.right.edits]) == (2, ["a.py", "x.py"])
    assert sides.left.messages == ()
    assert sides.ancestor is not None
    assert sides.ancestor.run == first
    chosen = {
        "entries": (sides.right.messages[1].entry,),
        "edits": tuple(edit.edit for edit in sides.right.edits),
    }
    events = await story.do(cmd.MergeBranch(session=story.session, branch=made.branch, **chosen))
    [proposed] = [event.edit for event in events if isinstance(event, EditProposed)]
    assert proposed.status == "pending"
    assert proposed.after == "a = 10\nb = 2\nc = 3\nd = 40\n"
    assert [e.text for e in events if e.type == "notice"] == [
        "Left out of the work of b: x.py: you have made another file of this name."
    ]
    assert story.files()["a.py"].startswith("a = 10\nb = 2"), "nothing is changed by the merge itself"
    session = (await story.engine._activated(story.session)).session
    assert session.messages[-1] == Message.assistant("Answer to two")
    await story.do(cmd.AcceptEdit(session=story.session, edit=proposed.id))
    assert story.files()["a.py"] == proposed.after
    await story.do(cmd.Undo(session=story.session))
    assert story.files()["a.py"] == "a = 10\nb = 2\nc = 3\nd = 4\n"
    assert len(session.messages) == 2
    with pytest.raises(UsageError, match="Nothing is chosen"):
        await story.do(cmd.MergeBranch(session=story.session, branch=made.branch))
    with pytest.raises(NotFound):
        await story.do(cmd.MergeBranch(session=story.session, branch=made.branch, entries=("x",)))


async def test_pinned_and_archived_sessions(story: Story) -> None:
    await story.turn("one")
    before = (await story.engine.sessions())[0]
    await story.do(cmd.ArrangeSession(session=story.session, pinned=True))
    [info] = await story.engine.sessions()
    assert (info.pinned, info.archived, info.updated) == (True, False, before.updated)
    await story.do(cmd.ArrangeSession(session=story.session, archived=True))
    assert (await story.engine.sessions())[0].archived
    assert await story.engine.current_session() != story.session, "an archived session is not gone on with"
    assert await story.words() == ["one"]
    await story.do(cmd.NameBranch(session=story.session, branch=MAIN, name="the first"))
    assert (await story.tree()).branches[0].name == "the first"
