"""A long cell whose tab is closed while it runs: its output is whole when the notebook is opened again."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.accepting import propose
from tests.browser.conftest import Desk
from tests.browser.documents import Document
from tests.browser.lab import Lab
from tests.browser.sidebar import Sidebar
from tests.servers.model_server import ModelServer
from tests.waiting import awaiting, wait_until

LAST = (("code", "last", "total = 1"),)
LINES = 40


def counting(**gates: int) -> str:
    """Code that prints lines, and after the line of a gate waits until the test opens it."""
    waits = {line: f"{name}.gate" for name, line in gates.items()}
    return f"""import os, time
for n in range({LINES}):
    print('line', n, flush=True)
    while n in {waits} and not os.path.exists({waits}[n]): time.sleep(0.02)
'the end'"""


def open_gate(desk: Desk, name: str) -> None:
    (desk.lab.root / f"{name}.gate").touch()


WHOLE = "".join(f"line {n}\n" for n in range(LINES))


def streamed(cell: dict[str, object]) -> str:
    outputs = json.loads(json.dumps(cell["outputs"]))
    return "".join("".join(each["text"]) for each in outputs if each["output_type"] == "stream")


def on_disk(desk: Desk, cell: str) -> dict[str, object]:
    cells = json.loads((desk.lab.root / desk.document.path).read_text())["cells"]
    return next(each for each in cells if each["id"] == cell)


def begun(desk: Desk, cell: str) -> None:
    desk.document.wait_for_cell(cell, "running")
    wait_until(lambda: "line 3" in json.dumps(desk.document.cells()), "showing the first lines")


def test_a_cell_goes_on_without_its_browser_and_is_whole_when_one_comes_back(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], open_lab: Callable[..., Page]
) -> None:
    desk = open_desk(scripted_lab, LAST)
    work = propose(desk, script, counting(left=5, back=20))
    cell = work.start()
    begun(desk, cell)
    desk.document.save()
    desk.page.context.close()
    open_gate(desk, "left")
    wait_until(lambda: "line 20\n" in streamed(on_disk(desk, cell)), "writing while nobody looks")

    page = open_lab(scripted_lab.address(desk.document.path))
    document, sidebar = Document(page, desk.document.path), Sidebar(page)
    sidebar.open()
    expect(sidebar.cards.get_by_role("button", name="Stop the cell")).to_be_visible()
    document.wait_for_kernel("busy")
    wait_until(lambda: "line 20\\n" in json.dumps(document.cells()), document.cells)
    open_gate(desk, "back")
    executed = work.executed()
    assert executed["ok"], executed
    expect(sidebar.cards).to_contain_text("Ran in")

    def shown() -> dict[str, object]:
        return next(each for each in document.cells() if each["id"] == cell)

    wait_until(lambda: streamed(shown()) == WHOLE, shown)
    found = shown()
    assert "the end" in json.dumps(found["outputs"])
    assert found["execution_count"] == 1


def test_a_closed_notebook_gets_the_whole_output_and_stop_still_reaches_its_cell(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, LAST)
    work = propose(desk, script, counting(closed=5) + "\nwhile True: pass")
    cell = work.start()
    begun(desk, cell)
    desk.document.save()
    desk.page.evaluate("() => void window.jupyterapp.commands.execute('application:close')")
    open_gate(desk, "closed")
    wait_until(lambda: streamed(on_disk(desk, cell)) == WHOLE, lambda: on_disk(desk, cell))
    desk.sidebar.cards.get_by_role("button", name="Stop the cell").click()
    assert work.executed()["error"] == "Stopped by you."
    desk.document.open()
    found = next(each for each in desk.document.cells() if each["id"] == cell)
    assert streamed(found) == WHOLE
    desk.document.run("last")


def test_what_a_cell_gave_is_told_where_no_document_can_hold_it(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], open_lab: Callable[..., Page]
) -> None:
    desk = open_desk(scripted_lab, LAST)
    late = "__import__('time').sleep(4)\nprint('found 42')"
    work = propose(desk, script, f"print('line 3', flush=True)\n{awaiting('gone.gate')}{late}")
    begun(desk, work.start())
    desk.page.context.close()
    open_gate(desk, "gone")
    executed = work.executed()
    assert executed["ok"]
    (notice,) = [each for each in work.of_type("notice") if each["code"] == "outputs_kept"]
    assert "found 42" in notice["text"]
    page = open_lab(scripted_lab.address(desk.document.path))
    Sidebar(page).open()
    expect(Sidebar(page).log).to_contain_text("found 42")
