"""``codemad config``, ``codemad trust`` and ``codemad keys``."""

import io
import json
import sys
from pathlib import Path

import pytest

from codemad_jupyter.batch.cli import main
from codemad_jupyter.config.redaction import Redactor
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn

KEY = "sk-CANARY-0000-of-nobody"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "home" / "config.toml"))
    return tmp_path / "work"


Output = pytest.CaptureFixture[str]


def test_a_setting_is_changed_shown_and_taken_out(root: Path, capsys: Output) -> None:
    assert main(["config", "set", "max_steps", "7"]) == 0
    assert main(["config", "set", "model", "anthropic/claude-sonnet-5-5"]) == 0
    assert main(["config", "set", "fallbacks", "openai/a, openai/b"]) == 0
    capsys.readouterr()
    assert main(["config", "get", "max_steps"]) == 0
    assert capsys.readouterr().out == "7\n"
    assert main(["config", "get", "max_steps", "--show-origin"]) == 0
    assert "config.toml" in capsys.readouterr().out
    assert main(["config", "--json"]) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)["settings"]}
    assert rows["fallbacks"]["value"] == ["openai/a", "openai/b"]
    assert (rows["timeout"]["origin"], rows["timeout"]["ignored"]) == ("default", [])
    assert main(["config", "unset", "max_steps"]) == 0
    capsys.readouterr()
    assert main(["config", "get", "max_steps"]) == 0
    assert capsys.readouterr().out == "25\n"


def test_a_path_is_shown_as_it_is(root: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = root.parent / "a b" / "kQ8Jx7Lm2VbN4rTy6WpC1sDfG3hZ"  # as folders are named that programs make
    assert Redactor()(str(odd)) != str(odd)
    monkeypatch.setenv("CODEMAD_CONFIG", str(odd / "config.toml"))
    assert main(["config", "set", "index_dir", str(odd)]) == 0
    capsys.readouterr()
    assert main(["config", "get", "index_dir", "--show-origin"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f'index_dir = "{odd}"')
    assert shown.endswith(f"  {odd / 'config.toml'}\n")


def test_a_table_of_settings_is_shown_by_its_name(root: Path, capsys: Output) -> None:
    assert main(["config", "set", "purposes.code.model", "anthropic/claude-sonnet-5-5"]) == 0
    capsys.readouterr()
    for name in ("purposes", "purposes.code"):
        assert main(["config", "get", name]) == 0
        assert capsys.readouterr().out == 'purposes.code.model = "anthropic/claude-sonnet-5-5"\n'
    assert main(["config", "get", "purposes.code.model"]) == 0
    assert capsys.readouterr().out == '"anthropic/claude-sonnet-5-5"\n'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", "max_steps", "many"], "whole number, 1 to 1000"),
        (["set", "max_step", "3"], "Did you mean max_steps"),
        (["set", "openai_api_key", KEY], "codemad keys"),
        (["set", "max_steps"], "A word is missing"),
        (["get"], "A word is missing"),
        (["get", "zzz"], "There is no setting 'zzz'"),
        (["unset", "a b"], "no name of a setting"),
        (["unset", "max_step"], "Did you mean max_steps"),
        (["set"], "Usage: codemad config set KEY VALUE"),
        (["get", "max_steps", "3"], "A word is too many"),
        (["list", "max_steps"], "Usage: codemad config list"),
    ],
)
def test_what_makes_no_sense_is_refused(root: Path, capsys: Output, words: list[str], said: str) -> None:
    assert main(["config", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "CANARY" not in err
    assert len(err) < 300
    assert not (root.parent / "home").exists()


def test_ignored_values_are_shown_with_the_reason(
    root: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "codemad.toml").write_text("max_steps = 900\nmodel = 'compatible/evil'\n")
    monkeypatch.setenv("CODEMAD_OPENAI_BASE_URL", "http://me:hunter2hunter2@127.0.0.1/v1")
    assert main(["config", "--show-origin"]) == 0
    shown = capsys.readouterr()
    assert "evil" not in shown.out
    assert "does not count: you do not trust the folder" in shown.err
    assert "hunter2" not in shown.out
    assert main(["trust"]) == 0
    capsys.readouterr()
    assert main(["config", "--show-origin"]) == 0
    out = capsys.readouterr().out
    assert "ignored: model = compatible/evil  " in out
    assert "line 2: a project may not set this" in out
    assert "ignored: max_steps = 900" in out


def test_trust_shows_what_it_is_about(root: Path, capsys: Output) -> None:
    assert main(["trust", "--show"]) == 0
    assert "There is nothing in it that would count" in capsys.readouterr().out
    (root / "codemad.toml").write_text("max_steps = 3\n")
    (root / "AGENTS.md").write_text("Prefer polars.")
    assert main(["trust", "--show"]) == 0
    out = capsys.readouterr().out
    assert f"You do not trust {root}" in out
    assert "codemad.toml, AGENTS.md" in out
    assert "max_steps = 3" in out
    assert main(["trust"]) == 0
    assert "is trusted by you" in capsys.readouterr().out
    assert main(["config", "get", "max_steps"]) == 0
    assert capsys.readouterr().out == "3\n"
    (root / "codemad.toml").write_text("max_steps = 2\n")
    assert main(["trust", "--show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "changed"
    assert main(["trust", "--revoke", "."]) == 0
    assert "You do not trust" in capsys.readouterr().out


def test_one_command_may_trust_for_itself(
    root: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "AGENTS.md").write_text("Prefer polars.")
    monkeypatch.delenv("CODEMAD_TRUST", raising=False)
    assert main(["context", "what is this?", "--json"]) == 0
    names = [part["name"] for part in json.loads(capsys.readouterr().out)["parts"]]
    assert "rules AGENTS.md" not in names
    monkeypatch.setenv("CODEMAD_TRUST", "")  # so that what the command sets is taken back
    assert main(["context", "what is this?", "--json", "--trust"]) == 0
    parts = {part["name"]: part for part in json.loads(capsys.readouterr().out)["parts"]}
    assert "Prefer polars." in parts["rules AGENTS.md"]["text"]
    assert not (root.parent / "data" / "trusted-folders.json").exists()


def test_a_key_goes_in_by_stdin_and_never_out(
    root: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f" {KEY}\n"))
    assert main(["keys", "set", "openai"]) == 0
    out = capsys.readouterr().out
    assert "Spaces, line ends or quotes around the key were removed." in out
    assert "kept in the encrypted file" in out
    assert main(["keys"]) == 0
    listed = capsys.readouterr().out
    assert "openai       in the encrypted file" in listed
    assert main(["keys", "--json"]) == 0
    ring = json.loads(capsys.readouterr().out)
    assert next(each for each in ring["keys"] if each["provider"] == "openai")["place"] == "file"
    assert "CANARY" not in out + listed + json.dumps(ring)
    assert KEY.encode() not in b"".join(p.read_bytes() for p in root.parent.rglob("*") if p.is_file())
    assert main(["keys", "delete", "openai"]) == 0
    assert main(["keys", "delete", "openai"]) == 1
    assert "See codemad keys list" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.StringIO("two words\n"))
    assert main(["keys", "set", "openai"]) == 2
    assert main(["keys", "set"]) == 2


def test_a_key_is_tried_with_the_provider(
    root: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch, model_server: ModelServer
) -> None:
    monkeypatch.setenv("CODEMAD_OPENAI_BASE_URL", model_server.openai_url)
    assert main(["keys", "test", "openai"]) == 1
    assert "There is no key for OpenAI" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.StringIO(KEY))
    assert main(["keys", "set", "openai"]) == 0
    model_server.play(Turn(text="ok"))
    assert main(["keys", "test", "openai"]) == 0
    assert "The key works" in capsys.readouterr().out
    assert KEY in json.dumps(dict(model_server.asked[-1].headers))
    assert main(["keys", "test", "openai", "--model", "anthropic/x"]) == 2
