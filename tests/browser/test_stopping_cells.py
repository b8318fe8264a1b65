"""A cell that CodeMAD was told to run in an open notebook: stopped on order, and no other cell with it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.accepting import propose
from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.servers.model_server import ModelServer

CELLS = (("code", "mine", "import time\ntime.sleep(6)\n'whole'"), ("code", "last", "total = 1"))
ENDLESS = "print('began', flush=True)\nwhile True: pass"


def output_of(desk: Desk, cell: str) -> str:
    return json.dumps(next(each for each in desk.document.cells() if each["id"] == cell)["outputs"])


def test_stop_in_the_panel_ends_an_accepted_cell_within_two_seconds(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    work = propose(desk, script, ENDLESS)
    desk.sidebar.cards.get_by_role("button", name="Accept and run").click()
    stop = desk.sidebar.cards.get_by_role("button", name="Stop the cell")
    expect(stop).to_be_visible()
    cell = work.of_type("edit_proposed")[0]["edit"]["target"]["cell"]
    desk.document.wait_for_cell(cell, "running")
    desk.page.wait_for_timeout(500)
    picture(desk.page)
    begin = time.monotonic()
    stop.click()
    desk.document.wait_for_kernel()
    assert time.monotonic() - begin < 2
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
    work = propose(desk, script, "time.sleep(100)\n'never'")
    desk.document.start("mine")
    desk.document.wait_for_cell("mine", "running")
    cell = work.start()
    desk.page.wait_for_timeout(500)
    assert work.stop() < 3
    assert "waits behind another cell" in work.executed()["error"]
    desk.document.wait_for_cell("mine", "idle")
    assert "whole" in output_of(desk, "mine")
    assert "KeyboardInterrupt" not in output_of(desk, "mine")
    begin = time.monotonic()
    desk.document.wait_for_kernel()
    assert time.monotonic() - begin < 10
    assert "KeyboardInterrupt" in output_of(desk, cell)
