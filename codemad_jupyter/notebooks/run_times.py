"""How long a cell took when it last ran, as the notebook itself recorded it, and which cells are tagged as
not to be run unasked. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from codemad_jupyter.notebooks.cells import Notebook, cell_ids

ASK_TAGS = frozenset({"ask", "ask-before-run", "ask_before_run", "expensive", "slow"})
BEGIN, END = "iopub.execute_input", "shell.execute_reply"
"""Keys of ``metadata.execution``, which JupyterLab writes where it records the times of cells."""


def asks_before_run(tags: Iterable[str]) -> bool:
    """Does a tag say that a person is to be asked?"""
    return not ASK_TAGS.isdisjoint(tag.lower() for tag in tags)


def recorded_seconds(nb: Notebook) -> dict[str, float]:
    """Seconds of the last run of each cell, by id, for the cells that recorded them."""
    found = ((name, _seconds(cell)) for name, cell in zip(cell_ids(nb), nb["cells"], strict=True))
    return {name: seconds for name, seconds in found if seconds is not None}


def _seconds(cell: Mapping[str, Any]) -> float | None:
    metadata = cell.get("metadata")
    execution = metadata.get("execution") if isinstance(metadata, Mapping) else None
    if not isinstance(execution, Mapping):
        return None
    try:
        begin, end = (datetime.fromisoformat(str(execution[key])) for key in (BEGIN, END))
        seconds = (end - begin).total_seconds()
    except (KeyError, ValueError, TypeError):  # written by whoever: no time is known then
        return None
    return round(seconds, 3) if seconds >= 0 else None
