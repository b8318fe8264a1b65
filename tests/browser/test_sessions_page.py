"""The Sessions page with the real server behind it: branches, the tree, two side by side, a merge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.browser.reviewing import CELLS, proposing
from tests.browser.sidebar import themes
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn


def fill_dialog(page: Page, text: str, button: str) -> None:
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_role("textbox").fill(text)
    dialog.get_by_role("button", name=button).click()


def menu(page: Page, of: Locator, entry: str) -> None:
    of.click()
    page.get_by_role("menuitem", name=entry).click()


def test_a_branch_is_made_compared_merged_and_left(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    page, panel, sidebar = desk.page, desk.sidebar.panel, desk.sidebar
    file = scripted_lab.root / "branch_module.py"
    script.play(Turn(text="The table has 569 rows."))
    first = sidebar.ask("how many rows are there?")
    script.play(Turn(text="A line of totals it is."))
    sidebar.ask("sum them up in red")
    menu(page, first.get_by_role("button", name="Branch or fork from here"), "Branch after this turn…")
    fill_dialog(page, "in blue", "Begin")
    expect(sidebar.runs).to_have_count(1)
    script.play(*proposing(Call("write_file", {"path": file.name, "content": "COLOUR = 'blue'\n"})))
    sidebar.ask("write it down in blue")

    sidebar.show_rarer("Sessions and branches")
    region = panel.get_by_role("region", name="Sessions and branches")
    turns = region.get_by_role("list", name="Turns").locator("> li")
    expect(turns).to_have_count(3)
    expect(turns.nth(1)).to_contain_text("sum them up in red")
    expect(turns.nth(2)).to_contain_text("in blue")
    region.get_by_role("button", name="Pin “how many rows").click()
    expect(region.get_by_role("button", name="No longer pin “how many rows")).to_be_visible()
    for theme in themes(page):
        picture(page, theme)
        assert sidebar.violations() == []

    region.get_by_role("button", name="Switch", exact=True).click()
    expect(region.locator("[aria-current] .codemad-flag", has_text="main")).to_be_visible()
    region.get_by_role("button", name="Compare", exact=True).click()
    sides = panel.get_by_role("region", name="Two branches side by side")
    expect(sides).to_contain_text("A line of totals it is.")
    expect(sides).to_contain_text("+COLOUR = 'blue'")
    sides.get_by_role("checkbox", name="Take over the change").check()
    for theme in themes(page):
        picture(page, f"compared-{theme}")
        assert sidebar.violations() == []
    sides.get_by_role("button", name="Take 1 over").click()
    expect(sidebar.runs).to_have_count(3)
    expect(sidebar.cards.last).to_contain_text(file.name)
    assert not file.exists()
    sidebar.cards.last.get_by_role("button", name="Accept", exact=True).click()
    expect(sidebar.cards.last).to_contain_text("accepted")
    assert file.read_text() == "COLOUR = 'blue'\n"

    sidebar.show_rarer("Sessions and branches")
    with page.expect_download() as saved:
        menu(page, region.get_by_role("button", name="More about “how many rows").first, "As JSON")
    exported = saved.value.path().read_text()
    assert json.loads(exported)["format"] == "codemad-session"
    region.get_by_role("searchbox", name="Search sessions").fill("in red")
    expect(region.get_by_role("list", name="Sessions").locator("> li").first).to_contain_text("how many rows")
