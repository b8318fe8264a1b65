"""A task for an agent of somebody else's: a real one over the Agent Client Protocol, in the sandbox, from the
prompt to the person's files."""

import json
import os
import sys
from pathlib import Path

import pytest

from codemad_jupyter.config.agent_definitions import AgentApprovals, agent_digest, defined_agents
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.git.worktrees import Worktrees
from codemad_jupyter.protocol.commands import AcceptRun, Cancel, Prompt, Reject, Steer
from codemad_jupyter.protocol.errors import Conflict, Denied, NotFound
from codemad_jupyter.protocol.events import Event, RunFinished
from codemad_jupyter.protocol.permissions import Rule
from tests.flows.conftest import Desk, MakeDesk
from tests.git.gitlab import fill, repository
from tests.waiting import until

AGENT = Path(__file__).parents[1] / "servers" / "acp_agent.py"


def settle(place: Path, *args: str, extra: str = "") -> None:
    """The person's own settings, with one agent in them."""
    text = f"[agents.small]\ncommand = {json.dumps(sys.executable)}\n"
    text += f"args = {json.dumps([str(AGENT), *args])}\nenv = ['PASSED_ON', 'MODE=set']\n{extra}"
    (place / "config.toml").write_text(text)


def approve(root: Path, name: str = "small") -> None:
    given = next(each for each in defined_agents(root, load_settings(root).agents) if each.name == name)
    AgentApprovals().approve(given, root, digest=agent_digest(given, root))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    for canary in ("ANTHROPIC_API_KEY", "JUPYTER_TOKEN", "MY_SECRET"):
        monkeypatch.setenv(canary, "canary-of-a-secret")
    monkeypatch.setenv("PASSED_ON", "passed")
    root = tmp_path / "work"
    fill(root, {"m.py": "x = 1\n", "old.txt": "old\n"})
    repository(root)
    settle(tmp_path)
    return tmp_path


@pytest.fixture
async def desk(make_desk: MakeDesk, place: Path) -> Desk:
    approve(place / "work")
    return await make_desk(root=place / "work")


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if event.type == "text_delta" and event.agent == "small")


def end(events: list[Event]) -> RunFinished:
    last = events[-1]
    assert isinstance(last, RunFinished)
    return last


async def kept(desk: Desk) -> list[str]:
    services = desk.engine.services
    every = await Worktrees(services.root, services.data, services.checkpoints).every()
    assert not any(each.at_work for each in every)
    return [each.id for each in every]


async def test_what_it_changed_is_reviewed_and_brought_in(desk: Desk) -> None:
    lines = ["think First look.", "plan read,write", "write new/made.py y = 2", "disk m.py x = 3", "used 420"]
    events = await desk.ask("/agent small " + "\n".join([*lines, "noise 300000", "say All is done."]))
    assert end(events).status == "done", end(events).text
    assert end(events).cost is None
    proposed = [event.edit.title for event in events if event.type == "edit_proposed"]
    assert [title.partition(" (")[0] for title in proposed] == ["Change m.py", "Create new/made.py"]
    assert (desk.root / "m.py").read_text() == "x = 1\n"
    own = {event.type for event in events if event.agent == "small"}
    assert {"text_delta", "thinking_delta", "message_done", "tool_called", "tool_done", "agent_said"} <= own
    statuses = [event.status for event in events if event.type == "agent_changed"]
    assert (statuses[0].state, statuses[-1].state) == ("waiting", "done")
    assert (statuses[-1].tokens, statuses[-1].cost, statuses[-1].steps) == (420, 0.25, 1)
    assert statuses[-1].worktree in await kept(desk)
    await desk.do(AcceptRun(session=desk.session, run=end(events).run or ""))
    assert (desk.root / "m.py").read_text() == "x = 3\n"
    assert (desk.root / "new" / "made.py").read_text() == "y = 2\n"


async def test_it_reaches_its_own_folder_and_nothing_else(desk: Desk, place: Path) -> None:
    home = Path(os.environ["HOME"])
    (home / "letters.txt").write_text("of the person\n")
    outside = place / "outside.txt"
    outside.write_text("of the person\n")
    script = [
        f"look {home / 'letters.txt'}",
        f"look {desk.root / 'm.py'}",
        f"disk {outside} changed",
        f"link way {place}",
        "write way/outside.txt changed",
        "read way/outside.txt",
        "read ../../record.json",
        f"write {outside} changed",
        "write .git/hooks/pre-commit x",
        "read m.py",
        "env",
    ]
    events = await desk.ask("/agent small " + "\n".join(script))
    told = said(events)
    assert "of the person" not in told
    assert told.count("look: x = 1") == 0
    assert outside.read_text() == "of the person\n"
    assert told.count("refused") == 5, told
    assert "read: x = 1" in told
    assert "canary-of-a-secret" not in told
    assert "MY_SECRET" not in told
    assert "PASSED_ON" in told
    assert "MODE=set" in told
    assert not list((desk.root / ".git" / "hooks").glob("pre-commit"))


async def test_a_folder_of_the_home_that_it_names_is_its_own(make_desk: MakeDesk, place: Path) -> None:
    own = Path(os.environ["HOME"]) / ".small"
    own.mkdir(exist_ok=True)
    (own / "account").write_text("signed in\n")
    (ours := Path(os.environ["HOME"]) / ".jupyter").mkdir(exist_ok=True)
    (ours / "config").write_text("of Jupyter\n")
    settle(place, extra="folders = ['~/.small', '~/.jupyter']\nconfined_env = ['MODE=held', 'ALSO=held']\n")
    approve(place / "work")
    desk = await make_desk(root=place / "work")
    held = (await desk.engine.services.sandbox()).backend != ""
    looks = f"look {own / 'account'}\nlook {ours / 'config'}\ndisk {own / 'kept'} seen"
    events = await desk.ask(f"/agent small {looks}\nenv")
    assert "look: signed in" in said(events)
    assert ("of Jupyter" in said(events)) is not held, "that is nobody's own"
    assert (own / "kept").read_text() == "seen\n"
    assert ("MODE=held" in said(events), " ALSO " in said(events)) == (held, held)


async def test_calls_are_told_with_what_they_are_about(make_desk: MakeDesk, place: Path) -> None:
    settle(place, "counts")
    approve(place / "work")
    rules = (Rule(decide="deny", command=("rm",), origin="the test"),)
    desk = await make_desk(root=place / "work", rules=rules)
    events = await desk.ask("/agent small late m.py\nsay Seen.\nleave rm -r build")
    told = {event.tool: event.arguments for event in events if event.type == "tool_called"}
    assert told["read"] == {"title": "Read m.py", "path": "m.py", "places": ["m.py"]}
    assert told["execute"] == {"title": "rm -r build"}
    done = [(event.tool, event.status) for event in events if event.type == "tool_done"]
    assert done == [("read", "ok"), ("execute", "error")]
    [line] = [line for line in desk.engine.services.audit.lines() if line.tool == "run_command"]
    assert line.agent == "small", "what stands in its title is taken for its command"
    assert [event.status.tokens for event in events if event.type == "agent_changed"][-1] == 500


async def test_leave_is_asked_for_once_and_for_what_is_shown(desk: Desk) -> None:
    asks = ["ask read Look | m.py", "ask edit Tidy up | m.py", "ask edit Harmless | ../../../etc/passwd"]
    asks += ["ask execute Say hello | rm -rf build", "ask other Fine | anything", "run echo $MADE"]
    prompt = Prompt(session=desk.session, text="/agent small " + "\n".join(asks), edge="test")
    ack = await desk.engine.submit(prompt)
    asked = []
    async for event in desk.engine.events(desk.session, ack.seq):
        if event.type == "approval_asked":
            asked.append(event)
            await desk.engine.submit(Reject(session=desk.session, approval=event.approval))
        if event.type == "run_finished":
            break
    stored = await desk.engine.stored(desk.session, ack.seq)
    told = "".join(e.message.text for e in stored if e.type == "message_done" and e.agent == "small")
    assert "ask read: allow_once" in told
    assert told.count("ask edit: allow_once") == 1
    assert told.count("ask edit: reject_once") == 1
    assert "ask other: reject_once" in told
    assert [event.tool for event in asked if event.tool == "other"] == ["other"]
    assert all("small" in event.reason for event in asked)
    if "ask execute: allow_once" not in told:  # a strong sandbox holds it, any other asks
        assert any(event.action == "rm -rf build" for event in asked)
    assert "run: 0 up" in told or any(event.action == "env MADE=up sh -c 'echo $MADE'" for event in asked)


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("disk m.py x = 9\ncrash", "exit code 7; its standard error ends with: something broke"),
        ("rubbish [1, 2]", "it said what is no message"),
        ("flood 9000000", "it sent a message of more than 8000000 bytes"),
    ],
)
async def test_an_agent_that_breaks_is_a_failed_run(desk: Desk, script: str, text: str) -> None:
    events = await desk.ask(f"/agent small {script}")
    assert end(events).status == "failed"
    assert text in end(events).text
    assert not [event for event in events if event.type == "edit_proposed"]
    state = [event.status.state for event in events if event.type == "agent_changed"][-1]
    assert state == "failed"
    assert bool(await kept(desk)) == script.startswith("disk")
    assert (desk.root / "m.py").read_text() == "x = 1\n"


async def test_stop_ends_it_with_all_it_has_started(desk: Desk) -> None:
    prompt = Prompt(session=desk.session, text="/agent small child pid\nhang", edge="test")
    ack = await desk.engine.submit(prompt)
    await desk.until(lambda event: event.type == "text_delta", after=ack.seq)
    services = desk.engine.services
    [worktree] = await Worktrees(services.root, services.data, services.checkpoints).every()
    assert worktree.at_work
    await desk.engine.submit(Cancel(session=desk.session))
    events = await desk.until(lambda event: event.type == "run_finished", after=ack.seq)
    assert end(events).status == "cancelled"
    assert [e.status.state for e in events if e.type == "agent_changed"][-1] == "stopped"

    def gone() -> bool:
        lines = [_bytes(p / "cmdline") for p in Path("/proc").iterdir() if p.name.isdigit()]
        return not any(b"acp_agent.py" in line or b"time.sleep(600)" in line for line in lines)

    await until(gone, "the end of all its processes")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def test_it_is_told_something_and_stopped_by_its_name(desk: Desk) -> None:
    ask = Prompt(session=desk.session, text="/agent small ask other Fine | anything", edge="test")
    ack = await desk.engine.submit(ask)
    asked = (await desk.until(lambda event: event.type == "approval_asked", after=ack.seq))[-1]
    await desk.engine.submit(Steer(session=desk.session, agent="small", text="say I heard it\nhang"))
    assert asked.type == "approval_asked"
    await desk.engine.submit(Reject(session=desk.session, approval=asked.approval))
    events = await desk.until(
        lambda event: event.type == "text_delta" and "hanging" in event.text, after=ack.seq
    )
    assert "I heard it" in said(events)
    assert [event.read for event in events if event.type == "steered"] == [False, True]
    with pytest.raises(NotFound, match="no agent other"):
        await desk.engine.submit(Cancel(session=desk.session, agent="other"))
    await desk.engine.submit(Cancel(session=desk.session, agent="small"))
    events = await desk.until(lambda event: event.type == "run_finished", after=ack.seq)
    assert (end(events).status, end(events).text) == ("done", "small was stopped.")
    assert [e.status.state for e in events if e.type == "agent_changed"][-1] == "stopped"
    assert await kept(desk) == []
    with pytest.raises(Conflict, match="over"):
        await desk.engine.submit(Steer(session=desk.session, agent="small", text="say too late"))


async def test_time_is_limited(make_desk: MakeDesk, place: Path) -> None:
    settle(place, extra="seconds = 6\n")
    approve(place / "work")
    desk = await make_desk(root=place / "work")
    events = await desk.ask("/agent small hang")
    assert (end(events).status, "its 6 seconds are over" in end(events).text) == ("failed", True)
    assert await kept(desk) == []


@pytest.mark.parametrize(
    ("word", "text"),
    [("signed-out", "sign in first"), ("signed-out-later", "In a terminal: "), ("old", "version 9")],
)
async def test_one_that_cannot_begin_says_why(make_desk: MakeDesk, place: Path, word: str, text: str) -> None:
    settle(place, word)
    approve(place / "work")
    desk = await make_desk(root=place / "work")
    events = await desk.ask("/agent small say hello")
    assert (end(events).status, text in end(events).text) == ("failed", True), end(events).text
    assert await kept(desk) == []


async def test_nothing_starts_that_was_not_approved_as_it_is(make_desk: MakeDesk, place: Path) -> None:
    root = place / "work"
    desk = await make_desk(root=root)
    with pytest.raises(Denied, match="not approved as it is defined now"):
        await desk.ask("/agent small say hello")
    approve(root)
    settle(place, "another")
    changed = await make_desk(root=root)
    with pytest.raises(Denied, match="not approved as it is defined now"):
        await changed.ask("/agent small say hello")


async def test_rules_and_the_mode_hold_for_it(make_desk: MakeDesk, place: Path) -> None:
    approve(place / "work")
    rules = (Rule(decide="deny", tool="external_agent", origin="the test"),)
    desk = await make_desk(root=place / "work", rules=rules)
    events = await desk.ask("/agent small say hello")
    assert (end(events).status, "was refused" in end(events).text) == ("failed", True)
    assert await kept(desk) == []
    alone = await make_desk(root=place / "work", attended=False)
    events = await alone.ask("/agent small say hello")
    assert (end(events).status, "mode batch" in end(events).text) == ("failed", True)
    named = (Rule(decide="allow", tool="external_agent", role="acp/small", origin="the test"),)
    desk = await make_desk(root=place / "work", attended=False, rules=named)
    events = await desk.ask("/agent small say hello\nask other Fine | anything")
    assert end(events).text == "small changed nothing."
    assert "ask other: reject_once" in said(events), "nobody can be asked"
