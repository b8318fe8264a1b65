"""``codemad checkpoints`` and ``codemad blame`` from a shell, without a server and beside one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server.processes import running

CELL: dict[str, Any] = {
    "cell_type": "code",
    "id": "first",
    "metadata": {},
    "execution_count": None,
    "outputs": [],
    "source": ["x = 1"],
}
NOTEBOOK: dict[str, Any] = {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "n.ipynb").write_text(json.dumps(NOTEBOOK))
    (folder / "a.txt").write_text("one\n")
    return folder


def codemad(root: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "CODEMAD_DATA_DIR": str(root.parent / "data"), **variables}
    return subprocess.run(
        [sys.executable, "-m", "codemad_jupyter.batch.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=root,
        env=environment,
    )


def test_a_checkpoint_is_made_shown_compared_restored_named_and_pruned(root: Path) -> None:
    made = codemad(root, "checkpoints", "make", "before", "it", "--notebook", "n.ipynb")
    assert made.returncode == 0, made.stderr
    (root / "a.txt").write_text("two\n")
    listed = json.loads(codemad(root, "checkpoints", "list", "--json").stdout)["checkpoints"]
    assert [(each["name"], each["reason"], each["notebooks"]) for each in listed] == [
        ("before it", "manual", ["n.ipynb"])
    ]
    assert "“before it”" in codemad(root, "checkpoints", "list").stdout
    assert "2" in codemad(root, "checkpoints", "show", "before it").stdout
    diff = codemad(root, "checkpoints", "diff", "1")
    assert "changed: a.txt" in diff.stdout
    assert "+two" in diff.stdout
    restored = codemad(root, "checkpoints", "restore", listed[0]["id"], "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["files"] == ["a.txt"]
    assert (root / "a.txt").read_text() == "one\n"
    assert codemad(root, "checkpoints", "name", "1", "other").returncode == 0
    pruned = codemad(root, "checkpoints", "prune", "--keep", "0")
    assert pruned.stdout == "1 checkpoint was forgotten, 1 are left.\n"


def test_what_cannot_be_done_has_its_exit_code(root: Path) -> None:
    gone = codemad(root, "checkpoints", "show", "nothing")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "“nothing” is no checkpoint" in gone.stderr
    assert codemad(root, "checkpoints", "prune").returncode == 2
    assert codemad(root, "checkpoints").returncode == 2
    assert codemad(root, "checkpoints", "list", "--root", str(root / "no")).returncode == 2
    assert codemad(root, "blame", "no.ipynb").returncode == 2
    assert codemad(root, "blame", "a.txt").returncode == 2


def test_blame_tells_whose_a_cell_is(root: Path) -> None:
    made = {"session": "s" * 32, "run": "run-1", "model": "m/n", "at": 1.0, "hash": "0" * 16}
    signed = {**CELL, "id": "second", "metadata": {"codemad": made}}
    odd = {**CELL, "id": "third", "metadata": {"codemad": ["nonsense"]}, "source": "\n  y = \x1b[31m2\n"}
    (root / "n.ipynb").write_text(json.dumps({**NOTEBOOK, "cells": [CELL, signed, odd]}))
    lines = codemad(root, "blame", "n.ipynb").stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["yours", "m/n", "yours"]
    assert "changed since" in lines[1]
    assert "\x1b" not in lines[2]
    cells = json.loads(codemad(root, "blame", "n.ipynb", "--json").stdout)["cells"]
    assert [cell["run"] for cell in cells] == ["", "run-1", ""]


def test_beside_a_running_server_its_engine_answers(tmp_path: Path) -> None:
    runtime = {"JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    with running(tmp_path, env=runtime) as server:
        root = tmp_path / "work"
        (root / "a.txt").write_text("one\n")
        session = server.ask("codemad/sessions")["current"]
        server.ask("codemad/commands", {"type": "make_checkpoint", "session": session, "name": "there"})
        (root / "a.txt").write_text("two\n")
        told = codemad(root, "checkpoints", "list", **runtime)
        assert "“there”" in told.stdout, told.stderr
        restored = codemad(root, "checkpoints", "restore", "there", **runtime)
        assert restored.returncode == 0, restored.stderr
        assert (root / "a.txt").read_text() == "one\n"
        listed = server.ask("codemad/checkpoints")["checkpoints"]
        assert [each["reason"] for each in listed] == ["manual", "restore"]
        diff = server.ask(f"codemad/checkpoints/diff?old={listed[0]['id']}&new={listed[1]['id']}")
        assert [each["path"] for each in diff["differences"]] == ["a.txt"]
