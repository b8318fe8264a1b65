"""Finding lines: which files are looked at, which patterns end, and what rules and levels leave out."""

import json
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.tools.grep import grep, searched
from codemad_jupyter.tools.permissions import Permissions
from codemad_jupyter.tools.result_levels import limited_result
from codemad_jupyter.tools.tool import ToolContext
from tests.tools.taken import Taken
from tests.tools.test_executor import Bench, call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("import os\n\n\ndef Total(rows):\n    return sum(rows)\n")
    (tmp_path / "notes.md").write_text("The total of it.\n")
    (tmp_path / "people.csv").write_text("name,pay\nAda,total 7\n")
    (tmp_path / ".env").write_text("TOTAL=key\n")
    (tmp_path / ".gitignore").write_text("out/\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.py").write_text("total = 1\n")
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    cell = {"id": "c1", "cell_type": "code", "source": ["x = 1\n", "total = x"], "outputs": ["total"]}
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": [cell]}))
    return tmp_path


def context(root: Path) -> ToolContext:
    return ToolContext(root=root, target=Target(), kernel=None, notebook=None, proposals=Taken([]))


async def found(root: Path, pattern: str, **more: Any) -> list[tuple[str, int, str | None]]:
    result = await grep.function(context(root), pattern, **more)
    return sorted((hit["path"], hit["line"], hit["cell"]) for hit in result["hits"])


async def test_lines_of_files_and_cells_but_not_of_what_is_ignored_or_secret(folder: Path) -> None:
    assert await found(folder, "total", ignore_case=True) == [
        ("n.ipynb", 2, "c1"),
        ("notes.md", 1, None),
        ("people.csv", 2, None),
        ("src/a.py", 4, None),
    ]
    assert await found(folder, "total", glob="*.md") == [("notes.md", 1, None)]
    assert await found(folder, "sum(", literal=True, folder="src") == [("src/a.py", 5, None)]
    assert await found(folder, "root:") == []


async def test_lines_around_and_advice(folder: Path) -> None:
    result = await grep.function(context(folder), "def Total", around=1)
    assert result["hits"][0]["text"] == "\ndef Total(rows):\n    return sum(rows)"
    assert "Nothing fits" in (await grep.function(context(folder), "xyzzy"))["next"]
    assert "No file matches" in (await grep.function(context(folder), "x", glob="*.rs"))["next"]


async def test_wrong_patterns_and_places_are_refused(folder: Path) -> None:
    with pytest.raises(ToolError, match="cannot be read"):
        await grep.function(context(folder), "(")
    for place in ("..", "/etc", "../x", "src/a.py", ".git", "a\0b"):
        with pytest.raises(ToolError):
            await grep.function(context(folder), "x", folder=place)


async def test_a_pattern_without_end_is_stopped(folder: Path) -> None:
    (folder / "aa.txt").write_text("a" * 60 + "!\n")
    asked = {"root": str(folder), "pattern": "(a+)+$", "literal": False, "ignore_case": False, "around": 0}
    result = await searched({**asked, "most": 5, "paths": ["aa.txt"]}, seconds=0.5)
    assert (result["hits"], result["ended"]) == ([], False)


async def test_rules_about_paths_hold(folder: Path) -> None:
    rules = (Rule(decide="deny", path="src/**"),)
    bench = Bench(folder, given=Permissions(rules=rules))
    result = await bench.executor.call(call("grep", pattern="(?i)total"))
    assert "src/a.py" not in result.content
    assert "notes.md" in result.content


async def test_below_outputs_nothing_is_told_of_data(folder: Path) -> None:
    result = await grep.function(context(folder), "(?i)total")
    told = limited_result("grep", {}, result, risk="read", level="schema")
    assert [hit["path"] for hit in told["hits"]] == ["n.ipynb", "notes.md", "src/a.py"]
    assert "files" not in told
