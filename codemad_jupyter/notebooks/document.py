"""Notebook documents as values: bytes to JSON and back, and what an agent sees of them.

Changing a document is in `changes`, taking changes back in `inverse`; both can be had from here.
Nothing here touches a disk or imports nbformat.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from codemad_jupyter.notebooks.cells import (
    CELL_TYPES,
    Notebook,
    cell_ids,
    language_of,
    source_of,
    tags_of,
)
from codemad_jupyter.notebooks.changes import apply as apply
from codemad_jupyter.notebooks.inverse import Conflict as Conflict
from codemad_jupyter.notebooks.inverse import inverse as inverse
from codemad_jupyter.notebooks.outputs import outputs_text
from codemad_jupyter.notebooks.rewriting import rewritten
from codemad_jupyter.protocol.errors import NotebookError
from codemad_jupyter.protocol.kernels import Cell, NotebookView

CONFLICT = re.compile(rb"^(?:<{7}|={7}|>{7})(?: |\r?$)", re.MULTILINE)
NON_ASCII_ESCAPE = re.compile(
    r"(?<!\\)(?:\\\\)*\\u(?:(?!00[01])(?!d[89a-f])[0-9a-f]{4}|d[89ab][0-9a-f]{2}\\ud[c-f])", re.IGNORECASE
)
SURROGATE = re.compile("[\ud800-\udfff]")
RESTORE = "Restore it from a checkpoint or from git."
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Style:
    """How a file writes its JSON; kept, so that what nobody touched stays as it is byte by byte."""

    indent: str | None = " "
    ascii: bool = False
    tail: str = "\n"
    newline: str = "\n"
    bom: bool = False
    item: str = ","
    colon: str = ": "


def parse(data: bytes, name: str) -> Notebook:
    """The document in the bytes of a file. Raises `NotebookError`, which says where it is broken."""
    return checked(loaded(data, name), name)


def loaded(data: bytes, name: str) -> Any:
    """The JSON in the bytes of a file. Raises `NotebookError`."""
    if not data.strip():
        raise NotebookError(f"{name} is empty.", hint="Delete it and create the notebook anew.")
    try:
        return json.loads(data.removeprefix(BOM).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise NotebookError(f"{name} is not UTF-8 text (byte {error.start}).", hint=RESTORE) from None
    except (ValueError, RecursionError) as error:
        raise not_json(data, name, error) from None


def not_json(data: bytes, name: str, error: Exception) -> NotebookError:
    """The error for a file that is no JSON, conflict markers told apart."""
    marker = CONFLICT.search(data)
    if marker is not None:
        line = data.count(b"\n", 0, marker.start()) + 1
        return NotebookError(
            f"{name} holds git merge-conflict markers (line {line}).",
            hint=f"Choose what holds, in a terminal: `codemad merge {name}`.",
        )
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        return NotebookError(f"{name} is not valid JSON ({where}).", hint=RESTORE)
    what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return NotebookError(f"{name} cannot be read ({what}).", hint=RESTORE)


def checked(nb: Any, name: str) -> Notebook:
    """The document, if it is a notebook that can be worked on."""
    if not isinstance(nb, dict) or ("nbformat" not in nb and "cells" not in nb):
        raise NotebookError(f"{name} is JSON but not a notebook.", hint="Open a file that Jupyter wrote.")
    version = nb.get("nbformat", 4)
    if version != 4 or "worksheets" in nb:
        upgrade = "Convert it with `jupyter nbconvert --to notebook --inplace`."
        raise NotebookError(
            f"{name} is in notebook format {version}; only format 4 is supported.",
            hint=upgrade if version in (1, 2, 3) else "Use a newer CodeMAD Jupyter.",
        )
    cells = nb.get("cells")
    if not isinstance(cells, list):
        raise NotebookError(f"{name} has no list of cells.", hint=RESTORE)
    for at, cell in enumerate(cells):
        if not is_cell(cell):
            raise NotebookError(f"Cell {at + 1} of {name} is no valid cell.", hint=RESTORE)
    return nb


def is_cell(cell: Any) -> bool:
    """Has it a known type, and text as nbformat stores it?"""
    if not isinstance(cell, dict) or cell.get("cell_type") not in CELL_TYPES:
        return False
    source = cell.get("source", "")
    return isinstance(source, str) or (
        isinstance(source, list) and all(isinstance(line, str) for line in source)
    )


def style_of(data: bytes) -> Style:
    """How the bytes of a notebook file are written."""
    text = data.removeprefix(BOM).decode("utf-8")
    body = text.rstrip()
    first = re.match(r"\{(\r?\n)?([ \t]*)\"(?:[^\"\\]|\\.)*\"([ \t]*:[ \t]*)", body)
    newline, indent, colon = first.groups() if first else ("\n", " ", ": ")
    return Style(
        indent=indent if newline else None,
        ascii="\\u" in text and text.isascii() and NON_ASCII_ESCAPE.search(text) is not None,
        tail=text[len(body) :],
        newline=newline or "\n",
        bom=data.startswith(BOM),
        item="," if newline or colon == ":" else ", ",
        colon=colon,
    )


def rewrite(data: bytes, old: Notebook, made: Notebook) -> bytes:
    """The bytes of a file that holds ``old``, with ``made`` in its place: untouched cells stay as written."""
    if old is made:
        return data
    style = style_of(data)
    mark = BOM if style.bom else b""

    def dump(cell: dict[str, Any]) -> str:
        text = _dumped(cell, style)
        return text.replace("\n", f"{style.newline}{(style.indent or '') * 2}")

    text = rewritten(data.removeprefix(BOM).decode("utf-8"), old, made, dump=dump)
    return render(made, style) if text is None else mark + text.encode("utf-8")


def _dumped(value: Any, style: Style) -> str:
    text = json.dumps(
        value, ensure_ascii=style.ascii, indent=style.indent, separators=(style.item, style.colon)
    )
    return SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def render(nb: Notebook, style: Style = Style()) -> bytes:
    """The document as the bytes of a file."""
    text = _dumped(nb, style)
    if style.newline != "\n":
        text = text.replace("\n", style.newline)
    return (BOM if style.bom else b"") + (text + style.tail).encode("utf-8")


def view(nb: Notebook, path: str, *, live: bool = False) -> NotebookView:
    """What an agent sees of a document: cells, outputs as bounded text."""
    cells = tuple(
        Cell(
            id=cell_id,
            cell_type=cell["cell_type"],
            source=source_of(cell),
            execution_count=count_of(cell),
            outputs_text=outputs_text(cell["outputs"]) if isinstance(cell.get("outputs"), list) else "",
            tags=tags_of(cell),
        )
        for cell_id, cell in zip(cell_ids(nb), nb["cells"], strict=True)
    )
    metadata = nb.get("metadata")
    language = language_of(metadata) if isinstance(metadata, dict) else "python"
    return NotebookView(path=path, language=language, cells=cells, live=live)


def count_of(cell: dict[str, Any]) -> int | None:
    """The execution count, where there is one."""
    count = cell.get("execution_count")
    return count if isinstance(count, int) else None
