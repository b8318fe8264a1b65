"""A process dies while it brings agents' work in: at a few steps here, at all with `merge_steps`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.merge_steps import AGENTS
from tests.waiting import LIMIT

WRITING = "(tools.edits.writing|notebooks.disk)"
"""The steps at which files of the person's are on their way."""


@pytest.mark.case("BAT-07", "STO-05")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="victims go with their parent: prctl")
def test_a_kill_at_a_step_of_a_merge_leaves_nothing_half(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.hostile.merge_steps", str(tmp_path / "place")]
    options = ["--first", "2", "--every", "4", "--only", WRITING]
    variables = {**os.environ, "HOME": str(tmp_path), "CODEMAD_INDEX": "false"}
    done = subprocess.run(
        [*command, *options], env=variables, capture_output=True, text=True, timeout=3 * LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    whole, *steps = (json.loads(line) for line in done.stdout.splitlines())
    assert whole["changed"] == ["m.py", "n.ipynb", "new", "new/made.txt", "old.txt"]
    assert len(steps) == len(range(2, whole["steps"] + 1, 4)) >= len(AGENTS)
    assert [step for step in steps if step["faults"]] == []
