"""The tool that asks tables in SQL: dataframes of the kernel and files of the workspace.

The question is answered by a process of its own in the sandbox (`sql_worker`), which sees these tables and
nothing else: what a model writes in SQL is code. Our own store is never near it.
"""

import asyncio
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from codemad_jupyter.notebooks.ports import TableData
from codemad_jupyter.protocol.errors import Denied, NotFound, ToolError
from codemad_jupyter.tools.files import UNTRUSTED, inside
from codemad_jupyter.tools.shell import commands_of
from codemad_jupyter.tools.tool import ToolContext, tool

SECONDS = 30.0
MEMORY = "1GB"
MOST_ROWS = 200
MOST_VALUES = 2_000_000
"""Values of a dataframe that is taken out of the kernel."""
LARGEST_FILE = 500_000_000
FILES = (".csv", ".tsv", ".txt", ".parquet", ".json", ".jsonl", ".ndjson")
WORKER = Path(__file__).with_name("sql_worker.py")


def _account(result: dict[str, Any]) -> str:
    return "it failed" if "error" in result else f"{result['count']:,} rows"


@tool("read", axis="kernel_inspect", account=_account)
async def query_data(
    context: ToolContext,
    sql: str,
    frames: list[str] = [],  # noqa: B006 - the schema of the tool is made of it
    files: list[str] = [],  # noqa: B006
    rows: int = 50,
) -> dict[str, Any]:
    """Answer one SELECT (DuckDB's SQL) about tables: frames are variables of the kernel that hold
    dataframes, by their names; files are csv, tsv, parquet or json files of the workspace, each a
    table named like the file without its ending. Nothing is changed, and no other file or address can be
    reached. Gives types, the number of rows, and the first ``rows`` of them."""
    if not frames and not files:
        raise ToolError("There is no table to ask.", hint="Name variables in frames or paths in files.")
    places = await asyncio.to_thread(_located, context, files)
    folder = Path(tempfile.mkdtemp(prefix="codemad-sql-"))
    try:
        tables = [await _taken(context, name, folder / f"{at}.json") for at, name in enumerate(frames)]
        tables += _named(places, taken=set(frames))
        asked = {
            "sql": sql,
            "tables": tables,
            "rows": min(max(rows, 0), MOST_ROWS),
            "memory": MEMORY,
            "seconds": SECONDS,
        }
        await asyncio.to_thread((folder / "asked").write_text, json.dumps(asked), encoding="utf-8")
        words = [sys.executable, "-I", str(WORKER), str(folder / "asked")]
        shown = (folder, WORKER, *places.values())
        text = await commands_of(context).jobs.look(words, shown=shown, seconds=SECONDS + 10)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return {"source": UNTRUSTED, **_read(text)}


def _located(context: ToolContext, files: list[str]) -> dict[str, Path]:
    """The files that are asked, by path. Raises for one that may not be read or is no table."""
    found = {}
    for path in files:
        if not context.may_read(path):
            raise Denied(f"{path} may not be read here.", hint="Ask about another file.")
        real = inside(context.root, path)
        if not real.is_file():
            raise NotFound(f"There is no file {path}.", hint="list_files shows what there is.")
        if real.suffix.lower() not in FILES:
            raise ToolError(f"{path} is no table that SQL can read.", hint=f"It reads {', '.join(FILES)}.")
        if real.stat().st_size > LARGEST_FILE:
            raise ToolError(
                f"{path} has more than {LARGEST_FILE:,} bytes.", hint="Read it with code in a cell."
            )
        found[path] = real
    return found


def _named(places: dict[str, Path], *, taken: set[str]) -> list[dict[str, Any]]:
    """A table for each file, named like it; a second one of a name gets a number."""
    tables: list[dict[str, Any]] = []
    for path, real in places.items():
        stem = re.sub(r"\W", "_", PurePosixPath(path).stem)
        names = (stem, *(f"{stem}_{number}" for number in range(2, len(places) + len(taken) + 3)))
        name = next(each for each in names if each not in taken)
        taken.add(name)
        tables.append({"name": name, "path": str(real)})
    return tables


async def _taken(context: ToolContext, name: str, place: Path) -> dict[str, Any]:
    """A dataframe, written where the worker reads it."""
    data = await context.need_kernel().export(name, cells=MOST_VALUES)
    if not data.columns:
        raise ToolError(f"{name} has no columns.")
    names = _distinct([name for name, _, _ in data.columns])
    await asyncio.to_thread(_write, place, names, data)
    kinds = [[told, kind] for told, (_, kind, _) in zip(names, data.columns, strict=True)]
    return {"name": name, "path": str(place), "columns": kinds}


def _distinct(names: list[str]) -> list[str]:
    """Names as SQL tells them apart: it knows no case."""
    taken: set[str] = set()
    told = []
    for name in names:
        each, number = name, 1
        while each.casefold() in taken:
            number += 1
            each = f"{name}_{number}"
        taken.add(each.casefold())
        told.append(each)
    return told


def _write(place: Path, names: list[str], data: TableData) -> None:
    columns = [values for _, _, values in data.columns]
    with place.open("w", encoding="utf-8", errors="replace") as file:
        for row in zip(*columns, strict=True):
            file.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")


def _read(text: str) -> dict[str, Any]:
    """The answer of the worker, its last line."""
    try:
        found: dict[str, Any] = json.loads(text.strip().rpartition("\n")[2])
    except ValueError:
        found = {"error": f"It was ended after {SECONDS:g} seconds or for its memory.", "kind": "Ended"}
    if "error" not in found:
        return found
    if found["kind"] in ("InterruptException", "OutOfMemoryException", "Ended", "MemoryError"):
        return {**found, "next": "Ask for less: filter first, avoid joins without a condition."}
    if found["kind"] == "PermissionException":
        return {**found, "next": "SQL reaches only the tables named in frames and files."}
    return {**found, "next": "Tables are named in frames and files; DESCRIBE tells their columns."}


TOOLS = (query_data,)
