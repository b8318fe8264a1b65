"""``%codemad sql``: the answer as a DataFrame where pandas is installed, else as a table of text."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from codemad_jupyter.app.sql_text import table_text, views_text
from codemad_jupyter.magics.canvas import show_text
from codemad_jupyter.magics.place import place_of
from codemad_jupyter.protocol.asking import MOST_ROWS, SqlAnswer, SqlQuestion

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from codemad_jupyter.magics.conversation import Conversation


def ask_sql(sql: str, talk: Conversation, ip: InteractiveShell) -> Any:
    """Ask; the cell's value is the answer where it can be a DataFrame."""
    if not sql:
        show_text(ip, views_text())
        return None
    question = SqlQuestion(sql=sql[:100_000], rows=MOST_ROWS)
    answer = talk.door.client(place_of(ip)).query(question)
    for note in answer.notes:
        show_text(ip, note)
    if importlib.util.find_spec("pandas") is not None:
        return frame_of(answer)
    show_text(ip, table_text(answer))
    return None


def frame_of(answer: SqlAnswer) -> Any:
    """The answer as a DataFrame, its times as times."""
    import pandas

    names = [column.name for column in answer.columns]
    frame = pandas.DataFrame.from_records(list(answer.rows), columns=names)
    for at, column in enumerate(answer.columns):
        if column.type.upper().startswith(("TIMESTAMP", "DATE")):
            frame.isetitem(at, pandas.to_datetime(frame.iloc[:, at], errors="coerce"))
    return frame
