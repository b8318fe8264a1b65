"""``codemad apply`` from the shell: exit codes, --check, --json, standard input, what a refusal leaves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EDIT = json.dumps({"path": "f.py", "old_string": "1", "new_string": "2"})


def codemad(root: Path, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "codemad_jupyter.batch.cli", "apply", "--root", str(root), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "f.py").write_text("a = 1\n")
    return tmp_path


def test_applies_and_says_so(root: Path) -> None:
    done = codemad(root, "-", text=EDIT)
    assert (done.returncode, done.stdout) == (0, "changed: f.py\n")
    assert (root / "f.py").read_text() == "a = 2\n"


def test_check_writes_nothing(root: Path) -> None:
    done = codemad(root, "--check", "--json", "-", text=EDIT)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told == {"applied": False, "checked": True, "files": [{"path": "f.py", "action": "changed"}]}
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
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
