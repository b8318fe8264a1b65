"""What CodeMAD costs a JupyterLab that starts with it: CPU seconds to ready, and memory.

Run ``python -m tests.benchmarks.bench_server_start [pairs]``; starts JupyterLab with and without the
extension in turns, prints the medians and ends with status 1 when a limit is exceeded.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from tests.server.processes import running

CPU_RATIO = 1.10
MEGABYTES = 15.0
OFF = "--ServerApp.jpserver_extensions={'codemad_jupyter': False}"


def measure(*, enabled: bool) -> tuple[float, float]:
    """CPU seconds until the server answers, and its resident megabytes then."""
    with tempfile.TemporaryDirectory() as folder:
        options = () if enabled else (OFF,)
        with running(Path(folder), lab=True, options=options) as server:
            figures = cpu_seconds(server.process.pid), resident_megabytes(server.process.pid)
            loaded = "codemad_jupyter | extension was successfully loaded" in server.log.read_text()
            if loaded is not enabled:
                raise RuntimeError("the extension was not switched as intended")
            return figures


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main(pairs: int) -> int:
    with_it, without = [], []
    for _ in range(pairs):  # in turns, so that a busy machine is busy for both
        without.append(measure(enabled=False))
        with_it.append(measure(enabled=True))
    cpu = [statistics.median(row[0] for row in rows) for rows in (with_it, without)]
    memory = [statistics.median(row[1] for row in rows) for rows in (with_it, without)]
    ratio, more = cpu[0] / cpu[1], memory[0] - memory[1]
    sys.stdout.write(
        f"pairs {pairs}\n"
        f"CPU s to ready: {cpu[0]:.2f} with, {cpu[1]:.2f} without, ratio {ratio:.3f} (limit {CPU_RATIO})\n"
        f"RSS MB: {memory[0]:.1f} with, {memory[1]:.1f} without, {more:+.1f} (limit {MEGABYTES:+.0f})\n"
    )
    return 0 if ratio <= CPU_RATIO and more <= MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
