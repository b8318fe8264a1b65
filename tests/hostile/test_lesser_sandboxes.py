"""The gravest cases without bubblewrap, and without any sandbox; `table` runs them all."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.table import MISSING
from tests.waiting import LIMIT

ROOT = Path(__file__).parents[2]
GRAVE = "in_a_sandbox or carries_over or sweep or reaches_the_network or asked_about or environment"


@pytest.mark.case("EXE-09", "EXE-01", "EXE-03", "EXE-05", "EXE-07", "EXE-14")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sandboxes here are Linux's")
@pytest.mark.parametrize("backend", ["Landlock", "none"])
def test_less_of_a_sandbox_lets_nothing_more_happen_unasked(backend: str, tmp_path: Path) -> None:
    suite = ["tests/hostile/test_executor.py", "-k", GRAVE, f"--basetemp={tmp_path / 'base'}"]
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suite]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.hostile.without", *MISSING[backend], "--", *pytest_command],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=3 * LIMIT,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-4_000:]
    assert "7 passed" in ran.stdout
