"""An agent asks the person: options, own words, no answer, nobody there, a process that ended."""

import asyncio
import json

import pytest

from codemad_jupyter.app.question_text import chosen, shown
from codemad_jupyter.protocol.commands import AnswerQuestion, Cancel
from codemad_jupyter.protocol.errors import Conflict, UsageError
from codemad_jupyter.protocol.events import Event, QuestionAsked, QuestionSettled, ToolDone
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"
ASK = Call("ask_person", {"question": "Which column is the target?", "options": ["price", "area", "price"]})


@pytest.fixture(autouse=True)
def _model(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)


async def begun(desk: Desk) -> tuple[QuestionAsked, "asyncio.Task[list[Event]]"]:
    after = await desk.engine.state_seq(desk.session)
    asking = asyncio.create_task(desk.ask("fit a model", model=MODEL))
    events = await desk.until(lambda event: event.type == "question_asked", after=after)
    assert isinstance(events[-1], QuestionAsked)
    return events[-1], asking


def result(events: list[Event]) -> tuple[str, str]:
    [done] = [event for event in events if isinstance(event, ToolDone)]
    return done.status, done.content


async def test_the_answer_reaches_the_model_once(make_desk: MakeDesk, model_server: ModelServer) -> None:
    desk = await make_desk()
    model_server.play(Turn(calls=(ASK,)), Turn(text="By price."))
    asked, asking = await begun(desk)
    assert (asked.text, asked.options) == ("Which column is the target?", ("price", "area"))
    answer = AnswerQuestion(session=desk.session, question=asked.question, answer="price per m²")
    with pytest.raises(UsageError, match="empty"):
        await desk.engine.submit(answer.model_copy(update={"answer": " "}))
    await desk.engine.submit(answer)
    with pytest.raises(Conflict, match="not open"):
        await desk.engine.submit(answer)
    events = await asking
    assert result(events) == ("ok", "price per m²")
    assert "price per m²" in json.dumps(model_server.asked[-1].body, ensure_ascii=False)
    [settled] = [event for event in events if isinstance(event, QuestionSettled)]
    assert (settled.status, settled.answer) == ("answered", "price per m²")


async def test_without_an_answer_it_goes_on(make_desk: MakeDesk, model_server: ModelServer) -> None:
    desk = await make_desk()
    model_server.play(Turn(calls=(ASK,)), Turn(text="I take the last column."))
    asked, asking = await begun(desk)
    await desk.engine.submit(AnswerQuestion(session=desk.session, question=asked.question))
    status, content = result(await asking)
    assert (status, "did not want to answer" in content) == ("error", True)
    model_server.play(Turn(calls=(ASK,)), Turn(text="never"))
    asked, asking = await begun(desk)
    await desk.engine.submit(Cancel(session=desk.session))
    [settled] = [event for event in await asking if isinstance(event, QuestionSettled)]
    assert (settled.status, settled.answer) == ("expired", "its run was stopped")


async def test_where_nobody_is_the_model_is_told(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_MODE", "batch")
    desk = await make_desk()
    model_server.play(Turn(calls=(ASK,)), Turn(text="I take the last column."))
    status, content = result(await desk.ask("fit a model", model=MODEL))
    assert (status, "Nobody can be asked here" in content) == ("error", True)


@pytest.mark.parametrize(
    ("words", "meant"), [("2", "area"), (" price ", "price"), ("7", "7"), ("", None), ("0", "0")]
)
def test_a_number_is_an_option(words: str, meant: str | None) -> None:
    asked = QuestionAsked(question="q", text="Which\x1b[2J?", options=("price", "area"))
    assert chosen(asked, words) == meant
    assert "\x1b" not in shown(asked)
    assert "2. area" in shown(asked)
