"""Proposals in the notebook they are for, by mouse and by keys, and the notebook untouched until then."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Desk
from tests.browser.documents import FIND, Document, write_notebook
from tests.browser.lab import Lab
from tests.browser.reviewing import (
    AFTER,
    BEFORE,
    CELLS,
    PARTS,
    Review,
    inserting,
    proposing,
    replacing,
    run_command,
)
from tests.browser.sidebar import themes, wait_until_restored
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call

WINDOWED = "notebook.notebookConfig = {...notebook.notebookConfig, windowingMode: 'full'}"
SCROLL = """async () => {
  const outer = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer');
  const frames = [];
  for (let y = 0; y <= 60; y++) {
    const begin = performance.now();
    outer.scrollTop = (y / 60) * outer.scrollHeight;
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - begin);
  }
  frames.sort((a, b) => a - b);
  outer.scrollTop = 0;
  return { frame: frames[30], worst: frames[60] };
}"""
"""Milliseconds of a frame, the middle one and the worst, while the notebook is scrolled through."""


def test_changes_stand_in_the_notebook_until_they_are_settled(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    review = Review(desk.page)
    before = desk.document.cells()
    script.play(
        *proposing(
            replacing(),
            inserting("volume = area * 3\nvolume", after="area"),
            Call("delete_cell", {"cell": "old"}),
            Call("move_cell", {"cell": "end", "before": "intro"}),
        )
    )
    desk.sidebar.ask("improve it")
    expect(review.bar).to_contain_text("4 proposals")
    expect(review.cards).to_have_count(5)  # the cell that moves is shown at both places
    expect(review.hunks).to_have_count(2)
    expect(review.card("Proposal: New code cell")).to_contain_text("volume = area * 3")
    assert desk.document.cells() == before
    assert review.violations(desk) == []
    for theme in themes(desk.page):
        picture(desk.page, theme)
        assert review.violations(desk) == []

    review.hunks.nth(0).get_by_role("button", name="Reject the change at line 3").click()
    expect(review.hunks).to_have_count(1)
    review.card("Proposal: Change cell").get_by_role("button", name="Accept the rest").click()
    half = BEFORE.replace("3 *", "math.pi *").replace("\nprint", "\nlabel = 'circle'\nprint")
    desk.document.wait_for_source("area", half)
    expect(review.hunks).to_have_count(0)
    expect(review.bar).to_contain_text("3 proposals")
    for name in ("New code cell", "Delete cell", "Move cell"):
        review.card(f"Proposal: {name}").get_by_role("button", name="Accept", exact=True).click()
        expect(review.card(f"Proposal: {name}")).to_have_count(0)
    expect(review.bar).to_have_count(0)
    expect(desk.page.locator(".codemad-reviewing, .codemad-slot, .codemad-line-removed")).to_have_count(0)
    assert desk.document.sources() == ["total = 1\ntotal", "# Circles", half, "volume = area * 3\nvolume"]


def test_everything_can_be_done_by_keys(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    review, keys = Review(desk.page), desk.page.keyboard
    script.play(
        *proposing(replacing(), inserting("one = 1", after="area"), inserting("two = 2", after="old"))
    )
    desk.sidebar.ask("improve it")
    expect(review.bar).to_contain_text("3 proposals")
    desk.document.cell("end").locator(".cm-content").click()
    focused = desk.page.locator(f"{PARTS}:focus")
    for key, name in (("N", "Change cell"), ("N", "New code cell"), ("P", "Change cell")):
        keys.press(f"Alt+Shift+{key}")
        expect(focused).to_have_attribute("aria-label", re.compile(name))
    keys.press("d")
    keys.press("d")  # in a cell this deletes it
    keys.press("Alt+Shift+X")
    expect(review.bar).to_contain_text("2 proposals")
    expect(focused).to_contain_text("one = 1")
    keys.press("Tab")
    keys.press("Alt+Shift+Y")
    expect(review.bar).to_contain_text("1 proposal")
    expect(focused).to_contain_text("two = 2")
    keys.press("Escape")
    expect(focused).to_have_count(0)
    keys.press("Alt+Shift+R")
    expect(review.bar).to_have_count(0)
    assert desk.document.sources() == [
        CELLS[0][2],
        BEFORE,
        "one = 1",
        CELLS[2][2],
        "two = 2",
        CELLS[3][2],
    ]
    new = next(cell for cell in desk.document.cells() if cell["source"] == "two = 2")
    desk.document.wait_for_cell(new["id"], "idle")
    assert desk.document.cells()[2]["execution_count"] is None


def test_proposals_stay_with_their_notebook(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    other = "another.ipynb"
    write_notebook(scripted_lab.root / other, CELLS)
    desk = open_desk(scripted_lab, CELLS)
    review, page = Review(desk.page), desk.page
    script.play(*proposing(replacing(source=AFTER), inserting("one = 1", after="area")))
    desk.sidebar.ask("improve it")
    second = Document(page, other)
    second.open()
    expect(review.front.locator(".jp-Cell")).to_have_count(4)
    expect(review.cards).to_have_count(0)

    path = desk.document.path
    page.evaluate("path => void window.jupyterapp.commands.execute('docmanager:open', {path})", path)
    expect(review.cards).to_have_count(2)
    desk.document.save()
    run_command(page, "application:close")
    page.wait_for_function(f"path => {{ {FIND} return !panel }}", arg=path)
    expect(page.locator(PARTS)).to_have_count(0)
    desk.document.open()
    expect(review.cards).to_have_count(2)
    page.reload()
    desk.document.open()
    expect(review.cards).to_have_count(2)

    renamed = f"renamed_{path}"
    page.evaluate(
        "([from, to]) => void window.jupyterapp.serviceManager.contents.rename(from, to)", [path, renamed]
    )
    page.wait_for_function(f"path => {{ {FIND} return panel }}", arg=renamed)
    document = Document(page, renamed)
    # A fresh workspace: Lab may not have written the new name down yet, and would open the old one.
    page.goto(scripted_lab.address(renamed))
    wait_until_restored(page)
    document.open()
    expect(review.cards).to_have_count(2)
    review.card("Proposal: New code cell").get_by_role("button", name="Accept", exact=True).click()
    expect(review.cards).to_have_count(1)
    review.card("Proposal: Change cell").get_by_role("button", name="Accept all changes").click()
    expect(review.cards).to_have_count(0)
    assert document.sources() == [CELLS[0][2], AFTER, "one = 1", CELLS[2][2], CELLS[3][2]]
    second.open()
    assert second.sources() == [source for _, _, source in CELLS]


def test_a_change_that_no_longer_fits_says_so(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    review = Review(desk.page)
    script.play(*proposing(replacing()))
    desk.sidebar.ask("improve it")
    expect(review.hunks).to_have_count(2)
    desk.document.type_into("area", "  # mine")
    expect(review.hunks).to_have_count(0)
    card = review.card("Proposal: Change cell")
    expect(card).to_contain_text("text differs from what the change was made for")
    card.get_by_role("button", name="Accept all changes").click()
    expect(card).to_contain_text("changed since it was read")
    assert desk.document.source("area") == f"{BEFORE}  # mine"
    card.get_by_role("button", name="Reject").click()
    expect(card).to_have_count(0)


def test_a_long_notebook_keeps_scrolling_with_proposals_in_it(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    cells = tuple(("code", f"c{n}", f"x{n} = {n}\nprint(x{n})") for n in range(500))
    desk = open_desk(scripted_lab, cells)
    review, page = Review(desk.page), desk.page
    page.evaluate(f"path => {{ {FIND} {WINDOWED} }}", desk.document.path)
    empty = page.evaluate(SCROLL)
    near, far = inserting("near = 1", after="c2"), inserting("far = 1", after="c480")
    script.play(*proposing(near, far, replacing("c490", "x490 = 0\nprint(x490)")))
    desk.sidebar.ask("improve it")
    expect(review.bar).to_contain_text("3 proposals")
    assert len(desk.document.ids()) == 500
    for text in ("near = 1", "far = 1", "Change cell"):
        run_command(page, "codemad:next-proposal")
        expect(review.cards.filter(has_text=text)).to_be_in_viewport()
        expect(page.locator(f"{PARTS}:focus")).to_contain_text(text)
    full = page.evaluate(SCROLL)
    assert full["frame"] < 2 * empty["frame"] + 20, (empty, full)
    for _ in range(2):
        run_command(page, "codemad:previous-proposal")
    expect(review.cards.filter(has_text="near = 1")).to_be_in_viewport()
    expect(review.cards.filter(has_text="near = 1")).to_have_count(1)
    run_command(page, "codemad:next-proposal")
    card = review.cards.filter(has_text="far = 1")
    card.get_by_role("button", name="Accept", exact=True).click()
    page.wait_for_function(
        f"path => {{ {FIND} return notebook.model.cells.length === 501 }}", arg=desk.document.path
    )
    assert desk.document.sources()[481] == "far = 1"
