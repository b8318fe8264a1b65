"""The REST routes with the real engine, and bodies that should not have been sent."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from codemad_jupyter.server.host import Limits
from codemad_jupyter.server.wire import BODY_BYTES
from tests.server.serving import Served
from tests.waiting import LIMIT, until


def error_of(response: Any) -> dict[str, str]:
    value: dict[str, str] = json.loads(response.body)["error"]
    assert set(value) == {"code", "message", "hint"}
    assert "Traceback" not in value["message"]
    return value


def outside(home: Path) -> list[Path]:
    """Everything but our own data."""
    return sorted(path for path in home.rglob("*") if "codemad" not in path.parts)


async def test_sessions_models_and_a_prompt(server: Served) -> None:
    first = json.loads((await server.fetch("codemad/sessions")).body)
    assert first["current"] in [session["id"] for session in first["sessions"]]
    made = await server.command(type="new_session", title="Second")
    after = json.loads((await server.fetch("codemad/sessions")).body)
    assert after["current"] == made["session"]
    assert {s["title"] for s in after["sessions"]} >= {"Second"}
    models = json.loads((await server.fetch("codemad/models")).body)
    assert "codemad/offline" in [model["name"] for model in models["models"]]
    assert models["default"]
    ack = await server.command(type="prompt", session=made["session"], text="hello", model="codemad/offline")
    assert (await server.finished(ack))["status"] == "done"


async def test_a_run_counts_as_activity(server: Served) -> None:
    times = server.app.web_app.settings["last_activity_times"]
    assert "codemad" not in times
    ack = await server.command(
        type="prompt", session=await server.session(), text="hello", model="codemad/offline"
    )
    await server.finished(ack)
    assert times["codemad"] <= server.app.web_app.last_activity()


async def test_each_kind_of_run_counts_as_activity(server: Served, workspace: Path) -> None:
    times = server.app.web_app.settings["last_activity_times"]
    (workspace / "n.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    session = await server.session()
    ack = await server.command(type="verify_notebook", session=session, target={"notebook": "n.ipynb"})
    await server.finished(ack)
    assert "codemad" in times
    await until(lambda: not server.host._tasks, "the end of the watch over the run")
    await server.command(type="rename_session", session=session, title="Renamed")
    assert not server.host._tasks, "this command has begun no run"


@pytest.mark.parametrize(("told", "pulse"), [("", 30), ("300", 30), ("5", 5), ("0", 30), ("soon", 30)])
def test_a_run_is_stamped_as_often_as_the_hub_is_told(
    monkeypatch: pytest.MonkeyPatch, told: str, pulse: float
) -> None:
    monkeypatch.setenv("JUPYTERHUB_ACTIVITY_INTERVAL", told)
    assert Limits().pulse == pulse


@pytest.mark.parametrize("route", ["commands", "preview", "complete", "kernel/commands"])
async def test_a_refusal_before_the_body_has_come_says_that_the_line_ends(server: Served, route: str) -> None:
    """Else a proxy gives the dead connection to whoever comes next."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"POST {server.base}codemad/{route} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(LIMIT):
        answer = await reader.read()  # to the end: the server hangs up
    writer.close()
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "usage"),
        (b"no json", 400, "usage"),
        (b"\xff\xfe\x00", 400, "usage"),
        (b"[]", 400, "usage"),
        (b'{"type": "dance"}', 400, "usage"),
        (b'{"type": "prompt", "session": "s"}', 400, "usage"),
        (b'{"type": "undo", "session": "s", "sudo": true}', 400, "usage"),
        (b'{"type": "cancel", "session": NaN}', 400, "usage"),
        (b"[" * 100_000, 400, "usage"),
        (b'{"type": "undo", "session": ' + b"9" * 10_000 + b"}", 400, "usage"),
        (b'{"type": "undo", "session": "nobody"}', 404, "not_found"),
        (b'{"type": "undo", "session": "../../etc/passwd"}', 404, "not_found"),
        (b'{"type": "undo", "session": "a\\u0000b"}', 404, "not_found"),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else str(value),
)
async def test_bad_bodies_get_a_reason(server: Served, body: bytes, status: int, code: str) -> None:
    response = await server.fetch("codemad/commands", body=body)
    assert response.code == status, response.body
    error = error_of(response)
    assert error["code"] == code
    assert error["message"]
    assert len(error["message"]) < 1000


async def test_a_reason_does_not_repeat_what_was_sent(server: Served) -> None:
    response = await server.fetch("codemad/commands", body={"type": "undo", "session": {"key": "sk-canary"}})
    assert response.code == 400
    assert b"canary" not in response.body


async def test_a_prompt_of_a_million_characters_is_taken(server: Served) -> None:
    text = ("é🙂 data " * 150_000)[:1_000_000]
    ack = await server.command(
        type="prompt", session=await server.session(), text=text, model="codemad/offline"
    )
    assert (await server.finished(ack))["status"] in ("done", "failed")
    response = await server.fetch(
        "codemad/commands", body={"type": "prompt", "session": ack["session"], "text": text + "x"}
    )
    assert response.code == 413
    assert error_of(response)["code"] == "too_large"


async def test_a_body_above_the_limit_is_refused_and_not_kept(server: Served) -> None:
    response = await server.fetch("codemad/commands", body=b'"' + b"x" * (4 * BODY_BYTES))
    assert response.code == 413
    assert error_of(response)["hint"]
    assert (await server.fetch("codemad/status")).code == 200


@pytest.mark.parametrize(
    "session",
    ["../../../etc/passwd", "/etc/passwd", "a\x00b", "x" * 10_000, "%2e%2e%2fx", "..", "' OR 1=1", "nobody"],
)
async def test_hostile_session_ids_find_nothing(server: Served, home: Path, session: str) -> None:
    before = outside(home)
    response = await server.fetch(f"codemad/sessions/{quote(session, safe='')}/events")
    assert response.code in (400, 404), response.body
    assert b"root:" not in response.body
    assert outside(home) == before


@pytest.mark.parametrize("after", ["-1", "x", "1e3", "9" * 50, "%00"])
async def test_a_bad_number_is_told(server: Served, after: str) -> None:
    path = f"codemad/sessions/{await server.session()}/events"
    response = await server.fetch(path, after=after)
    assert response.code == 400
    assert "after" in error_of(response)["message"]


async def test_the_same_session_one_run_at_a_time_and_cancel(server: Served) -> None:
    session = await server.session()
    response = await server.fetch(
        "codemad/commands", body={"type": "prompt", "session": session, "text": " "}
    )
    assert response.code == 400
    ack = await server.command(type="cancel", session=session)
    assert ack["session"] == session
    nothing = await server.fetch("codemad/commands", body={"type": "undo", "session": session})
    assert nothing.code == 409
    assert "undo" in error_of(nothing)["message"]


async def test_the_status_tells_what_works(server: Served) -> None:
    report = json.loads((await server.fetch("codemad/status")).body)
    assert report["engine"] == "asleep"
    assert "checks" not in report
    await server.session()
    report = json.loads((await server.fetch("codemad/status", checks=1)).body)
    assert (report["engine"], report["store"], report["workspace"]) == ("ready", "file", "work")
    states = {check["name"]: check["state"] for check in report["checks"]}
    assert states["python"] == "ok"
    assert states["store"] != "failed", report["checks"]


async def test_a_preview_and_mentions_over_rest_and_from_a_kernel(server: Served, workspace: Path) -> None:
    (workspace / "prices.csv").write_text("a,b\n")
    prompt = {"type": "prompt", "session": await server.session(), "text": "what is @prices?"}
    for route, headers in (("codemad", None), ("codemad/kernel", server.secret)):
        more = {} if headers is None else {"headers": headers}
        preview = json.loads((await server.fetch(f"{route}/preview", body=prompt, **more)).body)
        assert (preview["model"], preview["level"], preview["leaves"]) == (
            "codemad/offline",
            "outputs",
            False,
        )
        assert preview["parts"][-1]["text"] == prompt["text"]
        async with asyncio.timeout(LIMIT):
            while True:
                found = json.loads((await server.fetch(f"{route}/mentions", query="prices", **more)).body)
                if found["mentions"]:
                    break
        assert found["mentions"][0] == {
            "kind": "file", "name": "prices.csv", "label": "prices.csv", "detail": ""
        }  # fmt: skip
        wrong = await server.fetch(f"{route}/preview", body={"type": "undo", "session": "s"}, **more)
        assert (wrong.code, error_of(wrong)["code"]) == (400, "usage")


async def test_a_looser_mode_takes_a_person_at_a_tab(server: Served) -> None:
    session = await server.session()
    await server.tab("person")

    async def choose(mode: str, route: str, *, slash: bool = False, **more: Any) -> int:
        body = {"type": "choose_mode", "session": session, "mode": mode}
        if slash:
            body = {"type": "prompt", "session": session, "text": f"/mode {mode}", "edge": "sidebar"}
        return int((await server.fetch(f"{route}/commands", body=body, **more)).code)

    for slash in (False, True):
        assert await choose("auto_edit", "codemad/kernel", slash=slash, headers=server.secret) == 403
        assert await choose("auto_edit", "codemad", slash=slash, headers=server.bare_token) == 403
    assert await choose("auto_edit", "codemad") == 200
    assert await choose("ask", "codemad/kernel", headers=server.secret) == 200
    report = json.loads((await server.fetch("codemad/status", standing=1)).body)
    assert (report["mode"], report["standing"]["mode"], report["standing"]["settled"]) == ("ask",) * 3
    assert report["standing"]["sandbox"]["strength"] in ("strong", "limited", "container", "none")


async def test_a_kernel_may_lower_the_data_level_and_never_raise_it(server: Served) -> None:
    session = await server.session()
    await server.tab("person")

    async def choose(level: str, route: str, **more: Any) -> int:
        body = {"type": "choose_data_level", "session": session, "level": level, "notebook": "n.ipynb"}
        return int((await server.fetch(f"{route}/commands", body=body, **more)).code)

    assert await choose("samples", "codemad/kernel", headers=server.secret) == 200
    assert await choose("outputs", "codemad/kernel", headers=server.secret) == 403
    assert await choose("images", "codemad", headers=server.bare_token) == 403
    assert await choose("images", "codemad") == 200
    assert await choose("schema", "codemad/kernel", headers=server.secret) == 200
