"""The report of a run: every cell, every repair with its diff, what it cost and how it ended; as JSON and
as lines for a terminal. Pages are `report_page`'s."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from codemad_jupyter.batch.repairs import Repair, told
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import NotebookError
from codemad_jupyter.protocol.wording import counted

Ending = Literal["done", "failed", "out_of_budget", "repaired", "cancelled"]
FORMS = (".json", ".html")
CODES: dict[Ending, int] = {
    "done": 0,
    "failed": 1,
    "out_of_budget": 3,
    "repaired": 5,
    "cancelled": 130,
}
"""What the command ends with."""


class CellReport(Value):
    """How a code cell did: its number in the notebook that was given (from 1), and seconds."""

    number: int
    status: Literal["ok", "failed", "repaired", "not_run"]
    error: str = ""
    seconds: float = 0.0


class RunReport(Value):
    """One run. ``cost`` is that of its repairs, in US dollars; None where a price is unknown."""

    notebook: str
    output: str
    ending: Ending
    text: str
    cells: tuple[CellReport, ...] = ()
    repairs: tuple[Repair, ...] = ()
    seconds: float = 0.0

    @property
    def cost(self) -> float | None:
        """That of all repairs."""
        return total(repair.cost for repair in self.repairs)

    @property
    def tokens(self) -> int:
        """Those of all repairs."""
        return sum(repair.tokens for repair in self.repairs)


def lines(report: RunReport) -> list[str]:
    """For a terminal: what is not as it was written, then the sum."""
    told_of = [told(repair) for repair in report.repairs]
    ran = sum(cell.status != "not_run" for cell in report.cells)
    sums = f"{ran} of {counted(len(report.cells), 'cell')} ran in {report.seconds:.1f} s"
    if report.repairs:
        sums += f"; repairs took {report.tokens:,} tokens, {money(report.cost)}"
    return [*told_of, sums]


def write_report(report: RunReport, path: Path) -> None:
    """As JSON or as a page, by the name's ending. Raises `NotebookError`."""
    from codemad_jupyter.batch.report_page import run_page

    save(run_page(report) if path.suffix == ".html" else report.model_dump_json(indent=2) + "\n", path)


def save(text: str, path: Path) -> None:
    """Put a report in its place. Raises `NotebookError`."""
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise NotebookError(
            f"The report {path} cannot be written: {error.strerror}.", hint="Check space and permissions."
        ) from error


def total(costs: Iterable[float | None]) -> float | None:
    """US dollars; None where one of them is unknown."""
    known = tuple(costs)
    return None if None in known else sum(cost for cost in known if cost is not None)


def money(cost: float | None) -> str:
    """A cost in words."""
    return "price unknown" if cost is None else f"{cost:.4f} US dollars"
