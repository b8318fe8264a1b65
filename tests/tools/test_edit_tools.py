"""The editing tools propose one edit per file, all of a patch or none, and touch nothing."""

import asyncio
import os
from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import Edit, FileTarget
from codemad_jupyter.protocol.errors import CodemadError, NotFound, ToolError
from codemad_jupyter.tools.files import delete_file, move_file, read_file, write_file
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


async def test_a_patch_deletes_and_moves(context: ToolContext, proposed: list[Edit], tmp_path: Path) -> None:
    for name in ("c.py", "d.py"):
        (tmp_path / name).write_text("c\n")
    more = "*** Delete File: c.py\n*** Update File: d.py\n*** Move to: e/d.py\n"
    await apply_patch.function(context, patch=PATCH.format(more))
    targets = [edit.target for edit in proposed if isinstance(edit.target, FileTarget)]
    assert [(t.path, t.op, t.to) for t in targets] == [
        ("a.py", "write", None),
        ("b.py", "write", None),
        ("c.py", "delete", None),
        ("d.py", "move", "e/d.py"),
    ]
    assert [len(edit.hunks) for edit in proposed] == [1, 1, 1, 1]
    assert sorted(os.listdir(tmp_path)) == ["a.py", "c.py", "d.py"]  # noqa: PTH208


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", "~/x", "link/x", ".GIT/config", "A.py", "LINK/x", "a\0b", "x" * 5000]
)
async def test_no_tool_takes_a_path_that_leads_out(
    context: ToolContext, proposed: list[Edit], tmp_path: Path, path: str
) -> None:
    (tmp_path / "link").symlink_to("/")
    calls = [
        write_file.function(context, path=path, content="x"),
        delete_file.function(context, path=path),
        move_file.function(context, path="a.py", to=path if path != "A.py" else "LINK"),
        move_file.function(context, path=path, to="n.py"),
        edit_file.function(context, path=path, old="x", new="y"),
        apply_patch.function(context, patch=f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch"),
    ]
    for call in calls:
        with pytest.raises((ToolError, NotFound)):
            await call
    assert proposed == []


async def test_links_folders_and_special_files_are_not_deleted(
    context: ToolContext, proposed: list[Edit], tmp_path: Path
) -> None:
    (tmp_path / "in.py").symlink_to("a.py")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for path in ("in.py", "folder", "pipe", "loop"):
        with pytest.raises(CodemadError):
            await asyncio.wait_for(delete_file.function(context, path=path), 1)
        with pytest.raises(CodemadError):
            await asyncio.wait_for(move_file.function(context, path=path, to="n.py"), 1)
    assert proposed == []


async def test_a_patch_of_a_file_changed_since_it_was_read_is_refused(
    context: ToolContext, proposed: list[Edit], tmp_path: Path
) -> None:
    await read_file.function(context, path="a.py")
    (tmp_path / "a.py").write_text("x = 1\n# mine\n")
    with pytest.raises(ToolError, match="changed since you read it"):
        await apply_patch.function(context, patch=PATCH.format(""))
    assert proposed == []
