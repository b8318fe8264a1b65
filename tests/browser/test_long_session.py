"""A session of a thousand questions opens, scrolls and takes typing without delay."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import Lab
from tests.browser.seed import LONG_RUNS, LONG_TITLE
from tests.browser.sidebar import Sidebar

WATCH = """window.longTasks = [];
new PerformanceObserver(list => list.getEntries().forEach(entry => window.longTasks.push(entry.duration)))
    .observe({entryTypes: ['longtask']});"""
SCROLL = """async node => { const began = performance.now();
for (let i = 0; i < 60; i++) {
    node.scrollBy(0, -900);
    await new Promise(resolve => requestAnimationFrame(resolve));
}
return (performance.now() - began) / 1000 }"""


def now(page: Page) -> float:
    return float(page.evaluate("() => performance.now() / 1000"))


def test_a_thousand_messages_stay_quick(
    scripted_lab: Lab, open_lab: Callable[..., Page], capsys: pytest.CaptureFixture[str]
) -> None:
    scripted_lab.command(type="new_session")
    page = open_lab(scripted_lab.address())
    page.evaluate(WATCH)
    sidebar = Sidebar(page)
    sidebar.open()
    sidebar.panel.get_by_role("button", name="Session: ").click()
    began = now(page)
    sidebar.panel.get_by_role("menuitemradio", name=LONG_TITLE).click()
    expect(sidebar.runs).to_have_count(LONG_RUNS)
    expect(sidebar.runs.last).to_be_in_viewport()
    opened = now(page) - began

    page.evaluate("() => { window.longTasks = [] }")
    sidebar.message.click()
    began = now(page)
    page.keyboard.type("how fast does this go when I type on?")
    expect(sidebar.message).to_have_value("how fast does this go when I type on?")
    typed = now(page) - began
    longest = max(page.evaluate("() => window.longTasks"), default=0) / 1000
    scrolled = sidebar.log.evaluate(SCROLL)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{LONG_RUNS} runs: opened in {opened:.2f} s, 37 characters typed in {typed:.2f} s"
            f" (longest task {longest:.3f} s), 60 frames scrolled in {scrolled:.2f} s\n"
        )
    assert opened < 15
    assert typed < 4
    assert longest < 1
    assert scrolled < 8
    expect(sidebar.panel.get_by_role("button", name="To the newest message")).to_be_visible()
