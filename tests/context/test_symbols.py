"""Definitions, uses, callers and the map of a workspace, from the symbols of its files."""

import random

from codemad_jupyter.context.budget import tokens
from codemad_jupyter.context.chunking import FileSymbols, chunk_file
from codemad_jupyter.context.symbols import SymbolTable, Use
from codemad_jupyter.context.symbols_map import rank_files, workspace_map
from codemad_jupyter.context.symbols_modules import Modules

FILES = {
    "pkg/__init__.py": "from pkg.core import clean\n",
    "pkg/core.py": "def clean(x):\n    return strip(x)\n\ndef strip(x):\n    return x\n\nclass Model:\n"
    "    def fit(self):\n        self.check()\n\n    def check(self):\n        return clean(self)\n",
    "pkg/other.py": "from . import core\n"
    "from .core import Model as M, strip\nimport numpy as np\n\ndef run():\n"
    "    core.clean(1)\n    m = M()\n    m.fit()\n    np.clean(2)\n    return strip(3)\n",
    "app.py": "from pkg import clean\n\ndef main():\n    clean('a')\n    thing.fit()\n",
    "second.py": "class Tree:\n    def fit(self):\n        pass\n",
    "a.ts": "import { grow } from './lib/tree';\nexport function plant() { grow(); }\n",
    "lib/tree.ts": "export function grow() {}\n",
}


def table(files: dict[str, str] = FILES) -> SymbolTable:
    return SymbolTable(chunk_file(path, text).symbols for path, text in files.items())


def told(uses: tuple[Use, ...]) -> list[tuple[str, str, tuple[int, ...], str, list[str]]]:
    """Uses as short tuples."""
    return [
        (
            use.path,
            use.reference.scope,
            use.reference.lines,
            use.certainty,
            [f"{site.path}:{site.definition.qualified}" for site in use.targets],
        )
        for use in uses
    ]


def test_definitions_by_short_and_by_qualified_name() -> None:
    found = table()
    assert [(site.path, site.definition.qualified) for site in found.definitions("fit")] == [
        ("pkg/core.py", "Model.fit"),
        ("second.py", "Tree.fit"),
    ]
    assert [site.path for site in found.definitions("Tree.fit")] == ["second.py"]
    assert found.definitions("nothing") == ()


def test_callers_are_resolved_through_scopes_imports_and_packages() -> None:
    assert told(table().callers("clean")) == [
        ("app.py", "main", (4,), "exact", ["pkg/core.py:clean"]),
        ("pkg/core.py", "Model.check", (12,), "exact", ["pkg/core.py:clean"]),
        ("pkg/other.py", "run", (6,), "exact", ["pkg/core.py:clean"]),
    ]
    assert told(table().callers("Model.check")) == [
        ("pkg/core.py", "Model.fit", (9,), "exact", ["pkg/core.py:Model.check"])
    ]
    assert told(table().callers("grow")) == [("a.ts", "plant", (2,), "exact", ["lib/tree.ts:grow"])]


def test_a_name_of_a_foreign_package_is_not_taken_for_ours() -> None:
    (use,) = [use for use in table().references("clean") if use.reference.owner == "np"]
    assert (use.targets, use.certainty) == ((), "unknown")


def test_methods_of_unknown_objects_are_listed_as_ambiguous() -> None:
    uses = [use for use in table().callers("fit") if use.path == "app.py"]
    assert told(tuple(uses)) == [
        ("app.py", "main", (5,), "ambiguous", ["pkg/core.py:Model.fit", "second.py:Tree.fit"])
    ]


def test_what_a_function_calls() -> None:
    found = {use.reference.name: use.certainty for use in table().callees("pkg/other.py", "run")}
    assert found == {"clean": "unknown", "M": "exact", "fit": "ambiguous", "strip": "exact"}


def test_a_changed_file_replaces_what_it_was() -> None:
    found = table()
    found.put(chunk_file("pkg/core.py", "def tidy(x):\n    return x\n").symbols)
    assert found.definitions("clean") == ()
    assert [site.path for site in found.definitions("tidy")] == ["pkg/core.py"]
    found.drop("second.py")
    assert found.definitions("fit") == ()


def test_cells_of_a_notebook_are_places_too() -> None:
    text = '{"cells": [{"cell_type": "code", "id": "c1", "source": "def f(): pass"},'
    text += ' {"cell_type": "code", "id": "c2", "source": "f()"}], "metadata": {}}'
    found = table({"n.ipynb": text})
    assert found.definitions("f")[0].definition.cell == "c1"
    assert [(use.reference.cell, use.reference.cell_index) for use in found.callers("f")] == [("c2", 1)]


def test_modules_are_found_by_what_imports_call_them() -> None:
    paths = [
        "src/pkg/a.py",
        "src/pkg/sub/__init__.py",
        "web/x/index.ts",
        "web/y.tsx",
        "inc/deep/h.h",
        "R/load.R",
    ]
    modules = Modules(paths)
    assert modules.find("pkg.a", path="run.py", language="python") == "src/pkg/a.py"
    assert modules.find("..a", path="src/pkg/sub/__init__.py", language="python") == "src/pkg/a.py"
    assert modules.find(".", path="src/pkg/sub/b.py", language="python") == "src/pkg/sub/__init__.py"
    assert modules.find("./x", path="web/main.ts", language="typescript") == "web/x/index.ts"
    assert modules.find("react", path="web/main.ts", language="typescript") is None
    assert modules.find("deep/h.h", path="src/a.c", language="c") == "inc/deep/h.h"
    assert modules.find("load.R", path="R/main.R", language="r") == "R/load.R"
    assert modules.find("itself.web.y", path="a.py", language="python") is None
    assert Modules(["sub/a.py"]).find("itself.sub.a", path="b.py", language="python") == "sub/a.py"
    assert modules.find("os", path="run.py", language="python") is None


def symbols(files: dict[str, str]) -> list[FileSymbols]:
    return [chunk_file(path, text).symbols for path, text in files.items()]


def test_the_map_names_what_is_used_most_and_keeps_its_budget() -> None:
    files = {
        f"user_{n}.py": f"from core import important\n\ndef use_{n}():\n    important()\n" for n in range(30)
    }
    files["core.py"] = '"""The heart."""\n\ndef important():\n    pass\n\ndef unused():\n    pass\n'
    files["tests/test_core.py"] = "from core import important\n\ndef test_it():\n    important()\n"
    drawn = workspace_map(symbols(files), 200)
    assert drawn.startswith("core.py: The heart.\n  def important()  (3)")
    assert tokens(drawn) <= 200
    assert "tests/" not in drawn
    assert workspace_map(symbols(files), 10_000).count("def use_") == 30


def test_the_map_is_the_same_in_any_order_of_files() -> None:
    files = symbols(FILES)
    shuffled = list(files)
    random.Random(3).shuffle(shuffled)
    assert workspace_map(files, 300) == workspace_map(shuffled, 300)
    assert next(iter(rank_files(files))).path == "pkg/core.py"


def test_the_map_of_little_is_little() -> None:
    assert workspace_map([], 100) == ""
    assert workspace_map(symbols(FILES), 0) == ""
    assert workspace_map(symbols({"notes.md": "# Plan\n"}), 100) == "notes.md: Plan"
