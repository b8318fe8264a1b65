"""``codemad logs`` on the log of a real question, and while it grows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from codemad_jupyter.app.log_text import Chosen, line_text, read_lines
from codemad_jupyter.batch.cli import main


def test_lines_are_chosen_and_made_harmless() -> None:
    given = ['{"level": "info", "run": "run-1"}', "{cut", "[]", '{"level": "error", "run": "run-2"}']
    assert [line["run"] for line in read_lines(given, Chosen(level="warning"))] == ["run-2"]
    assert [line["run"] for line in read_lines(given, Chosen(run="run-1"))] == ["run-1"]
    text = line_text({"message": "a\nb\x1b[31m", "level": "info", "tool": "grep", "error": "x\x1b[2J\ny"})
    assert "\x1b" not in text
    assert text.splitlines()[0].endswith("tool=grep")


def test_the_log_of_a_question_has_its_run_and_no_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    assert main(["ask", "What is a xylophone?"]) == 0
    capsys.readouterr()
    assert main(["logs", "--json", "--lines", "0"]) == 0
    out = capsys.readouterr().out
    lines = [json.loads(line) for line in out.splitlines()]
    assert {"run_started", "message_done", "run_finished"} <= {line["message"] for line in lines}
    (end,) = [line for line in lines if line["message"] == "run_finished"]
    assert (end["status"], end["run"].startswith("run-"), bool(end["session"])) == ("done", True, True)
    assert "xylophone" not in out
    assert main(["logs", "--level", "error"]) == 0
    assert "nothing of that" in capsys.readouterr().err


def test_a_log_is_followed_into_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path))
    path = tmp_path / "logs" / "codemad.jsonl"
    path.parent.mkdir()
    path.write_text('{"message": "old"}\n')
    command = (sys.executable, "-m", "codemad_jupyter.batch.cli", "logs", "--follow", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        try:
            assert "old" in following.stdout.readline()
            with path.open("a") as file:
                file.write('{"message": "added"}\n')
            assert "added" in following.stdout.readline()
            with path.open("a") as file:
                file.write('{"message": "late"}\n')
            path.replace(path.with_suffix(".1.jsonl"))
            path.write_text('{"message": "anew"}\n')
            assert "late" in following.stdout.readline()
            assert "anew" in following.stdout.readline()
        finally:
            following.kill()
