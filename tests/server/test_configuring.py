"""Trust, keys and settings over REST: they count at once, and a key never comes out again."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

from tests.server.serving import Served
from tests.waiting import LIMIT

KEY = "local-CANARY-0000-of-nobody"


@pytest.fixture
def home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEMAD_CONFIG", str(home / "config" / "codemad" / "config.toml"))
    return home


async def send(server: Served, method: str, path: str, body: Any = None) -> HTTPResponse:
    content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = HTTPRequest(
        server.url(f"codemad/{path}"),
        method=method,
        headers=server.token,
        body=content if content is not None or method in ("GET", "DELETE") else b"",
        request_timeout=LIMIT,
    )
    return await AsyncHTTPClient().fetch(request, raise_error=False)


def said(response: HTTPResponse) -> Any:
    return json.loads(response.body)


def kept_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_folder_is_trusted_with_what_was_seen_and_counts_at_once(
    server: Served, workspace: Path
) -> None:
    (workspace / "codemad.toml").write_text("max_steps = 3\n")
    (workspace / "AGENTS.md").write_text("Prefer polars.")
    assert (await server.host.engine()).services.limits.steps == 25
    tab = await server.tab("tab")
    looked = said(await send(server, "GET", "trust"))
    assert (looked["state"], looked["found"]) == ("untrusted", ["codemad.toml", "AGENTS.md"])
    (workspace / "codemad.toml").write_text("max_steps = 4\n")
    late = await send(server, "POST", "trust", {"trusted": True, "seen": looked["digest"]})
    assert (late.code, said(late)["error"]["code"]) == (409, "conflict")
    seen = said(await send(server, "GET", "trust"))["digest"]
    done = await send(server, "POST", "trust", {"trusted": True, "seen": seen})
    assert said(done)["state"] == "trusted"
    engine = await server.host.engine()
    assert engine.services.limits.steps == 4
    assert engine.services.trusted(workspace)
    await tab.closed()  # a browser comes back by itself
    assert said(await send(server, "POST", "trust", {"trusted": False, "seen": ""}))["state"] == "untrusted"
    assert (await server.host.engine()).services.limits.steps == 25
    for body in (b"{", b"[]", b'{"trusted": 1, "seen": ""}', b'{"trusted": true}'):
        assert (await send(server, "POST", "trust", body)).code == 400


async def test_a_key_goes_in_and_never_comes_out(
    server: Served, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [await send(server, "PUT", "keys/compatible", {"key": f" {KEY}\n"})]
    assert answers[0].code == 200
    answers.append(await send(server, "GET", "keys"))
    ring = said(answers[-1])
    assert ring["store"] == "file"
    places = {info["provider"]: info["place"] for info in ring["keys"]}
    assert (places["compatible"], places["openai"]) == ("file", "none")
    held = (await server.host.engine()).services
    assert held.router.config.compatible_api_key is not None
    assert held.router.config.compatible_api_key.get_secret_value() == KEY
    assert KEY not in held.redact(f"it is {KEY}")
    for bad in ({"key": f"two {KEY}"}, {"key": 5}, {"kex": KEY}, {"key": f"{KEY}\u2013"}):
        answers.append(await send(server, "PUT", "keys/compatible", bad))
        assert answers[-1].code == 400
    answers.append(await send(server, "PUT", "keys/nobody", {"key": KEY}))
    answers.append(await send(server, "POST", "keys/compatible/test"))
    assert said(answers[-1])["ok"] is False
    answers += [await send(server, "GET", path) for path in ("settings", "models", "status")]
    answers.append(await send(server, "DELETE", "keys/compatible"))
    answers.append(await send(server, "DELETE", "keys/compatible"))
    assert [answer.code for answer in answers[-2:]] == [200, 404]
    assert (await server.host.engine()).services.router.config.compatible_api_key is None
    assert all(b"CANARY" not in answer.body for answer in answers)
    assert "CANARY" not in caplog.text
    assert b"CANARY" not in kept_bytes(home)


async def test_settings_are_changed_in_the_persons_file(server: Served, home: Path) -> None:
    done = await send(server, "PUT", "settings", {"values": {"max_steps": 9, "data_level": "schema"}})
    assert done.code == 200, done.body
    assert 'data_level = "schema"' in (home / "config" / "codemad" / "config.toml").read_text()
    assert (await server.host.engine()).services.limits.steps == 9
    refused = await send(server, "PUT", "settings", {"values": {"max_steps": 5, "cost_limit": -1}})
    assert refused.code == 400
    assert "0 or more" in said(refused)["error"]["hint"]
    shown = said(await send(server, "GET", "settings"))
    assert shown["own"] == {"max_steps": 9, "data_level": "schema"}
    rows = {row["key"]: row for row in shown["settings"]}
    assert (rows["max_steps"]["value"], rows["timeout"]["origin"]) == (9, "default")
    await send(server, "PUT", "settings", {"values": {"max_steps": None}})
    assert (await server.host.engine()).services.limits.steps == 25


async def test_an_engine_at_work_is_left_alone(server: Served, home: Path) -> None:
    engine = await server.host.engine()
    assert await server.host.engine() is engine
    session = await server.session()
    ack = await server.command(type="prompt", session=session, text="hello", edge="test", target={})
    await send(server, "PUT", "settings", {"values": {"max_steps": 9}})
    await server.finished(ack)
    assert (await server.host.engine()).services.limits.steps == 9
    stored = said(await send(server, "GET", f"sessions/{session}/events"))["events"]
    assert any(event["type"] == "run_finished" for event in stored)


async def test_a_broken_file_starts_the_safest_engine(server: Served, home: Path) -> None:
    path = home / "config" / "codemad" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('model = "openai/gpt-6-sol"\ndata_level = \n')
    engine = await server.host.engine()
    assert engine.default_model == "codemad/offline"
    assert engine.data_level("n.ipynb") == "schema"
    assert any("line 2" in text and str(path) in text for text in engine.services.notices)
    path.write_text('data_level = "outputs"\n')
    assert (await server.host.engine()).data_level("n.ipynb") == "outputs"
