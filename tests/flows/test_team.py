"""Teams on a real repository: worktrees, sandboxed commands and kernels, real pytest; only the model is
scripted. What an agent may not do it cannot, whatever its model or another agent says."""

import sys
from pathlib import Path

import pytest

from codemad_jupyter.orchestrator.bringing_in import worktrees_of
from codemad_jupyter.protocol.commands import AcceptRun, Undo
from codemad_jupyter.protocol.events import (
    AgentChanged,
    EditProposed,
    EditSettled,
    Event,
    MessageDone,
    RunFinished,
    ToolCalled,
    ToolDone,
)
from tests.flows.conftest import Desk, MakeDesk
from tests.git.gitlab import fill, git, manifest, repository
from tests.hostile.test_sandbox_escapes import skip_unless
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox tried is Linux's")
BROKEN = "def mean(values):\n    return sum(values) / (len(values) - 1)\n"
TESTS = """
from stats import mean

def test_of_two():
    assert mean([1, 3]) == 2

def test_of_none():
    assert mean([]) == 0
"""
CAREFUL = BROKEN.replace("(len(values) - 1)", "len(values) if values else 0")
MADE = {
    "coder-1": BROKEN.replace("(len(values) - 1)", "3"),
    "coder-2": CAREFUL,
    "coder-3": BROKEN.replace("(len(values) - 1)", "len(values)"),
}
PYTEST = "python -B -m pytest -q -p no:cacheprovider"


@pytest.fixture
async def desk(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Desk:
    skip_unless("bubblewrap")
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODEL", "compatible/scripted")
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "own" / "config.toml"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-of-the-server")
    monkeypatch.setenv("JUPYTER_TOKEN", "canary-token")
    root = tmp_path / "work"
    fill(root, {"stats.py": BROKEN, "test_stats.py": TESTS, ".gitignore": "__pycache__\n"})
    desk = await make_desk(root=root)
    repository(root)
    fill(root, {"stats.py": BROKEN + "\n# not committed\n"})
    return desk


def of(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def states(events: list[Event], agent: str) -> list[str]:
    found = [e.status.state for e in events if isinstance(e, AgentChanged) and e.status.name == agent]
    return list(dict.fromkeys(found))


def me(agent: str) -> str:
    return rf"You are {agent}\."


async def test_three_agents_try_and_the_best_by_tests_is_reviewed(
    desk: Desk, model_server: ModelServer
) -> None:
    for name, made in MADE.items():
        write = Call("write_file", {"path": "stats.py", "content": made + "\n# not committed\n"})
        model_server.play(
            Turn(match=me(name), calls=(write, Call("run_command", {"command": PYTEST}, id="other"))),
            Turn(match=me(name), text=f"{name} has mended mean."),
        )
    before, trees = manifest(desk.root), worktrees_of(desk.engine.services)
    events = await desk.ask("/team make the failing tests pass")
    last = events[-1]
    assert isinstance(last, RunFinished)
    assert last.status == "done", last.text
    assert manifest(desk.root) == before
    for name in MADE:
        assert states(events, name) == ["waiting", "working", "done"]
    [said] = [e.message.text for e in events if isinstance(e, MessageDone)]
    assert "The work of coder-2 is taken: the tests say so." in said
    assert "2 of 2 tests pass" in said
    assert {e.agent for e in events if isinstance(e, ToolCalled)} == set(MADE)
    assert [e.status for e in events if isinstance(e, ToolDone)] == ["ok"] * 9
    [edit] = [e.edit for e in events if isinstance(e, EditProposed)]
    assert edit.title.startswith("Change stats.py (coder-2-")
    left = await trees.every()
    assert [(each.agent, each.run, each.owner) for each in left] == [(name, last.run, None) for name in MADE]
    events = await desk.do(AcceptRun(session=desk.session, run=last.run or ""))
    assert [e.status for e in events if isinstance(e, EditSettled)] == ["accepted"]
    assert (desk.root / "stats.py").read_text() == CAREFUL + "\n# not committed\n"
    for each in left:
        await trees.remove(each)
    assert not list((desk.engine.services.data / "agents").iterdir())
    assert "agent-" not in git(desk.root, "for-each-ref")
    await desk.do(Undo(session=desk.session))
    assert manifest(desk.root) == before
