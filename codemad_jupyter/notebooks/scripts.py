"""Scripts and Markdown files read as notebooks, and written back, through jupytext.

Such files keep no cell ids and no outputs. Ids are made from the cells' text, and remembered for the
state that was written last, so that a cell keeps its id when an edit changes it.
"""

import hashlib
import json
from pathlib import PurePath
from typing import Any

from codemad_jupyter.notebooks.cells import Notebook, cell_ids, source_of
from codemad_jupyter.protocol.errors import NotebookError

SUFFIXES = frozenset({".py", ".md", ".Rmd", ".qmd", ".R", ".r", ".jl"})
AS_TEXT = "Edit it as a text file instead."


class ScriptIds:
    """The ids that the cells of each written file have."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, list[str]]] = {}

    def keep(self, name: str, data: bytes, ids: list[str]) -> None:
        """Remember the ids of a state of a file."""
        self._known[name] = (hashlib.sha256(data).hexdigest(), ids)

    def find(self, name: str, data: bytes) -> list[str] | None:
        """The ids, if the file still is what was written."""
        digest, ids = self._known.get(name, ("", []))
        return ids if digest == hashlib.sha256(data).hexdigest() else None


def read_script(data: bytes, name: str, ids: list[str] | None) -> Notebook:
    """The notebook in a text file, with ``ids`` where they fit. Raises `NotebookError`."""
    nb = parse_script(text_of(data, name), name)
    bare = {**nb, "nbformat_minor": 4}
    for cell in nb["cells"]:
        cell.pop("id", None)
    fitting = ids if ids is not None and len(ids) == len(nb["cells"]) else cell_ids(bare)
    cells = [{**cell, "id": cell_id} for cell, cell_id in zip(nb["cells"], fitting, strict=True)]
    return {**nb, "cells": cells, "nbformat_minor": 5}


def write_script(nb: Notebook, before: bytes, name: str) -> bytes:
    """The notebook as the bytes of its text file.

    Refuses a file whose untouched state jupytext would write differently: the parts that
    nobody meant to change would change with the edit.
    """
    text = text_of(before, name)
    newline = "\r\n" if "\r\n" in text else "\n"
    if format_script(parse_script(text, name), name) != text.replace("\r\n", "\n"):
        raise NotebookError(f"{name} cannot be rewritten as a notebook without changing it.", hint=AS_TEXT)
    written = format_script(_plain(nb), name)
    if _sources(parse_script(written, name)) != _sources(nb):
        raise NotebookError(
            f"The cells of {name} would not be the same when it is read again: a line in one of them"
            " looks like the beginning of a cell.",
            hint=AS_TEXT,
        )
    return written.replace("\n", newline).encode("utf-8")


def _plain(nb: Notebook) -> Notebook:
    """Without the note of who made a cell: in a text it would stand in everybody's way."""
    return {**nb, "cells": [_without_provenance(cell) for cell in nb["cells"]]}


def _without_provenance(cell: dict[str, Any]) -> dict[str, Any]:
    metadata = cell.get("metadata", {})
    return {**cell, "metadata": {name: value for name, value in metadata.items() if name != "codemad"}}


def _sources(nb: Notebook) -> list[tuple[str, str]]:
    return [(cell["cell_type"], source_of(cell).strip()) for cell in nb["cells"]]


def text_of(data: bytes, name: str) -> str:
    """The text of a file."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotebookError(f"{name} is not UTF-8 text (byte {error.start}).", hint=AS_TEXT) from None


def parse_script(text: str, name: str) -> Notebook:
    """What jupytext makes of a text, as plain JSON."""
    import jupytext

    try:
        node = jupytext.reads(text.replace("\r\n", "\n"), fmt={"extension": PurePath(name).suffix})
    except Exception as error:  # jupytext raises what its parsers raise, of many kinds
        reason = str(error).partition("\n")[0]
        raise NotebookError(f"{name} cannot be read as a notebook ({reason}).", hint=AS_TEXT) from error
    nb: Notebook = json.loads(json.dumps(node))
    return nb


def format_script(nb: Notebook, name: str) -> str:
    """The text that jupytext writes for a notebook."""
    import jupytext
    import nbformat

    kind = nb["metadata"].get("jupytext", {}).get("text_representation", {}).get("format_name")
    form: dict[str, Any] = {"extension": PurePath(name).suffix, **({"format_name": kind} if kind else {})}
    try:
        return str(jupytext.writes(nbformat.from_dict(nb), fmt=form))  # type: ignore[no-untyped-call]
    except Exception as error:  # as above
        reason = str(error).partition("\n")[0]
        raise NotebookError(f"{name} cannot be written as a notebook ({reason}).", hint=AS_TEXT) from error
