"""A whole turn in the notebook: tried, accepted, rejected and taken back as one, by mouse and by keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.browser.reviewing import CELLS, PARTS, Review, inserting, proposing, replacing
from tests.browser.sidebar import themes
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

TOTAL = "total = 2\ntotal * 21"
VOLUME = "volume = total * 3\nvolume"
LAST = CELLS[-1][2]
TABLE = "import pandas as pd\ndf = pd.DataFrame({'x': range(5)})\ntmp = 1\nlen(df)"
TIMES, MINUS = "\u00d7", "\u2212"
SMALLER = "df.drop(index=[2, 3], inplace=True)\nfresh = 'é' * 3\ndel tmp\nprint('three')\nlen(df)"


def turn(file: Path) -> tuple[Turn, ...]:
    """A turn of a changed, a new, a deleted and a moved cell, and of a file."""
    return proposing(
        replacing("end", TOTAL),
        inserting(VOLUME, after="end"),
        Call("delete_cell", {"cell": "old"}),
        Call("move_cell", {"cell": "intro", "after": "area"}),
        Call("write_file", {"path": file.name, "content": "PI = 3.14159\n", "title": "Keep pi"}),
    )


def settled(run: Locator, how: str) -> None:
    """Wait until all of a turn is: the bar speaks of the cells, and goes when the last of them is."""
    expect(run.locator("section.codemad-edit").get_by_text(how, exact=True)).to_have_count(5)


def test_a_turn_is_accepted_run_saved_undone_and_redone_as_one(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    file = scripted_lab.root / "turn_constants.py"
    desk = open_desk(scripted_lab, CELLS)
    review, document = Review(desk.page), desk.document
    script.play(*turn(file))
    desk.sidebar.ask("improve all of it")
    expect(review.bar).to_contain_text("4 proposals")
    expect(review.bar.get_by_role("button", name=file.name)).to_be_visible()
    assert not file.exists()
    review.bar.get_by_role("button", name="Accept all and run").click()
    expect(review.bar).to_have_count(0)
    settled(desk.sidebar.runs.last, "accepted")
    wanted = [CELLS[1][2], CELLS[0][2], TOTAL, VOLUME]
    assert document.sources() == wanted
    assert file.read_text() == "PI = 3.14159\n"
    new = document.ids()[3]
    document.wait_for_cell("end", "idle")
    document.wait_for_cell(new, "idle")
    outputs = {cell["id"]: cell.get("outputs", []) for cell in document.cells()}
    assert [out["data"]["text/plain"] for out in (outputs["end"][0], outputs[new][0])] == ["42", "6"]
    assert document.cells()[0]["execution_count"] is None, "only cells that the turn touched are run"
    assert document.cells()[3]["metadata"]["codemad"]["model"] == "compatible/scripted"

    document.save()
    desk.page.reload()
    desk.sidebar.open()
    document.open()
    run = desk.sidebar.runs.last
    run.get_by_role("button", name="Undo").last.click()
    expect(desk.sidebar.log).to_contain_text("Undone (4 cells, 1 file)")
    assert document.sources() == [source for _, _, source in CELLS]
    assert not file.exists()
    run.get_by_role("button", name="Redo").click()
    expect(desk.sidebar.log).to_contain_text("Done again (4 cells, 1 file)")
    assert document.sources() == wanted
    assert file.read_text() == "PI = 3.14159\n"
    assert [cell["id"] for cell in document.cells()] == ["area", "intro", "end", new]
    document.save()
    run.get_by_role("button", name="Undo").last.click()
    expect(desk.sidebar.log.get_by_text("Undone (4 cells, 1 file)")).to_have_count(2)
    assert document.sources() == [source for _, _, source in CELLS]
    assert desk.sidebar.violations() == []


def test_a_turn_is_rejected_as_one(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    file = scripted_lab.root / "turn_rejected.py"
    desk = open_desk(scripted_lab, CELLS)
    review = Review(desk.page)
    before = desk.document.cells()
    script.play(*turn(file))
    desk.sidebar.ask("improve all of it")
    expect(review.bar).to_contain_text("4 proposals")
    review.bar.get_by_role("button", name="Reject all").click()
    expect(review.bar).to_have_count(0)
    expect(review.cards).to_have_count(0)
    assert desk.document.cells() == before
    assert not file.exists()
    settled(desk.sidebar.runs.last, "rejected")
    expect(desk.sidebar.runs.last.get_by_role("button", name="Undo")).to_have_count(0)


def test_a_turn_is_settled_by_keys(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    file = scripted_lab.root / "turn_keys.py"
    desk = open_desk(scripted_lab, CELLS)
    review, keys = Review(desk.page), desk.page.keyboard
    before, after = [source for _, _, source in CELLS], [CELLS[1][2], CELLS[0][2], TOTAL, VOLUME]
    for key, sources in (("K", before), ("L", after), ("U", after)):
        script.play(*turn(file))
        run = desk.sidebar.ask("improve all of it")
        expect(review.bar).to_contain_text("4 proposals")
        desk.document.cell("area").locator(".jp-InputPrompt").click()
        keys.press("Alt+Shift+N")
        expect(desk.page.locator(f"{PARTS}:focus")).to_have_count(1)
        keys.press("Alt+Shift+B")
        expect(desk.page.locator(f"{PARTS}:focus")).to_have_count(0)
        keys.press("Alt+Shift+D")
        tab = desk.page.get_by_role("region", name=f"New file: {file.name}")
        expect(tab.get_by_role("button", name="Accept")).to_be_visible()
        desk.page.keyboard.press("Escape")
        desk.document.open()
        desk.document.cell("area").locator(".jp-InputPrompt").click()
        keys.press(f"Alt+Shift+{key}")
        expect(review.bar).to_have_count(0)
        settled(run, "accepted" if sources == after else "rejected")
        assert desk.document.sources() == sources
        assert file.exists() == (sources == after)
        if key == "L":
            assert all(cell.get("execution_count") is None for cell in desk.document.cells())
            desk.sidebar.runs.last.get_by_role("button", name="Undo").last.click()
            expect(desk.sidebar.log).to_contain_text("Undone (4 cells, 1 file)")
            assert desk.document.sources() == before
    desk.document.wait_for_cell(desk.document.ids()[3], "idle")
    assert file.read_text() == "PI = 3.14159\n"


def test_what_no_longer_fits_does_not_hold_up_the_rest_of_the_turn(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    review, document = Review(desk.page), desk.document
    script.play(
        *proposing(replacing("end", TOTAL), replacing("old", "tmp = 2"), inserting(VOLUME, after="end"))
    )
    desk.sidebar.ask("improve it")
    expect(review.bar).to_contain_text("3 proposals")
    document.type_into("old", "0")
    review.bar.get_by_role("button", name="Accept all", exact=True).click()
    expect(review.bar).to_contain_text("1 proposal, 1 out of date")
    assert document.sources() == [CELLS[0][2], CELLS[1][2], "tmp = 10", TOTAL, VOLUME]
    expect(review.card("Proposal: Change cell")).to_contain_text("changed since it was read")
    review.bar.get_by_role("button", name="Reject all").click()
    expect(review.bar).to_have_count(0)
    assert document.source("old") == "tmp = 10"


def test_outputs_and_variables_of_a_trial_stand_beside_those_there_are(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, (("code", "table", TABLE), ("code", "look", "len(df)")))
    review, document = Review(desk.page), desk.document
    document.run("table")
    document.run("look")
    script.play(*proposing(replacing("look", SMALLER), inserting("print(fresh)", after="look")))
    desk.sidebar.ask("make it smaller")
    card = review.card("Proposal: Change cell")
    receipt = card.get_by_label("What it would do to your variables")
    expect(receipt).to_contain_text(f"df (5{TIMES}1 → 3{TIMES}1, changed in place)")
    expect(receipt).to_contain_text("+ fresh str[3]")
    expect(receipt).to_contain_text(f"{MINUS} tmp")
    expect(card).to_contain_text("Tried in a copy of the kernel")
    # What follows is tried together with what it needs and is not accepted yet.
    expect(review.card("Proposal: New code cell")).to_contain_text("tried: passed")
    card.get_by_role("button", name="Outputs: before | tried").click()
    before, tried = (card.get_by_role("region", name=name, exact=True) for name in ("Before", "Tried"))
    expect(before).to_contain_text("5")
    expect(tried).to_contain_text("three")
    expect(tried).to_contain_text("3")
    for theme in themes(desk.page):
        picture(desk.page, theme)
        assert review.violations(desk) == []

    document.type_into("look", "\n")
    desk.page.keyboard.press("Backspace")
    document.insert(0, "mine", "df = df.head(4)\nlen(df)")
    document.run("mine")
    review.bar.get_by_role("button", name="Next proposal").click()
    desk.page.keyboard.press("Alt+Shift+V")
    expect(receipt).to_contain_text(f"df (4{TIMES}1 → 2{TIMES}1, changed in place)")
    assert document.source("look") == "len(df)"
    desk.page.keyboard.press("Alt+Shift+B")
    review.card("Proposal: New code cell").get_by_role("button", name="Reject").click()
    card.get_by_role("button", name="Accept and run").click()
    outputs = document.cell("look").locator(".jp-OutputArea-output").last
    expect(outputs).to_have_text("2")
    assert document.source("look") == SMALLER


def test_cells_are_split_merged_cleared_and_turned_where_they_stand(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, (*CELLS, ("code", "more", "more = 2"), ("code", "note", "# A note")))
    review, document = Review(desk.page), desk.document
    document.run("old")
    document.run("end")
    script.play(
        *proposing(
            Call("split_cell", {"cell": "area", "before_lines": [3, 5]}),
            Call("merge_cells", {"cells": ["end", "more"]}),
            Call("clear_outputs", {"cell": "old"}),
            Call("change_cell_type", {"cell": "note", "cell_type": "markdown"}),
        )
    )
    run = desk.sidebar.ask("tidy up")
    expect(review.bar).to_contain_text("4 proposals")
    split, merge = review.card("Proposal: Split cell"), review.card("Proposal: Merge cells")
    expect(split).to_contain_text("It becomes 3 cells:")
    expect(split.get_by_role("group", name="Proposed code")).to_have_count(3)
    expect(merge).to_contain_text("It takes in the cell below:")
    expect(desk.sidebar.log).to_contain_text("It becomes 3 cells:")
    expect(desk.sidebar.log).not_to_contain_text("To the end.")
    for theme in themes(desk.page):
        picture(desk.page, theme)
        assert review.violations(desk) == []
        assert desk.sidebar.violations() == []
    for name in ("Split cell", "Merge cells", "Clear outputs", "Turn cell into"):
        card = review.card(f"Proposal: {name}")
        card.get_by_role("button", name="Accept", exact=True).click()
        expect(card).to_have_count(0)
    expect(review.bar).to_have_count(0)
    wanted = [
        "# Circles",
        "import math",
        "radius = 2",
        "area = 3 * radius ** 2\nprint(area)",
        "tmp = 1",
        f"{LAST}\n\nmore = 2",
        "# A note",
    ]
    assert document.sources() == wanted
    assert document.cells()[4]["execution_count"] is None
    assert document.cells()[6]["cell_type"] == "markdown"
    run.get_by_role("button", name="Undo").last.click()
    expect(desk.sidebar.log).to_contain_text("Undone")
    assert document.sources() == [*(source for _, _, source in CELLS), "more = 2", "# A note"]
    assert document.cells()[5]["cell_type"] == "code"


def test_files_are_deleted_and_moved_in_the_diff_tab(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    root = scripted_lab.root
    (root / "gone.py").write_text("A = 1\nB = 2\n")
    (root / "here.py").write_text("ONE = 1\nTWO = 2\n")
    desk = open_desk(scripted_lab, CELLS)
    patch = (
        "*** Begin Patch\n*** Delete File: gone.py\n*** Update File: here.py\n*** Move to: there.py\n"
        "@@\n ONE = 1\n-TWO = 2\n+TWO = 22\n*** End Patch\n"
    )
    reads = tuple(Call("read_file", {"path": name}) for name in ("gone.py", "here.py"))
    script.play(
        Turn(calls=reads), Turn(calls=(Call("apply_patch", {"patch": patch}),)), Turn(text="Proposed.")
    )
    run = desk.sidebar.ask("tidy the files")
    expect(desk.sidebar.cards).to_have_count(2)
    for number, name in enumerate(("Delete file: gone.py", "Move file: here.py")):
        desk.sidebar.cards.nth(number).get_by_role("button", name="Open diff").click()
        tab = desk.page.get_by_role("region", name=name)
        expect(tab.locator(".cm-content")).to_be_visible()
        for theme in themes(desk.page):
            picture(desk.page, f"{number}-{theme}")
            assert desk.sidebar.violations(".lm-Widget:not(.lm-mod-hidden) > .codemad-filediff-widget") == []
        tab.get_by_role("button", name="Accept", exact=True).click()
        expect(tab).to_contain_text("accepted")
    assert not (root / "gone.py").exists()
    assert not (root / "here.py").exists()
    assert (root / "there.py").read_text() == "ONE = 1\nTWO = 22\n"
    run.get_by_role("button", name="Undo").last.click()
    expect(desk.sidebar.log).to_contain_text("Undone")
    assert (root / "gone.py").read_text() == "A = 1\nB = 2\n"
    assert (root / "here.py").read_text() == "ONE = 1\nTWO = 2\n"
    assert not (root / "there.py").exists()
