"""Edits against hostile surroundings: full disks, special files, huge files, races, and the editing tools."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.tools.edits.changes import Refused
from codemad_jupyter.tools.edits.formats import parse
from codemad_jupyter.tools.edits.plan import plan
from codemad_jupyter.tools.edits.writing import write
from codemad_jupyter.tools.files import delete_file, move_file, read_file, write_file
from codemad_jupyter.tools.patches import edit_file
from codemad_jupyter.tools.tool import ToolContext
from tests.tools.taken import Taken
from tests.waiting import LIMIT


def edit(path: str, old: str = "x", new: str = "y") -> dict[str, str]:
    return {"path": path, "old_string": old, "new_string": new}


def apply(root: Path, *edits: dict[str, str]) -> None:
    write(plan(root, parse(json.dumps(edits))))


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    edits: list[Edit] = []
    return ToolContext(root=tmp_path, target=Target(), kernel=None, notebook=None, proposals=Taken(edits))


@pytest.mark.parametrize("kind", ["fifo", "socket", "folder", "loop", "device"])
async def test_special_files_are_refused_at_once(context: ToolContext, kind: str) -> None:
    path = context.root / "odd"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to("odd")
        case _:
            path.symlink_to("/dev/zero")
    for call in (
        read_file.function(context, path="odd"),
        edit_file.function(context, path="odd", old="x", new="y"),
        write_file.function(context, path="odd", content="x"),
        delete_file.function(context, path="odd"),
        move_file.function(context, path="odd", to="other"),
    ):
        with pytest.raises(CodemadError):
            await asyncio.wait_for(call, LIMIT)
    with pytest.raises(Refused):
        apply(context.root, edit("odd"))


@pytest.mark.parametrize("size", [3_000_000_000, 8_000_000_000])
async def test_huge_files_are_refused_with_their_size(context: ToolContext, size: int) -> None:
    with (context.root / "huge").open("wb") as file:
        file.truncate(size)
    for call in (
        read_file.function(context, path="huge"),
        edit_file.function(context, path="huge", old="x", new="y"),
        delete_file.function(context, path="huge"),
    ):
        with pytest.raises(CodemadError, match="larger than"):
            await asyncio.wait_for(call, LIMIT)
    with pytest.raises(Refused, match=str(size)):
        apply(context.root, edit("huge"))


def test_one_long_line_and_a_million_lines(tmp_path: Path) -> None:
    (tmp_path / "line").write_text("a" * 5_000_000 + "MARK" + "b" * 5_000_000)
    (tmp_path / "lines").write_text("same\n" * 1_000_000 + "MARK\n" + "same\n" * 1_000_000)
    started = time.process_time()
    apply(tmp_path, edit("line", "MARK", "NEW"), edit("lines", "MARK", "NEW"))
    for path in ("line", "lines"):
        with pytest.raises(Refused):
            apply(tmp_path, edit(path, "MARK two\nand more", "NEW"))
    assert time.process_time() - started < 20
    assert (tmp_path / "line").read_text() == "a" * 5_000_000 + "NEW" + "b" * 5_000_000


FULL = """
import json, sys, resource, signal
from pathlib import Path
from codemad_jupyter.tools.edits.formats import parse
from codemad_jupyter.tools.edits.plan import plan
from codemad_jupyter.tools.edits.writing import write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
files = plan(Path(sys.argv[1]), parse(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
write(files)
"""


def test_a_write_that_fails_midway_leaves_every_file_as_it_was(tmp_path: Path) -> None:
    """A limit on file size stands for the full disk: the second file's write is cut off by the system."""
    (tmp_path / "a").write_text("x\n")
    (tmp_path / "b").write_text("x\n" + "filler\n" * 30_000)
    before = tree(tmp_path)
    edits = json.dumps([edit("a"), edit("b"), edit("new/c", "", "z\n")])
    command = [sys.executable, "-c", FULL, str(tmp_path), edits]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 1
    assert "File too large Nothing was changed" in done.stderr
    assert tree(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("late", ["change", "remove", "create"])
def test_what_happens_between_planning_and_writing_is_not_lost(tmp_path: Path, late: str) -> None:
    (tmp_path / "a").write_text("x\n")
    (tmp_path / "b").write_text("x\n")
    files = plan(tmp_path, parse(json.dumps([edit("a"), edit("b"), edit("c", "", "z\n")])))
    match late:
        case "change":
            (tmp_path / "b").write_text("mine\n")
        case "remove":
            (tmp_path / "b").unlink()
        case _:
            (tmp_path / "c").write_text("mine\n")
    before = tree(tmp_path)
    with pytest.raises(Refused, match="Nothing was changed"):
        write(files)
    assert tree(tmp_path) == before


def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "sub").mkdir(parents=True)
    outside.mkdir()
    (root / "sub" / "f").write_text("x\n")
    (outside / "f").write_text("x\n")
    files = plan(root, parse(json.dumps(edit("sub/f"))))
    (root / "sub").rename(root / "old")
    (root / "sub").symlink_to(outside)
    with pytest.raises(Refused):
        write(files)
    assert (outside / "f").read_text() == "x\n"


def test_modes_links_and_owners_of_a_moved_or_changed_file_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\n")
    (tmp_path / "a").chmod(0o640)
    (tmp_path / "m").write_text("x\n")
    (tmp_path / "m").chmod(0o751)
    move = "*** Begin Patch\n*** Update File: m\n*** Move to: n\n*** End Patch"
    apply(tmp_path, edit("a"))
    write(plan(tmp_path, parse(move)))
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "n").stat().st_mode & 0o777 == 0o751
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "n"]


def test_a_diff_may_change_the_mode(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x\n")
    (tmp_path / "f").chmod(0o644)
    mode = "diff --git a/f b/f\nold mode 100644\nnew mode 100755\n"
    write(plan(tmp_path, parse(mode)))
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o755
    with pytest.raises(Refused, match="Nothing would change"):
        plan(tmp_path, parse(mode))
    back = "diff --git a/f b/f\nold mode 100755\nnew mode 100644\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\n"
    write(plan(tmp_path, parse(back)))
    assert ((tmp_path / "f").stat().st_mode & 0o777, (tmp_path / "f").read_text()) == (0o644, "y\n")
