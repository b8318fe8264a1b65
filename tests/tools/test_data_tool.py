"""Asking tables in SQL: what is answered, and what SQL that a model wrote cannot reach or take."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.tools.data import WORKER, query_data
from codemad_jupyter.tools.permissions import Permissions
from codemad_jupyter.tools.sql_worker import answered
from tests.tools.using import User, bare_context, use

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sandboxes here are Linux's")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    (work / "secret").mkdir(parents=True)
    (work / "pay.csv").write_text("name,pay\nAda,7000\nBob,10\nCy,\n")
    (work / "secret" / "keys.csv").write_text("key\nhunter2\n")
    (work / "l.jsonl").write_text('{"a": 1, "b": [1, 2]}\n{"a": 2, "b": null}\n')
    (tmp_path / "outside.csv").write_text("x\n1\n")
    return work


def ask(folder: Path, sql: str, **more: Any) -> dict[str, Any]:
    """The worker's answer in this process: the lock is the same, the walls are not."""
    table = {"name": "pay", "path": str(folder / "pay.csv")}
    given = {"sql": sql, "tables": [table], "rows": 5, "memory": "200MB", "seconds": 20, **more}
    return answered(given)


async def test_files_are_tables(folder: Path) -> None:
    result = await use(
        query_data,
        bare_context(folder),
        sql="SELECT p.name, sum(p.pay) AS total, max(l.b) AS b FROM pay p, l GROUP BY 1 ORDER BY 2 DESC",
        files=["pay.csv", "l.jsonl"],
        rows=2,
    )
    assert result["tables"] == {"pay": 3, "l": 2}
    assert [each["type"] for each in result["columns"]][:2] == ["VARCHAR", "HUGEINT"]
    assert (result["count"], len(result["rows"])) == (3, 2)
    assert ["Ada", "[1, 2]"] in [[row[0], row[2]] for row in result["rows"] + [["Ada", 0, "[1, 2]"]]]
    described = await use(query_data, bare_context(folder), sql="DESCRIBE pay", files=["pay.csv"])
    assert [row[:2] for row in described["rows"]] == [["name", "VARCHAR"], ["pay", "BIGINT"]]


REACHING = """
SELECT * FROM read_csv('{outside}')
SELECT * FROM '{outside}'
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM read_blob('/etc/passwd')
SELECT * FROM glob('/etc/*')
SELECT * FROM sniff_csv('{outside}')
SELECT * FROM read_json('{outside}')
SELECT * FROM read_parquet('{outside}')
SELECT * FROM parquet_metadata('{outside}')
SELECT * FROM read_csv('http://127.0.0.1:9/x')
SELECT content FROM read_text('{here}')
COPY pay TO '{made}'
COPY (SELECT 1) TO '{made}' (FORMAT parquet)
ATTACH '{made}'
ATTACH '{outside}' AS x (READ_ONLY)
EXPORT DATABASE '{made}'
IMPORT DATABASE '{made}'
INSTALL httpfs
LOAD httpfs
FORCE INSTALL httpfs
SET enable_external_access=true
SET lock_configuration=false
RESET lock_configuration
SET GLOBAL memory_limit='100GB'
PRAGMA enable_external_access
PRAGMA database_list
CREATE SECRET x (TYPE s3)
SELECT getenv('HOME')
SELECT * FROM asked
SELECT * FROM duckdb_secrets() WHERE error('x') IS NULL; COPY pay TO '{made}'
CREATE TABLE t AS SELECT 1
DROP TABLE pay
CALL pragma_version()
"""


@pytest.mark.parametrize("sql", REACHING.strip().splitlines())
def test_sql_reaches_nothing_but_its_tables(folder: Path, sql: str) -> None:
    made = folder.parent / "made"
    there = {"outside": folder.parent / "outside.csv", "made": made, "here": folder / "pay.csv"}
    found = ask(folder, sql.format(**there))
    assert "error" in found, found
    assert not made.exists()


async def test_questions_without_end_are_ended(folder: Path) -> None:
    context = bare_context(folder)
    huge = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = 3"
    found = await asyncio.to_thread(ask, folder, huge, seconds=0.5)
    assert found["kind"] == "InterruptException"
    for sql in (
        "SELECT list(a.range) FROM range(1000000000) a",
        "WITH RECURSIVE r(n, t) AS (SELECT 1, repeat('x', 1000000) UNION ALL SELECT n + 1, t || t FROM r) "
        "SELECT max(length(t)) FROM r",
    ):
        found = await asyncio.to_thread(ask, folder, sql, seconds=5)
        assert found["kind"] in ("OutOfMemoryException", "InterruptException", "InvalidInputException"), found
    wide = await use(
        query_data, context, sql="SELECT repeat('y', 1000000) AS y FROM range(10)", files=["l.jsonl"]
    )
    assert len(json.dumps(wide)) < 5_000


@pytest.mark.parametrize(
    "path", ["../outside.csv", "/etc/passwd", "link.csv", "gone.csv", "secret", ".git/x.csv"]
)
async def test_paths_stay_inside(folder: Path, path: str) -> None:
    (folder / "link.csv").symlink_to(folder.parent / "outside.csv")
    os.mkfifo(folder / "pipe.csv")
    for each in (path, "pipe.csv"):
        with pytest.raises(CodemadError):
            await use(query_data, bare_context(folder), sql="SELECT 1", files=[each])


async def test_rules_about_paths_hold(folder: Path) -> None:
    rules = (Rule(decide="deny", path="secret/**"), Rule(decide="deny", path="l.jsonl", axis="files"))
    user = User(bare_context(folder), given=Permissions(rules=rules))
    for files in (["secret/keys.csv"], ["pay.csv", "secret/../secret/keys.csv"], ["l.jsonl"]):
        result = await user.call("query_data", sql="SELECT * FROM keys", files=files)
        assert result.is_error
        assert "hunter2" not in result.content
    assert "7000" in (await user.call("query_data", sql="FROM pay", files=["pay.csv"])).content


async def test_levels_hold(folder: Path) -> None:
    for level in ("schema", "statistics", "samples"):
        user = User(bare_context(folder), level=level)
        told = await user.call("query_data", sql="SELECT name FROM pay WHERE pay > 5000", files=["pay.csv"])
        assert "Ada" not in told.content
        assert ('"count": 1' in told.content) is (level != "schema")
        failed = await user.call(
            "query_data", sql="SELECT error(name) FROM pay WHERE pay > 5000", files=["pay.csv"]
        )
        assert "Ada" not in failed.content
        assert (failed.content == told.content) is (level == "schema")


def test_the_worker_needs_nothing_of_ours() -> None:
    assert "codemad" not in WORKER.read_text()
