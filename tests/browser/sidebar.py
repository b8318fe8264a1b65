"""The CodeMAD panel in a page, by the roles and names a person meets there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


class Sidebar:
    """What one does with the panel, and what one finds in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.panel = page.locator("#codemad-jupyter-panel")
        self.message = self.panel.get_by_label("Message to CodeMAD")
        self.log = self.panel.get_by_role("log")
        self.runs = self.panel.get_by_role("article")
        self.cards = self.panel.locator("section.codemad-edit")
        self.stop = self.panel.get_by_role("button", name="Stop")

    def open(self) -> None:
        wait_until_restored(self.page)  # before that, a page that was reloaded lacks our command
        self.page.evaluate("() => void window.jupyterapp.commands.execute('codemad:open')")
        expect(self.message).to_be_visible()
        expect(self.panel.locator(".codemad-loading")).to_have_count(0)

    def ask(self, text: str) -> Locator:
        """Send a message and wait for the end of its run."""
        return self.finished(self.send(text))

    def send(self, text: str) -> Locator:
        """Send a message; the run that began, which may still go on."""
        before = self.runs.count()
        self.message.fill(text)
        self.message.press("Enter")
        expect(self.runs).to_have_count(before + 1)
        return self.runs.nth(before)

    def finished(self, run: Locator) -> Locator:
        expect(run).to_have_attribute("aria-busy", "false")
        return run

    def choose_model(self, label: str) -> None:
        self.panel.get_by_role("button", name="Model: ").click()
        self.panel.get_by_role("menuitemradio", name=label).click()
        expect(self.panel.get_by_role("button", name=f"Model: {label}")).to_be_visible()

    def show_rarer(self, name: str) -> None:
        """Open one of the pages behind the menu."""
        self.panel.get_by_role("button", name="More pages").click()
        self.panel.get_by_role("menuitemradio", name=name).click()

    def press_by_keyboard(self, name: str) -> None:
        """Walk back from the message to a button with the keyboard alone, and press it."""
        button = self.panel.get_by_role("button", name=name)
        self.message.focus()
        for _ in range(40):
            self.page.keyboard.press("Shift+Tab")
            if button.evaluate("button => button === document.activeElement"):
                self.page.keyboard.press("Enter")
                return
        raise AssertionError(f"Shift+Tab does not lead from the message to “{name}”")

    def text(self) -> str:
        """All that the conversation says, with everything in it drawn."""
        self.page.wait_for_function("() => !document.querySelector('.codemad-diff:empty')")
        return self.log.inner_text()

    def violations(self, context: str = "#codemad-jupyter-panel") -> list[str]:
        """Serious and critical findings of axe."""
        found: Any = Axe().run(self.page, context=context).response["violations"]
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


def wait_until_restored(page: Page) -> None:
    """Wait until the layout is there and what the address names is open.

    Lab opens that some requests later, and brings it to the front of whatever was opened meanwhile.
    """
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    page.wait_for_function(
        """() => [...window.jupyterapp.shell.widgets('left')].some(
        widget => widget.id === 'filebrowser' && !widget.hasClass('jp-mod-restoring'))"""
    )


def themes(page: Page) -> Iterator[str]:
    """The page in each theme in turn, light at the end: a theme is a setting all pages of a lab share."""
    for name, theme in THEMES.items():
        change_theme(page, theme)
        yield name
    change_theme(page, THEMES["light"])


def change_theme(page: Page, theme: str) -> None:
    page.evaluate("theme => void window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    page.wait_for_function(
        """theme => document.body.dataset.jpThemeName === theme
        && !document.querySelector('#jupyterlab-splash')""",
        arg=theme,
    )
    page.evaluate("() => document.fonts.ready.then(() => undefined)")
