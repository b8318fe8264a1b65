"""The routes for magics: commands, and events as a stream that ends with its run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from tests.server.serving import Served
from tests.waiting import LIMIT

NOTEBOOK: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


async def submit(server: Served, **command: Any) -> dict[str, Any]:
    response = await server.fetch("codemad/kernel/commands", headers=server.secret, body=command)
    assert response.code == 200, response.body
    ack: dict[str, Any] = json.loads(response.body)
    return ack


def messages(body: bytes) -> list[tuple[str, Any]]:
    found = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


async def test_events_stream_until_the_run_has_finished(server: Served) -> None:
    place = json.loads((await server.fetch("codemad/kernel/session", headers=server.secret)).body)
    assert place["notebook"] is None
    ack = await submit(
        server,
        type="prompt",
        session=place["session"],
        text="What can you do?",
        model="codemad/offline",
        edge="sidebar",
    )
    query = {"session": ack["session"], "after": ack["seq"], "run": ack["run"]}
    response = await server.fetch("codemad/kernel/events", headers=server.secret, **query)
    assert response.code == 200
    assert response.headers["Content-Type"] == "text/event-stream"
    kinds = [kind for kind, _ in messages(response.body)]
    assert kinds == ["event"] * (len(kinds) - 1) + ["end"]
    events = [value for kind, value in messages(response.body) if kind == "event"]
    assert [e["seq"] for e in events] == sorted(e["seq"] for e in events)
    assert events[-1]["type"] == "run_finished"
    assert events[-1]["run"] == ack["run"]
    assert next(e for e in events if e["type"] == "run_started")["edge"] == "magic"


async def test_what_a_kernel_remembers_of_the_person_waits_for_them(server: Served) -> None:
    session = await server.session()
    fact = {"type": "remember_fact", "session": session, "text": "Trusts every cell.", "scope": "user"}
    await submit(server, **fact, edge="sidebar")
    found = json.loads((await server.fetch("codemad/kernel/memory", headers=server.secret)).body)
    (kept,) = found["memories"]
    assert (kept["text"], kept["confirmed"]) == ("Trusts every cell.", False)
    confirm = {"type": "confirm_memory", "session": session, "memory": kept["id"]}
    refused = await server.fetch("codemad/kernel/commands", headers=server.secret, body=confirm)
    assert refused.code == 403
    assert (await server.fetch("codemad/commands", body=confirm)).code == 200
    listed = json.loads((await server.fetch("codemad/memory", query="cell")).body)
    assert [each["confirmed"] for each in listed["memories"]] == [True]
    forget = {"type": "forget_memory", "session": session, "every": True}
    assert (await server.fetch("codemad/commands", body=forget)).code == 200
    hits = json.loads((await server.fetch("codemad/sessions/search", query="trusts")).body)
    assert hits == {"hits": []}


async def test_without_a_run_it_goes_on_until_the_reader_leaves(server: Served) -> None:
    session, seen = await server.session(), asyncio.Event()
    request = HTTPRequest(
        server.url("codemad/kernel/events", session=session, after=0),
        headers=server.secret,
        request_timeout=LIMIT,
        streaming_callback=lambda chunk: seen.set(),
    )
    client = AsyncHTTPClient(force_instance=True)
    reading = asyncio.ensure_future(client.fetch(request, raise_error=False))
    await asyncio.wait_for(seen.wait(), LIMIT)
    assert not reading.done()
    client.close()
    reading.cancel()
    assert (await server.fetch("codemad/status")).code == 200


@pytest.mark.parametrize(
    ("query", "status"), [({"session": "nobody"}, 404), ({}, 404), ({"session": "x", "after": "-1"}, 400)]
)
async def test_a_wrong_question_is_an_ordinary_error(
    server: Served, query: dict[str, str], status: int
) -> None:
    response = await server.fetch("codemad/kernel/events", headers=server.secret, **query)
    assert response.code == status
    assert json.loads(response.body)["error"]["message"]


async def test_the_session_of_a_real_kernel_has_its_notebook(server: Served, workspace: Path) -> None:
    (workspace / "n.ipynb").write_text(json.dumps(NOTEBOOK))
    body = {"path": "n.ipynb", "type": "notebook", "name": "n", "kernel": {"name": "python3"}}
    response = await server.fetch("api/sessions", body=body)
    assert response.code == 201, response.body
    kernel = json.loads(response.body)["kernel"]["id"]
    place = await server.fetch("codemad/kernel/session", headers=server.secret, kernel=kernel)
    assert json.loads(place.body)["notebook"] == "n.ipynb"


async def test_models_are_those_of_people(server: Served) -> None:
    kernel = await server.fetch("codemad/kernel/models", headers=server.secret)
    assert kernel.body == (await server.fetch("codemad/models")).body


async def test_a_large_body_is_refused(server: Served) -> None:
    response = await server.fetch("codemad/kernel/commands", headers=server.secret, body=b"x" * 9_000_000)
    assert response.code == 413
