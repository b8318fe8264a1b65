"""Questions of agents to the person: each answered once, or settled without an answer and said so."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.batch.attach import Follower
from codemad_jupyter.batch.printing import EventPrinter
from codemad_jupyter.magics.questions import tell
from codemad_jupyter.orchestrator.questions import DEAD, MOST, PersonOfRun, Questions
from codemad_jupyter.orchestrator.state import State
from codemad_jupyter.protocol.commands import Ack, AnswerQuestion, Command
from codemad_jupyter.protocol.errors import Conflict, ToolError, UsageError
from codemad_jupyter.protocol.events import Event, QuestionAsked, QuestionSettled
from codemad_jupyter.tools.person import LONGEST, ask_person
from tests.tools.using import bare_context, use
from tests.waiting import until


class Said(list[Event]):
    """The events of a session."""

    def emit(self, event: Event, *, run: str | None = None) -> Event:
        self.append(event.model_copy(update={"run": run or event.run}))
        return event

    @property
    def asked(self) -> list[QuestionAsked]:
        return [event for event in self if isinstance(event, QuestionAsked)]

    @property
    def settled(self) -> list[tuple[str, str]]:
        return [(event.status, event.answer) for event in self if isinstance(event, QuestionSettled)]


def a_person(said: Said, *, patience: float = 60.0, redact: Callable[[str], str] = str) -> PersonOfRun:
    return PersonOfRun(Questions(said.emit, patience=patience), said.emit, redact)


def answer(asked: QuestionAsked, words: str | None) -> AnswerQuestion:
    return AnswerQuestion(session="s", question=asked.question, answer=words)


async def test_time_runs_out_to_no_answer() -> None:
    said = Said()
    person = a_person(said, patience=0.02)
    with pytest.raises(ToolError, match=r"did not answer in time.*Go on without"):
        await person.ask("Which?", ())
    assert said.settled == [("expired", "nobody answered in time")]
    with pytest.raises(Conflict, match="not open"):
        person.questions.answer(answer(said.asked[0], "late"))


async def test_several_wait_at_once_and_each_gets_its_own_answer() -> None:
    said = Said()
    person = a_person(said)
    asking = [asyncio.create_task(person.ask(text, ())) for text in ("First?", "Second?")]
    await until(lambda: len(said.asked) == 2, "both questions")
    person.questions.answer(answer(said.asked[1], "two"))
    with pytest.raises(Conflict, match="not open"):
        person.questions.answer(answer(said.asked[1], "two again"))
    person.questions.answer(answer(said.asked[0], "one"))
    assert await asyncio.gather(*asking) == ["one", "two"]
    assert sorted(said.settled) == [("answered", "one"), ("answered", "two")]


async def test_an_answer_of_any_length_but_too_long_is_taken() -> None:
    said = Said()
    person = a_person(said)
    asking = asyncio.create_task(person.ask("Which?", ()))
    await until(lambda: said.asked, "the question")
    with pytest.raises(UsageError, match="20,000"):
        person.questions.answer(answer(said.asked[0], "x" * (MOST + 1)))
    person.questions.answer(answer(said.asked[0], "x" * MOST))
    assert len(await asking) == MOST


async def test_the_end_of_its_run_settles_it() -> None:
    said = Said()
    asking = asyncio.create_task(a_person(said).ask("Which?", ()))
    await until(lambda: said.asked, "the question")
    asking.cancel()
    await asyncio.wait([asking])
    assert said.settled == [("expired", "its run was stopped")]


async def test_what_another_process_asked_is_settled_and_what_waits_here_is_not() -> None:
    said, state = Said(), State()
    person = a_person(said)
    state.fold(QuestionAsked(question="old", text="Before?", run="run-1"))
    asking = asyncio.create_task(person.ask("Now?", ()))
    await until(lambda: said.asked, "the question")
    state.fold(said.asked[0])
    assert person.questions.settle_dead(state)
    assert said.settled == [("expired", DEAD)]
    assert said[-1].run == "run-1"
    state.fold(said[-1])
    assert not person.questions.settle_dead(state)
    person.questions.answer(answer(said.asked[0], "still here"))
    assert await asking == "still here"


async def test_secrets_are_masked_in_what_is_put() -> None:
    said = Said()
    person = a_person(said, patience=0.02, redact=lambda text: text.replace("hunter2", "[secret]"))
    with pytest.raises(ToolError):
        await person.ask("Is hunter2 right?", ("hunter2", "no"))
    assert (said.asked[0].text, said.asked[0].options) == ("Is [secret] right?", ("[secret]", "no"))


@pytest.mark.parametrize(
    ("question", "options", "told"),
    [
        (" ", [], "A question has 1 to"),
        ("x" * (LONGEST + 1), [], "A question has 1 to"),
        ("Which?", ["a"] * 7, "At most 6 options"),
        ("Which?", ["a", " "], "At most 6 options"),
        ("Which?", ["a" * 201], "At most 6 options"),
    ],
)
async def test_only_what_can_be_shown_is_put(
    tmp_path: Path, question: str, options: list[str], told: str
) -> None:
    said = Said()
    context = bare_context(tmp_path, person=a_person(said))
    with pytest.raises(ToolError, match=told):
        await use(ask_person, context, question=question, options=options)
    assert not said


class Door:
    """What a magic hands answers to, and what they were."""

    def __init__(self) -> None:
        self.taken: list[Command] = []

    def submit(self, command: Command) -> Ack:
        if self.taken:
            raise Conflict("This question is not open any more.")
        self.taken.append(command)
        return Ack(session="s", seq=1)


ASKED = QuestionAsked(question="q", session="s", text="Which?", options=("price", "area"))


@pytest.mark.parametrize(
    ("typed", "headless", "given", "told"),
    [
        ("2", False, "area", "You answered: area"),
        ("the last", False, "the last", "You answered: the last"),
        ("", False, None, "Not answered."),
        (EOFError, False, None, "Not answered."),
        (KeyboardInterrupt, False, None, "Not answered."),
        (AssertionError("nobody is asked"), True, None, "Not answered."),
    ],
)
def test_a_magic_asks_where_somebody_is(
    monkeypatch: pytest.MonkeyPatch, typed: Any, headless: bool, given: str | None, told: str
) -> None:
    def read(prompt: str) -> str:
        assert "1. price" in prompt
        if not isinstance(typed, str):
            raise typed
        return typed

    monkeypatch.setattr("builtins.input", read)
    door: Any = Door()
    assert tell(ASKED, door, headless=headless) == told
    assert [command.answer for command in door.taken] == [given]
    assert "not open any more" in tell(ASKED, door, headless=headless), "somebody else was quicker"


@pytest.mark.parametrize(
    ("typed", "interactive", "given", "told"),
    [
        ("1", True, ["price"], ""),
        ("", True, [None], ""),
        (EOFError, True, [], "Answer it in JupyterLab"),
        (AssertionError("nobody is asked"), False, [], "Answer it in JupyterLab"),
    ],
)
async def test_whoever_joins_a_run_from_a_terminal_can_answer(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: Any,
    interactive: bool,
    given: list[str | None],
    told: str,
) -> None:
    def read(prompt: str) -> str:
        if not isinstance(typed, str):
            raise typed
        return typed

    monkeypatch.setattr("builtins.input", read)
    door: Any = Door()
    follower = Follower(door, EventPrinter(json=False), interactive=interactive)
    follower._take(ASKED)
    await until(lambda: not follower._answering, "that it is put")
    assert [command.answer for command in door.taken] == given
    follower._take(QuestionSettled(question="q", session="s", status="answered", answer="price"))
    out = capsys.readouterr()
    shown = out.out + out.err
    assert "1. price" in shown
    assert told in shown
    assert "answered: price" in shown


async def test_what_is_settled_already_is_not_put_to_whoever_joins() -> None:
    door: Any = Door()
    follower = Follower(door, EventPrinter(json=False), interactive=True)
    follower._take(ASKED)
    follower._take(QuestionSettled(question="q", session="s", status="expired"))
    await until(lambda: not follower._answering, "that it is let go")
    assert door.taken == []
