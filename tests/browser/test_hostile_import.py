"""Sessions that somebody else wrote, imported and drawn whole in a real lab: in every field two hundred
strings that want to be more than text, and none of them is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from tests.browser import hostile_session
from tests.browser.lab import Lab, running_lab
from tests.browser.sidebar import Sidebar

CANARY = "() => { window.hits = []; window.hit = () => { window.hits.push(new Error().stack); }; }"
DRAW = """async log => {
    const pause = () => new Promise(resolve => setTimeout(resolve, 50));
    for (const article of log.querySelectorAll('article')) {
        article.querySelectorAll('details').forEach(each => { each.open = true; });
        article.querySelectorAll('[aria-expanded=false]:not([aria-haspopup])').forEach(each => each.click());
        article.querySelectorAll('.codemad-diff, .codemad-markdown').forEach(each => each.scrollIntoView());
        await pause();
    }
}"""
HARMFUL = """<img src=http://evil/control.png onerror=window.hit()><a href="javascript:window.hit()">x</a>"""


class Watch:
    """What a page did that no page of ours may do."""

    def __init__(self, page: Page, lab: Lab) -> None:
        self.done: list[str] = []
        self.page = page
        page.on("dialog", self._dialog)
        page.on("popup", lambda popup: self.done.append(f"window {popup.url}"))
        page.on("framenavigated", lambda frame: self.done.append(f"navigation {frame.url}"))
        page.on("download", lambda download: self.done.append(f"download {download.url}"))
        page.context.on("request", lambda request: self._asked(request.url, lab))

    def _dialog(self, dialog: Dialog) -> None:
        self.done.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _asked(self, url: str, lab: Lab) -> None:
        if not url.startswith((lab.url, "data:", "blob:")):
            self.done.append(f"request {url}")

    def seen(self) -> list[str]:
        return [*self.done, *(f"script {each}" for each in self.page.evaluate("() => window.hits"))]


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab that others need not share with so many sessions."""
    with running_lab(tmp_path, env={"CODEMAD_DATA_DIR": str(tmp_path / "codemad")}) as lab:
        yield lab


def test_what_was_imported_is_text(
    own_lab: Lab, open_lab: Callable[..., Page], repository: Path, picture: Callable[..., Path]
) -> None:
    script, found = hostile_session.strings(repository)
    assert len(set(found)) > 200
    for title in hostile_session.titles(found):
        small = hostile_session.document([title], title=title, runs=0)
        own_lab.command(type="import_session", text=small)
    lots = hostile_session.in_lots(found)
    big = hostile_session.document(lots, title="A stranger's")
    own_lab.command(type="import_session", text=big)
    page = open_lab(own_lab.address())
    page.evaluate(CANARY)
    sidebar, watch = Sidebar(page), Watch(page, own_lab)
    sidebar.open()
    expect(sidebar.panel.get_by_role("button", name="Session: A stranger's")).to_be_visible()
    expect(sidebar.runs).to_have_count(len(lots))
    sidebar.log.evaluate(DRAW)
    expect(sidebar.log.locator(".codemad-diff:empty, .codemad-markdown:empty")).to_have_count(0)
    assert _alive(script, sidebar.panel) == []
    said = sidebar.log.text_content() or ""
    assert sum(" ".join(text.split()) in " ".join(said.split()) for text in found) > 100
    for name in ("Accept", "Reject", "Approve", "Accept all"):
        expect(sidebar.log.get_by_role("button", name=name, exact=True)).to_have_count(0)
    picture(page, "conversation")
    sidebar.show_rarer("Sessions and branches")
    for name in ("", "Run and agents"):
        if name:
            sidebar.panel.get_by_role("button", name=name).click()
        expect(sidebar.panel.locator(".codemad-page-body")).to_contain_text("window.hit")
        assert _alive(script, sidebar.panel) == []
    picture(page, "sessions")
    assert watch.seen() == []

    sidebar.panel.evaluate("(panel, html) => panel.insertAdjacentHTML('beforeend', html)", HARMFUL)
    page.wait_for_function("() => window.hits.length > 0")
    assert _alive(script, sidebar.panel) != []
    request, ran = watch.seen()
    assert request == "request http://evil/control.png"
    assert ran.startswith("script ")


def _alive(script: str, panel: Locator) -> Any:
    return panel.evaluate(f"panel => {script}.alive(panel)")
