"""The tab with usage and errors, over a session that is there."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.lab import Lab
from tests.browser.sidebar import Sidebar, themes


def test_usage_is_drawn_and_readable(scripted_lab: Lab, open_lab: Callable[..., Page]) -> None:
    page = open_lab(scripted_lab.address())
    page.evaluate("window.jupyterapp.commands.execute('codemad:dashboard')")
    shown = page.get_by_role("region", name="CodeMAD usage")
    expect(shown.get_by_role("img", name="by day")).to_be_visible()
    expect(shown.locator(".codemad-column")).to_have_count(30)
    for theme in themes(page):
        assert Sidebar(page).violations(".codemad-dashboard-widget") == [], theme
    shown.get_by_role("combobox").select_option("7")
    expect(shown.locator(".codemad-column")).to_have_count(7)
