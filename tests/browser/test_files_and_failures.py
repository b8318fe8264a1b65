"""A file's change in a tab, help under a failed cell, and messages about a selection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Desk
from tests.browser.documents import FIND
from tests.browser.lab import Lab
from tests.browser.sidebar import themes
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

CELLS = (
    ("markdown", "intro", "# Failing"),
    ("code", "bad", "values = [1, 2]\nvalues[2]"),
    ("code", "good", "first = 1\nsecond = 2\nfirst + second"),
)
FILLER = "".join(f"LINE_{number} = {number}\n" for number in range(40))
SOURCE = f"def area(r):\n    return 3 * r * r\n\n\n{FILLER}\n\ndef name():\n    return 'x'\n"
WANTED = SOURCE.replace("3 *", "3.14159 *").replace("'x'", "'circle'")


def test_a_file_is_reviewed_in_a_tab(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    file = scripted_lab.root / "shapes.py"
    file.write_text(SOURCE)
    desk = open_desk(scripted_lab, CELLS)
    change = Call("write_file", {"path": file.name, "content": WANTED, "title": "Use pi"})
    read = Call("read_file", {"path": file.name})
    script.play(Turn(calls=(read,)), Turn(calls=(change,)), Turn(text="Two changes."))
    desk.sidebar.ask("use pi and a better name")
    desk.sidebar.press_by_keyboard("Open diff")
    tab = desk.page.get_by_role("region", name="Change file: shapes.py")
    blocks = tab.locator(".codemad-hunk-block")
    expect(blocks).to_have_count(2)
    expect(tab.get_by_role("button", name="unchanged line")).to_have_count(1)
    for theme in themes(desk.page):
        picture(desk.page, theme)
        assert desk.sidebar.violations(".codemad-filediff-widget") == []
    tab.get_by_role("button", name="unchanged line").click()
    expect(tab.locator(".cm-content")).to_contain_text("LINE_20 = 20")
    tab.get_by_role("button", name="Accept the change at line 2").click()
    expect(blocks).to_have_count(1)
    assert file.read_text() == SOURCE.replace("3 *", "3.14159 *")
    tab.get_by_role("button", name="Next change").click()
    expect(blocks.get_by_role("button", name="Accept")).to_be_focused()
    desk.page.keyboard.press("Tab")
    desk.page.keyboard.press("Enter")
    expect(tab).to_contain_text("partly accepted")
    expect(blocks).to_have_count(0)
    assert file.read_text() == SOURCE.replace("3 *", "3.14159 *")


def test_a_failed_cell_offers_help_until_it_is_mended(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    chips = desk.page.get_by_role("group", name="This cell failed")
    desk.document.run("good")
    expect(chips).to_have_count(0)
    desk.document.run("bad")
    expect(chips).to_have_count(1)
    for theme in themes(desk.page):
        picture(desk.page, theme)
        assert desk.sidebar.violations(".codemad-chip") == []
    mended = Call("replace_cell", {"cell": "bad", "source": "values = [1, 2]\nvalues[1]"})
    script.play(Turn(calls=(Call("last_error", {}),)), Turn(calls=(mended,)), Turn(text="Mended."))
    chips.get_by_role("button", name="Fix").click()
    expect(desk.sidebar.runs).to_have_count(1)
    desk.sidebar.finished(desk.sidebar.runs.last)
    card = desk.page.get_by_role("region", name="Proposal: Change cell")
    card.get_by_role("button", name="Accept and run").click()
    expect(chips).to_have_count(0)
    assert desk.document.source("bad").endswith("values[1]")


def test_a_selection_goes_with_the_message(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    page = desk.page
    desk.document.activate("good")
    desk.document.cell("good").locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+End")
    page.keyboard.press("Alt+Shift+J")
    quotes = desk.sidebar.panel.get_by_role("list", name="Goes with your message")
    expect(quotes).to_contain_text("Cell 3, lines 1")
    expect(desk.sidebar.message).to_be_focused()
    assert desk.sidebar.violations() == []
    picture(page)
    script.play(Turn(text="They are two numbers."))
    desk.sidebar.ask("what are these?")
    told = str(script.asked[0].body["messages"])
    assert "what are these?" in told
    assert "Cell 3 (id good), lines 1 to 2" in told
    expect(quotes).to_have_count(0)

    desk.document.cell("good").locator(".cm-content").click(button="right")
    script.play(Turn(text="A sum."))
    page.get_by_role("menuitem", name="Explain the Selection with CodeMAD").click()
    expect(desk.sidebar.log).to_contain_text("A sum.")
    assert desk.document.sources() == [source for _, _, source in CELLS]
    assert page.evaluate(f"path => {{ {FIND} return notebook.widgets.length }}", desk.document.path) == 3
