"""`codemad verify` with real kernels: the same, another value, a failure, volatile parts, bad usage."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.notebooks import confined
from codemad_jupyter.notebooks.compare import difference
from tests.waiting import LIMIT

TIMES = datetime(2026, 5, 5)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def cell(
    id: str, source: str, text: str = "", count: int | None = 1, tags: tuple[str, ...] = ()
) -> dict[str, Any]:
    outputs = [{"output_type": "stream", "name": "stdout", "text": text}] if text else []
    return {
        "cell_type": "code",
        "id": id,
        "metadata": {"tags": list(tags)},
        "execution_count": count,
        "outputs": outputs,
        "source": source,
    }


def verify(
    folder: Path, *cells: dict[str, Any], options: tuple[str, ...] = ("--json",), **variables: str
) -> tuple[int, Any, str]:
    path = folder / "n.ipynb"
    path.write_text(
        json.dumps({"cells": cells, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5})
    )
    before = path.read_bytes()
    command = [sys.executable, "-m", "codemad_jupyter.batch.cli", "verify", str(path), *options]
    environment = os.environ | variables
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=environment)
    assert path.read_bytes() == before
    said = json.loads(done.stdout) if "--json" in options and done.stdout else done.stdout
    return done.returncode, said, done.stderr


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
    assert report["missing"] == ["c"]


def test_another_value_differs(tmp_path: Path) -> None:
    code, report, _ = verify(tmp_path, cell("a", "x = 2", count=2), cell("b", "print(x)", "1\n"))
    assert code == 1
    assert report["cells"][1]["status"] == "differs"
    assert "-1\n+2" in report["cells"][1]["diff"]
    assert report["out_of_order"] == ["b"]


def test_a_failure_and_chosen_cells(tmp_path: Path) -> None:
    cells = (cell("a", "x = 1"), cell("b", "1/0"), cell("c", "print(x)", "1\n"))
    code, report, _ = verify(tmp_path, *cells)
    assert code == 1
    assert [each["status"] for each in report["cells"]] == ["same", "failed", "not_run"]
    assert "ZeroDivisionError" in report["cells"][1]["detail"]
    code, report, _ = verify(tmp_path, *cells, options=("--json", "--cells", "c"))
    assert (code, [each["cell"] for each in report["cells"]]) == (0, ["a", "c"])


def test_bad_usage(tmp_path: Path) -> None:
    code, _, errors = verify(tmp_path, cell("a", "1"), options=("--cells", "zz"))
    assert code == 2
    assert "no code cell zz" in errors


def test_text_for_a_person(tmp_path: Path) -> None:
    code, text, errors = verify(tmp_path, cell("a", "print(2)", "1\n", count=2), cell("b", "1/0"), options=())
    assert (code, errors) == (1, "")
    assert "cell 1 (a): differs" in text
    assert "    -1\n    +2" in text
    assert "cell 2 (b): failed ZeroDivisionError: division by zero" in text
    assert "stored out of order: b" in text
    assert "0 of 2 cells gave what is stored." in text
    assert "private copy of the folder" in text


def test_a_cell_that_takes_too_long(tmp_path: Path) -> None:
    slow = cell("a", "import time\ntime.sleep(600)")
    code, report, _ = verify(tmp_path, slow, cell("b", "1", count=None), options=("--json", "--timeout", "1"))
    assert code == 1
    assert report["cells"][0]["detail"] == "took more than 1 seconds"
    assert report["cells"][1]["status"] == "not_run"


def test_an_expected_exception_is_no_failure(tmp_path: Path) -> None:
    expected = cell("a", "1/0", tags=("raises-exception",))
    error = {
        "output_type": "error",
        "ename": "ZeroDivisionError",
        "evalue": "division by zero",
        "traceback": [],
    }
    expected["outputs"] = [error | {"traceback": []}]
    code, report, _ = verify(tmp_path, expected, cell("b", "print(1)", "1\n", count=2))
    assert (code, [each["status"] for each in report["cells"]]) == (0, ["same", "same"])


@pytest.mark.skipif(not confined.version(), reason="this system has no Landlock")
def test_the_kernel_writes_beside_copies_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("mine")
    outside = tmp_path / "outside.txt"
    code, report, _ = verify(
        tmp_path,
        cell("a", "open('data.txt', 'a').write('!');\nprint(open('data.txt').read())", "mine!\n"),
        cell("b", f"try:\n    open({str(outside)!r}, 'w')\nexcept PermissionError:\n    print('refused')",
             "refused\n", count=2),
        cell("c", f"import os\ntry: os.remove('{tmp_path}/data.txt')\nexcept OSError: print(1)", "1\n", 3),
        cell("d", "import os\nprint(os.getcwd())", f"{tmp_path}\n", count=4),
        cell("e", "print(sorted(n for n in os.environ if 'KEY' in n or 'TOKEN' in n))", "[]\n", count=5),
        cell("f", "import multiprocessing\nlock = multiprocessing.Lock()", count=6),
        OPENAI_API_KEY="sk-1", GH_TOKEN="t", CODEMAD_KERNEL_TOKEN="k",
    )  # fmt: skip
    assert [each["status"] for each in report["cells"]] == ["same"] * 6, report
    assert code == 0
    assert (tmp_path / "data.txt").read_text() == "mine"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data.txt", "n.ipynb"]
    assert "Landlock refused all writing outside it" in report["notes"][0]


def out(text: str) -> list[dict[str, Any]]:
    return [{"output_type": "stream", "name": "stdout", "text": text}]


def test_dates_that_are_data_must_stay() -> None:
    assert difference(out("on 2020-01-01"), out("on 2020-01-02"), now=TIMES)
    assert not difference(out("on 2020-01-01"), out("on 2026-05-05"), now=TIMES)
    assert not difference(out("50%|#####     | 1/2\nx"), out("x\n"), now=TIMES)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<A at 0x7f0011223344>", "<A at 0x7f9911223344>"),
        ("Wall time: 3.2 s", "Wall time: 812 ms"),
        ("3.1 µs ± 20 ns per loop", "2.9 µs ± 31 ns per loop"),
        ("trained in 3.2 s", "trained in 4 s"),
        ("/tmp/tmpab12/x.csv", "/tmp/tmpcd34/x.csv"),
        ("0e984725-c51c-4bf4-9960-e1c80e27aba0", "5f2c4725-a51c-4bf4-8960-e1c80e27ab11"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("<ipython-input-3-ab12cd34ef>", "<ipython-input-9-0012cd34ef>"),
    ],
)
def test_what_is_volatile_is_no_difference(old: str, new: str) -> None:
    assert not difference(out(old), out(new), now=TIMES)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mean 5 s", "mean 7 s"),
        ("score 0.91", "score 0.92"),
        ("0x7f00112233", "0x7f00112234"),
        ("/data/a.csv", "/data/b.csv"),
        ("1.5 h", "2.5 h"),
        ("id 12345678-0000-0000-0000-000000000001", "id 12345678-0000-0000-0000-000000000002"),
    ],
)
def test_what_is_data_is_a_difference(old: str, new: str) -> None:
    assert difference(out(old), out(new), now=TIMES)


def test_long_outputs_are_compared_in_bounded_time() -> None:
    old = "\n".join(f"{n * 7919 % 1000} line" for n in range(200_000))
    new = "\n".join(f"{n * 104729 % 1000} line" for n in range(200_000))
    shown = difference(out(old), out(new), now=TIMES)
    assert shown
    assert len(shown) <= 4000
