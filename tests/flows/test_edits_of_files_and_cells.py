"""Deletes, moves, splits, merges and clears: proposed by a model, accepted, undone and redone exactly."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.protocol.commands import AcceptEdit, Redo, Undo
from codemad_jupyter.protocol.events import Event
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"
CELLS: list[dict[str, Any]] = [
    {
        "attachments": {"p.png": {"image/png": "AAAA"}},
        "cell_type": "markdown",
        "id": "intro",
        "metadata": {"tags": ["keep"]},
        "source": ["# One\n", "![](attachment:p.png)"],
    },
    {"cell_type": "markdown", "id": "more", "metadata": {}, "source": ["Two"]},
    {
        "cell_type": "code",
        "execution_count": 3,
        "id": "calc",
        "metadata": {"tags": ["x"], "z": 1},
        "outputs": [{"name": "stdout", "output_type": "stream", "text": ["5\n"]}],
        "source": ["a = 2\n", "b = 3\n", "\n", "print(a + b)"],
    },
]
Change = Callable[[str, dict[str, Any]], Awaitable[Path]]


@pytest.fixture
async def desk(make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    made = await make_desk()
    notebook = json.loads((made.root / "n.ipynb").read_text())
    notebook["cells"] = CELLS
    (made.root / "n.ipynb").write_text(json.dumps(notebook, indent=1) + "\n")
    (made.root / "data.bin").write_bytes(b"\x00\xff\x01binary")
    (made.root / "a.py").write_bytes(b"\xef\xbb\xbfx = 1\r\ny = 2")
    (made.root / "a.py").chmod(0o750)
    return made


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


async def accepted(desk: Desk, server: ModelServer, name: str, arguments: dict[str, Any]) -> list[Event]:
    """Have the model call a tool, and accept what it proposes."""
    server.play(Turn(calls=(Call(name, arguments),)), Turn(text="Proposed."))
    events = await desk.ask("do it", model=MODEL)
    settled: list[Event] = []
    for edit in [event.edit for event in events if event.type == "edit_proposed"]:
        settled += await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
    return [event for event in settled if event.type == "edit_settled"]


MOVED = b"\xef\xbb\xbfx = 1\r\ny = 3"
PATCH = "*** Begin Patch\n*** Update File: a.py\n*** Move to: sub/b.py\n@@\n-y = 2\n+y = 3\n*** End Patch"
FILES: list[tuple[str, dict[str, Any], dict[str, bytes | None]]] = [
    ("delete_file", {"path": "a.py"}, {"a.py": None}),
    ("delete_file", {"path": "data.bin"}, {"data.bin": None}),
    (
        "move_file",
        {"path": "data.bin", "to": "deep/er/d.bin"},
        {"data.bin": None, "deep/er/d.bin": b"\x00\xff\x01binary"},
    ),
    ("apply_patch", {"patch": PATCH}, {"a.py": None, "sub/b.py": MOVED}),
    (
        "apply_patch",
        {"patch": "*** Begin Patch\n*** Delete File: a.py\n*** Add File: new.py\n+z\n*** End Patch"},
        {"a.py": None, "new.py": b"z\n"},
    ),
]


@pytest.mark.parametrize(("tool", "arguments", "wanted"), FILES)
async def test_files_are_deleted_and_moved_and_undone(
    desk: Desk,
    model_server: ModelServer,
    tool: str,
    arguments: dict[str, Any],
    wanted: dict[str, bytes | None],
) -> None:
    before = tree(desk.root)
    settled = await accepted(desk, model_server, tool, arguments)
    assert {event.status for event in settled if event.type == "edit_settled"} == {"accepted"}
    after = {name: data for name, data in {**before, **wanted}.items() if data is not None}
    assert tree(desk.root) == after
    if "sub/b.py" in wanted:
        assert (desk.root / "sub/b.py").stat().st_mode & 0o777 == 0o750
    await desk.do(Undo(session=desk.session))
    assert tree(desk.root) == before
    assert (desk.root / "a.py").stat().st_mode & 0o100
    await desk.do(Redo(session=desk.session))
    assert tree(desk.root) == after


async def test_a_file_changed_meanwhile_is_neither_deleted_nor_moved(
    desk: Desk, model_server: ModelServer
) -> None:
    for tool, arguments in (
        ("delete_file", {"path": "a.py"}),
        ("move_file", {"path": "a.py", "to": "b.py"}),
        ("move_file", {"path": "data.bin", "to": "c.bin"}),
    ):
        model_server.play(Turn(calls=(Call(tool, arguments),)), Turn(text="Proposed."))
        events = await desk.ask("do it", model=MODEL)
        edit = next(event.edit for event in events if event.type == "edit_proposed")
        with (desk.root / arguments["path"]).open("ab") as file:
            file.write(b"mine")
        before = tree(desk.root)
        settled = await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
        assert [event.status for event in settled if event.type == "edit_settled"] == ["stale"]
        assert tree(desk.root) == before


async def test_a_place_taken_meanwhile_is_not_overwritten(desk: Desk, model_server: ModelServer) -> None:
    call = Call("move_file", {"path": "a.py", "to": "b.py"})
    model_server.play(Turn(calls=(call,)), Turn(text="Proposed."))
    events = await desk.ask("do it", model=MODEL)
    edit = next(event.edit for event in events if event.type == "edit_proposed")
    (desk.root / "b.py").write_text("mine\n")
    before = tree(desk.root)
    settled = await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
    assert [event.status for event in settled if event.type == "edit_settled"] == ["stale"]
    assert tree(desk.root) == before


def cells_of(desk: Desk) -> list[dict[str, Any]]:
    """The cells on disk, without who made them."""
    cells: list[dict[str, Any]] = json.loads((desk.root / "n.ipynb").read_text())["cells"]
    for cell in cells:
        cell["metadata"].pop("codemad", None)
    return cells


def sources(desk: Desk) -> dict[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in cells_of(desk)}


def cell_of(desk: Desk, id: str) -> dict[str, Any]:
    return next(cell for cell in cells_of(desk) if cell["id"] == id)


async def test_a_split_keeps_the_outputs_with_the_last_piece(desk: Desk, model_server: ModelServer) -> None:
    before = tree(desk.root)
    await accepted(desk, model_server, "split_cell", {"cell": "calc", "before_lines": [2, 4]})
    found = sources(desk)
    assert list(found.values())[2:] == ["a = 2", "b = 3", "print(a + b)"]
    assert list(found)[4] == "calc"
    assert cell_of(desk, "calc") == {**CELLS[2], "source": ["print(a + b)"]}
    piece = cell_of(desk, list(found)[2])
    assert (piece["metadata"], piece["outputs"], piece["execution_count"]) == (
        {"tags": ["x"], "z": 1},
        [],
        None,
    )
    assert [cell_of(desk, "intro"), cell_of(desk, "more")] == CELLS[:2]
    after = tree(desk.root)
    await desk.do(Undo(session=desk.session))
    assert tree(desk.root) == before
    await desk.do(Redo(session=desk.session))
    assert tree(desk.root) == after


async def test_a_merge_keeps_metadata_and_attachments(desk: Desk, model_server: ModelServer) -> None:
    before = tree(desk.root)
    await accepted(desk, model_server, "merge_cells", {"cells": ["intro", "more"]})
    merged = ["# One\n", "![](attachment:p.png)\n", "\n", "Two"]
    assert cells_of(desk) == [{**CELLS[0], "source": merged}, CELLS[2]]
    after = tree(desk.root)
    await desk.do(Undo(session=desk.session))
    assert tree(desk.root) == before
    await desk.do(Redo(session=desk.session))
    assert tree(desk.root) == after


@pytest.mark.parametrize(
    ("tool", "arguments", "update"),
    [
        ("clear_outputs", {"cell": "calc"}, {"outputs": [], "execution_count": None}),
        (
            "edit_cell",
            {"cell": "calc", "edits": [{"old": "a = 2", "new": "a = 9"}, {"old": "b = 3", "new": "b = 8"}]},
            {"source": ["a = 9\n", "b = 8\n", "\n", "print(a + b)"]},
        ),
        (
            "apply_patch",
            {"patch": "n.ipynb#calc\n<<<<<<< SEARCH\na = 2\n=======\na = 7\n>>>>>>> REPLACE"},
            {"source": ["a = 7\n", "b = 3\n", "\n", "print(a + b)"]},
        ),
    ],
)
async def test_one_cell_changes_and_nothing_else(
    desk: Desk, model_server: ModelServer, tool: str, arguments: dict[str, Any], update: dict[str, Any]
) -> None:
    before = tree(desk.root)
    await accepted(desk, model_server, tool, arguments)
    assert cells_of(desk) == [CELLS[0], CELLS[1], {**CELLS[2], **update}]
    await desk.do(Undo(session=desk.session))
    assert tree(desk.root) == before


async def test_a_merge_of_cells_that_moved_apart_is_stale(desk: Desk, model_server: ModelServer) -> None:
    model_server.play(Turn(calls=(Call("merge_cells", {"cells": ["intro", "more"]}),)), Turn(text="Done."))
    events = await desk.ask("do it", model=MODEL)
    edit = next(event.edit for event in events if event.type == "edit_proposed")
    notebook = json.loads((desk.root / "n.ipynb").read_text())
    notebook["cells"].insert(1, notebook["cells"].pop())
    (desk.root / "n.ipynb").write_text(json.dumps(notebook, indent=1) + "\n")
    before = tree(desk.root)
    settled = await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
    assert [event.status for event in settled if event.type == "edit_settled"] == ["stale"]
    assert tree(desk.root) == before
