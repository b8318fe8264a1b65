"""What the tests of reviews share: a notebook, the model's proposals for it, and what stands in the page."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from tests.browser.conftest import Desk
from tests.servers.wire_formats import Call, Turn

BEFORE = "import math\n\nradius = 2\n\narea = 3 * radius ** 2\nprint(area)"
AFTER = "import math\n\nradius = 2.5\n\narea = math.pi * radius ** 2\nlabel = 'circle'\nprint(area)"
CELLS = (
    ("markdown", "intro", "# Circles"),
    ("code", "area", BEFORE),
    ("code", "old", "tmp = 1"),
    ("code", "end", "total = 1\ntotal"),
)
PARTS = "section.codemad-review"


def proposing(*calls: Call) -> tuple[Turn, ...]:
    """The model reads the notebook, proposes, and says so."""
    return (
        Turn(calls=(Call("read_notebook", {}),)),
        *(Turn(calls=(call,)) for call in calls),
        Turn(text="Proposed."),
    )


def replacing(cell: str = "area", source: str = AFTER) -> Call:
    return Call("replace_cell", {"cell": cell, "source": source, "title": "Use pi"})


def inserting(source: str, **anchor: str) -> Call:
    return Call("insert_cell", {"source": source, "title": "One more cell", **anchor})


class Review:
    """What the notebook in front shows of the proposals for it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.front = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.cards = self.front.locator(PARTS)
        self.bar = self.front.get_by_role("toolbar", name="Proposals of CodeMAD")
        self.hunks = self.front.locator(".codemad-hunk-block")

    def card(self, name: str) -> Locator:
        return self.front.get_by_role("region", name=name)

    def violations(self, desk: Desk) -> list[str]:
        return desk.sidebar.violations(".jp-NotebookPanel:not(.lm-mod-hidden) .codemad-surface")


def run_command(page: Page, command: str) -> None:
    page.evaluate("id => void window.jupyterapp.commands.execute(id)", command)
