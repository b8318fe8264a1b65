"""Which external agents there are, and that nothing of a folder's is one before a person says so."""

import json
import os
import sys
from pathlib import Path

import pytest

from codemad_jupyter.batch.cli import main
from codemad_jupyter.config.agent_definitions import (
    AgentApprovals,
    ExternalAgents,
    agent_digest,
    defined_agents,
)
from codemad_jupyter.config.trust import TrustedFolders
from codemad_jupyter.protocol.errors import Denied
from codemad_jupyter.protocol.external_agents import AgentDefinition, ExternalAgent

PLAIN = ExternalAgent(command=sys.executable)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "config.toml"))
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def by_name(root: Path, **own: ExternalAgent) -> dict[str, AgentDefinition]:
    return {each.name: each for each in defined_agents(root, own)}


def program(path: Path, code: str = "true") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)
    return path


def test_known_ones_are_found_on_the_path_and_never_in_the_folder(root: Path, tmp_path: Path) -> None:
    inside, outside = program(root / "bin" / "opencode"), program(tmp_path / "bin" / "gemini")
    environ = {"PATH": os.pathsep.join([str(inside.parent), "bin", str(outside.parent)])}
    found = {each.name: each for each in defined_agents(root, {}, environ=environ)}
    assert "no program opencode" in found["opencode"].problem
    assert (found["gemini"].program, found["gemini"].problem) == (str(outside), "")
    said = "no program codex-acp on this machine (install it: npm install -g @agentclientprotocol/codex-acp)"
    assert said in found["codex"].problem
    assert (found["codex"].sign_in, found["gemini"].sign_in) == ("codex-acp cli login", "gemini")


@pytest.mark.parametrize(
    ("name", "agent", "said"),
    [
        ("Upper", PLAIN, "small letters"),
        ("a" * 25, PLAIN, "up to 24"),
        ("ok", ExternalAgent(), "needs a command"),
        ("ok", PLAIN.model_copy(update={"env": ("LD_PRELOAD=/tmp/x",)}), "would change what runs"),
        ("ok", PLAIN.model_copy(update={"env": ("CODEMAD_KERNEL_TOKEN",)}), "belongs to this Jupyter server"),
        ("ok", PLAIN.model_copy(update={"folders": ("~",)}), "no folder below your home"),
        ("ok", PLAIN.model_copy(update={"folders": ("/etc",)}), "no folder below your home"),
        ("ok", PLAIN.model_copy(update={"folders": ("~/../other",)}), "no folder below your home"),
        ("ok", ExternalAgent(command="/no/such"), "no program /no/such"),
        ("coder", PLAIN, "there is a role of this name"),
    ],
)
def test_what_cannot_be_used_says_why(root: Path, name: str, agent: ExternalAgent, said: str) -> None:
    [first, *_] = defined_agents(root, {name: agent}, taken={"coder"})
    assert said in first.problem
    assert not AgentApprovals().holds(first, root)


def test_a_folders_own_count_once_trusted_and_take_no_name_nor_folder(root: Path) -> None:
    own = program(root / "tools" / "agent")
    (root / "codemad.toml").write_text(
        '[agents.theirs]\ncommand = "tools/agent"\n[agents.mine]\ncommand = "tools/agent"\n'
        '[agents.gemini]\ncommand = "tools/agent"\n'
        '[agents.greedy]\ncommand = "tools/agent"\nfolders = ["~/.ssh"]\n[agents.odd]\ncommand = 3\n'
    )
    assert "theirs" not in by_name(root)
    TrustedFolders().trust(root)
    every = defined_agents(root, {"mine": PLAIN})
    found = {(each.name, each.origin): each for each in every}
    assert found["mine", "own"].problem == ""
    assert "already (your settings)" in found["mine", "project"].problem
    assert "already (known to CodeMAD)" in found["gemini", "project"].problem
    assert "no folders of your home" in found["greedy", "project"].problem
    assert "cannot be understood" in found["odd", "project"].problem
    theirs = found["theirs", "project"]
    assert theirs.problem == ""

    approvals = AgentApprovals()
    agents = ExternalAgents(root, {}, approvals)
    with pytest.raises(Denied, match="not approved"):
        agents.approved("theirs", ())
    approvals.approve(theirs, root, digest=agent_digest(theirs, root))
    assert agents.approved("theirs", ()) == theirs
    program(own, "rm -rf ~")
    assert approvals.status(theirs, root).state == "changed"
    with pytest.raises(Denied, match="not approved as it is defined now"):
        agents.approved("theirs", ())
    (root / "codemad.toml").write_text('[agents.theirs]\ncommand = "/bin/sh"\n')
    assert agents.approved("theirs", ()) is None, "the file is no longer the one that was trusted"


def test_another_program_of_the_name_asks_again(root: Path, tmp_path: Path) -> None:
    one, two = program(tmp_path / "one" / "gemini"), program(tmp_path / "two" / "gemini")
    digests = [
        agent_digest(next(e for e in defined_agents(root, {}, environ={"PATH": path}) if e.program), root)
        for path in (str(one.parent), str(two.parent))
    ]
    assert digests[0] != digests[1]


def test_a_person_approves_exactly_what_is_shown(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    agent = Path(__file__).parents[1] / "servers" / "acp_agent.py"
    text = f"[agents.small]\ncommand = {json.dumps(sys.executable)}\nargs = [{json.dumps(str(agent))}]\n"
    (tmp_path / "config.toml").write_text(text)
    external = ("agents", "external")
    assert main([*external, "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["external"][0]
    assert (listed["name"], listed["state"], listed["network"]) == ("small", "new", False)
    assert main([*external, "test", "small"]) == 4
    assert "was not started" in capsys.readouterr().err
    assert main([*external, "approve", "small"]) == 2
    assert "needs a person at a terminal" in capsys.readouterr().err
    assert main([*external, "approve", "small", "--digest", "0" * 64]) == 1
    assert "no longer the one that was shown" in capsys.readouterr().err
    assert main([*external, "approve", "small", "--digest", listed["digest"]]) == 0
    assert "small (your settings): approved" in capsys.readouterr().out
    assert main([*external, "revoke", "small"]) == 0
    assert "not approved yet" in capsys.readouterr().out
