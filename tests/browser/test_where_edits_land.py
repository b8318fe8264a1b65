"""Edits land in the right cell of the right notebook: after a tab switch, above a cell that a person adds,
beside a file that changed on disk; with and without jupyter-collaboration."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.accepting import Accepting
from tests.browser.conftest import Desk
from tests.browser.documents import Document, write_notebook
from tests.browser.lab import Lab
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

CELLS = (("markdown", "intro", "# Numbers"), ("code", "first", "total = 1"), ("code", "end", "total"))


def collaborative(desk: Desk) -> bool:
    """Whether the notebook in front is edited together."""
    found: bool = desk.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.model.collaborative === true"
    )
    return found


def accept(desk: Desk, card: int = 0) -> None:
    shown = desk.sidebar.cards.nth(card)
    shown.get_by_role("button", name="Accept", exact=True).click()
    expect(shown).to_contain_text("accepted")


def test_a_turn_goes_on_in_its_notebook_after_a_tab_switch(
    either_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(either_lab, CELLS)
    assert collaborative(desk) == (either_lab.root.parent.name.startswith("collaborative"))
    other = f"other_{desk.document.path}"
    write_notebook(either_lab.root / other, CELLS)
    script.play(
        Turn(calls=(Call("read_notebook", {}),)),
        Turn(calls=(Call("insert_cell", {"source": "added = 2", "after": "first"}),), first_delay=3.0),
        Turn(calls=(Call("replace_cell", {"cell": "end", "source": "total + added"}),)),
        Turn(text="Two changes."),
    )
    run = desk.sidebar.send("add a cell")
    second = Document(desk.page, other)
    second.open()
    desk.sidebar.finished(run)
    accept(desk)
    accept(desk, 1)
    assert desk.document.sources() == ["# Numbers", "total = 1", "added = 2", "total + added"]
    assert second.sources() == [source for _, _, source in CELLS]
    run.get_by_role("button", name="Undo").last.click()
    expect(desk.sidebar.log).to_contain_text("Undone")
    assert desk.document.sources() == [source for _, _, source in CELLS]
    assert second.sources() == [source for _, _, source in CELLS]


def test_a_cell_that_a_person_adds_above_moves_nothing(
    either_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(either_lab, CELLS)
    script.play(
        Turn(calls=(Call("read_notebook", {}),)),
        Turn(calls=(Call("replace_cell", {"cell": "first", "source": "total = 2"}),), first_delay=3.0),
        Turn(calls=(Call("insert_cell", {"source": "more = 3", "after": "first"}),)),
        Turn(text="Done."),
    )
    run = desk.sidebar.send("make it two")
    desk.document.insert(0, "mine", "import os")
    desk.document.insert(2, "mine2", "import sys")
    desk.sidebar.finished(run)
    accept(desk)
    accept(desk, 1)
    assert desk.document.sources() == [
        "import os",
        "# Numbers",
        "import sys",
        "total = 2",
        "more = 3",
        "total",
    ]


def test_an_insert_without_an_anchor_follows_the_active_cell(
    either_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(either_lab, CELLS)
    desk.document.activate("first")
    script.play(Turn(calls=(Call("insert_cell", {"source": "more = 3"}),)), Turn(text="Done."))
    desk.sidebar.ask("add a cell")
    accept(desk)
    assert desk.document.sources() == ["# Numbers", "total = 1", "more = 3", "total"]


def test_typing_is_kept_beside_accepted_changes_and_their_undo(
    either_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(either_lab, CELLS)
    script.play(
        Turn(calls=(Call("read_notebook", {}),)),
        Turn(calls=(Call("replace_cell", {"cell": "first", "source": "total = 2"}),)),
        Turn(text="Done."),
    )
    run = desk.sidebar.ask("make it two")
    desk.document.type_into("end", "  # mine")
    accept(desk)
    desk.document.type_into("end", " too")
    desk.document.save()
    run.get_by_role("button", name="Undo").last.click()
    expect(desk.sidebar.log).to_contain_text("Undone")
    assert desk.document.sources() == ["# Numbers", "total = 1", "total  # mine too"]
    run.get_by_role("button", name="Redo").click()
    desk.document.wait_for_source("first", "total = 2")
    assert desk.document.source("end") == "total  # mine too"


def test_a_change_accepted_elsewhere_does_not_take_the_focus_from_typing(
    either_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(either_lab, CELLS)
    script.play(
        Turn(calls=(Call("read_notebook", {}),)),
        Turn(calls=(Call("replace_cell", {"cell": "first", "source": "total = 2"}),)),
        Turn(text="Done."),
    )
    desk.sidebar.ask("make it two")
    desk.document.type_into("end", "  # mi")
    Accepting(desk).accept()
    desk.document.wait_for_source("first", "total = 2")
    desk.page.keyboard.type("ne, and what follows it", delay=30)
    assert desk.document.sources() == ["# Numbers", "total = 2", "total  # mine, and what follows it"]


def test_a_file_that_changed_on_disk_is_not_overwritten(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    """The tab holds unsaved typing, somebody else writes the file: the proposal goes into the tab, and the
    file stays as they left it until the person decides."""
    desk = open_desk(scripted_lab, CELLS)
    file = scripted_lab.root / desk.document.path
    desk.document.save()
    desk.document.type_into("end", "  # mine")
    theirs = json.loads(file.read_bytes())
    theirs["cells"][0]["source"] = ["# Changed elsewhere"]
    file.write_text(json.dumps(theirs, indent=1) + "\n")
    written = file.read_bytes()
    script.play(
        Turn(calls=(Call("read_notebook", {}),)),
        Turn(calls=(Call("replace_cell", {"cell": "first", "source": "total = 2"}),)),
        Turn(text="Done."),
    )
    run = desk.sidebar.ask("make it two")
    accept(desk)
    assert desk.document.sources() == ["# Numbers", "total = 2", "total  # mine"]
    assert file.read_bytes() == written
    run.get_by_role("button", name="Undo").last.click()
    expect(desk.sidebar.log).to_contain_text("Undone")
    assert desk.document.sources() == ["# Numbers", "total = 1", "total  # mine"]
    assert file.read_bytes() == written
