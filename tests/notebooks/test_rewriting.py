"""Cells that nobody touched stay the very bytes they were, however oddly the file writes its JSON."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codemad_jupyter.notebooks import document
from codemad_jupyter.protocol.edits import CellChange

CELLS = (
    '{"cell_type": "code", "id": "a", "metadata": {"n": 1.50e2, "n2": -0.0}, "outputs": [],\n'
    ' "execution_count": 1,'
    '      "source": ["x = 1\\n", "y\\u003d2"]}',
    '{ "source":"\\/ \\u00e9 \u00e9 \\ud83d", "id":"b" , "cell_type":"markdown",  "metadata":{ } }',
    '{"cell_type": "code", "id": "c", "metadata": {}, "outputs": [{"output_type": "stream", "name": "stdout",'
    ' "text": "1\\n"}], "execution_count": null, "source": "z", "unknown": [1,2 ,3]}',
    '{"cell_type":"raw","id":"d","metadata":{},"source":[]}',
)
TOP = (
    '{{\n  "metadata": {{"x": [ ]}},\n  "cells": [\n    {}\n  ],\n'
    '  "nbformat": 4, "nbformat_minor": 5, "odd": 1.0\n}}\n\n'
)
CHANGES = {
    "replace": CellChange(op="replace", cell="a", source="q\nr"),
    "delete": CellChange(op="delete", cell="b"),
    "move": CellChange(op="move", cell="d", anchor="a", position="before"),
    "retype": CellChange(op="retype", cell="d", cell_type="markdown"),
    "clear": CellChange(op="clear", cell="c"),
    "insert": CellChange(op="insert", cell="e", source="new", anchor="b"),
    "sign": CellChange(op="replace", cell="d", source="s", provenance={"session": "1", "run": "2"}),
}


def file_of(separator: str = ",\n    ", mark: bytes = b"", newline: str = "\n") -> bytes:
    return mark + TOP.format(separator.join(CELLS)).replace("\n", newline).encode()


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("name", CHANGES)
def test_other_cells_stay_the_same_bytes(name: str, newline: str, mark: bytes) -> None:
    data, change = file_of(mark=mark, newline=newline), CHANGES[name]
    old = document.parse(data, "n.ipynb")
    made = document.apply(old, (change,))
    written = document.rewrite(data, old, made)
    assert json.loads(written.decode("utf-8-sig")) == made
    head, tail = data.split(CELLS[0][:20].encode())[0], data[data.rindex(b"]") :]
    assert written.startswith(head)
    assert written.endswith(tail[1:])
    for id, text in zip("abcd", CELLS, strict=True):
        if id != change.cell or name == "move":
            assert text.replace("\n", newline).encode() in written


@settings(max_examples=200, deadline=None)
@given(names=st.lists(st.sampled_from(sorted(CHANGES)), unique=True, max_size=5))
def test_any_changes_in_turn_lead_to_the_same_document(names: list[str]) -> None:
    data = file_of()
    now = document.parse(data, "n.ipynb")
    for name in names:
        if CHANGES[name].anchor == "b" and "delete" in names:
            continue
        made = document.apply(now, (CHANGES[name],))
        data = document.rewrite(data, now, made)
        now = document.parse(data, "n.ipynb")
        assert now == made
    untouched = set("abcd") - {CHANGES[name].cell for name in names}
    for id, text in zip("abcd", CELLS, strict=True):
        assert id not in untouched or text.encode() in data


@pytest.mark.parametrize(
    "text",
    [
        TOP.format(CELLS[0]),
        TOP.format(""),
        '{"cells": [], ' + TOP.format(", ".join(CELLS))[1:],
        TOP.format(", ".join(CELLS)).replace('"nbformat_minor": 5', '"nbformat_minor": 4'),
    ],
)
def test_what_is_laid_out_otherwise_is_written_anew(text: str) -> None:
    data = text.encode()
    old = document.parse(data, "n.ipynb")
    made = document.apply(old, (CellChange(op="insert", cell="new", source="x"),))
    assert json.loads(document.rewrite(data, old, made)) == made


def test_no_change_is_the_same_file() -> None:
    data = file_of()
    old = document.parse(data, "n.ipynb")
    assert document.rewrite(data, old, document.apply(old, ())) is data
