"""`cell_dependencies` on a notebook file: what it says of all cells, of one, and of one that is not there."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.notebooks.files import FileNotebooks
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.tools.dataflow import cell_dependencies
from codemad_jupyter.tools.tool import ToolContext

SOURCES = ("df = load()", "df['a'] = 1", "def show(): print(df)", "show()", "other = 2")
COUNTS = (7, 2, 3, 4, None)


class NoProposals:
    async def propose(self, edit: Edit) -> Edit:
        raise AssertionError("a reading tool proposes nothing")

    def pending_insert(self, cell: str) -> Edit | None:
        return None

    def withdraw(self, edit: Edit) -> None:
        raise AssertionError("a reading tool takes nothing back")


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "execution_count": COUNTS[n],
            "outputs": [],
            "source": text,
        }
        for n, text in enumerate(SOURCES)
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook))
    return ToolContext(
        root=tmp_path,
        target=Target(notebook="n.ipynb"),
        kernel=None,
        notebook=FileNotebooks(tmp_path),
        proposals=NoProposals(),
    )


async def test_all_cells(context: ToolContext) -> None:
    found = await cell_dependencies.function(context)
    cells = {cell["id"]: cell for cell in found["cells"]}
    assert cells["c1"]["changes"] == ["df"]
    assert cells["c1"]["upstream"] == ["c0"]
    assert cells["c1"]["downstream"] == ["c3"]
    assert cells["c3"]["upstream"] == ["c0", "c1", "c2"]
    assert any("before its input df of cell c0 (7)" in text for text in cells["c3"]["stale"])
    assert cells["c4"]["stale"] == ["was not run"]
    assert cells["c0"]["stale"] == ["reads load, which no cell above defines"]
    assert cell_dependencies.account is not None
    assert cell_dependencies.account(found) == "5 cells, 5 stale"


async def test_one_cell(context: ToolContext) -> None:
    found = await cell_dependencies.function(context, cell="c1")
    assert [cell["id"] for cell in found["cells"]] == ["c1"]
    assert found["rerun"] == ["c0", "c1", "c3"]
    assert found["needed"] == ["c0"]


async def test_a_cell_that_is_not_there(context: ToolContext) -> None:
    with pytest.raises(NotFound, match="no code cell zz"):
        await cell_dependencies.function(context, cell="zz")
