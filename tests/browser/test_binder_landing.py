"""What a visitor of Binder meets: the files of binder/ settle and start the lab as a launch does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.lab import serve_own_front_end
from tests.browser.sidebar import Sidebar

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Binder is Linux")


@pytest.fixture
def launch(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(repository / "binder"))
    import measure

    with measure.launched() as launch:
        serve_own_front_end(launch.folder / "prefix" / "share" / "labextensions")
        measure.until_up(launch)
        yield launch


def test_the_tour_opens_with_the_sidebar_and_asks_for_no_key(browser: Browser, launch: Any) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{launch.url}/?token={launch.token}")
    expect(page.get_by_role("heading", name="A tour of CodeMAD Jupyter")).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    sidebar = Sidebar(page)
    expect(sidebar.panel.get_by_text("Built-in assistant, no key needed.")).to_be_visible()
    sidebar.show_rarer("Keys and trust")
    keys = sidebar.panel.get_by_role("region", name="Keys and trust")
    expect(keys).to_contain_text("Keys stay in the memory of this server")
    context.close()
