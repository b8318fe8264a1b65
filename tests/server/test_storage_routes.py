"""Backups through the server that has the sessions open."""

import asyncio
import json
from pathlib import Path

import pytest

from codemad_jupyter.app.restore import stage
from codemad_jupyter.config.settings import load_settings
from tests.server.serving import Served
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn


def staged_copy(file: Path, workspace: Path) -> Path:
    return stage(file, root=workspace.resolve(), settings=load_settings(workspace))


async def titles(server: Served) -> set[str]:
    found = json.loads((await server.fetch("codemad/sessions/all")).body)["sessions"]
    return {each["title"] for each in found}


async def test_a_server_makes_a_backup_and_brings_it_back(server: Served, workspace: Path) -> None:
    await server.command(type="new_session", title="kept")
    made = await server.fetch("codemad/storage/backup", body={})
    assert made.code == 200, made.body
    file = Path(json.loads(made.body)["file"])
    await server.command(type="new_session", title="later")
    copy = await asyncio.to_thread(staged_copy, file, workspace)
    done = await server.fetch("codemad/storage/restore", body={"file": copy.name})
    assert done.code == 200, done.body
    answer = json.loads(done.body)
    assert answer["problems"] == []
    assert "The sessions that were here before are kept as" in answer["text"]
    assert await titles(server) == {"kept"}


async def test_no_other_file_is_brought_back_and_nobody_else_may(server: Served) -> None:
    for name in ("../../etc/passwd", "store.duckdb", "restore-0123456789abcdef.zip/../x", ""):
        refused = await server.fetch("codemad/storage/restore", body={"file": name})
        assert refused.code == 400, name
        assert "no backup that was staged" in json.loads(refused.body)["error"]["message"]
    for headers in ({}, server.secret):
        for route in ("codemad/storage/restore", "codemad/storage/backup"):
            assert (await server.fetch(route, headers=headers, body={"file": "x"})).code == 403


async def test_nothing_is_replaced_while_a_run_goes_on(
    monkeypatch: pytest.MonkeyPatch, model_server: ModelServer, server: Served
) -> None:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    model_server.play(Turn(hang=True))
    session = await server.session()
    ack = await server.command(type="prompt", session=session, text="wait", model="compatible/scripted")
    refused = await server.fetch("codemad/storage/restore", body={"file": "restore-0123456789abcdef.zip"})
    assert refused.code == 409, refused.body
    assert "A run is going on" in json.loads(refused.body)["error"]["message"]
    await server.command(type="cancel", session=session, run=ack["run"])
    assert (await server.finished(ack))["status"] == "cancelled"
