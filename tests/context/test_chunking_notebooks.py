"""Notebooks cut into cells: ids, headings, outputs, magics, and documents that are damaged."""

import json
from typing import Any

import pytest

from codemad_jupyter.context.chunking import FileChunks, chunk_file


def notebook(*cells: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **fields})


def code(source: Any, **fields: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": [], **fields}


def names(chunks: FileChunks) -> list[str]:
    return [item.qualified for item in chunks.symbols.definitions]


def test_cells_have_their_id_place_and_headings() -> None:
    chunks = chunk_file(
        "n.ipynb",
        notebook(
            {"cell_type": "markdown", "id": "m1", "source": ["# Title\n", "words\n", "## Load"]},
            code(["import pandas as pd\n", "df = pd.read_csv('a.csv')"], id="c1"),
            {"cell_type": "markdown", "source": "# Next"},
            code("def f(x):\n    return df"),
        ),
    )
    assert [(item.cell, item.cell_index, item.cell_type, item.headings) for item in chunks.chunks] == [
        ("m1", 0, "markdown", ("Title",)),
        ("c1", 1, "code", ("Title", "Load")),
        ("#2", 2, "markdown", ("Next",)),
        ("#3", 3, "code", ("Next",)),
    ]
    assert chunks.imports == ("pandas",)
    assert names(chunks) == ["df", "f"]
    assert chunks.symbols.title == "Title"
    (use,) = [item for item in chunks.symbols.references if item.name == "df"]
    assert (use.cell, use.cell_index, use.scope, use.lines) == ("#3", 3, "f", (2,))


def test_a_large_cell_is_cut_by_its_syntax() -> None:
    source = "".join(f"def f{n}():\n" + "    work_on_it(1)\n" * 50 for n in range(3))
    chunks = chunk_file("n.ipynb", notebook(code(source, id="c"))).chunks
    assert [chunk.symbol for chunk in chunks] == ["f0", "f1", "f2"]
    assert [chunk.start_line for chunk in chunks] == [1, 52, 103]
    assert {chunk.cell for chunk in chunks} == {"c"}


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\n!pip install x \\\n  y\nfiles = !ls\nhere = %pwd\ndf?\n?df\ndef f(): pass",
        "%%time\ndef f(): pass",
        "\n%%capture out\ndef f(): pass",
        "%%writefile a/b.py\ndef f(): pass",
        "%%bash\nf() { ls; }",
        "%%R -i df\nf <- function(x) { x }",
    ],
)
def test_magics_do_not_spoil_a_cell(source: str) -> None:
    chunks = chunk_file("n.ipynb", notebook(code(source)))
    assert [item.name for item in chunks.symbols.definitions if item.kind == "function"] == ["f"]
    assert chunks.chunks[0].text == source.lstrip("\n")
    (found,) = [item for item in chunks.symbols.definitions if item.kind == "function"]
    assert found.start_line == source.count("\n") + 1


def test_outputs_are_a_field_of_their_own() -> None:
    outputs = [
        {"output_type": "stream", "text": ["a\x1b[31mred\x1b[0m\n", "b"]},
        {"output_type": "display_data", "data": {"image/png": "AAAA" * 1000, "text/plain": ["<Figure>"]}},
        {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": []},
        {"output_type": "stream", "text": "y" * 100_000},
    ]
    (chunk,) = chunk_file("n.ipynb", notebook(code("x", outputs=outputs))).chunks
    assert chunk.outputs.startswith("ared\nb\n<Figure>\nKeyError: 'x'\nyyy")
    assert len(chunk.outputs) < 2_100
    assert chunk.text == "x"


def test_another_language_goes_by_the_metadata() -> None:
    chunks = chunk_file(
        "n.ipynb", notebook(code("f <- function(x) 1"), metadata={"language_info": {"name": "R"}})
    )
    assert names(chunks) == ["f"]
    assert chunks.symbols.language == "r"


def test_an_old_document_with_sheets_is_read() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Part"},
        {"cell_type": "code", "input": ["x = 1"], "language": "python", "outputs": [{"text": "9"}]},
    ]
    chunks = chunk_file("n.ipynb", json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3})).chunks
    assert [(item.text, item.cell, item.headings) for item in chunks] == [
        ("Part", "#0", ("Part",)),
        ("x = 1", "#1", ("Part",)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{not json",
        "[]",
        "null",
        "[" * 100_000,
        '{"cells": 3}',
        '{"a": ' + "9" * 5_000 + "}",
        "<<<<<<< ours\n" + notebook(code("x")),
    ],
)
def test_what_is_no_notebook_is_cut_into_lines_and_says_so(text: str) -> None:
    chunks = chunk_file("n.ipynb", text)
    assert chunks.degraded.startswith("not a notebook")
    assert "".join(chunk.text for chunk in chunks.chunks).replace("\n", "") == text.replace("\n", "")


def test_odd_cells_do_not_hide_the_others() -> None:
    odd: list[Any] = [
        3,
        None,
        {},
        code(None),
        code({"a": 1}),
        code([1, "y = 1"]),
        code("x = 1", id=["u"], outputs=7),
    ]
    odd += [code("z = 1", id="same"), code("w = 1", id="same"), {"cell_type": 5, "source": "raw"}]
    chunks = chunk_file("n.ipynb", notebook(*odd))
    assert [(item.text, item.cell) for item in chunks.chunks] == [
        ("y = 1", "#5"),
        ("x = 1", "#6"),
        ("z = 1", "same"),
        ("w = 1", "#8"),
        ("raw", "#9"),
    ]


def test_a_cell_with_outputs_alone_is_found() -> None:
    (chunk,) = chunk_file("n.ipynb", notebook(code("", id="c", outputs=[{"text": "result"}]))).chunks
    assert (chunk.text, chunk.outputs, chunk.cell) == ("", "result", "c")
