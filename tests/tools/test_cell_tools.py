"""Cell tools address cells by id, refuse what cannot land, and name cell and line."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.notebooks.files import FileNotebooks
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import CellTarget, Edit
from codemad_jupyter.protocol.errors import CodemadError, NotFound, ToolError
from codemad_jupyter.tools.cell_parts import clear_outputs, edit_cell, merge_cells, split_cell
from codemad_jupyter.tools.cells import insert_cell, read_notebook, replace_cell
from codemad_jupyter.tools.patches import apply_patch
from codemad_jupyter.tools.tool import ToolContext
from tests.tools.taken import Taken


def code(id: str, source: str) -> dict[str, object]:
    made = {"cell_type": "code", "id": id, "metadata": {}, "source": source.splitlines(keepends=True)}
    return {**made, "outputs": [], "execution_count": None}


@pytest.fixture
def proposed() -> list[Edit]:
    return []


@pytest.fixture
def context(tmp_path: Path, proposed: list[Edit]) -> ToolContext:
    cells = [code("load-data", "x = 1\ny = 2\nx = 1"), code("plot", "show(x)")]
    cells.append({"cell_type": "markdown", "id": "text", "metadata": {}, "source": ["Hi"]})
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook))
    return ToolContext(
        root=tmp_path,
        target=Target(notebook="n.ipynb"),
        kernel=None,
        notebook=FileNotebooks(tmp_path),
        proposals=Taken(proposed),
    )


async def test_an_unknown_id_is_told_with_ids_that_come_close(context: ToolContext) -> None:
    for call in (
        replace_cell.function(context, cell="load-dat", source="x"),
        edit_cell.function(context, cell="load-dat", old="a", new="b"),
        split_cell.function(context, cell="load-dat", before_lines=[2]),
        clear_outputs.function(context, cell="load-dat"),
        merge_cells.function(context, cells=["load-dat", "plot"]),
    ):
        with pytest.raises(NotFound, match=r"no cell load-dat\. Close to it: load-data"):
            await call
    with pytest.raises(ToolError, match=r"no cell load-dat\. Close to it: load-data"):
        await apply_patch.function(
            context, patch="n.ipynb#load-dat\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE"
        )


async def test_a_refusal_names_cell_line_and_the_edits_that_would_have_landed(
    context: ToolContext, proposed: list[Edit]
) -> None:
    edits = [{"old": "y = 2", "new": "y = 3"}, {"old": "x = 1", "new": "x = 5"}, {"old": "q = 9", "new": "r"}]
    with pytest.raises(ToolError) as refused:
        await edit_cell.function(context, **edit_cell.check({"cell": "load-data", "edits": edits}))
    told = str(refused.value)
    assert "stands 2 times in cell load-data, at lines 1, 3" in told
    assert "cell load-data, edit 3" in told
    assert "These would have applied: cell load-data: edit 1" in told
    assert proposed == []


async def test_a_patch_mixes_cells_and_files_all_or_none(
    context: ToolContext, proposed: list[Edit], tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text("a\n")
    cell = "--- a/n.ipynb#plot\n+++ b/n.ipynb#plot\n@@ -1 +1 @@\n-show(x)\n+show(y)\n"
    file = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-{}\n+b\n"
    with pytest.raises(ToolError, match=r"would have applied: n\.ipynb#plot: edit 1"):
        await apply_patch.function(context, patch=cell + file.format("zz"))
    assert proposed == []
    await apply_patch.function(context, patch=cell + file.format("a"))
    found = sorted((edit.target.type, edit.after) for edit in proposed)
    assert found == [("cell", "show(y)"), ("file", "b\n")]


async def test_a_cell_changed_since_it_was_read_is_refused(context: ToolContext, tmp_path: Path) -> None:
    await read_notebook.function(context)
    text = (tmp_path / "n.ipynb").read_text()
    (tmp_path / "n.ipynb").write_text(text.replace("show(x)", "show(x, 1)"))
    for call in (
        edit_cell.function(context, cell="plot", old="show", new="draw"),
        apply_patch.function(
            context, patch="n.ipynb#plot\n<<<<<<< SEARCH\nshow(x, 1)\n=======\nb\n>>>>>>> REPLACE"
        ),
    ):
        with pytest.raises(ToolError, match="changed since you read it"):
            await call


async def test_a_proposed_cell_can_be_edited_before_it_is_settled(
    context: ToolContext, proposed: list[Edit]
) -> None:
    told = await insert_cell.function(context, source="a = 1\nb = 2", after="plot")
    await edit_cell.function(context, cell=told["cell"], old="b = 2", new="b = 3")
    assert [edit.after for edit in proposed] == ["a = 1\nb = 3"]


async def test_split_and_merge_say_what_they_make(context: ToolContext, proposed: list[Edit]) -> None:
    told = await split_cell.function(context, cell="load-data", before_lines=[3])
    target = proposed[0].target
    assert isinstance(target, CellTarget)
    assert (target.pieces, told["cells"]) == (("x = 1\ny = 2", "x = 1"), [*target.others, "load-data"])
    await merge_cells.function(context, cells=["load-data", "plot"])
    assert proposed[1].after == "x = 1\ny = 2\nx = 1\n\nshow(x)"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (split_cell, {"cell": "plot", "before_lines": [1]}),
        (split_cell, {"cell": "plot", "before_lines": [2]}),
        (split_cell, {"cell": "load-data", "before_lines": []}),
        (split_cell, {"cell": "load-data", "before_lines": [0, 2]}),
        (merge_cells, {"cells": []}),
        (merge_cells, {"cells": ["plot"]}),
        (merge_cells, {"cells": ["plot", "plot"]}),
        (merge_cells, {"cells": ["plot", "load-data"]}),
        (merge_cells, {"cells": ["load-data", "text"]}),
        (merge_cells, {"cells": ["plot", "text"]}),
        (clear_outputs, {"cell": "plot"}),
        (edit_cell, {"cell": "plot", "old": "", "new": "x"}),
    ],
)
async def test_what_cannot_be_done_is_refused(
    context: ToolContext, proposed: list[Edit], tool: object, arguments: dict[str, object]
) -> None:
    with pytest.raises(CodemadError):
        await tool.function(context, **tool.check(arguments))  # type: ignore[attr-defined]
    assert proposed == []
