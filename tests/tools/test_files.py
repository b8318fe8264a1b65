"""File tools never leave the workspace and never touch a file themselves."""

from dataclasses import replace
from pathlib import Path

import pytest

from codemad_jupyter.app.finding import WorkspaceFinder
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import NotFound, ToolError
from codemad_jupyter.tools.files import inside, list_files, read_file, search_workspace, write_file
from codemad_jupyter.tools.patches import edit_file
from codemad_jupyter.tools.tool import ToolContext
from tests.tools.taken import Taken


def context_for(root: Path, proposed: list[Edit] | None = None) -> ToolContext:
    taken = Taken([] if proposed is None else proposed)
    return ToolContext(root=root, target=Target(), kernel=None, notebook=None, proposals=taken)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "link/x", ".git/config", "a\0b"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "work"
    (root / "a").mkdir(parents=True)
    (tmp_path / "work-sibling").mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(ToolError):
        inside(root, path)


def test_a_sibling_with_the_same_prefix_is_outside(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work-2").mkdir()
    with pytest.raises(ToolError, match="outside"):
        inside(tmp_path / "work", "../work-2/secret")


async def test_reads_a_span_and_says_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("".join(f"line {i}\n" for i in range(1, 11)))
    text = await read_file.function(context_for(tmp_path), path="a.py", start=2, lines=2)
    assert text == "line 2\nline 3\n[… 7 more lines …]"


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no file nope\.py"):
        await read_file.function(context_for(tmp_path), path="nope.py")


async def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ToolError, match="not UTF-8"):
        await read_file.function(context_for(tmp_path), path="a.bin")


async def test_an_edit_is_proposed_and_the_file_stays(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\ny = 2\n")
    proposed: list[Edit] = []
    told = await edit_file.function(context_for(tmp_path, proposed), path="a.py", old="x = 1", new="x = 5")
    assert told["status"] == "proposed"
    assert proposed[0].after == "x = 5\ny = 2\n"
    assert (tmp_path / "a.py").read_text() == "x = 1\ny = 2\n"


async def test_an_edit_of_a_file_changed_since_it_was_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    context = context_for(tmp_path)
    await read_file.function(context, path="a.py")
    (tmp_path / "a.py").write_text("x = 1\n# changed\n")
    with pytest.raises(ToolError, match="changed since you read it"):
        await edit_file.function(context, path="a.py", old="x = 1", new="x = 2")


async def test_a_new_file_is_proposed_whole(tmp_path: Path) -> None:
    proposed: list[Edit] = []
    await write_file.function(context_for(tmp_path, proposed), path="sub/new.py", content="a = 1\n")
    assert proposed[0].target.type == "file"
    assert not proposed[0].target.exists
    assert not (tmp_path / "sub").exists()


async def test_notebooks_are_changed_by_cell_only(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="is a notebook"):
        await write_file.function(context_for(tmp_path), path="n.ipynb", content="{}")


async def test_lists_and_finds(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "load.py").write_text("def load_patients(path):\n    return path\n")
    (tmp_path / "notes.md").write_text("The patients are loaded elsewhere.\n")
    (tmp_path / "id_rsa.pem").write_text("load patients secret\n")
    context = context_for(tmp_path)
    listed = await list_files.function(context, pattern="*.py")
    assert listed == {"files": ["pkg/load.py"], "more": False}
    finder = WorkspaceFinder(tmp_path, Settings(index_dir=tmp_path.parent / f"{tmp_path.name}-index"))
    found = await search_workspace.function(replace(context, finder=finder), query="loadPatients")
    await finder.close()
    hits = found["hits"]
    assert "untrusted" in found["source"]
    assert hits[0]["path"] == "pkg/load.py"
    assert hits[0]["symbol"] == "load_patients"
    assert all("pem" not in hit["path"] for hit in hits)
