"""The editing tools propose one edit per file, all of a patch or none, and touch nothing."""

from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.files import read_file
from codemad_jupyter.tools.patches import apply_patch, edit_file
from codemad_jupyter.tools.tool import ToolContext
from tests.tools.taken import Taken


@pytest.fixture
def proposed() -> list[Edit]:
    return []


@pytest.fixture
def context(tmp_path: Path, proposed: list[Edit]) -> ToolContext:
    (tmp_path / "a.py").write_text("x = 1\ny = 2\n")
    return ToolContext(root=tmp_path, target=Target(), kernel=None, notebook=None, proposals=Taken(proposed))


PATCH = "*** Begin Patch\n*** Update File: a.py\n-x = 1\n+x = 5\n*** Add File: b.py\n+z\n{}*** End Patch"


async def test_several_edits_are_one_proposal(context: ToolContext, proposed: list[Edit]) -> None:
    edits = [{"old": "x = 1", "new": "x = 5"}, {"old": "y = 2", "new": "y = 6"}]
    await edit_file.function(context, **edit_file.check({"path": "a.py", "edits": edits}))
    assert [edit.after for edit in proposed] == ["x = 5\ny = 6\n"]


async def test_one_failing_edit_proposes_nothing(context: ToolContext, proposed: list[Edit]) -> None:
    edits = [{"old": "x = 1", "new": "x = 5"}, {"old": "q", "new": "r"}]
    with pytest.raises(ToolError, match=r"edit 2(.|\n)*would have applied: a\.py: edit 1"):
        await edit_file.function(context, **edit_file.check({"path": "a.py", "edits": edits}))
    assert proposed == []


async def test_a_patch_is_one_edit_per_file(
    context: ToolContext, proposed: list[Edit], tmp_path: Path
) -> None:
    told = await apply_patch.function(context, patch=PATCH.format(""))
    assert [row["edit"] for row in told["edits"]] == [edit.id for edit in proposed]
    assert [edit.after for edit in proposed] == ["x = 5\ny = 2\n", "z\n"]
    assert not (tmp_path / "b.py").exists()


@pytest.mark.parametrize("more", ["*** Delete File: c.py\n", "*** Update File: c.py\n*** Move to: d.py\n"])
async def test_deleting_and_renaming_is_refused(
    context: ToolContext, proposed: list[Edit], tmp_path: Path, more: str
) -> None:
    (tmp_path / "c.py").write_text("c\n")
    with pytest.raises(ToolError, match="not proposed yet"):
        await apply_patch.function(context, patch=PATCH.format(more))
    assert proposed == []


async def test_a_patch_of_a_file_changed_since_it_was_read_is_refused(
    context: ToolContext, proposed: list[Edit], tmp_path: Path
) -> None:
    await read_file.function(context, path="a.py")
    (tmp_path / "a.py").write_text("x = 1\n# mine\n")
    with pytest.raises(ToolError, match="changed since you read it"):
        await apply_patch.function(context, patch=PATCH.format(""))
    assert proposed == []
