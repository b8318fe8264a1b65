"""From a prompt to a reviewed, tried, undoable change, with the built-in assistant."""

import json
from collections.abc import Callable

import pytest

from codemad_jupyter.protocol.commands import AcceptEdit, NewSession, Prompt, Redo, RejectEdit, Undo
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError
from codemad_jupyter.protocol.events import LIVE_ONLY, Event
from tests.flows.conftest import MakeDesk

PLOT = "plot the mean radius by diagnosis"


def proposed(events: list[Event]) -> Edit:
    edits = [event.edit for event in events if event.type == "edit_proposed"]
    assert len(edits) == 1
    return edits[0]


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events if event.type not in LIVE_ONLY]


async def test_a_plot_is_proposed_tried_accepted_run_undone_and_redone(
    make_desk: MakeDesk, golden: Callable[[str, list[Event]], None]
) -> None:
    desk = await make_desk(kernel=True)
    path = desk.root / "n.ipynb"
    before = path.read_bytes()

    events = await desk.ask(PLOT)
    golden("offline_plot", events)
    edit = proposed(events)
    assert "mean radius" in edit.after
    assert events[-1].type == "run_finished"
    assert events[-1].status == "done"
    assert events[-1].cost == 0.0
    assert path.read_bytes() == before, "a proposal changes nothing"
    tried = next(event for event in events if event.type == "edit_tried")
    assert tried.trial.status == "passed"

    ack = await desk.engine.submit(AcceptEdit(session=desk.session, edit=edit.id, execute=True))
    accepted = await desk.until(lambda event: event.type == "cell_executed", after=ack.seq)
    assert types(accepted) == ["checkpoint_made", "edit_settled", "cell_executed"]
    cells = json.loads(path.read_text())["cells"]
    assert [cell["id"] for cell in cells] == ["intro", "load", edit.target.cell]  # type: ignore[union-attr]
    assert any("image/png" in output.get("data", {}) for output in cells[2]["outputs"])
    after = path.read_bytes()

    undone = await desk.do(Undo(session=desk.session))
    assert types(undone) == ["checkpoint_made", "restored"]
    assert path.read_bytes() == before
    redone = await desk.do(Redo(session=desk.session))
    assert redone[-1].type == "restored"
    assert redone[-1].conflicts == ()
    assert path.read_bytes() == after
    await desk.do(Undo(session=desk.session))
    assert path.read_bytes() == before


async def test_undo_brings_the_conversation_back(make_desk: MakeDesk) -> None:
    desk = await make_desk(kernel=True)
    await desk.ask("what variables do I have?")
    store = desk.engine.services.store
    head = await store.head(desk.session)
    edit = proposed(await desk.ask(PLOT))
    await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
    assert await store.head(desk.session) != head
    await desk.do(Undo(session=desk.session))
    assert await store.head(desk.session) == head
    await desk.do(Redo(session=desk.session))
    assert await store.head(desk.session) != head


async def test_a_cell_changed_by_the_person_is_left_alone_by_undo(make_desk: MakeDesk) -> None:
    desk = await make_desk(kernel=True)
    edit = proposed(await desk.ask(PLOT))
    await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
    path = desk.root / "n.ipynb"
    mine = path.read_text().replace("plt.show()", "plt.show()  # mine")
    assert mine != path.read_text()
    path.write_text(mine)
    undone = await desk.do(Undo(session=desk.session))
    restored = undone[-1]
    assert restored.type == "restored"
    assert restored.conflicts == (f"n.ipynb#{edit.target.cell}: it was changed meanwhile",)  # type: ignore[union-attr]
    assert "# mine" in path.read_text()


async def test_rejecting_changes_nothing_and_settles_once(make_desk: MakeDesk) -> None:
    desk = await make_desk(kernel=True)
    before = (desk.root / "n.ipynb").read_bytes()
    edit = proposed(await desk.ask(PLOT))
    rejected = await desk.do(RejectEdit(session=desk.session, edit=edit.id))
    assert types(rejected) == ["edit_settled"]
    assert (desk.root / "n.ipynb").read_bytes() == before
    with pytest.raises(Conflict, match="settled already"):
        await desk.engine.submit(AcceptEdit(session=desk.session, edit=edit.id))
    with pytest.raises(Conflict, match="nothing to undo"):
        await desk.engine.submit(Undo(session=desk.session))


async def test_a_stale_edit_is_refused_with_a_reason(make_desk: MakeDesk) -> None:
    desk = await make_desk(kernel=True)
    edit = proposed(await desk.ask(PLOT))
    path = desk.root / "n.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"] = notebook["cells"][:1]  # the cell it was to follow is gone
    path.write_text(json.dumps(notebook))
    before = path.read_bytes()
    settled = (await desk.do(AcceptEdit(session=desk.session, edit=edit.id)))[-1]
    assert settled.type == "edit_settled"
    assert settled.status == "stale"
    assert "load" in settled.detail
    assert path.read_bytes() == before


async def test_a_replay_equals_what_was_seen_live(make_desk: MakeDesk) -> None:
    desk = await make_desk(kernel=True)
    seen = await desk.ask(PLOT)
    again = await desk.until(lambda e: e.type == "run_finished", after=0)
    assert [e for e in seen if e.type not in LIVE_ONLY] == [e for e in again if e in seen]
    numbers = [event.seq for event in again]
    assert numbers == sorted(set(numbers))
    middle = numbers[len(numbers) // 2]
    rest = await desk.until(lambda e: e.type == "run_finished", after=middle)
    assert [event.seq for event in rest] == [number for number in numbers if number > middle]


async def test_a_session_goes_on_after_a_restart(make_desk: MakeDesk) -> None:
    first = await make_desk(kernel=True)
    edit = proposed(await first.ask(PLOT))
    await first.engine.close()
    second = await make_desk(kernel=True)
    assert second.session == first.session
    accepted = await second.do(AcceptEdit(session=second.session, edit=edit.id))
    assert "edit_settled" in types(accepted)
    path = second.root / "n.ipynb"
    assert "mean radius" in path.read_text()
    await second.engine.close()
    third = await make_desk()
    await third.do(Undo(session=third.session))
    assert "mean radius" not in path.read_text()


async def test_without_kernel_or_notebook_it_says_what_to_do(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    events = await desk.ask(PLOT)
    answer = [event for event in events if event.type == "message_done"][-1].message.text
    assert "kernel" in answer.lower()
    assert events[-1].type == "run_finished"


@pytest.mark.parametrize(("text", "said"), [("", "empty"), ("  \n", "empty"), ("x" * 1_000_001, "1,000,001")])
async def test_odd_prompts_are_refused(make_desk: MakeDesk, text: str, said: str) -> None:
    desk = await make_desk()
    with pytest.raises(UsageError, match=said):
        await desk.engine.submit(Prompt(session=desk.session, text=text))


async def test_a_prompt_of_a_million_characters_is_answered(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    events = await desk.ask("explain " * 125_000)
    assert events[-1].type == "run_finished"
    assert events[-1].status == "done"


async def test_unknown_names_are_refused(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    with pytest.raises(NotFound, match="session"):
        await desk.engine.submit(Prompt(session="nope", text="hi"))
    with pytest.raises(NotFound, match="edit"):
        await desk.engine.submit(AcceptEdit(session=desk.session, edit="nope"))
    with pytest.raises(UsageError, match="provider"):
        await desk.engine.submit(Prompt(session=desk.session, text="hi", model="nope/model"))


async def test_one_run_at_a_time_and_a_new_session_becomes_current(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    ack = await desk.engine.submit(NewSession(title="second"))
    assert ack.session != desk.session
    assert await desk.engine.current_session() == ack.session
    sessions = await desk.engine.sessions()
    assert [info.title for info in sessions] == ["second", ""]
