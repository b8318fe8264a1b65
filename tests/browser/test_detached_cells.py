"""A long cell whose tab is closed while it runs: its output is whole when the notebook is opened again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.accepting import propose
from tests.browser.conftest import Desk
from tests.browser.documents import Document
from tests.browser.lab import Lab
from tests.browser.sidebar import Sidebar
from tests.servers.model_server import ModelServer
from tests.waiting import awaiting, wait_until

NONE_OPEN = "path => ![...window.jupyterapp.shell.widgets('main')].some(w => w.context?.path === path)"
LAST = (("code", "last", "total = 1"),)
LONG, SHORT = 60, 24


def counting(lines: int, *gates: Path) -> str:
    """Code that writes so many lines in equal parts; before all but the first part it waits until the test
    has made the next of the files ``gates``."""
    part = lines // (len(gates) + 1)
    waits = "".join(
        f"    if n == {part * number}:\n        {awaiting(gate).strip()}\n"
        for number, gate in enumerate(gates, 1)
    )
    return f"""import time
for n in range({lines}):
{waits}    print('line', n, flush=True)
    time.sleep(0.05)
'the end'"""


def whole(lines: int) -> str:
    return "".join(f"line {n}\n" for n in range(lines))


def streamed(cell: dict[str, object]) -> str:
    outputs = json.loads(json.dumps(cell["outputs"]))
    return "".join("".join(each["text"]) for each in outputs if each["output_type"] == "stream")


def on_disk(desk: Desk, cell: str) -> dict[str, object]:
    cells = json.loads((desk.lab.root / desk.document.path).read_text())["cells"]
    return next(each for each in cells if each["id"] == cell)


def begun(desk: Desk, cell: str, *, line: int = 3) -> None:
    """Wait until that line is in the page."""
    desk.document.wait_for_cell(cell, "running")
    wait_until(lambda: f"line {line}\\n" in json.dumps(desk.document.cells()), "the cell writes")


def test_a_cell_goes_on_without_its_browser_and_is_whole_when_one_comes_back(
    scripted_lab: Lab,
    script: ModelServer,
    open_desk: Callable[..., Desk],
    open_lab: Callable[..., Page],
    tmp_path: Path,
) -> None:
    desk = open_desk(scripted_lab, LAST)
    gone, back = tmp_path / "gone", tmp_path / "back"
    work = propose(desk, script, counting(LONG, gone, back))
    cell = work.start()
    begun(desk, cell, line=LONG // 3 - 1)
    desk.document.save()
    desk.page.context.close()
    gone.touch()
    wait_until(lambda: streamed(on_disk(desk, cell)) == whole(LONG * 2 // 3), "written while nobody looks")

    page = open_lab(scripted_lab.address(desk.document.path))
    document, sidebar = Document(page, desk.document.path), Sidebar(page)
    sidebar.open()
    expect(sidebar.cards.get_by_role("button", name="Stop the cell")).to_be_visible()
    back.touch()
    executed = work.executed()
    assert executed["ok"], executed
    expect(sidebar.cards).to_contain_text("Ran in")
    found = next(each for each in document.cells() if each["id"] == cell)
    assert streamed(found) == whole(LONG)
    assert "the end" in json.dumps(found["outputs"])
    assert found["execution_count"] == 1
    drawn = page.locator(".jp-Notebook .jp-OutputArea-output pre").first
    expect(drawn).to_contain_text(f"line {LONG - 1}")
    assert (drawn.text_content() or "").count("line 0\n") == 1, "nothing is drawn twice"


def test_a_closed_notebook_gets_the_whole_output_and_stop_still_reaches_its_cell(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = open_desk(scripted_lab, LAST)
    closed = tmp_path / "closed"
    work = propose(desk, script, counting(SHORT, closed) + "\nwhile True: pass")
    cell = work.start()
    begun(desk, cell, line=SHORT // 2 - 1)
    desk.document.save()
    desk.page.evaluate("() => void window.jupyterapp.commands.execute('application:close')")
    desk.page.wait_for_function(NONE_OPEN, arg=desk.document.path)
    closed.touch()
    wait_until(lambda: streamed(on_disk(desk, cell)) == whole(SHORT), "all lines are in the file")
    desk.sidebar.cards.get_by_role("button", name="Stop the cell").click()
    assert work.executed()["error"] == "Stopped by you."
    desk.document.open()
    found = next(each for each in desk.document.cells() if each["id"] == cell)
    assert streamed(found) == whole(SHORT)
    desk.document.run("last")


def test_what_a_cell_gave_is_told_where_no_document_can_hold_it(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], open_lab: Callable[..., Page]
) -> None:
    desk = open_desk(scripted_lab, LAST)
    work = propose(desk, script, "import time\nprint('line 3', flush=True)\ntime.sleep(8)\nprint('found 42')")
    begun(desk, work.start())
    desk.page.context.close()
    executed = work.executed()
    assert executed["ok"]
    (notice,) = [each for each in work.of_type("notice") if each["code"] == "outputs_kept"]
    assert "found 42" in notice["text"]
    page = open_lab(scripted_lab.address(desk.document.path))
    Sidebar(page).open()
    expect(Sidebar(page).log).to_contain_text("found 42")
