"""Hook scripts: real programs that hear of what happens, and whose refusals and failures count."""

import json
import sys
from pathlib import Path

import pytest

from codemad_jupyter.app.trusting import look
from codemad_jupyter.config.hook_definitions import defined_hooks
from codemad_jupyter.config.trust import TrustedFolders
from codemad_jupyter.hooks import Plugins, plugin_manager, refusals, tell
from codemad_jupyter.protocol.hook_scripts import HookScript
from codemad_jupyter.tools.hook_scripts import ScriptHooks
from codemad_jupyter.tools.path_rules import gives_rights
from tests.waiting import until

CODE = """#!{python}
import json, os, sys, time
said = json.load(sys.stdin)
with open({log!r}, "a") as log:
    log.write(json.dumps({{**said, "env": sorted(os.environ)}}) + "\\n")
what = said.get("arguments", {{}}).get("what")
if what == "refuse":
    sys.stderr.write("not this one")
    sys.exit(2)
if what == "fail":
    sys.exit(9)
if what == "hang":
    time.sleep(600)
if what == "noise":
    sys.stdout.write("x" * 3_000_000)
"""


def program(path: Path, log: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CODE.format(python=sys.executable, log=str(log)))
    path.chmod(0o755)
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MY_SECRET", "canary-of-a-secret")
    (tmp_path / "work").mkdir()
    return tmp_path


def plugged(place: Path, **own: HookScript) -> tuple[Plugins, ScriptHooks]:
    root = place / "work"
    manager, scripts = plugin_manager(discover=False), ScriptHooks(root, defined_hooks(root, own))
    manager.register(scripts)
    return manager, scripts


async def asked(manager: Plugins, what: str, tool: str = "run_code") -> list[str]:
    return await refusals(manager, "before_tool", tool=tool, arguments={"what": what})


async def test_a_script_refuses_fails_and_is_bounded(place: Path) -> None:
    log = place / "log"
    script = HookScript(
        on=("before_tool", "after_tool"),
        command=str(program(place / "guard", log)),
        tool="run_*",
        env=("MODE=set",),
        seconds=10,
    )
    manager, scripts = plugged(place, guard=script)
    assert await asked(manager, "go") == []
    assert await asked(manager, "refuse") == ["the hook guard says: not this one"]
    assert await asked(manager, "refuse", tool="read_file") == []
    assert await asked(manager, "fail") == []
    assert await asked(manager, "noise") == []
    tell(manager, "after_tool", tool="run_code", arguments={}, content="done", is_error=False)
    await until(lambda: '"hook": "after_tool"' in log.read_text(), "the telling")
    await scripts.close()
    first = json.loads(log.read_text().splitlines()[0])
    assert (first["hook"], first["tool"], first["arguments"]) == ("before_tool", "run_code", {"what": "go"})
    assert "MODE" in first["env"]
    assert "MY_SECRET" not in first["env"]

    closed = script.model_copy(update={"closed": True, "seconds": 3})
    strict, _ = plugged(place, guard=closed, gone=closed.model_copy(update={"command": "/no/such"}))
    assert await asked(strict, "fail") == ["the hook guard failed: it ended with exit code 9"]
    assert await asked(strict, "hang") == ["the hook guard failed: it took longer than 3 seconds"]
    assert await asked(strict, "go") == ["the hook gone failed: there is no program /no/such"]


async def test_a_projects_script_runs_when_it_is_trusted_exactly_as_it_is(place: Path) -> None:
    root, log = place / "work", place / "log"
    script = program(root / ".codemad/hooks/guard", log)
    (root / "codemad.toml").write_text(
        '[hooks.guard]\non = ["before_tool"]\ncommand = ".codemad/hooks/guard"\nclosed = true\n'
        '[hooks.way]\non = ["before_tool"]\ncommand = ".codemad/hooks/../../evil"\n'
        '[hooks.shell]\non = ["before_tool"]\ncommand = "/bin/sh"\n'
    )
    program(root / "evil", place / "evil-log")
    assert gives_rights(root, ".codemad/hooks/guard")
    untrusted, _ = plugged(place)
    assert await asked(untrusted, "refuse") == []
    assert not log.exists()

    folders = TrustedFolders()
    assert ".codemad/hooks/guard" in look(root).found
    folders.trust(root)
    found = {each.name: each.problem for each in defined_hooks(root, {})}
    assert found["guard"] == ""
    assert "a program in .codemad/hooks" in found["way"]
    assert "a program in .codemad/hooks" in found["shell"]
    trusted, _ = plugged(place)
    assert await asked(trusted, "refuse") == ["the hook guard says: not this one"]
    assert not (place / "evil-log").exists()

    script.write_text(script.read_text() + "# changed\n")
    told = len(log.read_text().splitlines())
    assert look(root).state == "changed"
    [refused] = await asked(trusted, "go")
    assert "changed since you trusted the folder" in refused
    later, _ = plugged(place)
    assert await asked(later, "refuse") == []
    assert len(log.read_text().splitlines()) == told, "what was changed did not run"
