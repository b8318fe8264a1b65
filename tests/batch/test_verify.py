"""`codemad verify` with real kernels: the same, another value, a failure, volatile parts, bad usage."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from codemad_jupyter.notebooks.compare import difference

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def cell(id: str, source: str, text: str = "", count: int | None = 1) -> dict[str, Any]:
    outputs = [{"output_type": "stream", "name": "stdout", "text": text}] if text else []
    return {
        "cell_type": "code",
        "id": id,
        "metadata": {},
        "execution_count": count,
        "outputs": outputs,
        "source": source,
    }


def verify(
    folder: Path, *cells: dict[str, Any], options: tuple[str, ...] = ()
) -> tuple[int, dict[str, Any], str]:
    path = folder / "n.ipynb"
    path.write_text(
        json.dumps({"cells": cells, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5})
    )
    before = path.read_bytes()
    command = [sys.executable, "-m", "codemad_jupyter.batch.cli", "verify", str(path), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert path.read_bytes() == before
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def test_the_same_but_for_what_is_volatile(tmp_path: Path) -> None:
    code, report, _ = verify(
        tmp_path,
        cell("a", "print(object())", "<object object at 0x7f00deadbeef>\n"),
        cell(
            "b",
            "import time, datetime\nprint(datetime.datetime.now(), 'took 3.2 s')",
            "2020-01-01 00:00:00.1 took 9 s\n",
        ),
        cell("c", "print(1)", "", None),
    )
    assert code == 0
    assert [each["status"] for each in report["cells"]] == ["same", "same", "unrecorded"]
    assert report["counts"]["missing"] == ["c"]


def test_another_value_differs(tmp_path: Path) -> None:
    code, report, _ = verify(tmp_path, cell("a", "x = 2", count=2), cell("b", "print(x)", "1\n"))
    assert code == 1
    assert report["cells"][1]["status"] == "differs"
    assert "-1\n+2" in report["cells"][1]["diff"]
    assert report["counts"]["out_of_order"] == ["b"]


def test_a_failure_and_chosen_cells(tmp_path: Path) -> None:
    cells = (cell("a", "x = 1"), cell("b", "1/0"), cell("c", "print(x)", "1\n"))
    code, report, _ = verify(tmp_path, *cells)
    assert code == 1
    assert [each["status"] for each in report["cells"]] == ["same", "failed", "not_run"]
    assert "ZeroDivisionError" in report["cells"][1]["detail"]
    code, report, _ = verify(tmp_path, *cells, options=("--cells", "c"))
    assert (code, [each["cell"] for each in report["cells"]]) == (0, ["a", "c"])


def test_bad_usage(tmp_path: Path) -> None:
    code, _, errors = verify(tmp_path, cell("a", "1"), options=("--cells", "zz"))
    assert code == 2
    assert "no code cell zz" in errors


def test_dates_that_are_data_must_stay() -> None:
    def out(text: str) -> list[dict[str, Any]]:
        return [{"output_type": "stream", "name": "stdout", "text": text}]

    now = datetime(2026, 5, 5)
    assert difference(out("on 2020-01-01"), out("on 2020-01-02"), now=now)
    assert not difference(out("on 2020-01-01"), out("on 2026-05-05"), now=now)
    assert not difference(out("50%|#####     | 1/2\nx"), out("x\n"), now=now)
