"""No text is lost, none takes long, whatever it is: every non-blank line is in exactly one chunk."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codemad_jupyter.context.chunking import chunk_file
from codemad_jupyter.context.chunking.grammars import GRAMMARS
from codemad_jupyter.context.chunking.lines import ENDLESS_LINE
from codemad_jupyter.context.chunking.parsing import NotParsed, parse

ENDINGS = (
    "py",
    "R",
    "jl",
    "sql",
    "js",
    "ts",
    "tsx",
    "c",
    "cpp",
    "java",
    "go",
    "rs",
    "sh",
    "md",
    "rst",
    "txt",
)
PATHS = [f"a.{ending}" for ending in ENDINGS]
PIECES = """
def f(a):|class A:|    return x|function g() {|}|if (a) {|"|'|'''|\"\"\"|`|${|/*|*/|//|#|# %%|# Title|===|---|
```|$$|create table t (|);|(|)|[|]|<|>|{|\\|end|module M|struct S|fn h() {|impl S {|@dec|import a|
from b import c|
=>|->|::|%%bash|!ls|select|template<class T>|namespace n {|lambda: 0|
x = 1|\t|  | |é|日本|\u2028|\x0c|\x00|\ud800
"""
ENDS = ["\n", "\r\n", "\r", "\n\n", "    "]
TEXTS = st.lists(st.sampled_from([*PIECES.replace("\n", "").split("|"), *ENDS]), max_size=60)
KEYS = st.sampled_from(
    ["cells", "source", "cell_type", "outputs", "id", "data", "text", "worksheets", "metadata"]
)
LEAVES = st.none() | st.text(max_size=5) | st.integers()


def nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Lists and objects of what there is."""
    return st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5)


def lost(path: str, text: str) -> tuple[list[str], list[str]]:
    """The non-blank lines of the text, and those of its chunks in their order."""
    rows: dict[int, str] = {}
    chunks = chunk_file(path, text)
    for chunk in chunks.chunks:
        parts = chunk.text.split("\n")
        assert len(parts) == chunk.end_line - chunk.start_line + 1
        for number, part in enumerate(parts, start=chunk.start_line):
            assert number not in rows or chunk.start_line == chunk.end_line
            rows[number] = rows.get(number, "") + part
    wanted = text.split("\n")
    assert all(wanted[number - 1] == row for number, row in rows.items())
    return [row for row in wanted if row.strip()], [row for _, row in sorted(rows.items()) if row.strip()]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(PATHS), pieces=TEXTS)
def test_each_line_is_in_one_chunk(path: str, pieces: list[str]) -> None:
    wanted, found = lost(path, "".join(pieces))
    assert found == wanted


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(PATHS), pieces=TEXTS, count=st.integers(10, 30))
def test_each_line_of_a_long_text_is_in_one_chunk(path: str, pieces: list[str], count: int) -> None:
    wanted, found = lost(path, ("".join(pieces) + "\n") * count)
    assert found == wanted


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=300), path=st.sampled_from(PATHS))
def test_any_characters_pass(text: str, path: str) -> None:
    wanted, found = lost(path, text)
    assert found == wanted


@settings(max_examples=40, deadline=None)
@given(st.recursive(LEAVES, nested, max_leaves=30))
def test_any_document_passes_as_a_notebook(document: object) -> None:
    chunks = chunk_file("a.ipynb", json.dumps(document))
    assert chunks.path == "a.ipynb"


@pytest.mark.parametrize("path", PATHS)
def test_deep_nesting_and_broken_ends(path: str) -> None:
    deep = "\n".join("  " * depth + "if x: f(" + "(" * depth for depth in range(200))
    for text in (
        deep,
        "x = " + "[" * 200 + "]" * 200,
        "def f(:\n  class {{{\n" * 200,
        'a = "never closed\n' * 300,
    ):
        wanted, found = lost(path, text)
        assert found == wanted


HOSTILE = {
    "generics without an end": "a<",
    "arrows": "x=>~",
    "comments in conditions": "if unsafe /*",
    "async comparisons": "/async <",
    "brackets": "([{",
    "quotes": "\"'`",
    "templates": "`${",
    "keywords": "if while def class return ",
    "here documents": "<<A\n",
    "else": "if(a){}else ",
    "marks": "# %%\n",
    "headings": "#\n",
    "fences": "```\n~~~\n",
    "assignments": "a = function(\n",
    "statements": "create table a ('\n",
    "hashes": "###### # # ",
    "magics": "%%a \\\n",
}


@pytest.mark.parametrize("pattern", HOSTILE.values(), ids=HOSTILE)
def test_one_pattern_over_and_over(pattern: str) -> None:
    text = pattern * (30_000 // len(pattern))
    for path in ("a.py", "a.tsx", "a.java", "a.md"):
        wanted, found = lost(path, text)
        assert found == wanted
    assert chunk_file("a.ipynb", json.dumps({"cells": [{"cell_type": "code", "source": text}]})).chunks


def test_garbage_loses_nothing() -> None:
    random.seed(1)
    text = "".join(random.choices("(){}[]<>\"'`;:,.=+-*/ \nabcdef", k=30_000))
    for path in ("a.py", "a.cpp", "a.R"):
        wanted, found = lost(path, text)
        assert found == wanted


def test_a_parser_that_is_out_of_time_is_given_up() -> None:
    with pytest.raises(NotParsed, match="within 0 s"):
        parse(b"x = (1 + 2)\n" * 5_000, GRAMMARS["python"], seconds=0)


def test_a_long_line_is_cut_between_words_and_an_endless_one_is_not() -> None:
    words = "word " * 2_000
    parts = chunk_file("a.txt", f"one\n{words}\ntwo").chunks
    assert "".join(chunk.text for chunk in parts if chunk.start_line == chunk.end_line == 2) == words
    assert max(len(chunk.text) for chunk in parts) <= 1_500
    endless = "x" * (ENDLESS_LINE + 1)
    (only,) = chunk_file("a.js", endless).chunks
    assert only.text == endless


def test_what_is_too_large_is_cut_into_lines_and_says_so() -> None:
    chunks = chunk_file("a.py", "x = 1\n" * 260_000)
    assert "larger" in chunks.degraded
    assert chunks.chunks[0].kind == "lines"


def test_a_degraded_text_still_shows_its_definitions() -> None:
    text = "def found():\n    pass\n" + "a<" * 5_000
    chunks = chunk_file("a.java", text)
    assert "repeated" in chunks.degraded
    assert [item.name for item in chunks.symbols.definitions] == ["found"]


def test_the_output_of_a_bundler_is_not_read_as_code() -> None:
    chunks = chunk_file("bundle.js", "function a(){return 1};" * 2_000)
    assert chunks.degraded.startswith("generated")
    assert chunks.symbols.definitions == ()
