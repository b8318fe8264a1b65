"""Search, rules, rendering and budget."""

import json
from pathlib import Path

from codemad_jupyter.context.render import kernel_text, notebook_items
from codemad_jupyter.context.search import search
from codemad_jupyter.protocol.kernels import Cell, Column, KernelReport, NotebookView, Variable


def test_search_finds_cells_and_prefers_definitions(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("total = mean_radius(df)\n\ndef mean_radius(df):\n    return 1\n")
    cells = [{"id": "c1", "cell_type": "code", "source": ["df['mean radius'].hist()\n", "x = 1"]}]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}))
    hits = search(tmp_path, "mean_radius")
    assert (hits[0].path, hits[0].start_line, hits[0].symbol) == ("a.py", 3, "mean_radius")
    assert any(hit.cell == "c1" for hit in hits)


def test_search_survives_odd_files(tmp_path: Path) -> None:
    (tmp_path / "bad.ipynb").write_text("{not json")
    (tmp_path / "list.ipynb").write_text("[]")
    (tmp_path / "bin.py").write_bytes(b"\xff\xfe")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    assert search(tmp_path, "anything") == []
    assert search(tmp_path, "!!!") == []


def test_rendering_names_what_matters() -> None:
    frame = Variable(
        name="df",
        type="DataFrame",
        kind="dataframe",
        shape=(3, 2),
        columns=(Column(name="mean radius", dtype="float64"),),
        more_columns=1,
    )
    text = kernel_text(KernelReport(variables=(frame,)))
    assert "df: DataFrame 3 x 2" in text
    assert "mean radius float64" in text
    assert "1 more" in text
    view = NotebookView(
        path="n.ipynb", cells=(Cell(id="a1", cell_type="code", source="1/0", outputs_text="y" * 1_000),)
    )
    (item,) = notebook_items(view, "a1")
    shown = item.text
    assert '<cell id="a1" type="code" active>' in shown
    assert "[…]" in shown
