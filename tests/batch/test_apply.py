"""``codemad apply`` from the shell: exit codes, --check, --json, standard input, what a refusal leaves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import LIMIT

EDIT = json.dumps({"path": "f.py", "old_string": "1", "new_string": "2"})


def codemad(root: Path, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "codemad_jupyter.batch.cli", "apply", "--root", str(root), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=LIMIT, check=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "f.py").write_text("a = 1\n")
    return tmp_path


def test_applies_and_says_so(root: Path) -> None:
    done = codemad(root, "-", text=EDIT)
    assert (done.returncode, done.stdout) == (0, "changed: f.py\n")
    assert (root / "f.py").read_text() == "a = 2\n"
    told = [sys.executable, "-m", "codemad_jupyter.batch.cli", "audit", "--json"]
    lines = subprocess.run(told, cwd=root, capture_output=True, text=True, timeout=LIMIT, check=True).stdout
    assert "changed f.py" in lines
    assert "codemad apply" in lines


def test_check_writes_nothing(root: Path) -> None:
    done = codemad(root, "--check", "--json", "-", text=EDIT)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told == {
        "applied": False,
        "checked": True,
        "files": [{"path": "f.py", "action": "changed"}],
        "refused": [],
        "would_apply": [],
    }
    assert (root / "f.py").read_text() == "a = 1\n"


def test_a_refusal_is_one_and_tells_what_would_have_applied(root: Path) -> None:
    (root / "g.py").write_text("\tx = 1 \n")
    other = {"path": "g.py", "old_string": "x = 3 ", "new_string": "y"}
    done = codemad(root, "--json", "-", text=json.dumps([json.loads(EDIT), other]))
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["would_apply"] == ["f.py: edit 1"]
    assert told["refused"][0]["cause"] == "not_found"
    assert told["refused"][0]["path"] == "g.py"
    assert "Nothing was changed" in done.stderr
    assert (root / "f.py").read_text() == "a = 1\n"


def test_the_closest_place_is_drawn(root: Path) -> None:
    (root / "f.py").write_bytes(b"z\r\n\tvalue = total \r\n")
    edit = {"path": "f.py", "old_string": "    value = totals", "new_string": "q"}
    done = codemad(root, "-", text=json.dumps(edit))
    assert done.returncode == 1
    assert "line 2" in done.stderr
    assert "\u2192value = total\u00b7\u240d" in done.stderr
    assert "\u00b7\u00b7\u00b7\u00b7value = totals" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["nofile"], ["--format", "odd", "-"], ["--root", "/nowhere/at/all", "-"], []]
)
def test_bad_usage_is_two(root: Path, arguments: list[str]) -> None:
    assert codemad(root, *arguments, text=EDIT).returncode == 2


def test_a_format_that_is_named_is_taken(root: Path) -> None:
    assert codemad(root, "--format", "apply_patch", "-", text=EDIT).returncode == 1
    (root / "edit.txt").write_text(EDIT)
    assert codemad(root, "--format", "str_replace", str(root / "edit.txt")).returncode == 0


def test_a_read_only_file_is_refused_with_the_others(root: Path) -> None:
    (root / "g.py").write_text("1\n")
    (root / "g.py").chmod(0o444)
    done = codemad(root, "-", text=json.dumps([json.loads(EDIT), {**json.loads(EDIT), "path": "g.py"}]))
    assert done.returncode == 1
    assert "read-only" in done.stderr
    assert (root / "f.py").read_text() == "a = 1\n"


def test_modes_are_kept_and_no_temporary_files_stay(root: Path) -> None:
    (root / "f.py").chmod(0o755)
    assert codemad(root, "-", text=EDIT).returncode == 0
    assert (root / "f.py").stat().st_mode & 0o777 == 0o755
    assert [p.name for p in root.iterdir()] == ["f.py"]


def test_no_heavy_import() -> None:
    code = (
        "import sys, codemad_jupyter.batch.apply\n"
        "heavy = {'nbformat', 'duckdb', 'openai', 'anthropic', 'litellm', 'git', 'jupyter_client'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("check", [[], ["--check"]])
@pytest.mark.parametrize(
    "text", ["", "words", "{", "*** Begin Patch\n*** End Patch", "[]", "\x00", "\ud7ff", "{}"]
)
def test_what_is_no_edit_is_refused_in_the_same_shape(root: Path, text: str, check: list[str]) -> None:
    done = codemad(root, "--json", *check, "-", text=text)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert set(told) == {"applied", "checked", "files", "refused", "would_apply"}
    assert set(told["refused"][0]) == {"path", "edit", "cause", "lines", "message"}
    assert not told["applied"]


def test_bytes_that_are_no_text_are_refused(root: Path) -> None:
    (root / "edit.txt").write_bytes(b"\xff\xfe\x00")
    assert codemad(root, str(root / "edit.txt")).returncode == 1


def test_files_are_deleted_moved_and_made(root: Path) -> None:
    (root / "g.py").write_text("g\n")
    patch = (
        "*** Begin Patch\n*** Update File: f.py\n*** Move to: sub/h.py\n@@\n-a = 1\n+a = 2\n"
        "*** Delete File: g.py\n*** Add File: new.py\n+n\n*** End Patch\n"
    )
    checked = codemad(root, "--check", "--json", "-", text=patch)
    assert checked.returncode == 0
    assert sorted(p.name for p in root.iterdir()) == ["f.py", "g.py"]
    done = codemad(root, "--json", "-", text=patch)
    assert done.returncode == 0
    assert json.loads(done.stdout)["files"] == json.loads(checked.stdout)["files"]
    assert {(row["path"], row["action"], row.get("from")) for row in json.loads(done.stdout)["files"]} == {
        ("sub/h.py", "moved", "f.py"),
        ("g.py", "deleted", None),
        ("new.py", "created", None),
    }
    assert sorted(p.name for p in root.iterdir()) == ["new.py", "sub"]
    assert (root / "sub" / "h.py").read_text() == "a = 2\n"


def test_a_cell_is_changed_by_its_id(root: Path) -> None:
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "source": "x = 1"}
    cells = [{**cell, "outputs": [], "execution_count": None}, {**cell, "id": "two", "cell_type": "raw"}]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (root / "n.ipynb").write_text(json.dumps(notebook))
    edit = json.dumps({"path": "n.ipynb#two", "old_string": "1", "new_string": "2"})
    done = codemad(root, "-", text=edit)
    assert (done.returncode, done.stdout) == (0, "changed: n.ipynb#two\n")
    changed = json.loads((root / "n.ipynb").read_text())
    cells[1]["source"] = "x = 2"
    assert changed == notebook
    missed = codemad(root, "-", text=edit.replace("#two", "#tow"))
    assert missed.returncode == 1
    assert "has no cell tow. Close to it: two" in missed.stderr
