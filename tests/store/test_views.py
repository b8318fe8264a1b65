"""The documented views over the log of events, on events as the engine writes them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from codemad_jupyter.protocol import events as ev
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.messages import Message, Usage
from codemad_jupyter.store.figures import dashboard
from codemad_jupyter.store.store import Store
from codemad_jupyter.store.views import VIEWS, read

SAID = [
    ev.RunStarted(prompt="Plot \ud800 \0 😀 \\ud800", model="anthropic/big", edge="sidebar",
                  target=Target(notebook="a.ipynb")),
    ev.IntentDecided(intent="edit", reason=""),
    ev.MessageDone(
        id="m1", message=Message.assistant("x"), model="anthropic/big", cost=0.5, seconds=3.0, first=0.25,
        usage=Usage(input_tokens=10, output_tokens=5, cache_read_tokens=2),
    ),
    ev.MessageDone(id="m2", message=Message.assistant("said by no model"), model=""),
    ev.ToolCalled(call="c1", tool="run_code", arguments={}, risk="execute"),
    ev.ApprovalAsked(approval="p1", call="c1", tool="run_code", action="1/0", reason="", digest="d"),
    ev.ApprovalSettled(approval="p1", decision="approved", reason="go on"),
    ev.ToolDone(call="c1", tool="run_code", status="error", summary="it failed", content="", seconds=1.5),
    ev.CellExecuted(notebook="a.ipynb", cell="k", ok=False, error="ValueError: no", seconds=9.0),
    ev.Notice(level="warning", code="fallback", text="Another model answers."),
    ev.RunFinished(
        status="failed", text="Too many.", seconds=4.0,
        usage=Usage(input_tokens=10, output_tokens=5), cost=0.5,
        fault=ev.Fault(model="anthropic/big", kind="rate_limited", status=429),
    ),
]  # fmt: skip


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = await Store.open(None, workspace="w")
    await store.create_session("s1", "First", "anthropic/big", created=1_000_000.0)
    stamped = [
        each.model_copy(update={"seq": at, "session": "s1", "run": "r1", "at": 1_000_000.0 + at})
        for at, each in enumerate(SAID, start=1)
    ]
    await store.append_events(stamped)
    yield store
    await store.close()


async def rows(store: Store, name: str) -> list[dict[str, Any]]:
    view = VIEWS[name]
    names = [column for column, _, _ in view.columns]
    return [dict(zip(names, row, strict=True)) for row in (await store.view(view)).rows]


async def test_each_view_tells_of_a_run(store: Store) -> None:
    (run,) = await rows(store, "runs")
    assert (run["status"], run["fault"], run["intent"], run["notebook"]) == (
        "failed",
        "rate_limited",
        "edit",
        "a.ipynb",
    )
    assert run["prompt"] == "Plot \ufffd \0 \ufffd\ufffd \\ufffd"
    assert (run["cost"], run["input_tokens"], run["edge"]) == (0.5, 10, "sidebar")
    assert str(run["started"]) == "1970-01-12 13:46:41"
    (call,) = await rows(store, "model_calls")
    assert (call["provider"], call["seconds"], call["first_seconds"], call["cache_read_tokens"]) == (
        "anthropic",
        3.0,
        0.25,
        2,
    )
    (tool,) = await rows(store, "tool_calls")
    assert (tool["tool"], tool["status"], tool["summary"], tool["seconds"]) == (
        "run_code",
        "error",
        "it failed",
        1.5,
    )
    (asked,) = await rows(store, "approvals")
    assert (asked["decision"], asked["reason"], asked["waited"]) == ("approved", "go on", 1.0)
    (cell,) = await rows(store, "cells")
    assert (cell["ok"], cell["error"], cell["seconds"]) == (False, "ValueError: no", 9.0)
    found = {(each["source"], each["code"]) for each in await rows(store, "errors")}
    assert found == {
        ("run", "rate_limited"),
        ("tool", "run_code"),
        ("cell", "ValueError"),
        ("notice", "fallback"),
    }
    (session,) = await rows(store, "sessions")
    assert (session["title"], session["branch"]) == ("First", "main")


@pytest.mark.parametrize("name", VIEWS)
async def test_a_view_gives_the_columns_and_types_it_documents(store: Store, name: str) -> None:
    view = VIEWS[name]
    found = await store.database.read(lambda cursor: cursor.execute(f"describe {view.sql}").fetchall())
    assert [(row[0], row[1].lower()) for row in found] == [(column, kind) for column, kind, _ in view.columns]


async def test_a_long_view_gives_its_latest_rows(store: Store) -> None:
    given = await store.database.read(lambda cursor: read(cursor, VIEWS["errors"], 2))
    assert given.cut
    assert [row[3] for row in given.rows] == ["notice", "run"]


async def test_the_dashboard_adds_it_all_up(store: Store) -> None:
    found = await store.database.read(lambda cursor: dashboard(cursor, 3, now=1_000_000.0 + 86_400))
    assert [each.name for each in found.by_day] == ["1970-01-11", "1970-01-12", "1970-01-13"]
    assert [each.cost for each in found.by_day] == [0.0, 0.5, 0.0]
    (model,) = found.by_model
    assert (model.name, model.calls, model.tokens, model.seconds) == ("anthropic/big", 1, 15, 3.0)
    assert [(each.name, each.runs) for each in found.by_notebook] == [("a.ipynb", 1)]
    assert [(each.cell, each.longest) for each in found.slow_cells] == [("k", 9.0)]
    assert [(each.decision, each.count, each.waited) for each in found.approvals] == [("approved", 1, 1.0)]
    assert {each.code for each in found.errors} == {"rate_limited", "run_code", "ValueError", "fallback"}
    later = await store.database.read(lambda cursor: dashboard(cursor, 3))
    assert (later.total.calls, later.errors, len(later.by_day)) == (0, (), 3)
