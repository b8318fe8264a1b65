"""A cell that CodeMAD was told to run in an open notebook: its kernel's death is told."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.accepting import propose
from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.servers.model_server import ModelServer

CELLS = (("code", "last", "total = 1"),)


def test_a_cell_whose_kernel_is_killed_ends_with_the_reason(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    work = propose(
        desk, script, "import os, signal, time\ntime.sleep(1)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    work.start()
    executed = work.executed()
    assert not executed["ok"]
    assert "died" in executed["error"]
    changed = work.of_type("kernel_changed")
    assert changed
    assert changed[0]["state"] == "died"
