"""`codemad batch` on a scheduler with workers on two hosts, of which one is killed: see `two_hosts`."""

from pathlib import Path

import pytest

from tests.batch import hosts, twenty, two_hosts
from tests.waiting import is_alive, wait_until

NAMES = (two_hosts.HELD, "broken-name", "sound-02")


@pytest.mark.skipif(not hosts.possible(), reason="only root may make network name spaces")
def test_a_killed_hosts_jobs_are_done_by_the_other_and_none_twice(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    twenty.make(folder, NAMES)
    twenty.record(folder, ["broken-name"])
    outcome = two_hosts.go(folder, NAMES, before=2)
    assert outcome.code == 5, (folder / "batch.log").read_text()
    assert [each.state for each in outcome.results] == ["done", "repaired", "done"]
    assert len(outcome.begun) == 2
    assert outcome.ran == dict.fromkeys(NAMES, 1)
    assert outcome.killed.address not in outcome.results[0].where
    wait_until(lambda: not any(map(is_alive, outcome.begun)), "the end of the kernels")
