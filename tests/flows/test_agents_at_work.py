"""Agents of a run that a person follows: told as they go, one stopped alone, one told something, and the
main one steered while it works."""

import asyncio
import json
from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import Cancel, Prompt, Steer
from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError
from codemad_jupyter.protocol.events import AgentChanged, Event, Steered
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn


@pytest.fixture
async def desk(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODEL", "compatible/scripted")
    root = tmp_path / "work"
    root.mkdir()
    (root / "geometry.py").write_text("def area(r):\n    return 3 * r * r\n")
    return await make_desk(root=root)


async def begin(desk: Desk, text: str) -> tuple[str, int]:
    prompt = Prompt(session=desk.session, text=text, target=desk.target, edge="test")
    ack = await desk.engine.submit(prompt)
    return str(ack.run), ack.seq


async def asked(model_server: ModelServer, count: int) -> None:
    """Wait, beside the engine's loop, until so many model calls have come in."""
    assert await asyncio.to_thread(model_server.wait_for, lambda server: len(server.asked) == count)


def states(events: list[Event]) -> dict[str, list[str]]:
    """The states of each agent in order, each once."""
    found: dict[str, list[str]] = {}
    for event in events:
        if isinstance(event, AgentChanged):
            known = found.setdefault(event.status.name, [])
            known += [event.status.state] if event.status.state not in known else []
    return found


async def test_one_is_stopped_and_one_steered_while_the_others_go_on(
    desk: Desk, model_server: ModelServer
) -> None:
    read = Call("read_file", {"path": "geometry.py"})
    model_server.play(
        Turn(calls=tuple(Call("delegate", {"task": f"Task {name}"}) for name in "ABC")),
        Turn(match="Task A", held_at=0, text="A is done."),
        Turn(match="Task B", held_at=0, calls=(read,)),
        Turn(match="Task C", hang=True),
        Turn(match="Look at area only", text="B looked at area."),
        Turn(text="Two of three."),
    )
    run, seq = await begin(desk, "look around")
    names: dict[str, str] = {}  # they set out side by side: which of them is the first is open

    def all_work(event: Event) -> bool:
        if isinstance(event, AgentChanged) and event.status.state == "working":
            names[event.status.task] = event.status.name
        return len(names) == 3

    await desk.until(all_work, after=seq)
    a, b, c = (names[f"Task {letter}"] for letter in "ABC")
    assert {a, b, c} == {"analyst", "analyst-2", "analyst-3"}
    await asked(model_server, 4)
    await desk.engine.submit(Cancel(session=desk.session, run=run, agent=c))
    await desk.engine.submit(Steer(session=desk.session, run=run, agent=b, text="Look at area only"))
    with pytest.raises(NotFound, match="There is no agent nobody"):
        await desk.engine.submit(Steer(session=desk.session, agent="nobody", text="x"))
    with pytest.raises(Conflict, match="run is over"):
        await desk.engine.submit(Steer(session=desk.session, run="run-of-before", text="x"))
    with pytest.raises(UsageError, match="nothing to tell"):
        await desk.engine.submit(Steer(session=desk.session, text=" "))
    model_server.go_on()
    events = await desk.until(lambda event: event.type == "run_finished" and event.run == run, after=seq)
    last = events[-1]
    assert last.type == "run_finished"
    assert last.status == "done", last.text
    assert states(events) == {
        a: ["waiting", "working", "done"],
        b: ["waiting", "working", "done"],
        c: ["waiting", "working", "stopped"],
    }
    ends = {e.status.name: e.status for e in events if isinstance(e, AgentChanged)}
    assert ends[b].text == "B looked at area."
    assert (ends[b].steps, ends[b].parent) == (2, "main")
    assert ends[b].tokens > 0
    assert {e.agent for e in events if e.type == "tool_called"} == {"main", b}
    said = [(e.agent, e.read) for e in events if isinstance(e, Steered)]
    assert said == [(b, False), (b, True)]
    told = json.dumps(model_server.asked[-1].body["messages"])
    assert f"{c} came to no end: The person stopped it." in told
    assert "A is done." in told
    with pytest.raises(Conflict, match="over"):
        await desk.engine.submit(Cancel(session=desk.session, run=run, agent=a))


async def test_a_prompt_done_by_a_role_says_so(desk: Desk, model_server: ModelServer) -> None:
    model_server.play(Turn(text="It is sound."))
    events = await desk.ask("/agent reviewer look at geometry.py")
    told = [e.status for e in events if isinstance(e, AgentChanged)]
    assert [(each.name, each.role, each.parent, each.state) for each in told][:1] == [
        ("main", "reviewer", "", "working")
    ]
    assert (told[-1].state, told[-1].steps, told[-1].task) == ("done", 1, "look at geometry.py")
    assert told[-1].tokens > 0


async def test_a_run_is_steered_before_its_next_call_and_when_it_would_end(
    desk: Desk, model_server: ModelServer
) -> None:
    read = Call("read_file", {"path": "geometry.py"})
    model_server.play(
        Turn(calls=(read,), held_at=0),
        Turn(match="The radius first", text="It would end here.", held_at=0),
        Turn(match="And the volume", text="Both."),
    )
    run, seq = await begin(desk, "look")
    await asked(model_server, 1)
    await desk.engine.submit(Steer(session=desk.session, run=run, text="The radius first"))
    model_server.go_on()
    await asked(model_server, 2)
    await desk.engine.submit(Steer(session=desk.session, text="And the volume"))
    model_server.go_on()
    events = await desk.until(lambda event: event.type == "run_finished" and event.run == run, after=seq)
    said = [e.message.text for e in events if e.type == "message_done" and e.message.text]
    assert said == ["It would end here.", "Both."]
    with pytest.raises(Conflict, match="run is over"):
        await desk.engine.submit(Steer(session=desk.session, run=run, text="too late"))
    roles = [
        message["role"] for message in model_server.asked[-1].body["messages"] if message["role"] != "system"
    ]
    assert roles == ["user", "assistant", "tool", "user", "assistant", "user"]
    model_server.play(Turn(text="I know."))
    await desk.ask("what did I say?")
    kept = json.dumps(model_server.asked[-1].body["messages"])
    assert "The radius first" in kept
    assert "And the volume" in kept
