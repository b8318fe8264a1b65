"""The example package, installed as any other is, at every place where packages may add something."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.hooks import hookimpl, plugin_manager
from codemad_jupyter.protocol.commands import AcceptEdit
from codemad_jupyter.protocol.errors import Denied
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

PACKAGE = Path(__file__).parents[1] / "plugin_example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package is installed into, without asking any index."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target)]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([*pip, *offline, str(PACKAGE)], check=True, timeout=300)
    return target


@pytest.fixture
async def desk(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, installed: Path
) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODEL", "compatible/scripted")
    monkeypatch.syspath_prepend(str(installed))
    return await make_desk()


def heard() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = importlib.import_module("codemad_example").HEARD
    return found


async def test_all_that_it_adds_is_there_and_works(desk: Desk, model_server: ModelServer) -> None:
    left_out = " ".join(desk.engine.services.notices)
    for said in ("Tool read_file, which there is already", "what is no Tool", "SlashCommand help"):
        assert said in left_out
    roles = desk.engine.services.roles()
    assert (roles.known["sailor"].origin, roles.known["coder"].origin) == (
        "the package example",
        "built in",
    )
    assert "offers a role coder, which there is already" in roles.problems[0]
    assert ("on_session_start", str(desk.root)) in heard()

    answered = await desk.ask("/weather Oslo", model="parrot/small")
    [text] = [event.message.text for event in answered if event.type == "message_done"]
    assert text == "You said: How is the weather in Oslo?"
    assert ("on_event", "intent_decided") in heard(), "what failed there stopped nobody"

    model_server.play(
        Turn(calls=(Call("weather", {"place": "Oslo"}), Call("weather", {"place": "Atlantis"}))),
        Turn(text="Three hours of sun."),
    )
    sailed = await desk.ask("/agent sailor Where to?", model="compatible/scripted")
    done = [event for event in sailed if event.type == "tool_done"]
    assert [(event.tool, event.status) for event in done] == [("weather", "ok"), ("weather", "denied")]
    assert "no weather for Atlantis" in done[1].content
    assert heard().count(("after_tool", "weather")) == 2


async def test_it_has_a_run_look_again_and_refuses_what_it_would_apply(
    desk: Desk, model_server: ModelServer
) -> None:
    model_server.play(
        Turn(calls=(Call("write_file", {"path": "a.txt", "content": "never\n", "title": "Write a"}),)),
        Turn(text="Written."),
        Turn(text="The spelling is right."),
    )
    events = await desk.ask("/edit write a.txt")
    steps = [(event.phase, event.step) for event in events if event.type == "phase_changed"]
    assert steps == [("execute", ""), ("verify", ""), ("verify", "spelling")]
    assert "Look once more at the spelling" in str(model_server.asked[-1].body["messages"][-1])
    [edit] = [event.edit for event in events if event.type == "edit_proposed"]
    with pytest.raises(Denied, match="it says never"):
        await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
    assert not (desk.root / "a.txt").exists()
    assert ("on_review", "Write a") in heard()


def test_its_part_in_the_lab_lies_where_jupyterlab_looks(installed: Path) -> None:
    folder = installed / "share" / "jupyter" / "labextensions" / "codemad-example"
    built = json.loads((folder / "package.json").read_text())["jupyterlab"]["_build"]
    assert built["extension"] == "./extension"
    assert "_JUPYTERLAB['codemad-example']" in (folder / built["load"]).read_text()


def test_a_package_that_cannot_be_loaded_keeps_nobody_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[codemad_jupyter]\nbroken = broken_package\n")
    (tmp_path / "broken_package.py").write_text("raise RuntimeError('out of order')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    manager = plugin_manager()
    assert manager.problems == ["The package broken cannot be used: RuntimeError: out of order."]


def test_one_that_fails_is_named_and_the_others_are_heard() -> None:
    from codemad_jupyter.hooks import offers

    class Broken:
        @hookimpl
        def register_phases(self) -> Any:
            raise RuntimeError("out of order")

    class Fine:
        @hookimpl
        def register_phases(self) -> Any:
            return ["one"]

    manager = plugin_manager(discover=False)
    manager.register(Fine(), name="fine")
    manager.register(Broken(), name="broken")
    assert [each.value for each in offers(manager, "register_phases")] == ["one"]
    assert manager.problems == ["The package broken failed in register_phases: RuntimeError: out of order."]
