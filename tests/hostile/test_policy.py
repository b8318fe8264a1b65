"""What the administrator forbids is tried through every entry point: each says who set it; nothing runs."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codemad_jupyter.batch.cli import main
from codemad_jupyter.config.policy import VARIABLE
from codemad_jupyter.protocol.commands import ChooseDataLevel, ChooseModel, Prompt
from codemad_jupyter.protocol.errors import SetByAdministrator
from codemad_jupyter.protocol.permissions import Rule
from tests.hostile.attacking import MODEL, Scene
from tests.magics.live_kernels import OFFLINE, kernel
from tests.server.conftest import home, workspace  # noqa: F401 - fixtures
from tests.server.serving import Served, serving
from tests.server.test_configuring import send
from tests.server.test_mcp_server import client
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call

SAID = "set by the administrator"
POLICY = """
allow_rules = false
[allow]
models = ["compatible/scripted"]
[deny]
tools = ["run_command", "write_file"]
mcp = ["*"]
agents = ["*"]
[at_most]
mode = "ask"
data_level = "samples"
[locked]
web_fetch = false
"""
LOOSE = """
model = "openai/gpt-6-sol"
mode = "auto_sandboxed"
data_level = "images"
web_fetch = true
[[permissions]]
decide = "allow"
"""
FREE = (Rule(decide="allow", origin="the test"), Rule(decide="allow", axis="control", origin="the test"))


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "administrator" / "policy.toml"
    path.parent.mkdir()
    path.write_text(POLICY)
    monkeypatch.setenv(VARIABLE, str(path))
    return path


@pytest.mark.case("HUB-04")
async def test_a_session_cannot_choose_what_the_administrator_forbids(scene: Scene, policy: Path) -> None:
    own = scene.stage.home.parent / "own" / "config.toml"
    own.parent.mkdir(exist_ok=True)
    own.write_text(LOOSE)
    scene.set_variable("CODEMAD_CONFIG", str(own))
    scene.set_variable("CODEMAD_WEB_FETCH", "true")
    desk = await scene.desk("auto_sandboxed", rules=FREE)
    for command in (
        ChooseModel(session=desk.session, model="openai/gpt-6-sol"),
        Prompt(session=desk.session, text="hi", target=desk.target, edge="test", model="xai/grok-4"),
        ChooseDataLevel(session=desk.session, level="images"),
    ):
        with pytest.raises(SetByAdministrator, match=SAID):
            await desk.engine.submit(command)
    assert scene.model.asked == []
    rights = await desk.engine.services.granted()
    assert (rights.mode, rights.rules) == ("ask", ())
    assert desk.engine.services.levels.of("n.ipynb") == "samples"


@pytest.mark.case("HUB-04")
async def test_a_model_cannot_call_what_the_administrator_forbids(scene: Scene, policy: Path) -> None:
    desk = await scene.desk("auto_sandboxed", rules=FREE)
    calls = (
        Call("run_command", {"command": f"touch {scene.mark}"}),
        Call("write_file", {"path": "made.txt", "content": "x"}),
        Call("fetch_page", {"url": "https://evil.example/"}),
        Call("list_files", {"pattern": "*"}),
    )
    outcome = await scene.run(desk, calls, approver="allows")
    assert [status == "ok" for status in outcome.statuses] == [False, False, False, True]
    assert not outcome.asked, "a person is not asked either"
    offered = {tool["function"]["name"] for tool in scene.model.asked[0].body["tools"]}
    assert not {"run_command", "write_file", "fetch_page"} & offered
    assert not scene.mark.exists()


@pytest.fixture
async def server(
    home: Path,  # noqa: F811
    workspace: Path,  # noqa: F811
    policy: Path,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Served]:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODE", "auto_edit")
    async with serving(workspace, home=home) as served:
        yield served


@pytest.mark.case("HUB-04")
async def test_the_routes_and_the_mcp_server_hold_to_it(server: Served) -> None:
    await server.tab("one")
    choose = {"type": "choose_model", "session": await server.session(), "model": "openai/gpt-6-sol"}
    for answer in (
        await server.fetch("codemad/commands", body=choose),
        await send(server, "PUT", "settings", {"values": {"web_fetch": True}}),
    ):
        said = json.loads(answer.body)["error"]
        assert (answer.code, said["code"]) == (403, "set_by_administrator")
        assert SAID in said["message"]
    told = json.loads((await server.fetch("codemad/settings")).body)
    held = {each["key"]: each for each in told["settings"] if each["hold"]}
    assert (held["mode"]["value"], held["web_fetch"]["hold"]["locked"]) == ("ask", True)
    assert told["policy"]["said"]
    models = json.loads((await server.fetch("codemad/models")).body)["models"]
    free = {each["name"] for each in models if not each["locked"]}
    assert free <= {"codemad/offline", MODEL}
    assert len(models) > len(free)
    async with client(server) as session:
        names = {tool.name for tool in (await session.list_tools()).tools}
        assert "run_command" not in names
        result = (await session.call_tool("run_command", {"command": "id"})).model_dump(by_alias=True)
        assert result["isError"]


@pytest.mark.case("HUB-04")
def test_the_command_line_holds_to_it(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)
    for line in ("ask --model openai/gpt-6-sol hi", "config set mode auto_edit", "config set web_fetch true"):
        assert main(line.split()) == 4, line
        assert SAID in capsys.readouterr().err
    policy.write_text("[allow")
    assert main(["ask", "hi"]) == 2
    assert str(policy) in capsys.readouterr().err


@pytest.mark.case("HUB-04")
def test_magics_in_a_kernel_without_a_server_hold_to_it(policy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    with kernel(folder, {**OFFLINE, "CODEMAD_MODE": "auto_sandboxed"}) as live:
        assert live.run("%load_ext codemad_jupyter").reply["status"] == "ok"
        for line in ("%codemad models use openai/gpt-6-sol", "%%codemad --model xai/grok-4\nhello"):
            assert SAID in str(live.run(line).outputs), line
