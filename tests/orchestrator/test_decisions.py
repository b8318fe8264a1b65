"""Pure decisions: intent, workflow, closing of open calls, titles, state."""

import pytest

from codemad_jupyter.orchestrator.intent import decide
from codemad_jupyter.orchestrator.session import closed, title_of
from codemad_jupyter.orchestrator.state import State
from codemad_jupyter.protocol import events as ev
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import Edit, FileTarget, make_hunks
from codemad_jupyter.protocol.messages import Message, TextPart, ToolCallPart, ToolResultPart


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("what is df?", "answer"),
        ("plot the mean radius by diagnosis", "edit"),
        ("fix the last error", "fix"),
        ("why did this fail", "fix"),
        ("Explain this cell", "answer"),
    ],
)
def test_intent_follows_the_words(text: str, intent: str) -> None:
    assert decide(text, "auto")[0] == intent


def test_a_chosen_intent_wins() -> None:
    assert decide("fix it", "answer")[:3] == ("answer", "chosen by the person", True)


@pytest.mark.parametrize(
    ("text", "intent", "sure"),
    [
        ("make a plan for the cleaning", "plan", True),
        ("Review the training cell", "review", True),
        ("write unit tests for area()", "test", True),
        ("add a docstring to area", "document", True),
        ("plot the mean radius", "edit", True),
        ("can you fix it?", "fix", True),
        ("how do I merge these two?", "edit", False),
        ("the outliers look odd", "answer", False),
        ("why is the mean so high?", "answer", True),
    ],
)
def test_forms_go_before_words_and_doubt_is_told(text: str, intent: str, sure: bool) -> None:
    found = decide(text, "auto")
    assert (found.intent, found.sure) == (intent, sure)


def test_open_tool_calls_are_closed() -> None:
    call = ToolCallPart(id="1", name="t")
    asked = Message(role="assistant", parts=(TextPart(text="let me look"), call))
    result = Message(role="tool", parts=(ToolResultPart(id="1", name="t", content="ok"),))
    assert closed([Message.user("q"), asked, result]) == [Message.user("q"), asked, result]
    repaired = closed([Message.user("q"), asked, Message.user("again")])
    assert [message.role for message in repaired] == ["user", "assistant", "tool", "user"]
    assert repaired[2].parts[0].is_error  # type: ignore[union-attr]


def test_titles_are_short() -> None:
    assert title_of("\n  plot it  \nmore") == "plot it"
    assert len(title_of("x" * 200)) == 60


def test_state_follows_edits_runs_and_undo() -> None:
    state = State()
    edit = Edit(id="e", target=FileTarget(path="a"), title="t", before="a\n", after="b\n")
    edit = edit.model_copy(update={"hunks": make_hunks("a\n", "b\n")})
    started = ev.RunStarted(run="r", prompt="p", model="m", edge="test", target=Target())
    settled = ev.EditSettled(run="r", edit="e", status="accepted", hunks={0: "accepted"})
    for event in (started, ev.EditProposed(run="r", edit=edit), settled):
        state.fold(event)
    assert state.running == ["r"]
    assert state.edits["e"].status == "accepted"
    state.fold(ev.RunFinished(run="r", status="done", text=""))
    assert state.running == []
    state.fold(ev.Restored(kind="undo", checkpoint="c", runs=("r",)))
    assert state.runs["r"].undone
    assert state.undone == ["c"]
    state.fold(ev.Restored(kind="redo", checkpoint="d", runs=("r",)))
    assert not state.runs["r"].undone
    assert state.undone == []
