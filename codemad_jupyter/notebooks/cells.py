"""Cells of an nbformat document: their ids, source and type. Works on JSON, imports no nbformat."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from codemad_jupyter.protocol.edits import CellType

Notebook = dict[str, Any]
CELL_TYPES: tuple[str, ...] = get_args(CellType)
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def text_of(value: Any) -> str:
    """A multi-line string, which nbformat stores as one string or as a list of lines."""
    return value if isinstance(value, str) else "".join(value)


def source_of(cell: Mapping[str, Any]) -> str:
    """The text of a cell."""
    return text_of(cell.get("source", ""))


def with_source(cell: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The cell with another text, stored the way the cell stores it."""
    as_lines = not isinstance(cell.get("source"), str)
    return {**cell, "source": source.splitlines(keepends=True) if as_lines else source}


def stores_lines(nb: Notebook) -> bool:
    """Does this document store sources as lists of lines, as nbformat writes them?"""
    return all(not isinstance(cell.get("source"), str) for cell in nb["cells"][:20])


def has_ids(nb: Notebook) -> bool:
    """Do the cells of this document carry ids (nbformat 4.5)?"""
    minor = nb.get("nbformat_minor", 0)
    return isinstance(minor, int) and minor >= 5


def cell_ids(nb: Notebook) -> list[str]:
    """The id of each cell, in order and each different.

    A cell without a usable id gets one made from its type and text, so it stays the same
    while the cell does, wherever the cell moves; equal cells are told apart by a number.
    """
    cells = nb["cells"]
    own = [own_id(cell) if has_ids(nb) else "" for cell in cells]
    taken = set(own)
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    ids = []
    for cell, value in zip(cells, own, strict=True):
        name = value if value and value not in seen else derived_id(cell, taken, counts)
        seen.add(name)
        ids.append(name)
    return ids


def own_id(cell: Mapping[str, Any]) -> str:
    """The id written in the cell; empty when there is none that can be used."""
    value = cell.get("id")
    return value if isinstance(value, str) and usable(value) else ""


def usable(value: str) -> bool:
    """Is it an id as nbformat wants them?"""
    return ID.fullmatch(value) is not None


def derived_id(cell: Mapping[str, Any], taken: set[str], counts: Counter[str]) -> str:
    """An id that no other cell has; ``counts`` remembers how many equal cells came before."""
    text = f"{cell.get('cell_type')}\0{source_of(cell)}"
    stem = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    while True:
        counts[stem] += 1
        name = stem if counts[stem] == 1 else f"{stem}-{counts[stem]}"
        if name not in taken:
            return name


def new_cell(cell_id: str, cell_type: str, source: str, *, as_lines: bool) -> dict[str, Any]:
    """A fresh cell."""
    cell: dict[str, Any] = {"cell_type": cell_type, "id": cell_id, "metadata": {}}
    cell["source"] = source.splitlines(keepends=True) if as_lines else source
    return as_type(cell, cell_type)


def as_type(cell: Mapping[str, Any], cell_type: str) -> dict[str, Any]:
    """The cell as another type; what only the old type may have is dropped."""
    foreign = {"attachments"} if cell_type == "code" else {"outputs", "execution_count"}
    changed = {name: value for name, value in cell.items() if name not in foreign}
    changed["cell_type"] = cell_type
    if cell_type == "code":
        changed.setdefault("execution_count", None)
        changed.setdefault("outputs", [])
    return dict(sorted(changed.items())) if list(cell) == sorted(cell) else changed


def language_of(metadata: Mapping[str, Any]) -> str:
    """The language of the notebook's kernel."""
    for section, field in (("language_info", "name"), ("kernelspec", "language")):
        found = metadata.get(section)
        if isinstance(found, dict) and isinstance(found.get(field), str):
            return str(found[field])
    return "python"


def tags_of(cell: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags of a cell."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, Iterable) else ()


def with_results(
    cell: Mapping[str, Any], outputs: Iterable[dict[str, Any]], count: int | None
) -> dict[str, Any]:
    """The cell with the outputs of a run, stored the way the cell stores its text."""
    as_lines = not isinstance(cell.get("source"), str)
    stored = [stored_output(output, as_lines=as_lines) for output in outputs]
    return {**cell, "outputs": stored, "execution_count": count}


def stored_output(output: Mapping[str, Any], *, as_lines: bool) -> dict[str, Any]:
    """An output as nbformat writes it: text as lines where the document does so."""
    made = dict(output)
    if as_lines and isinstance(made.get("text"), str):
        made["text"] = made["text"].splitlines(keepends=True)
    if as_lines and isinstance(made.get("data"), dict):
        made["data"] = {
            mime: value.splitlines(keepends=True) if is_text(mime) and isinstance(value, str) else value
            for mime, value in made["data"].items()
        }
    return made


def is_text(mime: str) -> bool:
    """Does nbformat store this type of data as lines?"""
    return mime.startswith("text/") or mime in ("image/svg+xml", "application/javascript")
