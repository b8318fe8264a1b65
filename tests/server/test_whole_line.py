"""The whole line: a prompt, a model behind HTTP, an edit in the open notebook, a tab that applies it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.serving import Served, Tab, serving
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT, until

PATH = "n.ipynb"
MODEL = "compatible/scripted"


class OpenNotebook:
    """A tab's document of one cell: applies what it is told, once, and runs cells when it may."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.source = "x = 1"
        self.applied = 0
        self.events: list[dict[str, Any]] = []
        self.may_run = asyncio.Event()
        self.news = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def serve(self) -> None:
        while True:
            frame = await self.tab.hear(wait=60)
            if frame["type"] == "event":
                self.events.append(frame["event"])
                self.news.set()
            elif frame["type"] == "port_call":
                self.tasks.append(asyncio.create_task(self.answer(frame)))

    async def answer(self, call: dict[str, Any]) -> None:
        cell = {"id": "a", "cell_type": "code", "source": self.source}
        match call["op"]:
            case "view":
                await self.tab.reply(call, {"path": PATH, "cells": [cell]})
            case "snapshot":
                whole = {**cell, "metadata": {}, "outputs": [], "execution_count": None}
                await self.tab.reply(
                    call, {"cells": [whole], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
                )
            case "apply":
                self.applied += 1
                self.source = call["arguments"]["changes"][0]["source"]
                await self.tab.reply(call)
            case "execute":
                await self.may_run.wait()
                await self.tab.reply(call, {"ok": True, "error": "", "seconds": 0.1})

    async def event(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT):
            while True:
                for event in self.events:
                    if event["type"] == kind:
                        return event
                self.news.clear()
                await self.news.wait()


@pytest.fixture
async def server(
    home: Path, workspace: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    async with serving(workspace, home=home) as served:
        yield served


@pytest.fixture
async def document(server: Served) -> AsyncIterator[OpenNotebook]:
    session, tab = await server.session(), await server.tab("one", {"path": PATH, "kernel": None})
    await tab.say(type="subscribe", session=session)
    found = OpenNotebook(tab)
    serving_tab = asyncio.create_task(found.serve())
    yield found
    serving_tab.cancel()
    for task in found.tasks:
        task.cancel()
    await asyncio.gather(serving_tab, *found.tasks, return_exceptions=True)


async def ask(server: Served, text: str) -> dict[str, Any]:
    return await server.command(
        type="prompt",
        session=await server.session(),
        text=text,
        model=MODEL,
        target={"notebook": PATH, "cell": "a"},
    )


async def test_a_kernel_that_accepts_and_runs_is_not_made_to_wait_for_itself(
    server: Served, document: OpenNotebook, model_server: ModelServer
) -> None:
    call = Call("replace_cell", {"cell": "a", "source": "x = 2"})
    model_server.play(Turn(calls=(call,)), Turn(text="Proposed."))
    ack = await ask(server, "make it two")
    assert (await server.finished(ack))["status"] == "done"
    edit = (await document.event("edit_proposed"))["edit"]["id"]
    assert (document.applied, document.source) == (0, "x = 1")

    command = {"type": "accept_edit", "session": ack["session"], "edit": edit, "execute": True}
    response = await server.fetch("codemad/kernel/commands", headers=server.secret, body=command)
    assert response.code == 200, response.body
    assert (document.applied, document.source) == (1, "x = 2")
    assert (await document.event("edit_settled"))["status"] == "accepted"
    assert not [event for event in document.events if event["type"] == "cell_executed"]
    document.may_run.set()  # the asking cell has ended, so the kernel gets to the accepted one
    assert (await document.event("cell_executed"))["ok"]

    again = await server.fetch("codemad/kernel/commands", headers=server.secret, body=command)
    assert again.code == 409
    assert document.applied == 1


async def test_of_two_answers_to_one_approval_the_first_counts(
    server: Served, document: OpenNotebook, model_server: ModelServer
) -> None:
    write = Call("run_code", {"code": "print(1)"})
    model_server.play(Turn(calls=(write,)), Turn(text="That is it."))
    ack = await ask(server, "run it")
    try:
        asked = await document.event("approval_asked")
    except TimeoutError:
        pytest.fail(f"no approval was asked: {[event['type'] for event in document.events]}")
    answer = {"session": ack["session"], "approval": asked["approval"]}
    kernel = await server.fetch(
        "codemad/kernel/commands", headers=server.secret, body={"type": "approve", **answer}
    )
    assert kernel.code == 403
    first = await server.fetch("codemad/commands", body={"type": "reject", **answer})
    second = await server.fetch("codemad/commands", body={"type": "approve", **answer})
    assert (first.code, second.code) in ((200, 404), (200, 409))
    assert json.loads(second.body)["error"]["message"]
    assert (await document.event("approval_settled"))["decision"] == "rejected"
    await server.finished(ack)


async def test_a_waiting_run_does_not_count_as_activity(
    server: Served, document: OpenNotebook, model_server: ModelServer
) -> None:
    server.host.limits.pulse = 0.02
    model_server.play(Turn(hang=True), Turn(calls=(Call("run_code", {"code": "1"}),)), Turn(text="."))
    times = server.app.web_app.settings["last_activity_times"]
    ack = await ask(server, "slowly")
    stamps = set()
    await until(lambda: stamps.add(times["codemad"]) or len(stamps) > 5, "stamping a silent run")
    await server.command(type="cancel", session=ack["session"])
    await server.finished(ack)
    await asyncio.sleep(0.1)
    last = times["codemad"]
    await asyncio.sleep(0.2)
    assert times["codemad"] == last, "nothing is stamped when nothing runs"
