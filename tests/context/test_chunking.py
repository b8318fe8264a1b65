"""Files cut into chunks: whole functions, their symbols, their comments; per language."""

import json
from dataclasses import replace

import pytest

from codemad_jupyter.context.chunking import FileChunks, SourceChunk, chunk_file
from codemad_jupyter.context.chunking.lines import LARGEST

METHOD = (
    '    def method_{0}(self, value):\n        """Says {0}."""\n' + "        value = compute(value)\n" * 25
)
CLASS = 'class Big(Base):\n    """A big class."""\n\n    limit = 3\n\n' + "\n".join(
    METHOD.format(number) for number in range(4)
)


def chunk_of(chunks: FileChunks, symbol: str) -> SourceChunk:
    """The one chunk of this symbol."""
    (found,) = [chunk for chunk in chunks.chunks if chunk.symbol == symbol]
    return found


def test_a_large_class_is_cut_into_its_methods() -> None:
    chunks = chunk_file("big.py", CLASS)
    assert [chunk.symbol for chunk in chunks.chunks] == [f"Big.method_{n}" for n in range(4)]
    method = chunk_of(chunks, "Big.method_2")
    assert method.kind == "method"
    assert method.text.startswith("    def method_2")
    assert method.text.count("compute") == 25
    assert method.prose == "Says 2."
    head = chunk_of(chunks, "Big.method_0")
    assert head.text.startswith("class Big(Base):")
    assert head.defines == ("Big", "Big.limit", "Big.method_0")


def test_small_neighbours_are_joined_and_a_comment_stays_with_what_is_below() -> None:
    small = "".join(f"def small_{n}():\n    return {n}\n\n\n" for n in range(9))
    large = "# Explains large.\ndef large():\n" + "    work(1)\n" * 100
    chunks = chunk_file("a.py", small + large).chunks
    assert chunks[0].defines == tuple(f"small_{n}" for n in range(9))
    assert chunks[1].text.startswith("# Explains large.\ndef large")
    assert chunks[1].prose == "Explains large."


def test_a_large_function_is_cut_between_statements_and_keeps_its_name() -> None:
    body = "".join(f"    if ready_{n}:\n        first({n})\n        second({n})\n" for n in range(80))
    chunks = chunk_file("f.py", f"def long_one(a):\n{body}    return a\n").chunks
    assert len(chunks) >= 3
    assert {(chunk.symbol, chunk.kind) for chunk in chunks} == {("long_one", "function")}
    assert all(len(chunk.text) <= LARGEST for chunk in chunks)
    assert all(chunk.text.lstrip().startswith("if ready") for chunk in chunks[1:])


def test_decorators_and_async_belong_to_the_function() -> None:
    text = "x = 1\n" * 100 + "@cache\n@other(1)\nasync def wanted(a, *, b=2):\n" + "    await go(a)\n" * 50
    chunk = chunk_of(chunk_file("d.py", text), "wanted")
    assert chunk.text.startswith("@cache\n@other(1)\nasync def wanted")
    assert chunk.start_line == 101


PROGRAMS = {
    "a.py": (
        "import os\nclass K:\n    def m(self):\n        return os.getcwd()\ndef f(): return K().m()\n",
        "K K.m f",
    ),
    "a.R": (
        "library(dplyr)\nmean_x <- function(x) {\n  s <- '} {' # }\n  sum(x)\n}\ng = \\(y) mean_x(y)\n",
        "mean_x g",
    ),
    "a.jl": (
        "using Foo\nfunction f(x)\n  g(x)\nend\nh(x) = f(x)\nstruct P\n  a::Int\nend\n",
        "f h P",
    ),
    "a.sql": (
        "CREATE TABLE IF NOT EXISTS app.users (t text default 'a;b');\n"
        "create or replace view v as select * from app.users;\n"
        "create function fn() returns int as $$ begin; return 1; end $$;\n",
        "app.users v fn",
    ),
    "a.js": (
        "import {a} from './m';\n"
        "export function f() { a(); }\n"
        "class C { m() { f(); } }\n"
        "const g = () => 1;\n",
        "f C C.m g",
    ),
    "a.ts": (
        "interface I { q: string }\n"
        "export type T = I;\n"
        "enum E { A }\n"
        "export class C<T> { m(x: T): void {} }\n",
        "I T E C C.m",
    ),
    "a.tsx": (
        "export const View = ({x}: P) => <b>{x}</b>;\nfunction use(): void { View({x: 1}); }\n",
        "View use",
    ),
    "a.c": (
        "#include <stdio.h>\n#define N 3\nstruct s { int a; };\nstatic int *f(char *p) { return g(p); }\n",
        "N s f",
    ),
    "a.cpp": (
        "namespace n {\nclass A { int m(int x) const; };\nint A::m(int x) const { return x; }\n}\n",
        "n n.A n.A.m n.A.m",
    ),
    "a.java": (
        "import a.B;\nclass X extends Y {\n  X() {}\n  int m(int a) { return g(a); }\n}\n",
        "X X.X X.m",
    ),
    "a.go": (
        "package p\ntype S struct { A int }\nfunc (s *S) M(a int) { s.q(a) }\nfunc F() { G() }\n",
        "S S.M F",
    ),
    "a.rs": (
        "use a::b;\nstruct S;\nimpl S { fn m(&self) { g(1); } }\nfn f() {}\nmacro_rules! k { () => {} }\n",
        "S S.m f k",
    ),
    "a.sh": (
        "source ./b.sh\nf() { g a | h; }\nfunction k { f; }\n",
        "f k",
    ),
}


@pytest.mark.parametrize("path", PROGRAMS)
def test_each_language_shows_its_definitions(path: str) -> None:
    text, wanted = PROGRAMS[path]
    chunks = chunk_file(path, text)
    found = [
        item.qualified for item in chunks.symbols.definitions if item.kind != "variable" or item.name == "N"
    ]
    assert found == wanted.split()
    assert chunks.degraded == ""
    assert "\n".join(chunk.text for chunk in chunks.chunks) == text.rstrip("\n")


DOCUMENTED = '''"""What it is."""
from a import (  # noqa
    b,
)
# why
LIMIT = 3


class K:
    """Kept."""

    size: int = 1  # bytes

    @property
    def m(self, q=lambda: 1):
        "Says."
        def inner(x):
            f"{x}"
            return x
        total = [inner(i) for i in q]
'''
CELL = {"id": "c", "cell_type": "code", "metadata": {}, "source": DOCUMENTED, "outputs": []}
NOTEBOOK = json.dumps({"cells": [CELL], "nbformat": 4, "nbformat_minor": 5})
READABLE = {**{path: text for path, (text, _) in PROGRAMS.items()}, "d.py": DOCUMENTED, "d.ipynb": NOTEBOOK}


@pytest.mark.parametrize("path", READABLE)
def test_without_uses_nothing_but_the_references_is_missing(path: str) -> None:
    whole, lean = (chunk_file(path, READABLE[path], uses=uses) for uses in (True, False))
    references = lean.symbols.references
    assert lean == replace(whole, symbols=replace(whole.symbols, references=references))
    assert not references or path in ("a.R", "a.sql")  # read by patterns, which find all at once


@pytest.mark.parametrize(
    ("path", "text", "modules"),
    [
        (
            "a.py",
            "import numpy as np, os.path\nfrom .b import (c as d,\n  e)  # f\n",
            ("numpy", "os.path", ".b"),
        ),
        ("a.ts", "import D, { a as b } from './m';\nimport type { T } from \"./t\";\n", ("./m", "./t")),
        ("a.js", "const { x } = require('./x');\n", ("./x",)),
        ("a.go", 'package p\nimport ( "fmt"; y "a/b" )\n', ("fmt", "a/b")),
        ("a.rs", "use std::io::{self, Read as R};\n", ("std::io",)),
        ("a.java", "import static a.b.C.d;\n", ("a.b.C",)),
        ("a.c", '#include <a.h>\n#include "b/c.h"\n', ("a.h", "b/c.h")),
        ("a.jl", "using A: b\nimport C\n", ("A", "C")),
        ("a.R", "library(dplyr)\nx <- purrr::map(y)\n", ("dplyr", "purrr")),
    ],
)
def test_imports(path: str, text: str, modules: tuple[str, ...]) -> None:
    assert chunk_file(path, text).imports == modules


def test_uses_know_their_scope_and_leave_out_local_names() -> None:
    text = "def f(a, b=start()):\n    for i in a:\n        total = g(i) + a.h(total)\n    return LIMIT\n"
    uses = {
        (item.scope, item.owner, item.name, item.call) for item in chunk_file("a.py", text).symbols.references
    }
    assert uses == {
        ("f", "", "start", True),
        ("f", "", "g", True),
        ("f", "a", "h", True),
        ("f", "", "LIMIT", False),
    }


def test_markdown_keeps_the_trail_of_its_headings() -> None:
    filler = "Words of a paragraph that fills.\n" * 20
    text = f"# Top\n{filler}\n## Part\n{filler}\n```python\n# no heading\n```\n\nSet\n===\n{filler}"
    chunks = chunk_file("a.md", text).chunks
    assert [chunk.headings for chunk in chunks] == [("Top",), ("Top", "Part"), ("Set",)]
    assert [chunk.symbol for chunk in chunks] == ["Top", "Part", "Set"]


def test_restructured_text_has_sections_too() -> None:
    filler = "Words of a paragraph that fills.\n" * 20
    chunks = chunk_file("a.rst", f"====\nTop\n====\n\n{filler}\nPart\n----\n{filler}").chunks
    assert [chunk.headings for chunk in chunks] == [("Top",), ("Top", "Part")]


def test_scripts_with_marked_cells_are_cut_at_the_marks() -> None:
    chunks = chunk_file("s.py", "import os\n# %% Load data\nx = 1\n\n# %% [markdown] Say\n# why\n").chunks
    assert [(chunk.start_line, chunk.kind, chunk.headings) for chunk in chunks] == [
        (1, "cell", ()),
        (2, "cell", ("Load data",)),
        (5, "cell", ("Say",)),
    ]


def test_a_name_without_an_ending_goes_by_its_first_line() -> None:
    assert chunk_file("bin/tool", "#!/usr/bin/env python3\ndef f(): pass\n").language == "python"
    assert chunk_file("bin/tool", "def f(): pass\n").language == "text"
    assert chunk_file("a.h", "namespace n { class A; }").language == "cpp"
