"""The tables that one can ask about one's sessions, and answers, as a person or a program reads them."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Literal

from codemad_jupyter.app.plain_text import one_line

if TYPE_CHECKING:
    from codemad_jupyter.protocol.asking import SqlAnswer

Form = Literal["table", "json", "csv"]
FORMS: tuple[Form, ...] = ("table", "json", "csv")
WIDEST = 60
"""Characters of one value in a table."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a text begins that a spreadsheet would take for a formula."""


def views_text() -> str:
    """Every view with its columns."""
    from codemad_jupyter.store.views import VIEWS

    lines = ["Ask with one SELECT (DuckDB's SQL). Times are UTC, costs US dollars."]
    for view in VIEWS.values():
        lines += ["", f"{view.name}: {view.text}"]
        lines += [f"  {name:<19} {kind:<10} {text}".rstrip() for name, kind, text in view.columns]
    return "\n".join([*lines, "", "Example: SELECT model, sum(cost) FROM model_calls GROUP BY model"])


def answer_text(answer: SqlAnswer, form: Form) -> str:
    """The answer in a form, without its notes where they would not be part of it."""
    if form == "csv":
        return csv_text(answer).rstrip("\n")
    if form == "json":
        names = [column.name for column in answer.columns]
        records = [dict(zip(names, row, strict=True)) for row in answer.rows]
        return json.dumps(records, ensure_ascii=False, indent=2)
    return table_text(answer)


def csv_text(answer: SqlAnswer) -> str:
    """The answer as CSV; no value of it is a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.name for column in answer.columns])
    for row in answer.rows:
        writer.writerow([_harmless(value) for value in row])
    return file.getvalue()


def table_text(answer: SqlAnswer) -> str:
    """The answer as an aligned table, long values cut."""
    heads = [one_line(column.name) for column in answer.columns]
    lines = [[_shown(value) for value in row] for row in answer.rows]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    right = [_is_number(kind.type) for kind in answer.columns]
    drawn = [heads, ["-" * width for width in widths], *lines]
    return "\n".join(_aligned(line, widths, right) for line in drawn)


def _aligned(line: list[str], widths: list[int], right: list[bool]) -> str:
    cells = zip(line, widths, right, strict=True)
    return "  ".join(text.rjust(width) if end else text.ljust(width) for text, width, end in cells).rstrip()


def _is_number(kind: str) -> bool:
    return kind.upper().startswith(("BIGINT", "DOUBLE", "DECIMAL", "HUGEINT", "INTEGER", "FLOAT", "UBIGINT"))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    text = one_line(f"{value:.6g}" if isinstance(value, float) else str(value))
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
