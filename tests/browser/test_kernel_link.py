"""The panel beside a live kernel: busy with a cell, or asking CodeMAD itself through the magics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Desk
from tests.browser.documents import CANCER
from tests.browser.lab import Lab
from tests.browser.sidebar import themes

SLOW = "import time\nfor _ in range(1200):\n    time.sleep(0.1)"
QUESTION = "plot the mean radius by diagnosis"


def test_variables_are_seen_while_a_cell_runs(lab: Lab, open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(lab, (*CANCER, ("code", "slow", SLOW)), load=True)
    desk.document.start("slow")
    desk.document.wait_for_cell("slow", "running")
    run = desk.sidebar.ask("what variables do I have?")
    expect(run).to_contain_text("569")
    assert desk.sidebar.violations() == []
    assert run.locator("table").evaluate("table => table.scrollWidth <= table.clientWidth")
    desk.document.wait_for_cell("slow", "running")
    desk.page.evaluate("() => void window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    desk.document.wait_for_cell("slow", "idle")
    outputs = next(cell for cell in desk.document.cells() if cell["id"] == "slow")["outputs"]
    assert outputs[-1]["ename"] == "KeyboardInterrupt"


def test_a_magics_conversation_is_the_sidebars(lab: Lab, open_desk: Callable[..., Desk]) -> None:
    cells = (
        *CANCER,
        ("code", "extension", "%load_ext codemad_jupyter"),
        ("code", "ask", f"%%codemad\n{QUESTION}"),
        ("code", "apply", "%codemad apply"),
    )
    desk = open_desk(lab, cells, load=True)
    desk.document.run("extension")
    desk.document.start("ask")
    expect(desk.sidebar.runs).to_have_count(1)
    run = desk.sidebar.finished(desk.sidebar.runs)
    expect(run).to_contain_text(QUESTION)
    expect(run).to_contain_text("from a cell")
    expect(desk.sidebar.cards).to_have_count(1)
    desk.document.wait_for_kernel()
    shown = str(next(cell for cell in desk.document.cells() if cell["id"] == "ask")["outputs"])
    assert "mean radius" in shown
    before = desk.document.ids()
    desk.document.run("apply")
    expect(desk.sidebar.cards).to_contain_text("accepted")
    after = desk.document.ids()
    assert len(after) == len(before) + 1
    added = next(id for id in after if id not in before)
    assert after.index(added) == after.index("ask") + 1
    assert "boxplot" in desk.document.source(added)


def test_a_proposal_in_a_cell_is_applied_and_run_at_a_click(
    lab: Lab, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    cells = (*CANCER, ("code", "ask", f"%load_ext codemad_jupyter\n%codemad {QUESTION}"))
    desk = open_desk(lab, cells, load=True)
    desk.document.run("ask")
    output = desk.page.locator(".jp-OutputArea")
    button = output.get_by_role("button", name="Apply and run")
    expect(button).to_be_visible()
    button.scroll_into_view_if_needed()
    for theme in themes(desk.page):
        picture(desk.page, theme)
    before = desk.document.ids()
    button.click()
    expect(button).to_have_count(0)
    expect(output.get_by_text("Applied.")).to_be_visible()
    added = next(id for id in desk.document.ids() if id not in before)
    desk.document.wait_for_cell(added, "idle")
    outputs = next(cell for cell in desk.document.cells() if cell["id"] == added)["outputs"]
    assert any("image/png" in each.get("data", {}) for each in outputs)
