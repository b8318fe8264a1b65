"""Notebooks that jupytext keeps in two files: read as one, written together, by real jupytext."""

import json
import os
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest

from codemad_jupyter.notebooks.files import FileNotebooks
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import NotebookError, StaleEdit

OUTPUT = {"name": "stdout", "output_type": "stream", "text": ["1\n"]}


def code(cell_id: str, source: str, *outputs: Any, **metadata: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": 1 if outputs else None,
        "id": cell_id,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source.splitlines(keepends=True),
    }


def pair(root: Path, formats: str | None = "ipynb,py:percent", suffix: str = ".py") -> tuple[Path, Path]:
    """A notebook of three cells and its text, as jupytext itself writes it."""
    metadata: dict[str, Any] = {"kernelspec": {"display_name": "P", "language": "python", "name": "python3"}}
    if formats:
        metadata["jupytext"] = {"formats": formats}
    title = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# Title"]}
    cells = [
        title,
        code("one", "x = 1\nprint(x)", OUTPUT),
        code("magic", "%matplotlib inline", tags=["setup"]),
    ]
    nb = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    book, text = root / "a.ipynb", root / f"a{suffix}"
    book.write_text(json.dumps(nb, indent=1, ensure_ascii=False) + "\n")
    form = "py:percent" if suffix == ".py" else "md"
    text.write_text(jupytext.writes(nbformat.reads(json.dumps(nb), as_version=4), fmt=form))
    later = book.stat().st_mtime_ns + 10_000_000
    os.utime(text, ns=(later, later))
    return book, text


def change(cell: str, source: str) -> tuple[CellChange, ...]:
    return (CellChange(op="replace", cell=cell, source=source),)


@pytest.mark.parametrize("name", ["a.ipynb", "a.py"])
async def test_an_edit_through_either_file_lands_in_both(tmp_path: Path, name: str) -> None:
    book, text = pair(tmp_path)
    before, head = json.loads(book.read_text()), text.read_text().partition("# # Title")[0]
    await FileNotebooks(tmp_path).apply(name, change("one", "x = 2\nprint(x)"))

    after = json.loads(book.read_text())
    assert after["cells"][1]["source"] == ["x = 2\n", "print(x)"]
    after["cells"][1]["source"] = before["cells"][1]["source"]
    assert after == before  # ids, outputs and metadata of all cells, and of the notebook
    assert "x = 2\nprint(x)" in text.read_text()
    assert "x = 1" not in text.read_text()
    assert text.read_text().startswith(head)
    assert text.stat().st_mtime_ns >= book.stat().st_mtime_ns
    assert jupytext.read(text).cells[2].source == "%matplotlib inline"


async def test_the_text_of_a_pair_shows_outputs_and_ids_of_the_notebook(tmp_path: Path) -> None:
    pair(tmp_path)
    view = await FileNotebooks(tmp_path).view("a.py")
    assert [cell.id for cell in view.cells] == ["title", "one", "magic"]
    assert view.cells[1].outputs_text == "1"


async def test_a_text_that_was_edited_elsewhere_counts(tmp_path: Path) -> None:
    book, text = pair(tmp_path)
    text.write_text(text.read_text().replace("print(x)", "print(x + 1)") + "\n# %%\nnew = 3\n")
    port = FileNotebooks(tmp_path)
    view = await port.view("a.ipynb")
    assert [cell.source for cell in view.cells][1::2] == ["x = 1\nprint(x + 1)", "new = 3"]
    assert [cell.id for cell in view.cells][:3] == ["title", "one", "magic"]
    await port.apply("a.ipynb", change(view.cells[3].id, "new = 4"))
    saved = nbformat.read(book, as_version=4)
    nbformat.validate(saved)
    assert saved.cells[3].source == "new = 4"
    assert saved.cells[1].outputs[0].text == "1\n"
    assert "new = 4" in text.read_text()


async def test_two_files_that_differ_are_not_overwritten(tmp_path: Path) -> None:
    book, text = pair(tmp_path)
    text.write_text(text.read_text().replace("x = 1", "x = 10"))
    book.write_text(book.read_text().replace("x = 1", "x = 20"))
    later = text.stat().st_mtime_ns + 10**9
    os.utime(book, ns=(later, later))
    files = book.read_bytes(), text.read_bytes()
    with pytest.raises(NotebookError, match="their cells differ"):
        await FileNotebooks(tmp_path).apply("a.ipynb", change("one", "x = 3"))
    assert (book.read_bytes(), text.read_bytes()) == files


async def test_a_note_of_who_made_a_cell_stays_out_of_the_text(tmp_path: Path) -> None:
    _, text = pair(tmp_path)
    content = code("new", "y = 1", codemad={"run": "r"})
    await FileNotebooks(tmp_path).apply("a.ipynb", (CellChange(op="insert", cell="new", content=content),))
    assert "y = 1" in text.read_text()
    assert "codemad" not in text.read_text()


async def test_a_line_that_would_begin_a_cell_is_refused(tmp_path: Path) -> None:
    book, text = pair(tmp_path)
    files = book.read_bytes(), text.read_bytes()
    with pytest.raises(NotebookError, match="beginning of a cell"):
        await FileNotebooks(tmp_path).apply("a.py", change("one", "a = 1\n# %% no cell\nb = 2"))
    assert (book.read_bytes(), text.read_bytes()) == files


async def test_new_outputs_leave_the_text_up_to_date(tmp_path: Path) -> None:
    book, text = pair(tmp_path)
    before = text.read_bytes()
    content = code("one", "x = 1\nprint(x)", {**OUTPUT, "text": ["2\n"]})
    await FileNotebooks(tmp_path).apply("a.ipynb", (CellChange(op="put", cell="one", content=content),))
    assert text.read_bytes() == before
    assert text.stat().st_mtime_ns >= book.stat().st_mtime_ns


async def test_pairs_by_the_configuration_of_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "jupytext.toml").write_text('formats = "ipynb,md"\n')
    _, text = pair(tmp_path, formats=None, suffix=".md")
    await FileNotebooks(tmp_path).apply("a.ipynb", change("one", "x = 7"))
    assert "x = 7" in text.read_text()


async def test_a_configuration_that_is_code_does_not_run(tmp_path: Path) -> None:
    (tmp_path / ".jupytext.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    pair(tmp_path, formats=None)
    await FileNotebooks(tmp_path).apply("a.ipynb", change("one", "x = 7"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("formats", ["ipynb,../..//py:percent", "ipynb,/tmp//py:percent"])
async def test_a_partner_outside_is_none(tmp_path: Path, formats: str) -> None:
    _, text = pair(tmp_path, formats=formats)
    before = text.read_bytes()
    await FileNotebooks(tmp_path).apply("a.ipynb", change("one", "x = 7"))
    assert text.read_bytes() == before


async def test_formats_that_make_no_sense_are_named(tmp_path: Path) -> None:
    book, _ = pair(tmp_path)
    book.write_text(book.read_text().replace("ipynb,py:percent", "ipynb,py:nonsense:x"))
    with pytest.raises(NotebookError, match=r"jupytext\.formats"):
        await FileNotebooks(tmp_path).view("a.ipynb")


async def test_a_stale_partner_stops_both(tmp_path: Path) -> None:
    book, text = pair(tmp_path)
    port = FileNotebooks(tmp_path)
    with pytest.raises(StaleEdit):
        await port.apply("a.py", (CellChange(op="replace", cell="one", source="y", expect="z"),))
    text.chmod(0o444)
    files = book.read_bytes(), text.read_bytes()
    with pytest.raises(NotebookError, match="read-only"):
        await port.apply("a.ipynb", change("one", "x = 9"))
    assert (book.read_bytes(), text.read_bytes()) == files
