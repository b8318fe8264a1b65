"""Reports as pages: of one run, and of a whole batch. A page runs nothing and loads nothing, and whatever a
cell or a model wrote is text in it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from codemad_jupyter.batch.run_report import lines, money

if TYPE_CHECKING:
    from codemad_jupyter.batch.journal import JobResult
    from codemad_jupyter.batch.repairs import Repair
    from codemad_jupyter.batch.run_report import CellReport, RunReport


def run_page(report: RunReport) -> str:
    """The page of one run."""
    sums = f"{escape(lines(report)[-1])}. Written to <b>{escape(report.output)}</b>."
    head = (
        f"<h1>{escape(report.notebook)} {_mark(report.ending)}</h1><p>{escape(report.text)}</p><p>{sums}</p>"
    )
    repairs = "".join(_repair(each, "h2") for each in report.repairs)
    rows = "".join(map(_cell, report.cells))
    return _page(report.notebook, f"{head}{repairs}<h2>Cells</h2>{_table('Cell Status Seconds Error', rows)}")


def batch_page(results: Sequence[JobResult], *, title: str, text: str) -> str:
    """The page of a batch: a table of its runs, then each repair with its diff."""
    spread = any(each.where for each in results)
    rows = "".join(_run(each, spread=spread) for each in results)
    head = f"<h1>{escape(title)}</h1><p>{escape(text)}</p>"
    table = _table(f"Run Status Seconds Repairs{' Worker' if spread else ''}", rows)
    return _page(title, f"{head}{table}{''.join(map(_repairs, results))}")


def _page(title: str, body: str) -> str:
    return f"{_HEAD.format(title=escape(title))}{body}</main></body></html>\n"


def _table(heads: str, rows: str) -> str:
    figures = {"Seconds", "Repairs"}
    cells = "".join(
        f"<th scope=col{' class=figure' if each in figures else ''}>{each}</th>" for each in heads.split()
    )
    return f"<div class=wide><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"


def _mark(status: str) -> str:
    return f"<span class='mark {status.replace(' ', '_')}'>{status.replace('_', ' ')}</span>"


def _cell(cell: CellReport) -> str:
    return (
        f"<tr><td>{cell.number}</td><td>{_mark(cell.status)}</td>"
        f"<td class=figure>{cell.seconds:.1f}</td><td>{escape(cell.error)}</td></tr>"
    )


def _run(result: JobResult, *, spread: bool) -> str:
    bad = result.state not in ("done", "repaired")
    why = f"<p>{escape(result.text)}</p>" if bad and result.text else ""
    worker = f"<td class=where>{escape(result.where.removeprefix('tcp://'))}</td>" if spread else ""
    return (
        f"<tr><td>{escape(result.title)}{why}</td><td>{_mark(result.state)}</td>"
        f"<td class=figure>{result.seconds:.1f}</td><td class=figure>{result.repairs or ''}</td>"
        f"{worker}</tr>"
    )


def _repairs(result: JobResult) -> str:
    repairs = result.report.repairs if result.report is not None else ()
    shown = "".join(_repair(each, "h3") for each in repairs)
    return f"<h2>{escape(result.title)}</h2>{shown}" if shown else ""


def _repair(repair: Repair, head: str) -> str:
    spent = f"{repair.tokens:,} tokens, {money(repair.cost)}, {repair.seconds:.1f} s"
    facts = f"{repair.model or 'no model'}, {spent}"
    trial = f" Tried before: {escape(repair.trial)}." if repair.trial else ""
    changed = repair.diff.splitlines()
    if repair.diff.startswith("--- a/"):  # the names of the cell say nothing to who reads its number above
        changed = changed[2:]
    diff = f"<pre>{''.join(map(_line, changed))}</pre>" if changed else ""
    became = _mark("no repair" if repair.status == "none" else repair.status)
    title = f"<{head}>Cell {repair.number}: {escape(repair.error)} {became}</{head}>"
    text = f"<p>{escape(repair.text)}</p>" if repair.text else ""
    return f"<section>{title}<p>{escape(facts)}.{trial}</p>{text}{diff}</section>"


def _line(line: str) -> str:
    kind = {"+": "add", "-": "gone"}.get(line[:1], "same")
    return f"<span class={kind}>{escape(line)}</span>"


_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: #8884; --good: light-dark(#1b6e2a, #81d58f);
  --bad: light-dark(#b00020, #ff8a80); --mended: light-dark(#8a5a00, #ffcc66) }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; max-width: 64rem }}
h1 {{ font-size: 1.6rem }} h2 {{ font-size: 1.2rem; margin-top: 2rem }} h3 {{ font-size: 1rem }}
h1, h2, h3, td {{ overflow-wrap: anywhere }}
.wide {{ overflow-x: auto }} table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top }}
td p {{ margin: 0; color: var(--bad) }} td.where {{ white-space: nowrap }}
td.figure, th.figure {{ text-align: right; font-variant-numeric: tabular-nums }}
.mark {{ font-size: .85rem; font-weight: 600; padding: .1rem .5rem; border: 1px solid; border-radius: 1rem;
  white-space: nowrap }}
.done, .ok {{ color: var(--good) }} .repaired, .suggested {{ color: var(--mended) }}
.failed, .usage, .out_of_budget, .refused {{ color: var(--bad) }}
section {{ border: 1px solid var(--line); border-radius: 6px; padding: 0 1rem .5rem; margin: 1rem 0 }}
pre {{ overflow-x: auto; font-size: 14px; line-height: 1.45; border: 1px solid var(--line);
  border-radius: 4px }}
pre span {{ display: block; padding: 0 .75rem; min-height: 1.45em; min-width: max-content }}
.add {{ color: var(--good); background: light-dark(#e6f4e8, #16301b) }}
.gone {{ color: var(--bad); background: light-dark(#fdeaec, #3a1a1c) }}
</style></head><body><main>
"""
