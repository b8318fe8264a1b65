"""What a person rejects leaves nothing behind, what they revert is gone from the disk too, and big outputs
do not keep an open notebook from being worked on; with and without jupyter-collaboration."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.accepting import Accepting, propose
from tests.browser.conftest import Desk
from tests.browser.documents import FIND
from tests.browser.lab import Lab
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import wait_until

CELLS = (("markdown", "intro", "# Numbers"), ("code", "last", "total = 1"))
BIG = """import io, random
import pandas as pd
from IPython.display import Image, display
from PIL import Image as Picture
made = io.BytesIO()
Picture.frombytes('RGB', (1500, 1200), random.Random(1).randbytes(1500 * 1200 * 3)).save(made, 'PNG')
display(Image(data=made.getvalue()))
pd.DataFrame({'n': range(50_000)})"""


def on_disk(desk: Desk) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads((desk.lab.root / desk.document.path).read_text())["cells"]
    return cells


def wait_for_disk(desk: Desk, sources: list[str]) -> list[dict[str, Any]]:
    """With collaboration the server writes the file, a moment later."""

    def arrived() -> bool:
        with contextlib.suppress(ValueError):  # in the middle of being written
            return ["".join(cell["source"]) for cell in on_disk(desk)] == sources
        return False

    wait_until(arrived, (desk.lab.root / desk.document.path).read_text)
    return on_disk(desk)


def save(desk: Desk) -> None:
    desk.page.evaluate("() => void window.jupyterapp.commands.execute('docmanager:save')")


def test_a_rejected_new_cell_leaves_nothing_behind(
    either_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(either_lab, CELLS)
    save(desk)
    desk.page.wait_for_timeout(1500)
    document = json.dumps(desk.document.cells())
    propose(desk, script, "unwanted = 'cell'")
    desk.sidebar.cards.get_by_role("button", name="Reject").click()
    expect(desk.sidebar.cards).to_contain_text("rejected")
    assert json.dumps(desk.document.cells()) == document
    save(desk)
    desk.page.wait_for_timeout(1500)
    assert json.dumps(desk.document.cells()) == document
    assert "unwanted" not in (desk.lab.root / desk.document.path).read_text()
    expect(desk.sidebar.log.get_by_role("button", name="Undo")).to_have_count(0)


def test_a_revert_after_saving_and_its_revert_reach_the_disk(
    either_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(either_lab, CELLS)
    before = [source for _, _, source in CELLS]
    script.play(
        Turn(calls=(Call("insert_cell", {"source": "added = 2", "after": "last"}),)),
        Turn(calls=(Call("replace_cell", {"cell": "last", "source": "total = 3"}),)),
        Turn(text="Two changes."),
    )
    run = desk.sidebar.ask("change it")
    for number in range(2):
        desk.sidebar.cards.nth(number).get_by_role("button", name="Accept", exact=True).click()
        expect(desk.sidebar.cards.nth(number)).to_contain_text("accepted")
    save(desk)
    after = [before[0], "total = 3", "added = 2"]
    wait_for_disk(desk, after)
    run.get_by_role("button", name="Undo").last.click()
    expect(desk.sidebar.log).to_contain_text("Undone")
    assert desk.document.sources() == before
    save(desk)
    assert "codemad" not in json.dumps(wait_for_disk(desk, before))
    run.get_by_role("button", name="Redo").click()
    desk.document.wait_for_source("last", "total = 3")
    assert desk.document.sources() == after
    save(desk)
    wait_for_disk(desk, after)


def test_big_outputs_of_an_open_notebook_reach_the_model_small(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    """Ten megabytes of text, an image of five, a table of 50,000 rows, all in one open notebook."""
    desk = open_desk(scripted_lab, (*CELLS, ("code", "big", BIG), ("code", "flood", "flood()")))
    desk.document.run("big")
    desk.page.evaluate(  # Jupyter Server passes on no more than a megabyte a second
        f"""path => {{ {FIND}
        notebook.widgets.find(w => w.model.id === 'flood').model.sharedModel.setOutputs([
        {{output_type: 'stream', name: 'stdout', text: ('x'.repeat(99) + '\\n').repeat(100_000)}}]) }}""",
        desk.document.path,
    )
    assert len(json.dumps(desk.document.cells())) > 15_000_000
    script.play(
        Turn(calls=(Call("read_notebook", {}),)),
        Turn(calls=(Call("replace_cell", {"cell": "last", "source": "total = 3"}),)),
        Turn(text="Changed."),
    )
    run = desk.sidebar.ask("change it")
    sent = json.dumps(script.asked[-1].body, ensure_ascii=False)
    assert "left out" in sent
    assert "[image/png]" in sent
    assert "50000 rows" in sent
    assert len(sent) < 150_000
    desk.sidebar.cards.get_by_role("button", name="Accept", exact=True).click()
    desk.document.wait_for_source("last", "total = 3")
    run.get_by_role("button", name="Undo").last.click()
    desk.document.wait_for_source("last", "total = 1")
    assert len(json.dumps(desk.document.cells())) > 15_000_000
    assert all(len(json.dumps(event)) < 200_000 for event in Accepting(desk).events())
