"""`codemad run --repair`: failing cells mended by a scripted model, tried before, written down, reported."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.batch.cli import main
from codemad_jupyter.batch.journal import JobResult
from codemad_jupyter.batch.mending import tighter
from codemad_jupyter.batch.repairs import Repair, annotate, may_repair, shown
from codemad_jupyter.batch.report_page import batch_page, run_page
from codemad_jupyter.batch.run_report import CellReport, RunReport, lines
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.supply import Budget
from tests.batch.test_notebook_runs import code, outputs, text_of, write
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT

BROKEN = "total = sum(numbers) / lenn(numbers)\nprint(total)"
MENDED = "total = sum(numbers) / len(numbers)\nprint(total)"


def replaced(cell: str, source: str) -> Turn:
    return Turn(calls=(Call("replace_cell", {"cell": cell, "source": source, "title": "Call len"}),))


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_server: ModelServer) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODEL", "compatible/scripted")
    return folder


def broken(folder: Path, *tags: str) -> Path:
    return write(
        folder / "n.ipynb",
        code("numbers = [1, 2, 3]", "a"),
        code(BROKEN, "b", *tags),
        code("print('on')", "c"),
    )


def run(*more: str) -> int:
    return main(["run", "n.ipynb", "-o", "o.ipynb", "--report", "r.json", *more])


def report() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(Path("r.json").read_text())
    return read


def test_a_cell_is_mended_and_the_run_goes_on(
    work: Path, model_server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    before = broken(work).read_bytes()
    model_server.play(replaced("b", MENDED), Turn(text="I call len."))
    assert run("--repair", "repair") == 5
    cells = json.loads(Path("o.ipynb").read_text())["cells"]
    assert ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"][1] == MENDED
    assert [text_of(each[0]) for each in outputs(Path("o.ipynb")) if each] == ["2.0\n", "on\n"]
    note = cells[1]
    assert (note["cell_type"], note["metadata"]["tags"]) == ("markdown", ["codemad-repair"])
    assert "-total = sum(numbers) / lenn(numbers)" in "".join(note["source"])
    told = report()
    assert [cell["status"] for cell in told["cells"]] == ["ok", "repaired", "ok"]
    [repair] = told["repairs"]
    assert repair["status"] == "repaired"
    assert repair["trial"].startswith("passed")
    assert repair["error"] == "NameError: name 'lenn' is not defined"
    assert repair["model"] == "compatible/scripted"
    assert "cell 2 (NameError: name 'lenn' is not defined): repaired" in capsys.readouterr().err
    assert (work / "n.ipynb").read_bytes() == before


def test_a_suggestion_is_written_down_and_not_applied(work: Path, model_server: ModelServer) -> None:
    broken(work)
    model_server.play(replaced("b", MENDED), Turn(text="I call len."))
    assert run("--repair", "suggest") == 1
    cells = json.loads(Path("o.ipynb").read_text())["cells"]
    assert "".join(cells[2]["source"]) == BROKEN
    assert cells[2]["outputs"][0]["ename"] == "NameError"
    assert "it was not applied" in "".join(cells[1]["source"])
    told = report()
    assert [cell["status"] for cell in told["cells"]] == ["ok", "failed", "not_run"]
    assert [each["status"] for each in told["repairs"]] == ["suggested"]


def test_what_does_not_help_is_put_back_after_two_tries(work: Path, model_server: ModelServer) -> None:
    """In the copy of the kernel where it is tried, and there alone, the process is another one."""
    once = "import os\nif os.getpid() == int(open('pid').read()): raise OSError('only live')"
    write(
        work / "n.ipynb", code("import os\nopen('pid', 'w').write(str(os.getpid()))", "a"), code(BROKEN, "b")
    )
    model_server.play(replaced("b", once), Turn(text="One."), replaced("b", once + "\n"), Turn(text="Two."))
    assert run("--repair", "repair") == 1
    cells = json.loads(Path("o.ipynb").read_text())["cells"]
    last = cells[-1]
    assert "".join(last["source"]) == BROKEN
    assert last["outputs"][0]["ename"] == "NameError"
    assert [each["status"] for each in report()["repairs"]] == ["failed", "failed"]


def test_cells_that_may_not_be_changed_ask_nobody(work: Path, model_server: ModelServer) -> None:
    broken(work, "codemad-norepair")
    assert run("--repair", "repair") == 1
    assert report()["repairs"] == []
    assert model_server.asked == []


def test_a_model_that_fails_or_reaches_elsewhere_leaves_the_run_as_it_is(
    work: Path, model_server: ModelServer
) -> None:
    broken(work)
    model_server.play(replaced("a", "numbers = []\nlenn = len"), Turn(text="Another cell."))
    assert run("--repair", "repair") == 1
    assert "".join(json.loads(Path("o.ipynb").read_text())["cells"][0]["source"]) == "numbers = [1, 2, 3]"
    [repair] = report()["repairs"]
    assert (repair["status"], repair["text"]) == ("none", "Another cell.")
    model_server.play(Turn(status=401, error="authentication_error"))
    assert run("--repair", "repair") == 1
    [repair] = report()["repairs"]
    assert repair["status"] == "none"
    assert "key" in repair["text"].lower()


def test_a_budget_ends_it_with_its_own_code(
    work: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(work)
    monkeypatch.setenv("CODEMAD_TOKEN_LIMIT", "1")
    model_server.play(
        Turn(calls=(Call("list_variables", {}),), usage={"input_tokens": 500, "output_tokens": 20}),
        Turn(text="never"),
    )
    assert run("--repair", "repair") == 3


def test_repairs_have_a_budget_of_their_own(
    work: Path, model_server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """It holds over all repairs of the notebook: the first uses it up, the second asks nobody."""
    write(work / "n.ipynb", code("numbers = [1]", "a"), code(BROKEN, "b"), code("1 / 0", "c"))
    model_server.play(replaced("b", MENDED), Turn(text="I call len."))
    assert run("--repair", "repair", "--repair-tokens", "30") == 3
    assert [each["status"] for each in report()["repairs"]] == ["repaired", "none"]
    assert "is used up: 30 of 30 tokens" in capsys.readouterr().err
    assert model_server.unscripted == 0


def test_the_tighter_budget_holds() -> None:
    held = Budget(cost=1.0, days=2)
    assert tighter(held, Budget(cost=0.5, tokens=9)) == Budget(cost=0.5, tokens=9, days=2)
    assert tighter(held, Budget(cost=3.0)) == held
    assert tighter(None, Budget()) == Budget()


@pytest.mark.parametrize("name", ["r.txt", "missing/r.json"])
def test_a_report_that_cannot_be_is_refused_before_the_run(work: Path, name: str) -> None:
    broken(work)
    assert main(["run", "n.ipynb", "-o", "o.ipynb", "--report", name]) == 2
    assert not (work / "o.ipynb").exists()


EVIL = "<img src=x onerror=alert(1)>"


def test_a_page_holds_text_alone() -> None:
    repair = Repair(number=1, cell="a", attempt=1, error=EVIL, status="none", diff=f"+{EVIL}", text=EVIL)
    cell = CellReport(number=1, status="failed", error=EVIL)
    made = run_page(
        RunReport(notebook=EVIL, output=EVIL, ending="failed", text=EVIL, cells=(cell,), repairs=(repair,))
    )
    assert "<img" not in made
    assert "default-src 'none'" in made


def test_the_page_of_a_batch_holds_text_alone_and_says_why_a_run_failed() -> None:
    repair = Repair(number=1, cell="a", attempt=1, error=EVIL, status="repaired", diff=f"-{EVIL}", trial=EVIL)
    told = RunReport(notebook=EVIL, output=EVIL, ending="repaired", text=EVIL, repairs=(repair,))
    results = [
        JobResult(number=1, key="k", title=EVIL, output="o", state="repaired", report=told, where=EVIL),
        JobResult(number=2, key="k", title="n", output="o", state="failed", text="Cell 1 failed."),
    ]
    made = batch_page(results, title=EVIL, text=EVIL)
    assert "<img" not in made
    assert made.count("<section>") == 1
    assert "Cell 1 failed." in made


def test_notes_stand_above_their_cells_whatever_the_diff_holds() -> None:
    from nbformat import v4

    cells = [v4.new_code_cell("a", id="a"), v4.new_code_cell("b", id="codemad-repair-1")]  # type: ignore[no-untyped-call]
    notebook = v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    repairs = tuple(
        Repair(number=at, cell="x", attempt=1, error="`E`: x", status="repaired", diff="````\n+x", cost=None)
        for at in (1, 2, 2)
    )
    annotate(notebook, repairs, v4.new_markdown_cell)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "markdown", "markdown", "code"]
    assert len({cell.id for cell in notebook.cells}) == 5
    assert "`````diff" in shown(repairs[0])
    assert len(notebook.metadata.codemad["repairs"]) == 3


def test_parameters_stay_as_they_were_given() -> None:
    assert not may_repair({"metadata": {"tags": ["injected-parameters"]}})
    assert may_repair({"metadata": {}})


def test_a_price_that_is_unknown_stays_unknown() -> None:
    repair = Repair(number=1, cell="a", attempt=1, error="E", status="repaired", cost=None)
    told = lines(RunReport(notebook="n", output="o", ending="repaired", text="", repairs=(repair,)))
    assert "price unknown" in told[-1]


def papermill(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "papermill", *arguments]
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return subprocess.run(command, cwd=cwd, env=own, capture_output=True, text=True, timeout=LIMIT)


def test_papermill_runs_notebooks_with_our_engine(
    work: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """papermill's own command: its parameters, its metadata and its exit codes; our repairs and report."""
    write(
        work / "n.ipynb", code("numbers = []", "a", "parameters"), code(BROKEN, "b"), code("print('on')", "c")
    )
    done = papermill("--engine", "codemad", "n.ipynb", "o.ipynb", "-y", "numbers: [1, 2, 3]", cwd=work)
    assert done.returncode == 1
    assert "NameError" in done.stderr
    monkeypatch.setenv("CODEMAD_REPAIR", "repair")
    monkeypatch.setenv("CODEMAD_RUN_REPORT", "html")
    model_server.play(replaced("b", MENDED), Turn(text="I call len."))
    done = papermill("--engine", "codemad", "n.ipynb", "o.ipynb", "-y", "numbers: [1, 2, 3]", cwd=work)
    assert done.returncode == 0, done.stderr
    cells = json.loads((work / "o.ipynb").read_text())["cells"]
    assert {cell["metadata"]["papermill"]["status"] for cell in cells} == {"completed"}
    assert [text_of(each[0]) for each in outputs(work / "o.ipynb") if each] == ["2.0\n", "on\n"]
    assert "codemad-repair" in str([cell["metadata"].get("tags") for cell in cells])
    assert "repaired" in (work / "o.report.html").read_text()


def test_the_entry_point_imports_nothing_and_unknown_options_are_refused(tmp_path: Path) -> None:
    lean = (
        "import sys, codemad_jupyter.batch.papermill_engine; print(any('nbclient' in m for m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", lean], capture_output=True, text=True, timeout=LIMIT, check=True
    )
    assert done.stdout == "False\n"
    from codemad_jupyter.batch.papermill_run import ordered

    with pytest.raises(UsageError, match="knows no colour"):
        ordered(str(tmp_path / "o.ipynb"), "n.ipynb", None, {"colour": "blue"})
