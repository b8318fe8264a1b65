"""``codemad check`` on files, notebooks and folders."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.batch.cli import main

BAD = {
    "cells": [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# x"},
        {"cell_type": "code", "id": "c1", "metadata": {}, "outputs": [], "execution_count": None,
         "source": ["%matplotlib inline\n", "x: int = 'a'\n"]},
    ],
    "metadata": {"kernelspec": {"name": "../../evil", "display_name": "x", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "good.py").write_text("x: int = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_clean_folder_and_one_with_problems(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "No problem in 1 file (ty, ruff).\n"
    (folder / "n.ipynb").write_text(json.dumps(BAD))
    (folder / "broken.ipynb").write_text("{")
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert "n.ipynb: cell c1, line 2: error: " in out
    assert "broken.ipynb is not valid JSON" in out
    assert out.endswith("1 problem in 3 files (ty, ruff).\n")


def test_the_problems_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "n.ipynb").write_text(json.dumps(BAD))
    assert main(["check", "n.ipynb", "good.py", "--json"]) == 1
    notebook, good = json.loads(capsys.readouterr().out)["files"]
    assert (good["path"], good["problems"]) == ("good.py", [])
    [problem] = notebook["problems"]
    assert (problem["cell"], problem["line"], problem["server"]) == ("c1", 2, "ty")


@pytest.mark.parametrize("arguments", [["nowhere"], ["notes.txt"], ["--what"]])
def test_what_makes_no_sense_is_2(
    folder: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "notes.txt").write_text("x")
    try:
        code = main(["check", *arguments])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    assert capsys.readouterr().err
