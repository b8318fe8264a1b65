"""``%codemad verify`` in a live kernel: the report, a cell that fails, a notebook that is not saved."""

import json
from pathlib import Path

from tests.magics.live_kernels import kernel


def a_notebook(path: Path, printed: str) -> Path:
    cell = {"cell_type": "code", "id": "only", "metadata": {}, "execution_count": 1, "source": "print(6 * 7)"}
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": f"{printed}\n"}]
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_the_report_is_shown(work: Path) -> None:
    path = a_notebook(work / "known.ipynb", "42")
    with kernel(work, {"JPY_SESSION_NAME": str(path)}) as live:
        live.run("%load_ext codemad_jupyter")
        assert "1 of 1 cell gave what is stored." in live.run("%codemad verify").text
        a_notebook(path, "41")
        shown = live.run("%codemad verify --cells only")
        assert shown.reply["status"] == "ok"
        assert "cell 1 (only): differs" in shown.text
        alone = live.run("%codemad verify", person=False)
        assert alone.reply["status"] == "error"
        assert "of 1 cell 1 differ, first number 1." in alone.error
        assert "no code cell zz" in live.run("%codemad verify --cells zz").error


def test_a_notebook_that_is_nowhere_saved(work: Path) -> None:
    with kernel(work, {}) as live:
        live.run("%load_ext codemad_jupyter")
        assert "is not on disk" in live.run("%codemad verify").error
