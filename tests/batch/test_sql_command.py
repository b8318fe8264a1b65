"""``codemad sql`` and ``%codemad sql``: what they read, what they refuse, how they answer."""

import json
from pathlib import Path

import pytest

from codemad_jupyter.app.sql_text import answer_text, csv_text, table_text, views_text
from codemad_jupyter.batch.cli import main
from codemad_jupyter.magics.arguments import Ask, read_cell, read_line
from codemad_jupyter.magics.sql import frame_of
from codemad_jupyter.magics.subcommand_forms import Subcommand
from codemad_jupyter.protocol.asking import SqlAnswer, SqlColumn
from codemad_jupyter.store.views import VIEWS

COLUMNS = tuple(SqlColumn(name=name, type=kind) for name, kind in (("model", "VARCHAR"), ("cost", "DOUBLE")))
ANSWER = SqlAnswer(columns=COLUMNS, rows=(("=cmd()\x1b[31m", 0.25), (None, None)), count=2)


def test_an_answer_is_a_table_csv_or_json() -> None:
    table = table_text(ANSWER).splitlines()
    assert table[0].split() == ["model", "cost"]
    assert "\x1b" not in table[2]
    assert csv_text(ANSWER).splitlines()[0] == "model,cost"
    assert csv_text(ANSWER).splitlines()[1].startswith("'=cmd()")
    assert json.loads(answer_text(ANSWER, "json"))[0]["cost"] == 0.25
    assert table_text(SqlAnswer(columns=COLUMNS, rows=(), count=0)).splitlines()[0] == "model  cost"


def test_every_view_is_described() -> None:
    text = views_text()
    assert all(f"\n{name}: " in text for name in VIEWS)
    assert "first_seconds" in text


def test_a_frame_has_times_and_keeps_columns_of_one_name() -> None:
    columns = (SqlColumn(name="t", type="TIMESTAMP"), SqlColumn(name="t", type="VARCHAR"))
    frame = frame_of(SqlAnswer(columns=columns, rows=(("2026-01-02 03:04:05", "x"),), count=1))
    assert str(frame.iloc[0, 0]) == "2026-01-02 03:04:05"
    assert frame.iloc[0, 1] == "x"


def test_sql_is_told_from_a_question() -> None:
    assert read_line("sql") == Subcommand("sql")
    assert read_line("sql SELECT 'a  b'") == Subcommand("sql", "SELECT 'a  b'")
    assert read_cell("sql", "SELECT 1\nFROM runs") == Subcommand("sql", "SELECT 1\nFROM runs")
    assert isinstance(read_line("sql or pandas for this?"), Ask)
    assert isinstance(read_cell("sql or pandas?", "tell"), Ask)


def test_sessions_are_asked_from_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def codemad(*words: str) -> tuple[int, str, str]:
        code = main(["sql", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    assert main(["ask", "What is a list?"]) == 0
    capsys.readouterr()
    code, out, _ = codemad("SELECT r.status, count(*) AS n FROM runs r GROUP BY ALL", "--json")
    assert (code, json.loads(out)) == (0, [{"status": "done", "n": 1}])
    code, out, _ = codemad(
        "SELECT provider, first_seconds IS NOT NULL AS known FROM model_calls", "--format", "csv"
    )
    assert out.splitlines() == ["provider,known", "codemad,True"]
    code, out, err = codemad("SELECT 1; DELETE FROM runs")
    assert (code, out, "Ask with one SELECT" in err) == (2, "", True)
    assert codemad("SELECT 1", "--rows", "0")[0] == 2
    assert "model_calls:" in codemad()[1]
