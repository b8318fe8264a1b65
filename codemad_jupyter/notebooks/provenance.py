"""Who made a cell: what is written into its metadata when an edit is accepted, and read by blame.

Pure, and light: the magics read it too.
"""

from collections.abc import Mapping
from typing import Any

from codemad_jupyter.notebooks.cells import Notebook, cell_ids, source_of
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.edits import text_hash

KEY = "codemad"


class Blame(Value):
    """A cell and who made it; ``session`` is empty where the person did. ``changed`` says that the text
    is not the accepted one any more. ``at`` is in seconds since the epoch."""

    cell: str
    first_line: str = ""
    session: str = ""
    run: str = ""
    model: str = ""
    at: float | None = None
    changed: bool = False


def provenance(*, session: str, run: str, model: str, at: float, source: str) -> dict[str, Any]:
    """What the metadata of a cell says; ``hash`` tells later whether somebody changed the text."""
    return {
        "session": session,
        "run": run,
        "model": model,
        "at": round(at, 3),
        "hash": text_hash(source)[:16],
    }


def stamped(cell: Mapping[str, Any], made: Mapping[str, Any] | None) -> dict[str, Any]:
    """The cell with that in its metadata; None leaves it as it is."""
    if made is None:
        return dict(cell)
    kept = _metadata(cell)
    metadata = {**kept, KEY: dict(made)}
    return {**cell, "metadata": dict(sorted(metadata.items())) if list(kept) == sorted(kept) else metadata}


def same_maker(cell: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The cell with the maker of another one, or with none where that has none."""
    metadata = {name: value for name, value in _metadata(cell).items() if name != KEY}
    made = _metadata(other).get(KEY)
    return {**cell, "metadata": metadata if made is None else {**metadata, KEY: made}}


def blame(nb: Notebook) -> tuple[Blame, ...]:
    """A line for each cell, in order."""
    return tuple(_blame(name, cell) for name, cell in zip(cell_ids(nb), nb["cells"], strict=True))


def _blame(name: str, cell: Mapping[str, Any]) -> Blame:
    source = source_of(cell)
    lines = (line.strip() for line in source.splitlines())
    first = next((line for line in lines if line), "")[:200]
    made = _metadata(cell).get(KEY)
    if not isinstance(made, dict) or not isinstance(made.get("run"), str):
        return Blame(cell=name, first_line=first)
    at = made.get("at")
    return Blame(
        cell=name,
        first_line=first,
        session=_text(made, "session"),
        run=_text(made, "run"),
        model=_text(made, "model"),
        at=float(at) if isinstance(at, int | float) and not isinstance(at, bool) else None,
        changed=isinstance(made.get("hash"), str) and made["hash"] != text_hash(source)[:16],
    )


def _text(made: Mapping[str, Any], name: str) -> str:
    value = made.get(name)
    return value[:200] if isinstance(value, str) else ""


def _metadata(cell: Mapping[str, Any]) -> dict[str, Any]:
    metadata = cell.get("metadata")
    return metadata if isinstance(metadata, dict) else {}
