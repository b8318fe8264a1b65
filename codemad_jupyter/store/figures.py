"""The figures of the dashboard, asked of the documented views."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from codemad_jupyter.protocol.figures import Dashboard, Decided, SlowCell, Spend, Trouble
from codemad_jupyter.store.views import VIEWS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST = 12
"""Lines of one figure."""

_CALLS = f"""
from ({VIEWS["model_calls"].sql}) calls
    left join ({VIEWS["runs"].sql}) runs on runs.session = calls.session and runs.run = calls.run
where calls.time >= make_timestamp((? * 1e6)::bigint)
"""
_SPENT = """
count(distinct calls.run), count(*), coalesce(sum(calls.input_tokens + calls.output_tokens), 0)::bigint,
coalesce(sum(calls.cost), 0.0), count(*) filter (where calls.cost is null),
median(calls.seconds) filter (where calls.seconds > 0)
"""
_CELLS = f"""
select notebook, cell, count(*), max(seconds), avg(seconds) from ({VIEWS["cells"].sql})
where time >= make_timestamp((? * 1e6)::bigint) and seconds > 0
group by notebook, cell order by max(seconds) desc limit {MOST}
"""  # noqa: S608
_APPROVALS = f"""
select tool, coalesce(decision, 'waiting') as decision, count(*), avg(waited) from ({VIEWS["approvals"].sql})
where time >= make_timestamp((? * 1e6)::bigint) group by 1, 2 order by 3 desc, 1, 2 limit {MOST}
"""  # noqa: S608
_ERRORS = f"""
select source, coalesce(code, ''), count(*), epoch(max(time)), coalesce(arg_max(text, time), '')
from ({VIEWS["errors"].sql}) where time >= make_timestamp((? * 1e6)::bigint)
group by 1, 2 order by 3 desc, 4 desc limit {MOST}
"""  # noqa: S608


def dashboard(cursor: DuckDBPyConnection, days: int, *, now: float | None = None) -> Dashboard:
    """The figures of the last days, today among them."""
    today = datetime.fromtimestamp(time.time() if now is None else now, UTC).date()
    first = today - timedelta(days=days - 1)
    since = datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()

    def spent(name: str, *, most: int = MOST) -> tuple[Spend, ...]:
        asked = f"select {name}, {_SPENT} {_CALLS} group by 1 order by 5 desc, 3 desc limit {most}"
        rows = cursor.execute(asked, [since]).fetchall()
        return tuple(_spend(row) for row in rows)

    by_day = {each.name: each for each in spent("strftime(calls.time, '%Y-%m-%d')", most=days)}
    names = [str(first + timedelta(days=day)) for day in range(days)]
    total = spent("''", most=1)
    return Dashboard(
        days=days,
        total=total[0] if total else Spend(name=""),
        by_day=tuple(by_day.get(name, Spend(name=name)) for name in names),
        by_model=spent("calls.model"),
        by_notebook=spent("coalesce(runs.notebook, '')"),
        slow_cells=tuple(_slow(row) for row in cursor.execute(_CELLS, [since]).fetchall()),
        approvals=tuple(_decided(row) for row in cursor.execute(_APPROVALS, [since]).fetchall()),
        errors=tuple(_trouble(row) for row in cursor.execute(_ERRORS, [since]).fetchall()),
    )


def _spend(row: tuple[Any, ...]) -> Spend:
    name, runs, calls, tokens, cost, unpriced, seconds = row
    return Spend(
        name=name, runs=runs, calls=calls, tokens=tokens, cost=cost, unpriced=unpriced, seconds=seconds
    )


def _slow(row: tuple[Any, ...]) -> SlowCell:
    notebook, cell, runs, longest, average = row
    return SlowCell(notebook=notebook, cell=cell, runs=runs, longest=longest, average=average)


def _decided(row: tuple[Any, ...]) -> Decided:
    tool, decision, count, waited = row
    return Decided(tool=tool, decision=decision, count=count, waited=waited)


def _trouble(row: tuple[Any, ...]) -> Trouble:
    source, code, count, latest, text = row
    return Trouble(source=source, code=code, count=count, latest=latest, text=text)
