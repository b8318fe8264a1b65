"""A program of its own that answers one SQL question about tables it is given, in a locked DuckDB.

It reads a request from the file named on its command line and writes one line of JSON. It imports nothing of
this package: it runs behind walls where that may not be seen.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

MOST_COUNTED = 1_000_000
WIDEST = 200
"""Characters of one value."""
READERS = {
    ".parquet": "read_parquet",
    ".json": "read_json_auto",
    ".jsonl": "read_json_auto",
    ".ndjson": "read_json_auto",
}


def main() -> None:
    """Answer, and say so in one line."""
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps(answered(asked), default=str) + "\n")
    sys.stdout.flush()
    os._exit(0)  # nothing is left to save, and threads of the database may not end in good order


def answered(asked: dict[str, Any]) -> dict[str, Any]:
    """What the question gives, or ``error`` and its ``kind``."""
    import duckdb

    connection = duckdb.connect(":memory:", config={"memory_limit": asked["memory"], "threads": 2})
    timer = threading.Timer(asked["seconds"], connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        tables = {each["name"]: _load(connection, each) for each in asked["tables"]}
        lock(connection)
        widest = asked.get("widest", WIDEST)
        return {"tables": tables, **_asked(connection, asked["sql"], asked["rows"], widest)}
    except duckdb.Error as error:
        return {"error": str(error)[:1_000], "kind": type(error).__name__}
    except (MemoryError, RecursionError) as error:
        return {"error": "it needs too much memory", "kind": type(error).__name__}
    finally:
        timer.cancel()


def _load(connection: Any, table: dict[str, Any]) -> int:
    """Make a table of a file; how many rows it has."""
    made = f"CREATE TABLE {quoted(table['name'])} AS SELECT * FROM"
    path = table["path"]
    if "columns" in table:
        columns = {name: kind for name, kind in table["columns"]}
        connection.execute(f"{made} read_json(?, format='newline_delimited', columns={columns!r})", [path])
    else:
        reader = READERS.get(Path(path).suffix.lower(), "read_csv_auto")
        connection.execute(f"{made} {reader}(?)", [path])
    return int(connection.execute(f"SELECT count(*) FROM {quoted(table['name'])}").fetchone()[0])  # noqa: S608


def lock(connection: Any) -> None:
    """From here on nothing but its own tables can be reached, and no setting be changed."""
    for setting in (
        "autoinstall_known_extensions=false",
        "autoload_known_extensions=false",
        "allow_community_extensions=false",
        "python_enable_replacements=false",
        "enable_external_access=false",
        "lock_configuration=true",
    ):
        connection.execute(f"SET {setting}")


def _asked(connection: Any, sql: str, most: int, widest: int) -> dict[str, Any]:
    import duckdb

    statements = duckdb.extract_statements(sql)
    plain = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
    if len(statements) != 1 or statements[0].type not in plain:
        return {"error": "Ask with one SELECT (a PIVOT needs IN with its values).", "kind": "NotAllowed"}
    found = connection.execute(statements[0])
    columns = [{"name": name, "type": str(kind)} for name, kind, *_ in found.description]
    zoned = [quoted(each["name"]) for each in columns if "TIME ZONE" in each["type"]]
    if zoned:  # Python could hold such values only with a package that may not be there
        told = ", ".join(f"{name}::VARCHAR AS {name}" for name in zoned)
        found = connection.execute(f"SELECT * REPLACE ({told}) FROM ({sql.strip().rstrip(';')})")  # noqa: S608
    rows = [[simple(value, widest) for value in row] for row in found.fetchmany(most)]
    count = len(rows)
    while count < MOST_COUNTED and (more := found.fetchmany(10_000)):
        count += len(more)
    return {"columns": columns, "rows": rows, "count": count, "counted_all": count < MOST_COUNTED}


def simple(value: Any, widest: int = WIDEST) -> Any:
    """A value as JSON holds it, a long one cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= widest else f"{text[:widest]}…"


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    main()
