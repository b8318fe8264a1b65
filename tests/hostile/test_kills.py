"""A few kills at random points; `tests.hostile.kills` makes as many as one likes."""

import sys
from pathlib import Path

import pytest

from tests.hostile.kills import kill_many


@pytest.mark.case("STO-05", "HUB-05", "EXE-24")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked for in /proc")
def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    series = kill_many(tmp_path, kills=6, seed=7, longest=3.0)
    assert series.faults == []
    assert len(series.found) >= 2
