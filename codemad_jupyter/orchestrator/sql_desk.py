"""Answers SQL about one's own sessions: the views that a question names are copied, and it is put to the
copies by a process of its own (`tools/sql_worker`), in a database that reaches nothing else.

So no question can write, read a file, hold up the store or take it down, whatever it says.
"""

import asyncio
import contextlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codemad_jupyter.protocol.asking import SqlAnswer, SqlColumn, SqlQuestion
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.store.store import Store
from codemad_jupyter.store.views import MOST, VIEWS, Rows, View
from codemad_jupyter.tools.data import WORKER

SECONDS = 20.0
MEMORY = "512MB"
WIDEST = 4_000
"""Characters of one value."""
AT_ONCE = 2


class SqlDesk:
    """Asks for the sessions in a store."""

    def __init__(self, store: Store, *, seconds: float = SECONDS) -> None:
        self._store = store
        self._seconds = seconds
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def ask(self, question: SqlQuestion) -> SqlAnswer:
        """The answer. Raises `UsageError` for what is no question, or takes too much."""
        named = [view for view in VIEWS.values() if re.search(rf"\b{view.name}\b", question.sql, re.I)]
        async with self._turns:
            given = {view.name: await self._store.view(view) for view in named}
            folder = Path(tempfile.mkdtemp(prefix="codemad-sql-"))
            try:
                await asyncio.to_thread(_lay_out, folder, question, given, self._seconds)
                told = await self._worker(folder)
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        notes = tuple(f"{name} holds its latest {MOST:,} rows only." for name, of in given.items() if of.cut)
        return _read(told, notes)

    async def _worker(self, folder: Path) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(WORKER), str(folder / "asked")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            text, _ = await asyncio.wait_for(process.communicate(), self._seconds + 10)
            told: dict[str, Any] = json.loads(text)
        except (TimeoutError, ValueError):
            return {"error": "it took too long or too much memory", "kind": "Ended"}
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return told


def _lay_out(folder: Path, question: SqlQuestion, given: Mapping[str, Rows], seconds: float) -> None:
    """Write the tables and the question where the worker reads them."""
    tables = []
    for name, of in given.items():
        place = folder / f"{name}.json"
        _write(place, VIEWS[name], of.rows)
        columns = [(column, kind) for column, kind, _ in VIEWS[name].columns]
        tables.append({"name": name, "path": str(place), "columns": columns})
    asked = {
        "sql": question.sql,
        "tables": tables,
        "rows": question.rows,
        "memory": MEMORY,
        "seconds": seconds,
        "widest": WIDEST,
    }
    (folder / "asked").write_text(json.dumps(asked), encoding="utf-8")


def _write(place: Path, view: View, rows: list[tuple[Any, ...]]) -> None:
    names = [name for name, _, _ in view.columns]
    with place.open("w", encoding="utf-8", errors="replace") as file:
        for row in rows:
            file.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, default=str) + "\n")


def _read(told: dict[str, Any], notes: tuple[str, ...]) -> SqlAnswer:
    if "error" in told:
        first = told["error"].strip().partition("\n")[0].rstrip(".!")  # below it DuckDB draws, and guesses
        raise UsageError(f"This cannot be answered: {first}.", hint=_next(told["kind"]))
    count, rows = told["count"], tuple(map(tuple, told["rows"]))
    if count > len(rows):
        more = "" if told["counted_all"] else "at least "
        notes = (*notes, f"These are {len(rows):,} of {more}{count:,} rows.")
    columns = tuple(SqlColumn(**each) for each in told["columns"])
    return SqlAnswer(columns=columns, rows=rows, count=count, notes=notes)


def _next(kind: str) -> str:
    if kind in ("InterruptException", "OutOfMemoryException", "Ended", "MemoryError"):
        return "Ask for less: filter first, and join on session and run."
    if kind == "PermissionException":
        return "SQL reaches only one's own sessions: no file, no address, no setting."
    return f"The tables are {', '.join(VIEWS)}; DESCRIBE tells their columns, as in: DESCRIBE runs"
