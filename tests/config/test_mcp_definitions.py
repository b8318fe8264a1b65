"""Which MCP servers are defined, which of them may be used, and what an approval holds."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.app.trusting import look
from codemad_jupyter.config.mcp_approvals import FOLDER, McpApprovals
from codemad_jupyter.config.mcp_definitions import defined, definition_digest
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.config.trust import TrustedFolders
from codemad_jupyter.protocol.mcp import McpDefinition, McpServer, McpTool


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text('[mcp.time]\ncommand = "time-server"\nenv = ["TZ_NAME"]\n')
    root = tmp_path / "project"
    root.mkdir()
    return root


def names(root: Path) -> dict[str, str]:
    return {each.name: each.problem for each in defined(root, load_settings(root, lenient=True).mcp)}


def test_a_project_defines_nothing_before_it_is_trusted(project: Path) -> None:
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"evil": {"command": "sh"}}}))
    (project / "codemad.toml").write_text('[mcp.more]\nurl = "https://mcp.example/x"\n')
    assert names(project) == {"time": ""}
    assert look(project).found == ("codemad.toml", ".mcp.json"), "the person sees what waits for trust"
    TrustedFolders().trust(project)
    assert names(project) == {"time": "", "more": "", "evil": ""}
    assert not load_settings(project).notices
    (project / "codemad.toml").write_text('[mcp.other]\ncommand = "sh"\n')
    assert "other" not in names(project), "trust of codemad.toml is by its content"


def test_of_two_with_one_name_the_persons_own_counts(project: Path) -> None:
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"time": {"command": "sh"}}}))
    TrustedFolders().trust(project)
    own, twice = defined(project, load_settings(project).mcp)
    assert (own.origin, own.problem) == ("own", "")
    assert "of this name already" in twice.problem


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"command": "x", "env": {"LD_PRELOAD": "/tmp/evil.so"}}, "would change what runs"),
        ({"command": "x", "env": {"PATH": "/tmp"}}, "would change what runs"),
        ({"command": "x", "env": {"dyld_insert_libraries": "x"}}, "would change what runs"),
        ({"command": "x", "env": {"NODE_OPTIONS": "--require /tmp/x"}}, "would change what runs"),
        ({"command": "x", "env": {"PYTHONPATH": "/tmp"}}, "would change what runs"),
        ({"command": "x", "env": {"BASH_ENV": "/tmp/x"}}, "would change what runs"),
        ({"command": "x", "env": {"CODEMAD_KERNEL_TOKEN": "${CODEMAD_KERNEL_TOKEN}"}}, "never passed on"),
        ({"command": "x", "env": {"OTHER": "${ANTHROPIC_API_KEY}"}}, "may only be passed on as"),
        ({"command": "x", "url": "https://mcp.example"}, "either a command or a url"),
        ({"url": "http://mcp.example/x"}, "must begin with https"),
        ({"url": "https://me:word@mcp.example/x"}, "holds a password"),
        ({"url": "https://mcp.example", "headers": {"X-Key": "word"}}, "cannot be used"),
        ({"command": 7}, "cannot be understood"),
        ({"command": "x", "shell": True, "args": ["a"]}, ""),
        ({"url": "http://127.0.0.1:8000/mcp", "headers": {"Authorization": "Bearer ${MY_TOKEN}"}}, ""),
    ],
)
def test_what_a_definition_may_hold(project: Path, entry: dict[str, object], said: str) -> None:
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"it": entry}}))
    TrustedFolders().trust(project)
    problem = names(project)["it"]
    assert said in problem
    assert bool(problem) == bool(said)


def test_an_approval_holds_for_exactly_one_definition(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("print(1)")
    given = McpDefinition(
        name="it", server=McpServer(command="python", args=("run.py",)), origin="project", place=".mcp.json"
    )
    approvals = McpApprovals(tmp_path / "kept")
    assert approvals.status(given, tmp_path).state == "new"
    approvals.approve(
        given, tmp_path, digest=definition_digest(given, tmp_path), tools=(McpTool(name="echo"),)
    )
    assert approvals.status(given, tmp_path).state == "approved"
    assert approvals.status(given, tmp_path).tools == ("echo",)
    other = given.model_copy(update={"server": McpServer(command="python", args=("run.py", "--more"))})
    assert approvals.of(other, tmp_path) is None
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert approvals.of(given, elsewhere) is None, "a project's server is approved for that project alone"
    (tmp_path / "run.py").write_text("print(2)")
    assert approvals.status(given, tmp_path).state == "changed"
    for file in (tmp_path / "kept" / FOLDER).iterdir():
        file.write_text("{")
    assert approvals.of(given, tmp_path) is None
    approvals.revoke(given, tmp_path)
    assert approvals.status(given, tmp_path).state == "new"
