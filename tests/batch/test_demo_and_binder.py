"""The demo notebook runs without a browser, the same every time; the Binder files are in order."""

import json
import os
import re
from pathlib import Path

from tests.batch.test_notebook_runs import code, codemad, outputs, text_of, write


def test_the_demo_runs_twice_with_the_same_result(repository: Path, tmp_path: Path) -> None:
    demo = repository / "binder" / "demo" / "tour.ipynb"
    before = demo.read_bytes()
    variables = {"CODEMAD_DATA_DIR": str(tmp_path / "data")}
    for name in ("one.ipynb", "two.ipynb"):
        done = codemad("run", demo, "-o", name, cwd=tmp_path, **variables)
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "one.ipynb").read_bytes() == (tmp_path / "two.ipynb").read_bytes()
    assert demo.read_bytes() == before
    shown = "\n".join(text_of(output) for cell in outputs(tmp_path / "one.ipynb") for output in cell)
    assert "`df`" in shown
    assert "mean radius" in shown
    assert "Edit 1: " in shown
    assert "569 rows" in shown


def test_the_demo_is_valid_and_clean(repository: Path) -> None:
    notebook = json.loads((repository / "binder" / "demo" / "tour.ipynb").read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_prompts_work_in_the_stock_kernel_without_loading_anything(tmp_path: Path) -> None:
    write(tmp_path / "n.ipynb", code("x = 5", "a"), code("%%codemad\nwhat variables do I have", "b"))
    done = codemad("run", "n.ipynb", "-o", "out.ipynb", "--model", "codemad/offline", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "`x`" in text_of(outputs(tmp_path / "out.ipynb")[1][0])


def test_the_policies_of_a_run(tmp_path: Path) -> None:
    data = code("import pandas as pd\ndf = pd.DataFrame({'size': [1.0, 2.0, 4.0]})", "a")
    write(tmp_path / "n.ipynb", data, code("%%codemad\nprofile df", "b"))
    shown = {}
    for policy in ("propose", "auto", "off"):
        arguments = ("run", "n.ipynb", "-o", f"{policy}.ipynb", "--policy", policy)
        done = codemad(*arguments, "--model", "codemad/offline", cwd=tmp_path)
        assert (policy, done.returncode, done.stderr) == (policy, 0, "")
        shown[policy] = [text_of(output) for output in outputs(tmp_path / f"{policy}.ipynb")[1]]
    assert any("Proposed; nothing was changed." in text for text in shown["propose"])
    assert any("Applied." in text for text in shown["auto"])
    assert any("2.333333" in text for text in shown["auto"]), "the new cell ran in place"
    assert "switched off" in shown["off"][0]


def test_a_failing_prompt_fails_the_run(tmp_path: Path) -> None:
    write(tmp_path / "n.ipynb", code("%%codemad -m nowhere/x\nhello", "a"), code("print('never')", "b"))
    done = codemad("run", "n.ipynb", "-o", "out.ipynb", cwd=tmp_path)
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert outputs(tmp_path / "out.ipynb")[1] == []


def test_binder_scripts_are_executable_and_end_as_they_must(repository: Path) -> None:
    for name in ("postBuild", "start"):
        path = repository / "binder" / name
        assert os.access(path, os.X_OK)
        assert path.read_text().startswith("#!/bin/bash\n")
    assert (repository / "binder" / "start").read_text().rstrip().endswith('exec "$@"')
    assert re.fullmatch(r"python-3\.1[1-4]\n", (repository / "binder" / "runtime.txt").read_text())


def test_binder_pins_what_is_tested(repository: Path) -> None:
    constraints = set((repository / "constraints.txt").read_text().split())
    lines = (repository / "binder" / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert {pin.partition("==")[0] for pin in pins} >= {"jupyterlab", "ipykernel", "pandas", "scikit-learn"}
    assert set(pins) <= constraints
