"""The tools that find a name and draw the workspace: on real files, read by a process of their own."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.context.chunking import chunk_file
from codemad_jupyter.context.symbols_reader import decode, encode
from codemad_jupyter.context.symbols_workspace import WorkspaceSymbols
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.catalog import BUILT_IN
from codemad_jupyter.tools.symbols import find_symbol, workspace_map
from codemad_jupyter.tools.tool import ToolContext
from tests.tools.taken import Taken

NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "id": "c1", "source": "from load import read_table"},
        {"cell_type": "code", "id": "c2", "source": "df = read_table('a.csv')"},
    ],
    "metadata": {},
}


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    (tmp_path / "load.py").write_text('"""Loads."""\n\ndef read_table(path):\n    return path\n')
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "use.py").write_text(
        "import load\n\ndef go(f=load.read_table):\n    load.read_table(1)\n"
    )
    (tmp_path / "n.ipynb").write_text(json.dumps(NOTEBOOK))
    (tmp_path / ".gitignore").write_text("hidden.py\n")
    (tmp_path / "hidden.py").write_text("def read_table(): pass\n")
    (tmp_path / "data.csv").write_text("read_table\n")
    return ToolContext(root=tmp_path, target=Target(), kernel=None, notebook=None, proposals=Taken([]))


async def test_a_symbol_is_found_with_its_callers_in_files_and_cells(context: ToolContext) -> None:
    found = await find_symbol.function(context, name="read_table")
    assert found["definitions"] == [
        {
            "path": "load.py",
            "line": 3,
            "end_line": 4,
            "cell": None,
            "symbol": "read_table",
            "kind": "function",
            "text": "def read_table(path):",
        }
    ]
    assert [
        (use["path"], use["lines"], use["cell"], use["in"], use["certainty"]) for use in found["callers"]
    ] == [
        ("lib/use.py", [4], None, "go", "exact"),
        ("n.ipynb", [1], "c2", "", "exact"),
    ]
    assert [(use["path"], use["lines"]) for use in found["references"]] == [("lib/use.py", [3])]
    assert "notice" not in found


async def test_a_changed_file_is_read_again(context: ToolContext) -> None:
    await find_symbol.function(context, name="read_table")
    (context.root / "load.py").write_text("def read_table_of(path, sheet):\n    return path\n")
    assert (await find_symbol.function(context, name="read_table"))["definitions"] == []
    found = await find_symbol.function(context, name="read_table_of()")
    assert found["definitions"][0]["text"] == "def read_table_of(path, sheet):"


async def test_what_is_no_name_is_refused(context: ToolContext) -> None:
    for name in ("", "how do I load", "x" * 300):
        with pytest.raises(ToolError, match="is not a name"):
            await find_symbol.function(context, name=name)


async def test_the_map_tells_files_and_their_functions(context: ToolContext) -> None:
    drawn = await workspace_map.function(context, tokens=500)
    assert drawn["map"].startswith("load.py: Loads.\n  def read_table(path)  (3)")
    assert "hidden.py" not in drawn["map"]
    assert drawn["files"] == 3


def test_what_there_was_no_time_for_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    found = WorkspaceSymbols(tmp_path).read(seconds=0.001)
    assert found.files == ()
    assert "Not read in time: 1 file;" in found.notice


def test_symbols_pass_between_processes_unchanged() -> None:
    text = "import numpy as np\nclass A:\n    def f(self): return np.x + self.g()\n"
    symbols = chunk_file("a.py", text).symbols
    assert decode(json.loads(json.dumps(encode(symbols)))) == symbols


def test_the_tools_only_read() -> None:
    assert {tool.name: tool.risk for tool in BUILT_IN if tool in (find_symbol, workspace_map)} == {
        "find_symbol": "read",
        "workspace_map": "read",
    }
