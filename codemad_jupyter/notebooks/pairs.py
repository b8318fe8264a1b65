"""Notebooks that jupytext keeps in two files: sources in a text file, outputs in the ``.ipynb``.

Both are read as one document and written together. Who says that two files are a pair: the notebook's
own metadata, or a ``jupytext.toml`` or ``pyproject.toml`` of the workspace (never a configuration that
is Python code: that of a stranger would run).
"""

from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from codemad_jupyter.notebooks.cells import Notebook, cell_ids, has_ids, source_of, stores_lines
from codemad_jupyter.notebooks.disk import confined
from codemad_jupyter.protocol.errors import NotebookError

CONFIGURATIONS = ("jupytext.toml", ".jupytext.toml", "pyproject.toml")


class Pair(NamedTuple):
    """The two files, as POSIX paths relative to the workspace."""

    book: str
    text: str


def pair_of(root: Path, path: str, nb: Notebook) -> Pair | None:
    """The pair that ``path`` belongs to, if its partner exists; else None."""
    formats = _formats(root, path, nb)
    if not formats:
        return None
    books: list[str] = []
    texts: list[str] = []
    for each in _paths(path, nb, formats):
        if confined(root, each).is_file():
            (books if each.endswith(".ipynb") else texts).append(each)
    if not books or not texts:
        return None
    return Pair(books[0], path if path in texts else texts[0])


def _formats(root: Path, path: str, nb: Notebook) -> Any:
    own = nb["metadata"].get("jupytext") if isinstance(nb.get("metadata"), dict) else None
    if isinstance(own, dict) and own.get("formats"):
        return own["formats"]
    for folder in PurePosixPath(path).parents:
        for name in CONFIGURATIONS:
            found = _configured(root / folder / name)
            if found is not None:
                return found.get("formats")
    return None


def _configured(file: Path) -> dict[str, Any] | None:
    import tomllib

    if not file.is_file():
        return None
    try:
        settings: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # a file that jupytext cannot read either makes no pairs
    if file.name == "pyproject.toml":
        settings = settings.get("tool", {}).get("jupytext")
    return settings if isinstance(settings, dict) else None


def _paths(path: str, nb: Notebook, formats: Any) -> list[str]:
    from jupytext.config import notebook_formats
    from jupytext.paired_paths import InconsistentPath, paired_paths

    try:
        known = notebook_formats({"metadata": {"jupytext": {"formats": formats}}}, None, path)
        own = next((form for form in known if form["extension"] == PurePosixPath(path).suffix), None)
        return [str(each) for each, _ in paired_paths(path, own, known)] if own else []
    except InconsistentPath:
        return []
    except Exception as error:  # the formats are free text, and jupytext raises many kinds
        reason = str(error).partition("\n")[0]
        raise NotebookError(
            f"{path} says that it is paired, but not in a way jupytext understands ({reason}).",
            hint="Correct `jupytext.formats` in its metadata.",
        ) from error


def differ(book: Notebook, script: Notebook) -> bool:
    """Whether the cells of the two files are not the same."""
    one, other = (
        [(cell["cell_type"], source_of(cell).rstrip()) for cell in each["cells"]] for each in (book, script)
    )
    return one != other


def combined(book: Notebook, script: Notebook, name: str) -> Notebook:
    """The sources of the text file with the outputs, ids and metadata of the notebook file."""
    import json

    import nbformat
    from jupytext.combine import combine_inputs_with_outputs
    from nbformat.v4.rwbase import split_lines

    bare = {**script, "nbformat_minor": 4, "cells": [_without_id(cell) for cell in script["cells"]]}
    kind = {"extension": PurePosixPath(name).suffix}
    sources, outputs = (nbformat.reads(json.dumps(each), as_version=4) for each in (bare, book))  # type: ignore[no-untyped-call]
    node = combine_inputs_with_outputs(sources, outputs, fmt=kind)
    if stores_lines(book):
        node = split_lines(node)  # type: ignore[no-untyped-call]
    made: Notebook = json.loads(json.dumps(node))
    made["metadata"] = book.get("metadata", {})
    if has_ids(made):
        pairs = zip(made["cells"], cell_ids(made), strict=True)
        made["cells"] = [{**cell, "id": cell_id} for cell, cell_id in pairs]
    return made


def as_text(made: Notebook, script: Notebook) -> Notebook:
    """What goes into the text file: the cells, under the head that the file has."""
    cells = [{**cell, "source": source_of(cell)} for cell in made["cells"]]
    return {**made, "cells": cells, "metadata": script["metadata"]}


def _without_id(cell: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cell.items() if name != "id"}
