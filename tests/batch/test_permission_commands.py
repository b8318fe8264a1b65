"""``codemad permissions`` and ``codemad audit``, and the rules file of a run."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.batch.cli import main
from codemad_jupyter.batch.preparing import _rules
from codemad_jupyter.config.allowed import AllowedActions
from codemad_jupyter.config.paths import workspace_dir
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.permissions import AuditLine
from codemad_jupyter.store.audit import AuditLog

RULES = """
[[permissions]]
decide = "allow"
command = ["git", "status"]
[[permissions]]
decide = "deny"
command = ["rm"]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "config.toml").write_text(RULES)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_a_command_is_tried_against_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["permissions", "test", "git status"]) == 0
    assert main(["permissions", "test", "git status && sudo rm x"]) == 1
    said = capsys.readouterr().out
    assert "deny: deny command rm" in said
    assert "  sudo rm x" in said
    assert main(["permissions", "test", "make", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["outcome"] == "ask"
    assert main(["permissions", "test"]) == 2


def test_what_was_allowed_for_good_is_listed_and_taken_back(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    allowed = AllowedActions(workspace_dir(folder))
    allowed.keep("abcdef", tool="run_code", action="x = 1\nprint('\x1b[2J')")
    assert main(["permissions"]) == 0
    listed = capsys.readouterr().out
    assert "run_code: x = 1 print('')" in listed
    assert "deny command rm" in listed
    assert main(["permissions", "revoke", "abcd"]) == 0
    assert main(["permissions", "revoke", "abcd"]) == 1
    assert allowed.listed() == ()


def test_the_audit_log_is_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = AuditLog(workspace_dir(folder), redact=str)
    for number, decision in enumerate(("allowed", "denied", "rejected")):
        log.record(
            AuditLine.model_validate(
                {"at": 1e9 + number, "run": f"run-{number}", "tool": "t", "decision": decision}
            )
        )
    assert main(["audit", "--json", "--tail", "2"]) == 0
    assert [json.loads(line)["run"] for line in capsys.readouterr().out.splitlines()] == ["run-1", "run-2"]
    assert main(["audit", "--run", "run-1"]) == 0
    assert "denied" in capsys.readouterr().out
    assert main(["audit", "--since", "1d"]) == 0
    assert "Nothing was written down" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["audit", "--since", "yesterday"])


def test_a_file_of_rules_for_one_run(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    assert [rule["decide"] for rule in json.loads(_rules(tmp_path / "rules.toml"))] == ["allow", "deny"]
    (tmp_path / "rules.toml").write_text('[[permissions]]\ndecide = "perhaps"\n')
    for name in ("rules.toml", "missing.toml"):
        with pytest.raises(UsageError):
            _rules(tmp_path / name)
