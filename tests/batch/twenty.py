"""Twenty notebooks through papermill's own command with our engine: ``python -m tests.batch.twenty``.

Three of them are broken. Their repairs are recorded from the scripted model server first; then the server
is gone, and papermill replays them. Prints how each ended, then how `codemad batch` ends with the same.
`test_twenty` does it with a part of them, `two_hosts` on a cluster.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemad_jupyter.batch.run_report import RunReport
from tests.batch.test_notebook_runs import CODEMAD, code, write
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

CASSETTE = "repairs.cassette.jsonl"
NOWHERE = "http://127.0.0.1:9"
TIMEOUT = 1_200
"""Seconds for one program; only one that hangs takes so long."""


@dataclass(frozen=True)
class Fault:
    """A cell that fails, and what a model makes of it."""

    source: str
    mended: str


FAULTS = {
    "broken-name": Fault("print(sum(sales) / lenn(sales))", "print(sum(sales) / len(sales))"),
    "broken-key": Fault("print(prices['aple'])", "print(prices['apple'])"),
    "broken-zero": Fault("print(sum(sales) / (year - 2026))", "print(sum(sales) / max(year - 2026, 1))"),
}
SOUND = tuple(f"sound-{at:02}" for at in range(1, 18))
NAMES = (*SOUND, *FAULTS)


LEAVE = """\
import os, pathlib
pathlib.Path('ran', f'{name}-{{os.getpid()}}').touch()
print('the whole of', year)"""


def leave(name: str) -> dict[str, Any]:
    """The last cell tells by a file that it ran, and in which process."""
    return code(LEAVE.format(name=name), "end")


def make(folder: Path, names: Iterable[str] = NAMES) -> None:
    """Write the notebooks: data, parameters, a computation, and an end that tells of a whole run."""
    (folder / "ran").mkdir(parents=True)
    for name in names:
        fault = FAULTS.get(name)
        write(
            folder / f"{name}.ipynb",
            code("year = 0", "given", "parameters"),
            code("sales = [3, 4, 5]\nprices = {'apple': 2.5}", "data"),
            code(fault.source if fault else f"print(sum(sales) * {int(name[-2:])})", "middle"),
            leave(name),
        )


def record(folder: Path, names: Iterable[str] = FAULTS) -> None:
    """Have the broken ones repaired by the scripted model, and keep its answers in the cassette."""
    with ModelServer() as server, ThreadPoolExecutor(2) as pool:
        for name in names:
            change = {"cell": "middle", "source": FAULTS[name].mended, "title": f"Mend {name}"}
            server.play(Turn(calls=(Call("replace_cell", change),), match=name))
        server.play(Turn(text="It is mended.", repeat=True))
        list(pool.map(lambda name: _recorded(folder, name, server), names))
    shutil.rmtree(folder / "ran")
    (folder / "ran").mkdir()


def _recorded(folder: Path, name: str, server: ModelServer) -> None:
    arguments = [f"{name}.ipynb", "-o", f"{name}.out.ipynb", "-p", "year=2026"]
    command = [*CODEMAD, "run", *arguments, "--repair", "repair", "--record", CASSETTE]
    known = {"CODEMAD_COMPATIBLE_BASE_URL": server.openai_url, "CODEMAD_MODEL": "compatible/scripted"}
    done = process(command, folder, **known)
    assert done.returncode == 5, done.stderr
    (folder / f"{name}.out.ipynb").unlink()


def process(command: Sequence[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A program without a network, with data of its own."""
    own = environment(folder / "data", **variables)
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=TIMEOUT)


def environment(data: Path, **variables: str) -> dict[str, str]:
    """For a program that keeps its data there and reaches nobody."""
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return {**own, "CODEMAD_DATA_DIR": str(data), "HTTPS_PROXY": NOWHERE, **variables}


@dataclass(frozen=True)
class Ended:
    """How papermill ended with one notebook."""

    name: str
    code: int
    seconds: float
    report: RunReport
    papermill: dict[str, Any]
    said: str


def papermill(folder: Path, name: str) -> Ended:
    """papermill's own command on one of them, the models' answers from the cassette."""
    (folder / "out").mkdir(exist_ok=True)
    output = folder / "out" / f"{name}.ipynb"
    command = [sys.executable, "-m", "papermill", f"{name}.ipynb", f"out/{name}.ipynb"]
    command += ["--engine", "codemad", "-p", "year", "2026"]
    replayed = {"CODEMAD_CASSETTE": str(folder / CASSETTE), "CODEMAD_CASSETTE_MODE": "replay"}
    began = time.monotonic()
    done = process(command, folder, CODEMAD_REPAIR="repair", CODEMAD_RUN_REPORT="json", **replayed)
    seconds = time.monotonic() - began
    report = RunReport.model_validate_json(output.with_suffix(".report.json").read_bytes())
    told = json.loads(output.read_text())["metadata"]["papermill"]
    return Ended(name, done.returncode, seconds, report, told, done.stderr)


def side_by_side(folder: Path, names: Iterable[str], *, at_once: int) -> list[Ended]:
    """Those notebooks, in their order."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda name: papermill(folder, name), names))


def plan(folder: Path, names: Iterable[str]) -> None:
    """Write the plan that `codemad batch` runs them by."""
    head = 'output = "batch/{notebook}.ipynb"\nparameters = { year = 2026 }\nrepair = "repair"\n'
    jobs = "".join(f'[[job]]\nnotebook = "{name}.ipynb"\ncassette = "{CASSETTE}"\n{head}' for name in names)
    (folder / "plan.toml").write_text(jobs)


def batch(folder: Path, names: Iterable[str] = NAMES) -> subprocess.CompletedProcess[str]:
    """The same through `codemad batch`; the results on stdout, one JSON object a line."""
    plan(folder, names)
    return process([*CODEMAD, "batch", "plan.toml", "--json", "--report", "report.html"], folder)


def ran(folder: Path) -> Counter[str]:
    """How often each notebook was run to its end."""
    return Counter(path.name.rpartition("-")[0] for path in (folder / "ran").iterdir())


def row(ended: Ended) -> str:
    """A line of the table."""
    cells = sum(cell.status != "not_run" for cell in ended.report.cells)
    repairs = "; ".join(f"{each.error} → {each.status} by {each.model}" for each in ended.report.repairs)
    done = f"{ended.report.ending:<9} {cells} of {len(ended.report.cells)} cells"
    return f"{ended.name:<12} exit {ended.code}  {done}  {ended.seconds:5.1f} s  {repairs}".rstrip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="papermill commands side by side")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave everything in this folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="codemad-twenty-") as name:
        folder = asked.keep.absolute() if asked.keep else Path(name)
        make(folder)
        record(folder)
        return shown(folder, asked.at_once)


def shown(folder: Path, at_once: int) -> int:
    """Print both tables; the exit code."""
    began = time.monotonic()
    ended = side_by_side(folder, NAMES, at_once=at_once)
    sys.stdout.writelines(f"{row(each)}\n" for each in ended)
    sys.stdout.write(f"papermill: {len(ended)} notebooks in {time.monotonic() - began:.0f} s\n")
    began = time.monotonic()
    done = batch(folder)
    states = [json.loads(line)["state"] for line in done.stdout.splitlines()]
    sys.stdout.write(
        f"codemad batch: exit code {done.returncode} in {time.monotonic() - began:.0f} s; "
        f"{states.count('done')} done, {states.count('repaired')} repaired\n"
    )
    good = all(each.code == 0 for each in ended) and done.returncode == 5
    return 0 if good and states.count("repaired") == len(FAULTS) else 1


if __name__ == "__main__":
    sys.exit(main())
