"""Rules and mode in settings: a project may only restrict, and only after trust."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.config.trust import TrustedFolders
from codemad_jupyter.protocol.errors import UsageError

OWN = """
mode = "auto_edit"
[[permissions]]
decide = "allow"
command = ["git", "status"]
[[permissions]]
decide = "deny"
path = "secrets/**"
origin = "somebody else"
"""
PROJECT = """
mode = "ask"
[[permissions]]
decide = "allow"
axis = "control"
[[permissions]]
decide = "hide"
tool = "run_code"
[[permissions]]
decide = "ask"
path = "data/**"
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "config.toml").write_text(OWN)
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def verdicts(root: Path) -> list[str]:
    return [rule.decide for rule in load_settings(root, lenient=True).permissions]


def test_rules_name_the_line_they_stand_in_whatever_they_say_themselves(root: Path) -> None:
    rules = load_settings(root).permissions
    assert [(rule.decide, rule.command, rule.path) for rule in rules] == [
        ("allow", ("git", "status"), ""),
        ("deny", (), "secrets/**"),
    ]
    assert all("config.toml" in rule.origin for rule in rules)


def test_a_project_restricts_after_trust_and_never_allows(root: Path) -> None:
    (root / "codemad.toml").write_text(PROJECT)
    assert verdicts(root) == ["allow", "deny"]
    assert load_settings(root).mode == "auto_edit"
    TrustedFolders().trust(root)
    settings = load_settings(root)
    assert verdicts(root) == ["allow", "deny", "hide", "ask"]
    assert settings.mode == "ask"
    assert any("a project may only restrict" in notice for notice in settings.notices)


def test_a_project_cannot_loosen_the_mode(root: Path) -> None:
    (root / "codemad.toml").write_text('mode = "auto_sandboxed"\n')
    TrustedFolders().trust(root)
    assert load_settings(root).mode == "auto_edit"


@pytest.mark.parametrize(
    "rule", ['decide = "permit"', 'decide = "deny"\npaht = "x"', 'decide = "deny"\npath = 5']
)
def test_a_trusted_project_that_cannot_be_understood_allows_reading_alone(root: Path, rule: str) -> None:
    (root / "codemad.toml").write_text(f"[[permissions]]\n{rule}\n")
    TrustedFolders().trust(root)
    assert load_settings(root).mode == "plan"


def test_a_broken_file_of_ones_own_keeps_what_restricts_and_drops_what_allows(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(f"max_steps = 'many'\n{OWN}")
    settings = load_settings(root, lenient=True)
    assert (settings.mode, verdicts(root)) == ("ask", ["deny"])
    with pytest.raises(UsageError):
        load_settings(root)


def test_rules_of_all_layers_count(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEMAD_PERMISSIONS", json.dumps([{"decide": "deny", "tool": "run_code"}]))
    monkeypatch.setenv("CODEMAD_MODE", "plan")
    rules = load_settings(root).permissions
    assert [rule.decide for rule in rules] == ["allow", "deny", "deny"]
    assert rules[-1].origin == "CODEMAD_PERMISSIONS"
    assert load_settings(root).mode == "plan"
