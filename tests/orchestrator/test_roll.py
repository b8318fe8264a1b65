"""The roll of a run's agents where the person reaches into it: stopping one that waits, who hears what."""

import asyncio

import pytest

from codemad_jupyter.orchestrator.roll import MAIN, Roll
from codemad_jupyter.orchestrator.steering import LONGEST, MOST
from codemad_jupyter.orchestrator.tally import Tally
from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError
from codemad_jupyter.protocol.events import AgentChanged, Event, Steered


class Heard:
    """What a roll says."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.roll = Roll(self.events.append)

    def states(self, name: str) -> list[str]:
        changed = [e.status for e in self.events if isinstance(e, AgentChanged)]
        return [status.state for status in changed if status.name == name]

    def words(self) -> list[tuple[str, str, bool]]:
        return [(e.agent, e.text, e.read) for e in self.events if isinstance(e, Steered)]


async def test_one_that_waits_is_stopped_at_once_and_never_begins() -> None:
    heard = Heard()
    lead = heard.roll.enter("coder", "lead")
    helper = heard.roll.enter("coder", "help", parent=lead.name)
    begun = asyncio.Event()

    async def work() -> str:
        begun.set()
        return "done"

    heard.roll.stop("coder")
    assert (heard.states("coder"), heard.states("coder-2")) == (
        ["waiting", "stopped"],
        ["waiting", "stopped"],
    )
    assert await lead.attend(work()) is None
    assert await helper.attend(work()) is None
    assert not begun.is_set()
    with pytest.raises(Conflict, match="ended already"):
        heard.roll.stop("coder")
    with pytest.raises(NotFound, match="no agent nobody"):
        heard.roll.stop("nobody")


async def test_one_at_work_is_stopped_and_the_caller_goes_on() -> None:
    heard = Heard()
    mark = heard.roll.enter("coder", "task")
    begun = asyncio.Event()

    async def work() -> str:
        mark.works(model="m")
        begun.set()
        await asyncio.Event().wait()
        return "never"

    task = asyncio.create_task(mark.attend(work()))
    await begun.wait()
    heard.roll.stop("coder")
    assert await task is None


def test_words_reach_whom_they_are_for_once_and_only_while_somebody_reads() -> None:
    heard = Heard()
    assert heard.roll.enter(MAIN, "task").name == "main-2"
    mark = heard.roll.enter("coder", "task")
    heard.roll.steer("coder", "left")
    heard.roll.steer(MAIN, "right")
    assert [message.text for message in mark.steering.take()] == ["left"]
    assert mark.steering.take() == ()
    assert heard.words() == [("coder", "left", False), (MAIN, "right", False), ("coder", "left", True)]
    assert not heard.roll.main.steering.ended()  # something waits
    mark.ends("done", "")
    with pytest.raises(Conflict, match="has ended"):
        heard.roll.steer("coder", "late")
    mark.again("more")
    heard.roll.steer("coder", "in time")
    for _ in range(MOST - 1):
        heard.roll.steer("coder", "more")
    with pytest.raises(Conflict, match="wait to be read"):
        heard.roll.steer("coder", "too many")
    with pytest.raises(UsageError, match="characters"):
        heard.roll.steer(MAIN, "x" * (LONGEST + 1))
    heard.roll.close("done", "", Tally())
    with pytest.raises(Conflict, match="Nobody would read this"):
        heard.roll.steer(MAIN, "late")
    assert heard.states(MAIN) == []
