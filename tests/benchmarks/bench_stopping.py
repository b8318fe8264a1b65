"""How long stopping takes: code in a kernel, a command that asks, a command that runs a notebook.

Run ``python tests/benchmarks/bench_stopping.py [--rounds 5] [--json]`` on a quiet machine. Ends with 1 where
the middle of the rounds is above two seconds, or above eight for a death that nobody announced. The tests
prove that everything ends; the seconds are here, because a loaded machine needs many times as many.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.notebooks.live import LiveKernel  # noqa: E402
from codemad_jupyter.protocol.errors import KernelError  # noqa: E402
from tests.notebooks.conftest import process_of, start_kernel, stop_kernel  # noqa: E402
from tests.servers.model_server import ModelServer  # noqa: E402
from tests.servers.wire_formats import Turn  # noqa: E402
from tests.waiting import making, until, wait_until  # noqa: E402

TARGET, DEATH = 2.0, "a killed kernel is noticed"
TARGETS = {DEATH: 8.0}
CODES = {
    "an endless loop": "while True: pass",
    "a sleep": "import time; time.sleep(1000)",
    "two native sleeps": "import ctypes; ctypes.CDLL(None).sleep(1000); ctypes.CDLL(None).sleep(1000)",
    "a program": "import subprocess; subprocess.run(['sleep', '1000'])",
}
CODEMAD = [sys.executable, "-m", "codemad_jupyter.batch.cli"]


async def stop_code(folder: Path, code: str) -> float:
    manager = await asyncio.to_thread(start_kernel)
    kernel = LiveKernel(manager.get_connection_info())
    try:
        running = asyncio.ensure_future(kernel.execute(making(folder / "began") + code))
        await until((folder / "began").exists, "the code")
        begin = time.perf_counter()
        await kernel.stop_code()
        assert not (await running).ok
        return time.perf_counter() - begin
    finally:
        kernel.close()
        stop_kernel(manager)


async def notice_a_death(folder: Path) -> float:
    manager = await asyncio.to_thread(start_kernel)
    kernel = LiveKernel(manager.get_connection_info())
    try:
        running = asyncio.ensure_future(kernel.execute(making(folder / "began") + CODES["a sleep"]))
        await until((folder / "began").exists, "the code")
        begin = time.perf_counter()
        os.kill(process_of(manager), signal.SIGKILL)
        try:
            await running
        except KernelError:
            return time.perf_counter() - begin
        raise AssertionError("the kernel lives")
    finally:
        kernel.close()
        stop_kernel(manager)


def interrupted(folder: Path, arguments: list[str], ready: Callable[[], object], **variables: str) -> float:
    """Seconds from SIGINT to the end of a command."""
    env = {**os.environ, "CODEMAD_DATA_DIR": str(folder / "data"), **variables}
    process = subprocess.Popen([*CODEMAD, *arguments], cwd=folder, env=env, stderr=subprocess.PIPE)
    wait_until(ready, "the work")
    begin = time.perf_counter()
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130, process.returncode
    return time.perf_counter() - begin


def ask(folder: Path) -> float:
    with ModelServer([Turn(hang=True)]) as server:
        arguments = ["ask", "talk", "--model", "compatible/scripted"]
        url = {"CODEMAD_COMPATIBLE_BASE_URL": server.openai_url}
        return interrupted(folder, arguments, lambda: server.asked, **url)


def run_notebook(folder: Path) -> float:
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None}
    cell["source"] = making(folder / "began") + CODES["a sleep"]
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "n.ipynb").write_text(json.dumps(notebook))
    return interrupted(folder, ["run", "n.ipynb", "-o", "out.ipynb"], (folder / "began").exists)


def measures() -> dict[str, Callable[[Path], float]]:
    codes = {
        f"code: {name}": lambda folder, code=code: asyncio.run(stop_code(folder, code))
        for name, code in CODES.items()
    }
    death = {DEATH: lambda folder: asyncio.run(notice_a_death(folder))}
    return {**codes, **death, "codemad ask": ask, "codemad run": run_notebook}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, list[float]] = {}
    for name, measure in measures().items():
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory(prefix="codemad-stopping-") as folder:
                found.setdefault(name, []).append(measure(Path(folder)))
        if not options.json:
            middle, most = statistics.median(found[name]), max(found[name])
            print(f"{name:30} {middle:6.2f} s in the middle, {most:6.2f} s at most", flush=True)
    if options.json:
        print(json.dumps({name: [round(each, 3) for each in seconds] for name, seconds in found.items()}))
    return int(any(statistics.median(each) > TARGETS.get(name, TARGET) for name, each in found.items()))


if __name__ == "__main__":
    sys.exit(main())
