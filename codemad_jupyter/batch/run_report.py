"""The report of a run: every cell, every repair with its diff, what it cost and how it ended; as JSON, as a
page that runs nothing and loads nothing, and as lines for a terminal."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Literal

from codemad_jupyter.batch.repairs import Repair, told
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import NotebookError

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
        known = [repair.cost for repair in self.repairs]
        return None if None in known else sum(cost for cost in known if cost is not None)

    @property
    def tokens(self) -> int:
        """Those of all repairs."""
        return sum(repair.tokens for repair in self.repairs)


def lines(report: RunReport) -> list[str]:
    """For a terminal: what is not as it was written, then the sum."""
    told_of = [told(repair) for repair in report.repairs]
    ran = sum(cell.status != "not_run" for cell in report.cells)
    sums = f"{ran} of {len(report.cells)} cells ran in {report.seconds:.1f} s"
    if report.repairs:
        sums += f"; repairs took {report.tokens:,} tokens and {_money(report.cost)}"
    return [*told_of, sums]


def write_report(report: RunReport, path: Path) -> None:
    """As JSON or as a page, by the name's ending. Raises `NotebookError`."""
    text = page(report) if path.suffix == ".html" else report.model_dump_json(indent=2) + "\n"
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise NotebookError(
            f"The report {path} cannot be written: {error.strerror}.", hint="Check space and permissions."
        ) from error


def page(report: RunReport) -> str:
    """A page by itself: no script, nothing from elsewhere; whatever a cell or a model wrote is text."""
    cells = "".join(_row(cell) for cell in report.cells)
    repairs = "".join(_section(repair) for repair in report.repairs)
    head = f"<h1>{escape(report.notebook)}</h1><p class={report.ending}>{escape(report.text)}</p>"
    sums = f"<p>{escape(lines(report)[-1])}. Written to {escape(report.output)}.</p>"
    table = f"<table><tr><th>Cell</th><th>Status</th><th>Seconds</th><th>Error</th></tr>{cells}</table>"
    body = f"{head}{sums}{repairs}<h2>Cells</h2>{table}"
    return f"{_HEAD.format(title=escape(report.notebook))}{body}</body></html>\n"


_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: 4px; font-size: 14px }}
table {{ border-collapse: collapse }}
td, th {{ text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top }}
.failed, .out_of_budget {{ color: light-dark(#b00020, #ff8a80) }}
.repaired {{ color: light-dark(#8a5a00, #ffcc66) }} .done, .ok {{ color: light-dark(#1b6e2a, #81d58f) }}
.add {{ color: light-dark(#1b6e2a, #81d58f) }} .gone {{ color: light-dark(#b00020, #ff8a80) }}
</style></head><body>
"""


def _row(cell: CellReport) -> str:
    said = cell.status.replace("_", " ")
    return (
        f"<tr><td>{cell.number}</td><td class={cell.status}>{said}</td>"
        f"<td>{cell.seconds:.1f}</td><td>{escape(cell.error)}</td></tr>"
    )


def _section(repair: Repair) -> str:
    spent = f"{repair.tokens:,} tokens, {_money(repair.cost)}, {repair.seconds:.1f} s"
    facts = f"{repair.model or 'no model'}, {spent}"
    trial = f"<p>Tried before: {escape(repair.trial)}</p>" if repair.trial else ""
    diff = f"<pre>{''.join(map(_line, repair.diff.splitlines()))}</pre>" if repair.diff else ""
    return f"<h2>{escape(told(repair))}</h2><p>{escape(facts)}</p>{trial}{diff}"


def _line(line: str) -> str:
    kind = {"+": "add", "-": "gone"}.get(line[:1], "same")
    return f"<span class={kind}>{escape(line)}</span>\n"


def _money(cost: float | None) -> str:
    return "an unknown price" if cost is None else f"{cost:.4f} US dollars"
