"""The panel before the first answer: what it shows, what it asks for (nothing), how one reaches it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.browser.sidebar import Sidebar, themes

EXAMPLE = "plot the mean radius by diagnosis"


def focused(page: Page) -> str:
    """The name of what has the focus, as a screen reader would say it."""
    name: str = page.evaluate(
        "() => { const e = document.activeElement;"
        " return e.getAttribute('aria-label') || e.textContent.trim() || e.tagName }"
    )
    return name


def test_the_panel_opens_without_a_key_and_works_from_the_keyboard(
    lab: Lab, open_lab: Callable[..., Page]
) -> None:
    lab.command(type="new_session")
    page = open_lab(lab.address())
    page.locator('.jp-SideBar.jp-mod-right [data-id="codemad-jupyter-panel"]').click()
    sidebar = Sidebar(page)
    panel = sidebar.panel
    expect(panel.get_by_text("Built-in assistant, no key needed.")).to_be_visible()
    expect(panel.locator("input[type=password]")).to_have_count(0)
    expect(panel.get_by_text("Open a notebook, and ask")).to_be_visible()
    expect(panel.locator(".codemad-example")).to_have_text(["/help"])
    for theme in themes(page):
        assert sidebar.violations() == [], theme

    sidebar.message.focus()
    seen = []
    for _ in range(16):  # more than there are
        page.keyboard.press("Shift+Tab")
        seen.append(focused(page))
    for name in ("/help", "Connect a model", "New session", "Session: New session"):
        assert name in seen, seen
    page.keyboard.press("Escape")
    sidebar.message.focus()
    page.keyboard.press("Tab")
    assert focused(page) == "Model: Built-in assistant"
    page.keyboard.press("Enter")
    assert "Built-in assistant" in focused(page)
    page.keyboard.press("ArrowDown")
    assert "Built-in assistant" not in focused(page)
    page.keyboard.press("Escape")
    assert focused(page) == "Model: Built-in assistant"


def test_the_examples_are_about_the_table_that_is_there(lab: Lab, open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(lab)
    examples = desk.sidebar.panel.locator(".codemad-example")
    expect(examples.first).to_have_text("what do I have?")
    desk.document.run("load")
    desk.document.activate("last")
    expect(examples.first).to_have_text("describe df")
    examples.nth(1).click()
    expect(desk.sidebar.cards).to_contain_text("df.isna()")
    desk.sidebar.finished(desk.sidebar.runs.last)  # it would be the latest session for the next test


def test_without_a_notebook_it_says_what_to_do(lab: Lab, open_lab: Callable[..., Page]) -> None:
    lab.command(type="new_session")
    page = open_lab(lab.address())
    sidebar = Sidebar(page)
    sidebar.open()
    run = sidebar.ask(EXAMPLE)
    expect(run).to_contain_text("Done")
    expect(run.locator(".codemad-markdown").last).to_contain_text("notebook")
    expect(run.get_by_text("Traceback")).to_have_count(0)
    expect(sidebar.cards).to_have_count(0)


def test_models_are_listed_and_the_choice_is_kept(scripted_lab: Lab, open_lab: Callable[..., Page]) -> None:
    scripted_lab.command(type="new_session")
    page = open_lab(scripted_lab.address())
    sidebar = Sidebar(page)
    sidebar.open()
    picker = sidebar.panel.get_by_role("button", name="Model: ")
    expect(picker).to_contain_text("scripted")
    picker.click()
    menu = sidebar.panel.get_by_role("menu")
    for label in ("Built-in assistant", "scripted"):
        expect(menu.get_by_role("menuitemradio", name=label)).to_be_enabled()
    missing = menu.get_by_role("menuitemradio", name="claude").first
    expect(missing).to_have_attribute("aria-disabled", "true")
    expect(missing).to_contain_text("ANTHROPIC_API_KEY")
    assert sidebar.violations() == []
    menu.press("Escape")  # Lab may only now have given the focus to its launcher
    expect(menu).to_have_count(0)
    sidebar.choose_model("Built-in assistant")
    expect(sidebar.ask("what can you do?")).to_contain_text("Done")
    page.reload()
    sidebar.open()
    expect(picker).to_contain_text("Built-in assistant")
