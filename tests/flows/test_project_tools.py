"""The tools of a project in one whole run: a model looks for lines, runs tests, asks data and git."""

import asyncio
import subprocess
import sys

import pytest

from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.tools.sandbox import state as sandbox
from tests.flows.conftest import MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sandboxes here are Linux's")


async def test_a_run_that_uses_them_all(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    if (await sandbox.state()).strength == "none":
        pytest.skip("without a sandbox each command is asked about, whatever the rules say")
    allowed = Rule(decide="allow", command=("python", "-m", "pytest"))
    desk = await make_desk(kernel=True, rules=(allowed,))
    root = desk.root
    (root / "test_x.py").write_text("def test_x():\n    assert 1 == 2\n")
    begin = ["git", "init", "-q", "-b", "main"]
    await asyncio.to_thread(subprocess.run, begin, cwd=root, check=True)
    calls = (
        Call("grep", {"pattern": "assert \\d"}),
        Call("git_status", {}),
        Call("query_data", {"sql": "SELECT count(*) AS n FROM df", "frames": ["df"]}),
        Call("run_tests", {}),
    )
    model_server.play(Turn(calls=calls), Turn(text="Seen."))
    events = await desk.ask("look", model=MODEL)
    done = {event.tool: event for event in events if event.type == "tool_done"}
    assert {name: each.status for name, each in done.items()} == dict.fromkeys(
        ("grep", "git_status", "query_data", "run_tests"), "ok"
    ), done
    assert not [event for event in events if event.type == "approval_asked"]
    assert done["grep"].summary == "1 line"
    assert "test_x.py" in done["git_status"].content
    assert '"rows": [[569]]' in done["query_data"].content or "withheld" in done["query_data"].content
    assert done["run_tests"].summary == "1 failed"
    assert '"place": "test_x.py:2"' in done["run_tests"].content
    lines = {line.tool for line in desk.engine.services.audit.lines()}
    assert "run_tests" in lines
