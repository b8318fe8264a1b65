"""``codemad agents`` from a shell: a folder for an agent is made, compared, merged and dropped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.git.gitlab import fill, git, repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    fill(folder, {"a.py": "x = 1\n", ".gitignore": "data/\n", "data/big.csv": "1\n"})
    return repository(folder)


def agents(root: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "codemad_jupyter.batch.cli", "agents", *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        cwd=root,
        env={**os.environ, "CODEMAD_DATA_DIR": str(root.parent / "data")},
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def test_an_agents_folder_from_making_to_dropping(root: Path) -> None:
    assert "codemad agents new NAME" in agents(root, "list")
    made = agents(root, "new", "one", "--task", "fix \x1b[31mit", "--with", "data")
    folder = Path(made.splitlines()[0].rpartition(" ")[2])
    assert (folder / "data/big.csv").exists()
    fill(folder, {"a.py": "x = 2\n", "made.txt": "made\n"})
    assert "fix it" in agents(root, "list")
    [shown] = json.loads(agents(root, "show", "one", "--json"))["agents"]
    assert (shown["changed"], shown["folder"], shown["trouble"]) == (["a.py", "made.txt"], str(folder), "")
    assert "+x = 2" in agents(root, "diff", "one")
    refused = agents(root, "drop", "one", code=1)
    assert "would be lost: “Change a.py (one)”; “Create made.txt (one)”." in refused
    checked = json.loads(agents(root, "merge", "one", "--check", "--json"))
    assert [edit["path"] for edit in checked["edits"]] == ["a.py", "made.txt"]
    assert (root / "a.py").read_text() == "x = 1\n"
    assert "2 of 2 changes are in your files now." in agents(root, "merge", "one", "--apply")
    assert (root / "a.py").read_text() == "x = 2\n"
    assert agents(root, "drop", "one") == "Dropped one.\n"
    assert not folder.exists()
    assert git(root, "status", "--porcelain").split() == ["M", "a.py", "??", "made.txt"]


def test_what_makes_no_sense_is_said(root: Path) -> None:
    assert "There is no agent two here." in agents(root, "show", "two", code=1)
    assert "cannot be called '../x'" in agents(root, "new", "../x", code=2)
    assert "codemad agents --help" in agents(root, code=2)
    assert "That run is over" in agents(root, "stop", "analyst", code=1)
    assert "That run is over" in agents(root, "steer", "analyst", "be", "brief", code=1)
    assert "is not a folder" in agents(root, "list", "--root", "nowhere", code=2)
