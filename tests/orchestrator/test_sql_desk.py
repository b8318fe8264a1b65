"""Strangers' SQL: what it may ask, and that it reaches nothing but copies of the views."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codemad_jupyter.orchestrator.sql_desk import SqlDesk
from codemad_jupyter.protocol.asking import SqlQuestion
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.store.store import Store
from codemad_jupyter.tools.sql_worker import answered

REFUSED = (
    "SELECT * FROM read_csv('{0}/secret.csv')",
    "SELECT * FROM '{0}/secret.csv'",
    "SELECT * FROM glob('{0}/*')",
    "SELECT read_text('{0}/secret.csv')",
    "COPY (SELECT 1) TO '{0}/x.csv'",
    "CREATE TABLE t AS SELECT 1",
    "SELECT 1; DROP VIEW runs",
    "SET enable_external_access = true",
    "ATTACH '{0}/x.duckdb'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "EXPORT DATABASE '{0}'",
    "SELECT * FROM events",
    "SELECT getenv('HOME')",
    "",
)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = await Store.open(None, workspace="w")
    await store.create_session("s1", 'It\'s = "one"', "codemad/offline", created=1_000_000.0)
    yield store
    await store.close()


async def test_views_are_joined_described_and_cut(store: Store) -> None:
    desk = SqlDesk(store)
    sql = "SELECT title, created, count(run) AS n FROM sessions LEFT JOIN RUNS USING (session) GROUP BY 1, 2"
    answer = await desk.ask(SqlQuestion(sql=sql))
    assert answer.rows == (('It\'s = "one"', "1970-01-12 13:46:40", 0),)
    assert [column.name for column in answer.columns] == ["title", "created", "n"]
    answer = await desk.ask(SqlQuestion(sql="SELECT * FROM range(50), sessions", rows=3))
    assert (len(answer.rows), answer.count, answer.notes) == (3, 50, ("These are 3 of 50 rows.",))


@pytest.mark.parametrize("sql", REFUSED)
def test_nothing_else_is_reached(tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    asked = {"sql": sql.format(tmp_path), "tables": [], "rows": 10, "memory": "100MB", "seconds": 5}
    assert "error" in answered(asked)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


async def test_a_slip_is_said_in_a_line(store: Store) -> None:
    for sql, said in (("selec 1", "syntax error"), ("select * from nix", "nix does not exist")):
        with pytest.raises(UsageError, match=said) as caught:
            await SqlDesk(store).ask(SqlQuestion(sql=sql))
        assert "\n" not in caught.value.message
        assert "Did you mean" not in caught.value.message
        assert "!." not in caught.value.message
        assert caught.value.hint.startswith("The tables are sessions, runs")


async def test_a_question_without_end_is_stopped(store: Store) -> None:
    endless = (
        "SELECT count(*) FROM range(10000000) a, range(10000000) b, sessions WHERE a.range + b.range < 0"
    )
    with pytest.raises(UsageError, match="cannot be answered"):
        await SqlDesk(store, seconds=0.5).ask(SqlQuestion(sql=endless))
