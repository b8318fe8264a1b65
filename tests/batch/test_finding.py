"""``codemad index`` and ``codemad search``: what they print, and what a reader of their lines can rely on."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until

KEYS = {"path", "cell", "cell_id", "start", "end", "symbol", "score"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEMAD_INDEX_DIR", str(tmp_path / "indexes"))
    folder = tmp_path / "work"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "load.py").write_text("def load_patients(path):\n    return read_table(path)\n")
    cell = {"id": "b2", "cell_type": "code", "metadata": {}, "source": "fit = ols(pressure)", "outputs": []}
    (folder / "study.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 5}))
    return folder


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "codemad_jupyter.batch.cli", *arguments]


def run(root: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=root, input=said, capture_output=True, text=True, timeout=120, check=False
    )


def test_index_then_search(root: Path) -> None:
    done = run(root.parent, "index", "work")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 files, ")
    again = json.loads(run(root, "index", "--json").stdout)
    assert (again["files"], again["read"]) == (2, 0)
    assert sorted(path.name for path in root.iterdir()) == ["src", "study.ipynb"]
    found = run(root, "search", "load patients", "-k", "1")
    assert found.stdout.split()[1] == "src/load.py:1"
    assert found.stderr == ""
    assert "Nothing in work fits." in run(root, "search", "xylophone").stdout


def test_a_folder_without_an_index_gets_one_first(root: Path) -> None:
    found = run(root, "search", "pressure", "--json")
    assert "building it first" in found.stderr
    (best,) = json.loads(found.stdout)
    assert set(best) == KEYS
    assert (best["path"], best["cell"], best["cell_id"]) == ("study.ipynb", 0, "b2")
    assert (best["start"], best["end"]) == (1, 1)


@pytest.fixture
def asked(root: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command("search", "--stdin", "--json", "-k", "50"),
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    yield process
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    process.stdout.close()


def ask(process: subprocess.Popen[str], query: str) -> list[dict[str, Any]]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{query}\n")
    process.stdin.flush()
    answer: list[dict[str, Any]] = json.loads(process.stdout.readline())
    return answer


def test_each_line_is_answered_at_once_and_what_is_saved_is_found(
    root: Path, asked: subprocess.Popen[str]
) -> None:
    first = ask(asked, "where are patients loaded?")
    assert first[0]["path"] == "src/load.py"
    assert first[0]["cell"] is first[0]["cell_id"] is None
    assert ask(asked, "") == ask(asked, "zzz") == []
    assert len(ask(asked, "päti€nts " * 1000)) <= 50
    (root / "later.md").write_text("# Consent\n\nHow consent forms are kept.\n")
    wait_until(lambda: ask(asked, "consent forms"), "finding what was saved")
    assert ask(asked, "consent forms")[0]["path"] == "later.md"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search"], "either a QUERY or --stdin"),
        (["search", "x", "--stdin"], "either a QUERY or --stdin"),
        (["search", "x", "-k", "-1"], "above zero"),
        (["index", "nowhere"], "no folder nowhere"),
    ],
)
def test_what_makes_no_sense_is_said(root: Path, arguments: list[str], said: str) -> None:
    done = run(root, *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_reader_that_goes_away_and_a_full_disk_end_it_cleanly(root: Path) -> None:
    process = subprocess.Popen(
        command("search", "--stdin", "--json"), cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert ask(process, "patients")
    process.stdout.close()
    process.stdin.write("patients\n" * 20)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    assert process.wait(timeout=60) == 1
    assert process.stderr is not None
    assert "building it first" in (said := process.stderr.read())
    assert "Error" not in said
    process.stderr.close()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("search", "--stdin"), cwd=root, input="patients\n", stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("codemad: The output cannot be written: No space left")
    assert "Traceback" not in done.stderr


def test_an_index_that_cannot_be_written_is_said(root: Path) -> None:
    (root.parent / "indexes").write_text("in the way")
    for arguments in (("index",), ("search", "patients")):
        done = run(root, *arguments)
        assert done.returncode == 1
        assert f"The index in {root.parent / 'indexes'}" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_damaged_index_is_built_again_and_said(root: Path) -> None:
    assert run(root, "index").returncode == 0
    (folder,) = (root.parent / "indexes").iterdir()
    (segment,) = folder.glob("*.seg")
    segment.write_bytes(segment.read_bytes()[:-20] + bytes(19))
    found = run(root, "search", "patients")
    assert "Built again: The index file" in found.stderr
    assert "src/load.py:1" in found.stdout
    assert run(root, "search", "patients").stderr == ""


def test_an_index_damaged_between_two_queries_is_built_again_and_said(root: Path) -> None:
    process = subprocess.Popen(
        command("search", "--stdin", "--json"), cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    before = ask(process, "patients")
    (folder,) = (root.parent / "indexes").iterdir()
    (folder / "index.json").write_text("{")
    assert ask(process, "patients") == before
    said, _ = process.communicate(timeout=60)[::-1]
    assert "the list of the index is damaged; building it first." in said
    assert process.returncode == 0
