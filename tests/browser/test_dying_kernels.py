"""A cell that CodeMAD was told to run in an open notebook: its kernel's death is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

CELLS = (("code", "last", "total = 1"),)


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


def propose(desk: Desk, script: ModelServer, source: str) -> Accepting:
    script.play(
        Turn(calls=(Call("insert_cell", {"source": source, "after": "last"}),)), Turn(text="Proposed.")
    )
    desk.sidebar.ask("propose it")
    return Accepting(desk)


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
