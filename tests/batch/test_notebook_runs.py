"""Notebooks executed by `codemad run` in real kernels: outputs, failures, signals, determinism."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.notebooks.cells import cell_ids
from tests.waiting import LIMIT, wait_until

CODEMAD = [sys.executable, "-m", "codemad_jupyter.batch.cli"]
PYTHON = {"display_name": "Python 3", "language": "python", "name": "python3"}


def code(source: str, id: str, *tags: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": id,
        "metadata": {"tags": list(tags)} if tags else {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }


def write(path: Path, *cells: dict[str, Any], **metadata: Any) -> Path:
    metadata.setdefault("kernelspec", PYTHON)
    notebook = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook))
    return path


def codemad(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*CODEMAD, *map(str, arguments)]
    # DuckDB's bindings count what is left at exit when they see this variable.
    variables = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    variables.update(environment)
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=LIMIT)


def outputs(path: Path) -> list[list[dict[str, Any]]]:
    return [cell.get("outputs", []) for cell in json.loads(path.read_text())["cells"]]


def text_of(output: dict[str, Any]) -> str:
    return "".join(output.get("text", output.get("data", {}).get("text/plain", "")))


def test_two_runs_are_equal_to_the_byte_and_the_input_stays(tmp_path: Path) -> None:
    source = write(
        tmp_path / "n.ipynb",
        code("a = 1", "p", "parameters"),
        code("import sys\nprint(a, b)\nprint('err', file=sys.stderr)\n(a, b)", "c"),
        code("from IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))", "d"),
    )
    before = source.read_bytes()
    for name in ("one.ipynb", "two.ipynb"):
        done = codemad("run", source, "-o", name, "-p", "a=2.5", "-r", "b=7", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "one.ipynb").read_bytes() == (tmp_path / "two.ipynb").read_bytes()
    assert source.read_bytes() == before
    cells = json.loads((tmp_path / "one.ipynb").read_text())["cells"]
    assert "".join(cells[1]["source"]) == '# Parameters\na = 2.5\nb = "7"'
    assert cells[1]["metadata"]["tags"] == ["injected-parameters"]
    assert [text_of(output) for output in cells[2]["outputs"]] == ["2.5 7\n", "err\n", "(2.5, '7')"]


def test_a_failing_cell_ends_the_run_with_what_there_is(tmp_path: Path) -> None:
    source = write(
        tmp_path / "n.ipynb", code("print('first')", "a"), code("1/0", "b"), code("print('never')", "c")
    )
    done = codemad("run", source, "-o", "out.ipynb", "--progress", cwd=tmp_path)
    assert done.returncode == 1
    assert "Cell 2 failed: ZeroDivisionError: division by zero" in done.stderr
    assert "cell 2 of 3" in done.stderr
    assert "Traceback" not in done.stderr
    first, second, third = outputs(tmp_path / "out.ipynb")
    assert text_of(first[0]) == "first\n"
    assert second[0]["ename"] == "ZeroDivisionError"
    assert third == []


def test_old_outputs_do_not_survive_in_cells_that_did_not_run(tmp_path: Path) -> None:
    late = code("print('late')", "b")
    late["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "stale\n"}]
    write(tmp_path / "n.ipynb", code("raise SystemError('x')", "a"), late)
    codemad("run", "n.ipynb", "-o", "out.ipynb", cwd=tmp_path)
    assert outputs(tmp_path / "out.ipynb")[1] == []


@pytest.mark.parametrize(("limit", "tags"), [("4", []), ("600", ["slow", "timeout:4"])])
def test_a_cell_that_takes_too_long(tmp_path: Path, limit: str, tags: list[str]) -> None:
    cell = code("print('begun', flush=True)\nimport time; time.sleep(600)", "a")
    cell["metadata"]["tags"] = tags
    write(tmp_path / "n.ipynb", cell)
    done = codemad("run", "n.ipynb", "-o", "out.ipynb", "--timeout", limit, cwd=tmp_path)
    assert done.returncode == 1
    assert "Cell 1 took more than 4 seconds" in done.stderr
    assert text_of(outputs(tmp_path / "out.ipynb")[0][0]) == "begun\n"


def test_a_kernel_that_dies(tmp_path: Path) -> None:
    write(tmp_path / "n.ipynb", code("import os; os._exit(7)", "a"))
    done = codemad("run", "n.ipynb", "-o", "out.ipynb", cwd=tmp_path)
    assert done.returncode == 1
    assert "The kernel died while cell 1 was running" in done.stderr


@pytest.mark.parametrize(
    ("number", "endless"),
    [
        (signal.SIGINT, "time.sleep(600)"),
        (signal.SIGTERM, "time.sleep(600)"),
        (signal.SIGINT, "while True: pass"),
    ],
)
def test_a_signal_cancels_and_keeps_what_there_is(tmp_path: Path, number: int, endless: str) -> None:
    write(
        tmp_path / "n.ipynb",
        code("import os; open('pid', 'w').write(str(os.getpid()))", "a"),
        code(f"print('begun', flush=True)\nimport time\n{endless}", "b"),
    )
    command = [*CODEMAD, "run", "n.ipynb", "-o", "out.ipynb"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    out = tmp_path / "out.ipynb"
    wait_until(lambda: out.exists() and "begun" in str(outputs(out)), "writing outputs while the cell runs")
    process.send_signal(number)
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert errors.strip() == "codemad: cancelled."
    assert text_of(outputs(tmp_path / "out.ipynb")[1][0]) == "begun\n"
    kernel = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{kernel}").exists()


def test_what_cannot_be_run_is_said_in_a_line(tmp_path: Path) -> None:
    good = write(tmp_path / "n.ipynb", code("1", "a"))
    (tmp_path / "text.ipynb").write_text("hello\n")
    (tmp_path / "list.ipynb").write_text("[1, 2]")
    (tmp_path / "odd.ipynb").write_text('{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}')
    (tmp_path / "binary.ipynb").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "newer.ipynb").write_text('{"cells": [], "nbformat": 5, "nbformat_minor": 0, "metadata": {}}')
    (tmp_path / "link.ipynb").symlink_to(good)
    os.mkfifo(tmp_path / "pipe")
    write(tmp_path / "far.ipynb", code("1", "a"), kernelspec={**PYTHON, "name": "nowhere"})
    for name, output, part in (
        ("missing.ipynb", "out.ipynb", "missing.ipynb does not exist"),
        (".", "out.ipynb", "is a folder"),
        ("text.ipynb", "out.ipynb", "is not valid JSON (line 1, column 1"),
        ("list.ipynb", "out.ipynb", "is JSON but not a notebook"),
        ("odd.ipynb", "out.ipynb", "has no list of cells"),
        ("binary.ipynb", "out.ipynb", "is not UTF-8 text"),
        ("newer.ipynb", "out.ipynb", "is in notebook format 5; only format 4"),
        ("n.ipynb", "n.ipynb", "is the notebook itself"),
        ("n.ipynb", "link.ipynb", "is the notebook itself"),
        ("n.ipynb", ".", "is a folder"),
        ("n.ipynb", "pipe", "pipe is no file"),
        ("n.ipynb", "no/where.ipynb", "does not exist"),
        ("far.ipynb", "out.ipynb", "nowhere is not installed"),
    ):
        done = codemad("run", name, "-o", output, cwd=tmp_path)
        assert (name, done.returncode) == (name, 2), done.stderr
        assert part in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert (tmp_path / "pipe").is_fifo()  # replacing it would be replacing /dev/null elsewhere
    assert not (tmp_path / "out.ipynb").exists()
    assert json.loads(good.read_text())["cells"][0]["source"] == "1"


def test_kernels_get_no_keys_and_tokens(tmp_path: Path) -> None:
    write(tmp_path / "n.ipynb", code("import os; print(sorted(os.environ.values()))", "a"))
    canaries = {
        "ANTHROPIC_API_KEY": "canary-1",
        "JUPYTER_TOKEN": "canary-2",
        "CODEMAD_KERNEL_TOKEN": "canary-3",
    }
    done = codemad("run", "n.ipynb", "-o", "out.ipynb", cwd=tmp_path, **canaries)
    assert done.returncode == 0
    assert "canary" not in (tmp_path / "out.ipynb").read_text()


def test_cells_that_share_an_id_get_the_ids_that_every_reader_gives_them(tmp_path: Path) -> None:
    write(tmp_path / "n.ipynb", code("x = 1", "a"), code("print(x)", "a"))
    done = codemad("run", "n.ipynb", "-o", "out.ipynb", "-p", "xname=3", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "codemad: no cell names the parameter xname.\n")
    _, *cells = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    known = cell_ids(json.loads((tmp_path / "n.ipynb").read_text()))
    assert [cell["id"] for cell in cells] == known


def test_a_notebook_of_an_older_format(tmp_path: Path) -> None:
    cell = code("print(x)", "")
    del cell["id"]
    old = {"cells": [cell], "metadata": {"kernelspec": PYTHON}, "nbformat": 4, "nbformat_minor": 2}
    (tmp_path / "n.ipynb").write_text(json.dumps(old))
    for name in ("one.ipynb", "two.ipynb"):
        done = codemad("run", "n.ipynb", "-o", name, "-p", "x=1", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "one.ipynb").read_bytes() == (tmp_path / "two.ipynb").read_bytes()
    assert text_of(outputs(tmp_path / "one.ipynb")[1][0]) == "1\n"


def test_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "n.ipynb", code("import os; print(os.path.basename(os.getcwd()))", "a"))
    assert codemad("run", "n.ipynb", "-o", "out.ipynb", "--cwd", "data", cwd=tmp_path).returncode == 0
    assert text_of(outputs(tmp_path / "out.ipynb")[0][0]) == "data\n"
    assert codemad("run", "n.ipynb", "-o", "o2.ipynb", "--cwd", "nowhere", cwd=tmp_path).returncode == 2
