"""Who may answer: the tab that asked, by its nonce; never the token that code in a kernel can read."""

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

MODEL = "compatible/scripted"


@pytest.fixture
async def server(
    home: Path, workspace: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    async with serving(workspace, home=home) as served:
        yield served


def as_tab(server: Served, tab: Tab) -> dict[str, str]:
    return {**server.bare_token, "X-Codemad-Tab": tab.nonce}


async def approve(server: Served, question: dict[str, Any], headers: dict[str, str]) -> int:
    body = {"type": "approve", **question}
    return int((await server.fetch("codemad/commands", headers=headers, body=body)).code)


async def test_only_the_tab_that_asked_can_allow_while_it_is_there(
    server: Served, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To read or write is not asked about by itself, so that no kernel is needed here: a rule asks.
    monkeypatch.setenv("CODEMAD_PERMISSIONS", json.dumps([{"decide": "ask", "tool": "list_files"}]))
    mine, other = await server.tab("one"), await server.tab("two")
    model_server.play(Turn(calls=(Call("list_files", {}),)), Turn(text="Done."))
    session = await server.session()
    await mine.say(type="subscribe", session=session)
    body = {"type": "prompt", "session": session, "text": "go", "model": MODEL}
    ack = json.loads((await server.fetch("codemad/commands", headers=as_tab(server, mine), body=body)).body)
    async with asyncio.timeout(30):
        event = await mine.event("approval_asked")
    question = {"session": session, "approval": event["approval"], "digest": event["digest"]}

    forged = {**server.bare_token, "X-Codemad-Tab": "guessed"}
    for headers in (server.bare_token, forged, as_tab(server, other)):
        assert await approve(server, question, headers) == 403
    kernel = {"type": "approve", **question}
    response = await server.fetch("codemad/kernel/commands", headers=server.secret, body=kernel)
    assert response.code == 403
    engine = await server.host.engine()
    assert await engine.waiting_run(session, question["approval"]) == ack["run"], "it still waits"
    attempts = [line for line in engine.services.audit.lines() if line.tool == "approve"]
    assert len(attempts) == 3
    assert {(line.decision, line.action) for line in attempts} == {("denied", question["approval"])}

    assert await approve(server, {**question, "digest": "0"}, as_tab(server, mine)) == 409
    assert await approve(server, question, as_tab(server, mine)) == 200
    assert await approve(server, question, as_tab(server, mine)) in (403, 409)
    assert (await server.finished(ack))["status"] == "done"


async def test_settings_trust_and_keys_need_a_tab(server: Served, home: Path) -> None:
    for path, body in (("trust", {"trusted": True, "seen": ""}),):
        response = await server.fetch(f"codemad/{path}", headers=server.bare_token, body=body)
        assert response.code == 403
    tab = await server.tab("one")
    response = await server.fetch(
        "codemad/trust", headers=as_tab(server, tab), body={"trusted": True, "seen": ""}
    )
    assert response.code == 200
