"""Repairs of failing cells in a run that nobody watches: what they are, where they may be made, and how the
executed notebook shows them. Pure; asking a model for one is `mending`'s."""

from __future__ import annotations

from typing import Any, Literal

from codemad_jupyter.protocol.base import Value

RepairPolicy = Literal["none", "suggest", "repair"]
ROUNDS = 2
"""Tries at one cell."""
MOST = 10
"""Tries in one notebook."""
NEVER = frozenset({"parameters", "injected-parameters", "codemad-norepair"})
"""Tags of cells that are left as they are."""
TAG = "codemad-repair"
"""The tag of the cells that tell of a repair."""


class Repair(Value):
    """One try at a failing cell: the ``number``-th of the notebook (from 1). ``suggested`` was not applied,
    ``failed`` was and did not help, ``none`` says in ``text`` why nothing was offered. ``trial`` is how the
    code did away from the kernel's state. ``cost`` is in US dollars, None where a price is unknown."""

    number: int
    cell: str
    attempt: int
    error: str
    status: Literal["repaired", "suggested", "failed", "none"]
    diff: str = ""
    trial: str = ""
    text: str = ""
    model: str = ""
    tokens: int = 0
    cost: float | None = 0.0
    seconds: float = 0.0


def may_repair(cell: Any) -> bool:
    """May this cell be changed?"""
    return not NEVER & set(cell.get("metadata", {}).get("tags", ()))


def told(repair: Repair) -> str:
    """One line about it."""
    said = {
        "repaired": "repaired",
        "suggested": "a repair is suggested",
        "failed": "the repair did not help",
        "none": "no repair",
    }[repair.status]
    why = f": {repair.text}" if repair.text and repair.status in ("none", "failed") else ""
    return f"cell {repair.number} ({repair.error}): {said}{why}"


def shown(repair: Repair) -> str:
    """What the executed notebook says above the cell, in Markdown. Without times: two runs are equal."""
    heads = {
        "repaired": "CodeMAD repaired the cell below",
        "suggested": "CodeMAD suggests a repair of the cell below; it was not applied",
        "failed": "CodeMAD tried to repair the cell below; it did not help, so the cell is as it was",
        "none": "CodeMAD found no repair for the cell below",
    }
    cost = "unknown" if repair.cost is None else f"{repair.cost:.4f} US dollars"
    lines = [f"**{heads[repair.status]}.** It failed with {_code(repair.error)}."]
    if repair.diff:
        lines += ["", *_fenced(repair.diff)]
    lines += ["", f"Model: {_code(repair.model or 'none')}; tokens: {repair.tokens:,}; cost: {cost}."]
    return "\n".join(lines)


def annotate(notebook: Any, repairs: tuple[Repair, ...], new_cell: Any) -> None:
    """Put each repair above its cell, and all of them into the notebook's metadata. ``new_cell`` makes a
    Markdown cell of a text."""
    if not repairs:
        return
    kept = [each.model_dump(exclude={"seconds"}) for each in repairs]
    notebook.metadata.setdefault("codemad", {})["repairs"] = kept
    ids = notebook.get("nbformat_minor", 0) >= 5
    taken = {cell.get("id") for cell in notebook.cells}
    for at, repair in reversed(list(enumerate(repairs, 1))):
        cell = new_cell(shown(repair))
        cell.metadata["tags"] = [TAG]
        cell.pop("id", None)
        if ids:
            names = (f"codemad-repair-{at}", *(f"codemad-repair-{at}-{n}" for n in range(len(taken) + 1)))
            cell["id"] = next(name for name in names if name not in taken)
            taken.add(cell["id"])
        notebook.cells.insert(repair.number - 1, cell)


def _code(text: str) -> str:
    """The text as inline code, whatever marks it holds."""
    plain = " ".join(text.split()).replace("`", "'")
    return f"`{plain}`"


def _fenced(text: str) -> list[str]:
    longest = max((len(line) - len(line.lstrip("`")) for line in text.splitlines()), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}diff", text.rstrip("\n"), fence]
