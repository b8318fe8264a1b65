"""A cell that CodeMAD was told to run in an open notebook: stopped on order, and no other cell with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.accepting import propose
from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.servers.model_server import ModelServer
from tests.waiting import awaiting, wait_until

CELLS = (("code", "mine", awaiting("go") + "'whole'"), ("code", "last", "total = 1"))
ENDLESS = "print('began', flush=True)\nwhile True: pass"


def output_of(desk: Desk, cell: str) -> str:
    return json.dumps(next(each for each in desk.document.cells() if each["id"] == cell)["outputs"])


def test_stop_in_the_panel_ends_an_accepted_cell(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    work = propose(desk, script, ENDLESS)
    desk.sidebar.cards.get_by_role("button", name="Accept and run").click()
    stop = desk.sidebar.cards.get_by_role("button", name="Stop the cell")
    expect(stop).to_be_visible()
    cell = work.of_type("edit_proposed")[0]["edit"]["target"]["cell"]
    desk.document.wait_for_cell(cell, "running")
    wait_until(lambda: "began" in output_of(desk, cell), "running the cell")
    picture(desk.page)
    stop.click()
    desk.document.wait_for_kernel()
    executed = work.executed()
    assert not executed["ok"]
    assert executed["error"] == "Stopped by you."
    assert "KeyboardInterrupt" in output_of(desk, cell)
    expect(stop).to_have_count(0)
    expect(desk.sidebar.cards).to_contain_text("Stopped by you")
    desk.document.run("last")


def test_stop_spares_the_cell_that_the_person_runs(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    (scripted_lab.root / "go").unlink(missing_ok=True)
    work = propose(desk, script, "import time\ntime.sleep(1000)\n'never'")
    desk.document.start("mine")
    desk.document.wait_for_cell("mine", "running")
    cell = work.start()
    desk.page.wait_for_timeout(500)  # it may be on its way or in the kernel's queue: the outcome is the same
    work.stop()
    assert "waits behind another cell" in work.executed()["error"]
    (scripted_lab.root / "go").touch()
    desk.document.wait_for_cell("mine", "idle")
    assert "whole" in output_of(desk, "mine")
    assert "KeyboardInterrupt" not in output_of(desk, "mine")
    wait_until(lambda: "KeyboardInterrupt" in output_of(desk, cell), "the stop of the cell behind it")
