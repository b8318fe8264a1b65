"""The panel's pages with the real server behind them: timeline, what is sent, and a notebook verified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.browser.reviewing import CELLS, Review, proposing, replacing
from tests.browser.sidebar import themes
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import wait_until

SECRET = "sk-ant-api03-" + "Zq8Xw3Lk9Vb2Nm7Pd4Rt6Yh1"
ODD = (
    ("code", "first", "import os\nstate = 1"),
    ("code", "same", "print(state + 1)"),
    ("code", "odd", "import itertools\nprint(os.getpid())"),
    ("code", "bad", "print(later)"),
    ("code", "late", "later = 5"),
)


def dialog(page: Page) -> Locator:
    return page.locator(".jp-Dialog")


def accept(desk: Desk, script: ModelServer, prompt: str, change: Call) -> None:
    """Ask for a change and take it."""
    script.play(*proposing(change))
    desk.sidebar.ask(prompt)
    desk.sidebar.cards.last.get_by_role("button", name="Accept", exact=True).click()
    expect(desk.sidebar.cards.last).to_contain_text("accepted")


def test_the_timeline_shows_names_compares_restores_and_forgets(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    file = scripted_lab.root / "timeline_module.py"
    desk = open_desk(scripted_lab, CELLS)
    panel, document = desk.sidebar.panel, desk.document
    accept(desk, script, "make it two", replacing("end", "total = 2\ntotal"))
    accept(desk, script, "a module", Call("write_file", {"path": file.name, "content": "ONE = 1\n"}))
    panel.get_by_role("button", name="Timeline").click()
    page_of = panel.get_by_role("region", name="Timeline")
    points = page_of.get_by_role("list", name="Checkpoints, newest first").locator("> li")
    expect(points).to_have_count(2)
    expect(points.nth(0)).to_contain_text("Before “a module”")
    expect(points.nth(1)).to_contain_text("Before “make it two”")

    page_of.get_by_role("button", name="Make a checkpoint now").click()
    dialog(desk.page).get_by_role("textbox").fill("By hand")
    dialog(desk.page).get_by_role("button", name="Make").click()
    expect(points).to_have_count(3)
    expect(points.nth(0)).to_contain_text("By hand")
    points.nth(2).get_by_role("button", name="Name", exact=True).click()
    dialog(desk.page).get_by_role("textbox").fill("The beginning")
    desk.page.keyboard.press("Enter")
    expect(points.nth(2)).to_contain_text("The beginning")

    points.nth(2).get_by_role("button", name="Changes since").click()
    changes = points.nth(2).get_by_role("list", name="What is different now")
    expect(changes).to_contain_text("+total = 2")
    expect(changes).to_contain_text(file.name)
    for theme in themes(desk.page):
        picture(desk.page, theme)
        assert desk.sidebar.violations() == []

    chosen = points.nth(2).get_by_role("combobox", name="Compared with")
    chosen.select_option(index=2)  # the next older of the others: before the module was written
    there = points.nth(2).get_by_role("list", name="What is different there")
    expect(there).to_contain_text("+total = 2")
    expect(there).not_to_contain_text(file.name)

    points.nth(2).get_by_role("button", name="Restore").click()
    expect(dialog(desk.page)).to_contain_text("Restore “The beginning”?")
    dialog(desk.page).get_by_role("button", name="Restore").click()
    expect(points.nth(0)).to_contain_text("Before a restore")  # it is made before the cells are brought back
    wait_until(lambda: document.sources() == [source for _, _, source in CELLS])
    assert not file.exists()
    points.nth(0).get_by_role("button", name="Restore").click()
    dialog(desk.page).get_by_role("button", name="Restore").click()
    document.wait_for_source("end", "total = 2\ntotal")
    assert file.read_text() == "ONE = 1\n"

    count = points.count()
    page_of.get_by_role("button", name="Forget old checkpoints").click()
    dialog(desk.page).get_by_role("spinbutton", name="Older than").fill("0")
    dialog(desk.page).get_by_role("button", name="Forget").click()
    expect(points).to_have_count(2)
    assert count > 2
    expect(page_of).to_contain_text("By hand")
    expect(page_of).to_contain_text("The beginning")
    page_of.get_by_role("button", name="Back to the conversation").click()
    expect(desk.sidebar.log).to_be_visible()


def test_what_is_sent_is_what_the_page_shows(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, (("code", "key", f"key = '{SECRET}'\nrows = [7654321]"),))
    panel = desk.sidebar.panel
    desk.document.run("key")
    desk.sidebar.message.fill(f"what is {SECRET} for?")
    panel.get_by_role("button", name="What is sent").click()
    page_of = panel.get_by_role("region", name="What is sent")
    parts = page_of.get_by_role("list", name="Parts of the request")
    expect(page_of).to_contain_text("masked")
    expect(parts).to_contain_text("Your message")
    for head in parts.get_by_role("button").all():
        head.click()
    shown = parts.inner_text()
    assert SECRET not in shown
    assert "7654321" in shown
    for theme in themes(desk.page):
        picture(desk.page, theme)
        assert desk.sidebar.violations() == []

    page_of.get_by_role("button", name="Data level").click()
    panel.get_by_role("menuitemradio", name="Names and types").click()
    expect(page_of.get_by_role("button", name="Data level: Names and types")).to_be_visible()
    script.play(Turn(text="A key."))
    panel.get_by_role("button", name="Send").click()
    expect(desk.sidebar.runs).to_have_count(1)
    desk.sidebar.finished(desk.sidebar.runs.last)
    sent = str(script.asked[0].body["messages"])
    assert SECRET not in sent
    assert "what is " in sent
    assert "rows" in sent


def test_a_notebook_is_verified_by_one_click(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, ODD)
    document = desk.document
    for cell in ("late", "first", "same", "odd", "bad"):
        document.run(cell)
    before = document.cells()
    Review(desk.page).front.get_by_role("button", name="Verify").click()
    expect(desk.sidebar.runs).to_have_count(1)
    desk.sidebar.finished(desk.sidebar.runs.last)
    card = desk.sidebar.panel.get_by_role("region", name="Verification")
    expect(card).to_contain_text("do not repeat")
    expect(card).to_contain_text("Cell 4")
    expect(card).to_contain_text("NameError")
    for theme in themes(desk.page):
        picture(desk.page, theme)
        assert desk.sidebar.violations() == []
    assert document.cells() == before
    assert not script.asked


def test_what_is_remembered_is_asked_shown_changed_and_forgotten(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    panel = desk.sidebar.panel
    facts = (
        Call("remember", {"text": "The target column is diagnosis.", "kind": "decision"}),
        Call("remember", {"text": "Likes polars.", "kind": "preference", "scope": "user"}),
    )
    script.play(Turn(calls=facts), Turn(text="Noted."))
    desk.sidebar.ask("keep that in mind")
    lines = panel.locator(".codemad-remembered")
    expect(lines).to_have_count(2)
    expect(lines.nth(0)).to_contain_text("Remembered, in this project: The target column is diagnosis.")
    expect(lines.nth(1)).to_contain_text("Remember this, about you, everywhere?")
    expect(panel).to_contain_text("Noted.")
    for theme in themes(desk.page):
        picture(desk.page, f"{theme}-lines")
        assert desk.sidebar.violations() == []
    lines.nth(1).get_by_role("button", name="Keep").click()
    expect(lines.nth(1)).to_contain_text("Remembered, about you, everywhere: Likes polars.")

    desk.sidebar.show_rarer("Memory")
    page_of = panel.get_by_role("region", name="Memory", exact=True)
    mine = page_of.get_by_role("region", name="About you, everywhere").get_by_role("listitem")
    expect(mine).to_have_count(1)
    expect(mine).to_contain_text("Preference")
    for theme in themes(desk.page):
        picture(desk.page, theme)
        assert desk.sidebar.violations() == []
    mine.get_by_role("button", name="Edit").focus()
    desk.page.keyboard.press("Enter")
    dialog(desk.page).get_by_role("textbox").fill("Likes duckdb.")
    desk.page.keyboard.press("Enter")
    expect(mine).to_contain_text("Likes duckdb.")
    page_of.get_by_role("button", name="Forget everything").click()
    dialog(desk.page).get_by_role("button", name="Forget").click()
    expect(page_of).to_contain_text("Nothing is remembered yet.")
    page_of.get_by_role("button", name="Back to the conversation").click()
    expect(lines.nth(0)).to_contain_text("Forgotten: 1 fact.")
