"""A cell that CodeMAD was told to run in an open notebook: stopped on order, its kernel's death told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

CELLS = (("code", "mine", "import time\ntime.sleep(6)\n'whole'"), ("code", "last", "total = 1"))


class Accepting:
    """A proposed cell, accepted and run by command, and the events that follow."""

    def __init__(self, desk: Desk) -> None:
        self.lab = desk.lab
        self.session = json.loads(self.lab.get("/codemad/sessions"))["current"]

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.lab.get(f"/codemad/sessions/{self.session}/events"))[
            "events"
        ]
        return found

    def start(self) -> str:
        """Accept the one proposal; the id of its cell, which begins to run."""
        edit = next(event["edit"] for event in self.events() if event["type"] == "edit_proposed")
        begin = time.monotonic()
        self.lab.command(type="accept_edit", session=self.session, edit=edit["id"], execute=True)
        assert time.monotonic() - begin < 5, "the answer does not wait for the cell"
        return str(edit["target"]["cell"])

    def executed(self) -> dict[str, Any]:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            for event in self.events():
                if event["type"] == "cell_executed":
                    return event
            time.sleep(0.1)
        raise AssertionError([event["type"] for event in self.events()])

    def stop(self) -> None:
        self.lab.command(type="cancel", session=self.session)


def propose(desk: Desk, script: ModelServer, source: str) -> Accepting:
    script.play(
        Turn(calls=(Call("insert_cell", {"source": source, "after": "last"}),)), Turn(text="Proposed.")
    )
    desk.sidebar.ask("propose it")
    return Accepting(desk)


def output_of(desk: Desk, cell: str) -> str:
    return json.dumps(next(each for each in desk.document.cells() if each["id"] == cell)["outputs"])


def test_stop_ends_the_accepted_cell(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    work = propose(desk, script, "print('began', flush=True)\nwhile True: pass")
    cell = work.start()
    desk.document.wait_for_cell(cell, "running")
    desk.page.wait_for_timeout(500)
    begin = time.monotonic()
    work.stop()
    assert not work.executed()["ok"]
    assert time.monotonic() - begin < 3
    desk.document.wait_for_kernel()
    assert "KeyboardInterrupt" in output_of(desk, cell)


def test_stop_spares_the_cell_that_the_person_runs(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    work = propose(desk, script, "time.sleep(100)\n'never'")
    desk.document.start("mine")
    desk.document.wait_for_cell("mine", "running")
    cell = work.start()
    desk.page.wait_for_timeout(500)
    work.stop()
    desk.document.wait_for_cell("mine", "idle")
    assert "whole" in output_of(desk, "mine")
    assert "KeyboardInterrupt" not in output_of(desk, "mine")
    desk.document.wait_for_kernel()
    assert "KeyboardInterrupt" in output_of(desk, cell)


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
    changed = [event for event in work.events() if event["type"] == "kernel_changed"]
    assert changed
    assert changed[0]["state"] == "died"
