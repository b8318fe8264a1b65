"""The table of provider faults is a program that people run; here with its streams cut at fewer places."""

import subprocess
import sys
from pathlib import Path

import pytest

TABLE = Path(__file__).parents[1] / "benchmarks" / "fault_table.py"


@pytest.mark.slow
def test_no_fault_crashes_and_no_half_call_is_run() -> None:
    command = [sys.executable, str(TABLE), "--step", "500"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    assert "114 rows, 0 crashes, 0 half-executed tools" in done.stderr
