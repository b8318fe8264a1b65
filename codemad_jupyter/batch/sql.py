"""``codemad sql``: asks one's own sessions in SQL, through the Jupyter server that serves the folder where
one runs, else with an engine in this process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from codemad_jupyter.batch.memory import add_common_options
from codemad_jupyter.batch.subcommand import subcommand

if TYPE_CHECKING:
    import argparse

    from codemad_jupyter.batch.subcommand import Commands

ROWS = 1_000


def add_sql(commands: Commands) -> None:
    """``codemad sql``."""
    text = "ask your own sessions in SQL: runs, model calls with their cost, tools, approvals, errors"
    example = '"select model, sum(cost) from model_calls group by model"'
    sql = subcommand(commands, "sql", text, examples=(example, '"select * from runs" --format csv'))
    add_common_options(sql)
    sql.add_argument(
        "sql", nargs="?", metavar="SELECT", help="one SELECT; - reads it from stdin; none: the tables"
    )
    sql.add_argument(
        "--format", choices=("table", "json", "csv"), default="table", help="what is printed (default: table)"
    )
    sql.add_argument("--rows", type=int, default=ROWS, metavar="N", help=f"rows at most (default: {ROWS})")
    sql.set_defaults(perform=_perform)


def _perform(asked: argparse.Namespace) -> int:
    from codemad_jupyter.app.sql_text import Form, answer_text, views_text
    from codemad_jupyter.batch.timeline import client_of
    from codemad_jupyter.protocol.asking import MOST_ROWS, SqlQuestion
    from codemad_jupyter.protocol.errors import UsageError

    if asked.sql is None:
        print(views_text())
        return 0
    if not 1 <= asked.rows <= MOST_ROWS:
        raise UsageError(f"--rows is a number from 1 to {MOST_ROWS}.")
    words = sys.stdin.read() if asked.sql == "-" else asked.sql
    question = SqlQuestion(sql=words[:100_000], rows=asked.rows)
    with client_of(asked.root) as client:
        answer = client.query(question)
    form: Form = "json" if asked.json else asked.format
    print(answer_text(answer, form))
    for note in answer.notes:
        print(f"codemad: {note}", file=sys.stderr)
    return 0
