"""`%%codemad` cells under runners that know nothing of us: the notebook loads the magics, no server is there.

papermill's own engine and `jupyter execute` are nbclient, too; jupyter-scheduler has nbconvert execute.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.batch.test_notebook_runs import code, text_of, write
from tests.waiting import LIMIT

CELLS = (
    code("%load_ext codemad_jupyter\nx = 5", "a"),
    code("%%codemad\nwhat variables do I have", "b"),
    code("print(x)", "c"),
)


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CODEMAD_MODEL", "codemad/offline")


def read(path: Path) -> Any:
    from codemad_jupyter.batch.documents import import_nbformat

    return import_nbformat().read(path, as_version=4)


def told(notebook: Any) -> str:
    return "".join(text_of(output) for output in notebook.cells[1].outputs)


async def test_nbclient(tmp_path: Path) -> None:
    from nbclient import NotebookClient

    notebook = read(write(tmp_path / "n.ipynb", *CELLS))
    await NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).async_execute()
    assert "`x`" in told(notebook)


def test_the_preprocessor_of_nbconvert_as_jupyter_scheduler_uses_it(tmp_path: Path) -> None:
    from nbconvert.preprocessors import ExecutePreprocessor

    notebook = read(write(tmp_path / "n.ipynb", *CELLS))
    runner = ExecutePreprocessor(kernel_name="python3", store_widget_state=True)
    runner.preprocess(notebook, {"metadata": {"path": str(tmp_path)}})
    assert "`x`" in told(notebook)


def test_nbmake_passes_what_answers_and_fails_what_does_not(tmp_path: Path) -> None:
    write(tmp_path / "good.ipynb", *CELLS)
    write(tmp_path / "bad.ipynb", CELLS[0], code("%%codemad -m nowhere/x\nhello", "b"))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbmake", "--overwrite", "-q"]
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    done = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, timeout=LIMIT)
    assert "1 failed, 1 passed" in done.stdout
    assert "nowhere" in done.stdout
    assert "`x`" in told(read(tmp_path / "good.ipynb"))
