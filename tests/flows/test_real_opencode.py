"""The real opencode, where it is installed (``npm i opencode-ai``, 185 MB; `OPENCODE_BINARY` names it, else
it is found on PATH), with the scripted model server for its model: nothing leaves this machine."""

import json
import os
import shutil
from pathlib import Path

import pytest

from codemad_jupyter.config.agent_definitions import AgentApprovals, agent_digest, defined_agents
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.protocol.commands import AcceptRun
from tests.conftest import ORIGINAL
from tests.flows.conftest import MakeDesk
from tests.git.gitlab import fill, repository
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

PROGRAM = ORIGINAL.get("OPENCODE_BINARY") or shutil.which("opencode") or ""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAM, reason="opencode is not installed (npm i opencode-ai)"),
]


def configured(home: Path, server: ModelServer) -> None:
    """The settings that a person gives opencode."""
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": server.openai_url, "apiKey": "none"},
        "models": {"scripted": {}, "small": {}},
    }
    own = {"provider": {"here": provider}, "model": "here/scripted", "small_model": "here/small"}
    folder = home / ".config" / "opencode"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "opencode.json").write_text(json.dumps(own))


async def test_it_edits_a_file_that_is_reviewed_and_merged(
    make_desk: MakeDesk, model_server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "config.toml"))
    env = ["OPENCODE_DISABLE_AUTOUPDATE=1", "OPENCODE_DISABLE_MODELS_FETCH=1"]
    env += ['OPENCODE_PERMISSION={"bash":"ask"}']
    folders = [f"~/{each}/opencode" for each in (".config", ".local/share", ".local/state", ".cache")]
    (tmp_path / "config.toml").write_text(
        f"[agents.opencode]\ncommand = {json.dumps(PROGRAM)}\nargs = ['acp']\nnetwork = true\n"
        f"env = {json.dumps(env)}\nfolders = {json.dumps(folders)}\nseconds = 240\n"
    )
    root = tmp_path / "work"
    fill(root, {"geometry.py": "def area(r):\n    return 3 * r * r\n"})
    repository(root)
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    configured(Path(os.environ["HOME"]), model_server)
    given = next(each for each in defined_agents(root, load_settings(root).agents) if each.name == "opencode")
    AgentApprovals().approve(given, root, digest=agent_digest(given, root))
    desk = await make_desk(root=root)

    model_server.play(
        Turn(model="small", repeat=True, text="Better area"),
        Turn(model="scripted", calls=(Call("read", {"filePath": "geometry.py"}),)),
        Turn(
            model="scripted",
            calls=(
                Call(
                    "edit",
                    {"filePath": "geometry.py", "oldString": "3 * r * r", "newString": "3.14159 * r * r"},
                ),
            ),
        ),
        Turn(model="scripted", text="area uses a better pi now."),
    )
    events = await desk.ask("/agent opencode use a better pi in geometry.py", limit=240)
    last = events[-1]
    assert last.type == "run_finished"
    assert last.status == "done", last.text
    [edit] = [event.edit for event in events if event.type == "edit_proposed"]
    assert edit.after == "def area(r):\n    return 3.14159 * r * r\n"
    told = [e.message.text for e in events if e.type == "message_done" and e.agent == "opencode"]
    assert "area uses a better pi now." in told[-1]
    assert [event.status for event in events if event.type == "tool_done"] == ["ok", "ok"]
    assert (root / "geometry.py").read_text().count("3.14159") == 0
    await desk.do(AcceptRun(session=desk.session, run=last.run or ""))
    assert (root / "geometry.py").read_text() == edit.after
