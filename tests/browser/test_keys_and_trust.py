"""Keys, trust and settings in a real JupyterLab: a folder is trusted by a click, a key goes in and not out,
and what is set in Lab's editor stands in the person's file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab, running_lab
from tests.browser.sidebar import themes
from tests.waiting import wait_until

KEY = "local-CANARY-0000-of-nobody"


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab whose settings, keys and trust are of this test alone."""
    folder = tmp_path / "lab"
    env = {"CODEMAD_CONFIG": str(tmp_path / "me" / "config.toml"), "CODEMAD_DATA_DIR": str(tmp_path / "data")}
    with running_lab(folder, env=env) as lab:
        (lab.root / "AGENTS.md").write_text("Prefer polars.\n")
        yield lab


def test_a_folder_is_trusted_a_key_is_kept_and_a_setting_is_written(
    own_lab: Lab, tmp_path: Path, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(own_lab)
    page, panel = desk.page, desk.sidebar.panel
    banner = panel.get_by_role("region", name="Trust in this folder")
    expect(banner).to_contain_text("AGENTS.md")
    for theme in themes(page):
        picture(page, f"banner-{theme}")
        assert desk.sidebar.violations() == []
    banner.get_by_role("button", name="Trust this folder").click()
    expect(banner).to_have_count(0)
    desk.sidebar.message.fill("what is this?")
    panel.get_by_role("button", name="What is sent").click()
    expect(panel.get_by_role("list", name="Parts of the request")).to_contain_text("Rules of AGENTS.md")

    desk.sidebar.show_rarer("Keys and trust")
    shown = panel.get_by_role("region", name="Keys and trust")
    expect(shown).to_contain_text("These count: AGENTS.md")
    server = shown.get_by_role("listitem").filter(has_text="OpenAI-compatible server")
    server.get_by_role("button", name="Set", exact=True).press("Enter")
    field = server.get_by_role("textbox", name="Key for OpenAI-compatible server")
    expect(field).to_be_focused()
    page.keyboard.type(f" {KEY} ")
    for theme in themes(page):
        picture(page, theme)
        assert desk.sidebar.violations() == []
    field.press("Enter")
    expect(server).to_contain_text("in the encrypted file")
    expect(server.get_by_role("status")).to_contain_text("Spaces, line ends or quotes")
    assert "CANARY" not in page.content()
    server.get_by_role("button", name="Delete", exact=True).click()
    expect(server).to_contain_text("no key")
    shown.get_by_role("button", name="Trust it no longer").click()
    expect(shown).to_contain_text("They count only once you trust it")
    set_in_the_editor(page, picture, tmp_path / "me" / "config.toml")


def test_the_mode_is_chosen_and_the_sandbox_told_below_the_message(
    own_lab: Lab, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(own_lab)
    page, panel = desk.page, desk.sidebar.panel
    line = panel.get_by_role("group", name="Permissions and sandbox")
    mode = line.get_by_role("button", name="Mode: ")
    expect(mode).to_contain_text("Ask each time (ask)")
    badge = line.get_by_role("button", name=re.compile("sandbox", re.IGNORECASE)).last
    badge.press("Enter")
    expect(line.get_by_role("note")).to_contain_text(re.compile("ommands of assistants"))
    for theme in themes(page):
        picture(page, f"badge-{theme}")
        assert desk.sidebar.violations() == []
    badge.press("Enter")
    mode.press("Enter")
    expect(panel.get_by_role("menuitemradio")).to_have_count(5)
    for theme in themes(page):
        picture(page, f"modes-{theme}")
        assert desk.sidebar.violations() == []
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(mode).to_contain_text("Edits by themselves (auto_edit)")
    expect(desk.sidebar.log).to_contain_text("Mode auto_edit from now on.")
    panel.get_by_role("button", name="More pages").press("Enter")
    for theme in themes(page):
        picture(page, f"pages-{theme}")


def set_in_the_editor(page: Page, picture: Callable[..., Path], file: Path) -> None:
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.get_by_role("menuitem", name="Settings Editor", exact=False).first.click()
    page.locator(".jp-PluginList").get_by_text("CodeMAD: models, limits and privacy").click()
    steps = page.locator('.jp-SettingsPanel input[id$="_max_steps"]')  # Lab's form ties no label to it
    steps.fill("9")
    steps.blur()
    picture(page, "editor")
    wait_until(lambda: file.exists() and "max_steps = 9" in file.read_text())
