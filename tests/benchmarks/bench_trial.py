# ruff: noqa: E501
"""A trial on a kernel that holds a dataframe of 1 GB: time, added memory, and the kernel as it was before.

Run ``python tests/benchmarks/bench_trial.py [--gigabytes 1] [--rounds 3] [--json]``. Memory is the
proportional set size (PSS) of the kernel and the trial's processes together, at its peak, above what the
kernel alone has. The targets: 2 s for code that reads or changes one column, 150 MB besides what it changes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.notebooks.live import LiveKernel  # noqa: E402
from codemad_jupyter.protocol.edits import Trial  # noqa: E402
from tests.notebooks.conftest import process_of, start_kernel, stop_kernel  # noqa: E402

TARGET_SECONDS, TARGET_BYTES = 2.0, 150_000_000
COLUMNS = 13
MAKE = """
import numpy as np, pandas as pd
rows = int({gigabytes} * 1e9 / 8 / {columns})
df = pd.DataFrame({{f"c{{n}}": np.random.default_rng(n).random(rows) for n in range({columns})}})
other = list(range(1000))
"""
LOOK = """(lambda: (
    __import__('hashlib').blake2b(b''.join(
        __import__('hashlib').blake2b(df[c].to_numpy()).digest() for c in df.columns)).hexdigest(),
    id(df), [df[c].to_numpy().ctypes.data for c in df.columns], list(df.columns), __import__('sys').getrefcount(df),
    sorted(name for name in globals() if not name.startswith('_')), other,
))()"""
CASES = {
    "unrelated": ("total = sum(other)\ntotal", 0),
    "read": ("df['c0'].mean(), df['c1'].max()", 0),
    "read all": ("df.sum().sum()", 0),
    "show": ("df", 0),
    "change one value": ("df.loc[0, 'c0'] = 5.0", 1),
    "change one column in place": ("df['c0'].to_numpy(); df.loc[:, 'c0'] = df['c0'] * 2", 1),
    "add a column": ("df['new'] = df['c0'] + df['c1']", 1),
    "rebind": ("df = df.head(1000)", 1),
}


class Peak(threading.Thread):
    """The highest PSS of a process and its descendants while it runs."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process, self.highest, self.ended = process, 0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.03):
            self.highest = max(self.highest, pss(self.process))

    def stop(self) -> int:
        self.ended.set()
        self.join()
        return self.highest


def pss(process: int) -> int:
    """Bytes of a process and all below it; 0 when one came or went meanwhile, for then pages count twice."""
    before = family(process)
    total = 0
    for each in before:
        try:
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
            total += 1024 * int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0])
        except (OSError, IndexError):
            return 0
    return total if family(process) == before else 0


def family(process: int) -> list[int]:
    """The process and its descendants."""
    found = [process]
    for each in found:
        try:
            for task in os.listdir(f"/proc/{each}/task"):  # noqa: PTH208
                found += map(int, Path(f"/proc/{each}/task/{task}/children").read_text().split())
        except OSError:
            continue
    return found


async def measure(kernel: LiveKernel, process: int, code: str, rounds: int) -> tuple[list[float], int, Trial]:
    """Seconds of each round, the added memory of the worst one, and the last trial."""
    seconds, added = [], 0
    for _ in range(rounds):
        before = pss(process)
        peak = Peak(process)
        peak.start()
        begin = time.monotonic()
        trial = await kernel.try_code(code, timeout=60)
        seconds.append(time.monotonic() - begin)
        added = max(added, peak.stop() - before)
    return seconds, added, trial


async def bench(gigabytes: float, rounds: int) -> dict[str, Any]:
    """All cases on one kernel."""
    manager = start_kernel()
    kernel = LiveKernel(manager.get_connection_info())
    try:
        made = await kernel.execute(MAKE.format(gigabytes=gigabytes, columns=COLUMNS), timeout=300)
        assert made.ok, made.traceback
        first = await look(kernel)
        cases = {}
        for name, (code, changes) in CASES.items():
            seconds, added, trial = await measure(kernel, process_of(manager), code, rounds)
            assert trial.status == "passed", trial
            assert trial.receipt is not None
            assert not trial.receipt.truncated, trial.receipt
            assert len(trial.receipt.changed) == changes, (name, trial.receipt)
            cases[name] = {
                "median": round(statistics.median(seconds), 3),
                "worst": round(max(seconds), 3),
                "added_mb": round(added / 1e6, 1),
                "changed": [(c.after.name, c.in_place, c.certain) for c in trial.receipt.changed],
            }
        same = await look(kernel) == first
        return {"gigabytes": gigabytes, "identical": same, "cases": cases}
    finally:
        kernel.close()
        stop_kernel(manager)


async def look(kernel: LiveKernel) -> str:
    """Content, identities, addresses and reference counts, as the kernel sees them."""
    result = await kernel.execute(f"print({LOOK})", timeout=300)
    assert result.ok, result.traceback
    return str(result.outputs[0]["text"])


def main() -> int:
    """Measure and compare with the targets; 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(bench(options.gigabytes, options.rounds))
    column = options.gigabytes * 1e9 / COLUMNS
    good = found["identical"]
    for case in found["cases"].values():
        good = (
            good and case["median"] <= TARGET_SECONDS and case["added_mb"] * 1e6 <= TARGET_BYTES + 3 * column
        )
    if options.json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        for name, case in found["cases"].items():
            sys.stdout.write(
                f"{name:30} {case['median']:7.3f} s {case['added_mb']:8.1f} MB  {case['changed']}\n"
            )
        sys.stdout.write(f"live kernel identical: {found['identical']}; targets met: {good}\n")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
