"""Owns the schema of the store: numbered steps forward, and the version a file has.

A step never changes once it was released; a change of the schema is a new step.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from codemad_jupyter.protocol.errors import StoreError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Migration = tuple[str, ...]

MIGRATIONS: tuple[Migration, ...] = (
    (
        """create table sessions (
            id varchar primary key, title varchar not null, model varchar not null, head varchar,
            created double not null, updated double not null)""",
        """create table entries (
            id varchar primary key, session varchar not null, parent varchar, run varchar,
            message varchar not null, "at" double not null)""",
        """create table events (
            session varchar, seq bigint, run varchar, type varchar not null, "at" double not null,
            body varchar not null, primary key (session, seq))""",
        """create table checkpoints (
            id varchar primary key, session varchar not null, run varchar, reason varchar not null,
            "at" double not null, head varchar, files varchar not null, notebooks varchar not null,
            touched varchar not null, after varchar not null, place bigint not null)""",
    ),
    (
        "alter table checkpoints add column name varchar default '\"\"'",
        "alter table checkpoints add column size bigint default 0",
        "create table parts (digest varchar primary key, body blob not null)",
    ),
    (
        """create table memories (
            id varchar primary key, scope varchar not null, text varchar not null, kind varchar not null,
            role varchar not null, session varchar not null, run varchar, who varchar not null,
            model varchar not null, created double not null, used double, uses bigint not null,
            confirmed boolean not null, level varchar not null, embedder varchar, embedding blob)""",
    ),
    (
        "alter table sessions add column pinned boolean default false",
        "alter table sessions add column archived boolean default false",
        "alter table sessions add column branch varchar default 'main'",
        "alter table sessions add column origin varchar default ''",
        """create table branches (
            session varchar, id varchar, name varchar not null, head varchar, created double not null,
            checkpoint varchar, primary key (session, id))""",
    ),
)

COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "sessions": (
        ("id", "varchar"),
        ("title", "varchar"),
        ("model", "varchar"),
        ("head", "varchar"),
        ("created", "double"),
        ("updated", "double"),
        ("pinned", "boolean"),
        ("archived", "boolean"),
        ("branch", "varchar"),
        ("origin", "varchar"),
    ),
    "branches": (
        ("session", "varchar"),
        ("id", "varchar"),
        ("name", "varchar"),
        ("head", "varchar"),
        ("created", "double"),
        ("checkpoint", "varchar"),
    ),
    "entries": (
        ("id", "varchar"),
        ("session", "varchar"),
        ("parent", "varchar"),
        ("run", "varchar"),
        ("message", "varchar"),
        ("at", "double"),
    ),
    "events": (
        ("session", "varchar"),
        ("seq", "bigint"),
        ("run", "varchar"),
        ("type", "varchar"),
        ("at", "double"),
        ("body", "varchar"),
    ),
    "checkpoints": (
        ("id", "varchar"),
        ("session", "varchar"),
        ("run", "varchar"),
        ("reason", "varchar"),
        ("at", "double"),
        ("head", "varchar"),
        ("files", "varchar"),
        ("notebooks", "varchar"),
        ("touched", "varchar"),
        ("after", "varchar"),
        ("place", "bigint"),
        ("name", "varchar"),
        ("size", "bigint"),
    ),
    "parts": (("digest", "varchar"), ("body", "blob")),
    "memories": (
        ("id", "varchar"),
        ("scope", "varchar"),
        ("text", "varchar"),
        ("kind", "varchar"),
        ("role", "varchar"),
        ("session", "varchar"),
        ("run", "varchar"),
        ("who", "varchar"),
        ("model", "varchar"),
        ("created", "double"),
        ("used", "double"),
        ("uses", "bigint"),
        ("confirmed", "boolean"),
        ("level", "varchar"),
        ("embedder", "varchar"),
        ("embedding", "blob"),
    ),
}
"""Columns and types of today's schema, in the order rows are written."""


class StoreNewer(StoreError):
    """A later version of CodeMAD wrote this store."""

    code = "store_newer"


class StoreDamaged(StoreError):
    """The file is no session store that can be read."""

    code = "store_damaged"


def version_of(connection: "DuckDBPyConnection") -> int:
    """The schema version; 0 for an empty database."""
    found = connection.execute("select table_name from duckdb_tables() where not internal").fetchall()
    tables = {name for (name,) in found}
    if not tables:
        return 0
    if "meta" not in tables:
        raise StoreDamaged("The file is a database, but not a session store of CodeMAD.")
    row = connection.execute("select value from meta where key = 'schema_version'").fetchone()
    if row is None or not str(row[0]).isdigit():
        raise StoreDamaged("The session store does not say which version it has.")
    return int(row[0])


def check(version: int, migrations: Sequence[Migration]) -> None:
    """Refuse a schema this version of CodeMAD does not know."""
    if version > len(migrations):
        raise StoreNewer(
            f"The session store has schema version {version}; this CodeMAD knows up to {len(migrations)}.",
            hint="Update CodeMAD Jupyter to open it. The file was not changed.",
        )


def migrate(connection: "DuckDBPyConnection", migrations: Sequence[Migration]) -> None:
    """Bring the schema up to date in one transaction."""
    version = version_of(connection)
    check(version, migrations)
    if version == len(migrations):
        return
    connection.execute("begin")
    if version == 0:
        connection.execute("create table meta (key varchar primary key, value varchar not null)")
    for step in migrations[version:]:
        for statement in step:
            connection.execute(statement)
    connection.execute("insert or replace into meta values ('schema_version', ?)", [str(len(migrations))])
    connection.execute("commit")


def insert_rows(
    connection: "DuckDBPyConnection", table: str, rows: Sequence[tuple[object, ...]], *, known: str = "fail"
) -> None:
    """Insert rows of today's columns; ``known="keep"`` leaves rows whose key is there as they are."""
    columns = COLUMNS[table]
    names = ", ".join(f'"{name}"' for name, _ in columns)
    values = ", ".join(f"unnest(?::{kind}[])" for _, kind in columns)
    ending = " on conflict do nothing" if known == "keep" else ""
    statement = f"insert into {table} ({names}) select {values}{ending}"
    for start in range(0, len(rows), 1000):
        part = rows[start : start + 1000]
        connection.execute(statement, [[row[index] for row in part] for index in range(len(columns))])
