"""The real agents of the presets, where they are installed (on PATH, or in the folder that `AGENTS_PATH`
names), with the scripted model server for their model: nothing leaves this machine.

They are hundreds of megabytes, so nothing here installs them. With a Node that is new enough for them::

    npm install opencode-ai @agentclientprotocol/claude-agent-acp @agentclientprotocol/codex-acp \\
        @google/gemini-cli
    AGENTS_PATH=$PWD/node_modules/.bin python -m pytest tests/flows/test_real_agents.py
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from codemad_jupyter.config.agent_definitions import PRESETS, AgentApprovals, agent_digest, defined_agents
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.protocol.commands import AcceptRun, Approve, Cancel, Prompt, Reject, Steer
from codemad_jupyter.protocol.events import Event, RunFinished
from tests.conftest import ORIGINAL
from tests.flows.conftest import Desk, MakeDesk
from tests.git.gitlab import fill, repository
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

PATH = os.pathsep.join(filter(None, [ORIGINAL.get("AGENTS_PATH"), ORIGINAL.get("PATH")]))
LIMIT = 240
"""Seconds: the first start of some reads half a gigabyte."""
BEFORE = "def area(r):\n    return 3 * r * r\n"
AFTER = "def area(r):\n    return 3.14159 * r * r\n"
OLD, NEW = "3 * r * r", "3.14159 * r * r"


def opencode(home: Path, server: ModelServer) -> dict[str, str]:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": server.openai_url, "apiKey": "none"},
        "models": {"scripted": {}, "small": {}},
    }
    own = {"provider": {"here": provider}, "model": "here/scripted", "small_model": "here/small"}
    folder = home / ".config" / "opencode"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "opencode.json").write_text(json.dumps(own))
    return {}


def claude(home: Path, server: ModelServer) -> dict[str, str]:
    named = {"ANTHROPIC_MODEL": "scripted", "ANTHROPIC_SMALL_FAST_MODEL": "small"}
    return {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "none", **named}


def codex(home: Path, server: ModelServer) -> dict[str, str]:
    folder = home / ".codex"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(
        'model = "scripted"\nmodel_provider = "here"\n[model_providers.here]\nname = "here"\n'
        f'base_url = "{server.openai_url}"\nwire_api = "responses"\n'
    )
    return {}


def gemini(home: Path, server: ModelServer) -> dict[str, str]:
    return {"GOOGLE_GEMINI_BASE_URL": server.url, "GEMINI_API_KEY": "none", "GEMINI_MODEL": "scripted"}


@dataclass(frozen=True)
class Real:
    """How a person sets an agent up, and the calls by which its model works. ``asks`` says whether it asks
    before it runs a command, ``goes_on`` whether it does so after a refusal, ``needs_one`` whether somebody
    must be signed in."""

    set_up: Callable[[Path, ModelServer], dict[str, str]]
    edits: tuple[Call, ...]
    runs: Callable[[str], Call]
    asks: bool = True
    goes_on: bool = True
    needs_one: bool = True


NAMED = {"file_path": "geometry.py", "old_string": OLD, "new_string": NEW}
REAL = {
    "opencode": Real(
        opencode,
        (
            Call("read", {"filePath": "geometry.py"}),
            Call("edit", {"filePath": "geometry.py", "oldString": OLD, "newString": NEW}),
        ),
        lambda command: Call("bash", {"command": command, "description": "Try"}),
        goes_on=False,
        needs_one=False,  # it has a model of its own that asks for no account
    ),
    "claude-code": Real(
        claude,
        (Call("Read", {"file_path": "geometry.py"}), Call("Edit", NAMED)),
        lambda command: Call("Bash", {"command": command, "description": "Try"}),
    ),
    "codex": Real(
        codex,
        (Call("exec_command", {"cmd": f"sed -i 's/{OLD}/{NEW}/' geometry.py".replace("*", "[*]", 2)}),),
        lambda command: Call("exec_command", {"cmd": command}),
        asks=False,
    ),
    "gemini": Real(
        gemini,
        (
            Call("read_file", {"file_path": "geometry.py"}),
            Call("replace", {**NAMED, "instruction": "a better pi"}),
        ),
        lambda command: Call("run_shell_command", {"command": command}),
    ),
}


def installed(name: str) -> bool:
    return shutil.which(PRESETS[name].command, path=PATH) is not None


pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=pytest.mark.skipif(not installed(name), reason="it is not installed"))
            for name in REAL
        ],
    ),
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, and a home in which no agent has been before."""
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPENCODE_DISABLE_MODELS_FETCH", "1")
    (tmp_path / "home").mkdir()
    work = tmp_path / "work"
    fill(work, {"geometry.py": BEFORE})
    repository(work)
    return work


async def approved(name: str, root: Path, make_desk: MakeDesk) -> Desk:
    """A desk at which the preset is approved, as it stands."""
    given = next(each for each in defined_agents(root, load_settings(root).agents) if each.name == name)
    assert (given.origin, given.problem) == ("preset", "")
    AgentApprovals().approve(given, root, digest=agent_digest(given, root))
    return await make_desk(root=root)


def set_up(name: str, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Real:
    real = REAL[name]
    for variable, value in real.set_up(Path(os.environ["HOME"]), server).items():
        monkeypatch.setenv(variable, value)
    return real


def end(events: list[Event]) -> RunFinished:
    last = events[-1]
    assert isinstance(last, RunFinished)
    return last


async def test_its_edit_is_reviewed_and_its_command_asked_about(
    name: str, root: Path, make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = set_up(name, model_server, monkeypatch)
    desk = await approved(name, root, make_desk)
    model_server.play(
        *(Turn(model="scripted", match="better pi", calls=(call,)) for call in real.edits),
        Turn(model="scripted", match="better pi", text="area uses a better pi now."),
        *(
            Turn(model="scripted", match="then run", calls=(real.runs(f"touch {made}"),))
            for made in ("one", "two")
        ),
        Turn(model="scripted", match="then run", text="Both were tried."),
        Turn(repeat=True, text="Better area"),  # for titles and the like
    )
    prompt = Prompt(session=desk.session, text=f"/agent {name} use a better pi in geometry.py", edge="test")
    ack = await desk.engine.submit(prompt)
    events: list[Event] = []
    asked = []
    async for event in desk.engine.events(desk.session, ack.seq):
        events.append(event)
        if event.type == "tool_called" and not [e for e in events if e.type == "steered"]:
            await desk.engine.submit(Steer(session=desk.session, agent=name, text="then run both"))
        if event.type == "approval_asked":
            asked.append(event.commands)
            about = {"session": desk.session, "approval": event.approval}
            yes = event.commands == ("touch one",)
            await desk.engine.submit(Approve(**about, digest=event.digest) if yes else Reject(**about))
        if event.type == "run_finished":
            break
    assert end(events).status == "done", end(events).text
    assert asked == ([("touch one",), ("touch two",)] if real.asks else [])
    edits = {event.edit.target.path: event.edit for event in events if event.type == "edit_proposed"}
    assert set(edits) == {"geometry.py", "one"} | (set() if real.asks else {"two"})
    assert edits["geometry.py"].after == AFTER
    told = [e.message.text for e in events if e.type == "message_done" and e.agent == name]
    assert any("better pi now" in text for text in told)
    assert ("Both were tried." in told[-1]) is real.goes_on
    calls = [event for event in events if event.type == "tool_called"]
    assert len(calls) == len(real.edits) + 2
    assert all(len(event.arguments) > 1 for event in calls if event.tool != "execute")
    assert (root / "geometry.py").read_text() == BEFORE
    await desk.do(AcceptRun(session=desk.session, run=end(events).run or ""))
    assert (root / "geometry.py").read_text() == AFTER


async def test_it_is_stopped_while_its_model_thinks(
    name: str, root: Path, make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = set_up(name, model_server, monkeypatch)
    desk = await approved(name, root, make_desk)
    model_server.play(
        Turn(model="scripted", match="better pi", calls=real.edits[:1]),
        Turn(model="scripted", hang=True),
        Turn(repeat=True, text="Better area"),
    )
    prompt = Prompt(session=desk.session, text=f"/agent {name} use a better pi in geometry.py", edge="test")
    ack = await desk.engine.submit(prompt)
    await desk.until(lambda event: event.type == "tool_done", after=ack.seq, limit=LIMIT)
    await desk.engine.submit(Cancel(session=desk.session, agent=name))
    events = await desk.until(lambda event: event.type == "run_finished", after=ack.seq)
    assert (end(events).status, end(events).text) == ("done", f"{name} was stopped.")
    assert (root / "geometry.py").read_text() == BEFORE


async def test_where_nobody_is_signed_in_it_says_what_to_type(
    name: str, root: Path, make_desk: MakeDesk
) -> None:
    if not REAL[name].needs_one:
        pytest.skip("nobody has to sign in")
    desk = await approved(name, root, make_desk)
    events = await desk.ask(f"/agent {name} use a better pi", limit=LIMIT)
    assert end(events).status == "failed"
    assert "sign in first" in end(events).text, end(events).text
