"""A proposed cell, accepted and run by command, and the events that follow."""

from __future__ import annotations

import json
from typing import Any

from tests.browser.conftest import Desk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import wait_until


class Accepting:
    """The session of a desk, which holds one proposal."""

    def __init__(self, desk: Desk) -> None:
        self.lab = desk.lab
        self.session = json.loads(self.lab.get("/codemad/sessions"))["current"]

    def events(self) -> list[dict[str, Any]]:
        answer = json.loads(self.lab.get(f"/codemad/sessions/{self.session}/events"))
        found: list[dict[str, Any]] = answer["events"]
        return found

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events() if event["type"] == kind]

    def accept(self, *, execute: bool = False) -> str:
        """Accept the one proposal, and not by its buttons; the id of its cell."""
        edit = self.of_type("edit_proposed")[0]["edit"]
        self.lab.command(type="accept_edit", session=self.session, edit=edit["id"], execute=execute)
        return str(edit["target"]["cell"])

    def start(self) -> str:
        """Accept the one proposal; the id of its cell, which begins to run."""
        return self.accept(execute=True)

    def executed(self) -> dict[str, Any]:
        """How the cell ended."""
        wait_until(lambda: self.of_type("cell_executed"), lambda: [event["type"] for event in self.events()])
        return self.of_type("cell_executed")[0]

    def stop(self) -> None:
        """Stop by command."""
        self.lab.command(type="cancel", session=self.session)


def propose(desk: Desk, script: ModelServer, source: str) -> Accepting:
    """Have the model propose a cell below `last`."""
    script.play(
        Turn(calls=(Call("insert_cell", {"source": source, "after": "last"}),)), Turn(text="Proposed.")
    )
    desk.sidebar.ask("propose it")
    return Accepting(desk)
