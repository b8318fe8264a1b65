"""Raw clients at the server's doors: foreign origins, forged forms, odd names, bodies without end, keys in
faults."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from tests.git.gitlab import manifest
from tests.hostile.attacking import files_that_tell, told
from tests.server.conftest import home, workspace  # noqa: F401 - fixtures
from tests.server.serving import Served, serving
from tests.server.test_access import our_specs
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT

MODEL = "compatible/scripted"
KEY = "sk-canary-Zx81LmQp42TvWy93RbNc57"
NAMES = (
    "../../outside", "..%2f..%2foutside", "%2e%2e/%2e%2e/outside", "/etc/passwd", "%00", "a%00b",
    "x" * 4_000, "..", ".", "~", "C:%5Cx", "%ff%fe", "a/../../b", "%E2%80%AE", "--help",
    "$(touch%20mark)", "';--",
)  # fmt: skip


@pytest.fixture
async def server(
    home: Path,  # noqa: F811
    workspace: Path,  # noqa: F811
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Served]:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_COMPATIBLE_API_KEY", KEY)
    monkeypatch.setenv("CODEMAD_PERMISSIONS", json.dumps([{"decide": "ask", "tool": "list_files"}]))
    async with serving(workspace, home=home) as served:
        yield served


async def sent(server: Served, path: str, method: str, body: bytes | None, **headers: str) -> Any:
    request = HTTPRequest(
        server.url(path), method=method, headers=headers, body=body, request_timeout=LIMIT,
        follow_redirects=False, allow_nonstandard_methods=True,
    )  # fmt: skip
    return await AsyncHTTPClient().fetch(request, raise_error=False)


@pytest.mark.case("SRV-01")
async def test_a_foreign_page_gets_no_socket_and_nothing_begins(server: Served) -> None:
    cookie = await server.login()
    here = f"127.0.0.1:{server.port}"
    foreign = (
        "http://evil.example", "null", "file://", f"http://{here}@evil.example", f"http://{here}.evil.example",
        "http://127.0.0.1", "http://localhost.evil.example", "chrome-extension://abc", "http://[::1]:1",
        f"http://evil.example#{here}", f"http://evil.example/{here}", " ",
        f"http://127.0.0.1:{server.port + 1}",
    )  # fmt: skip
    for origin in foreign:
        with pytest.raises(HTTPClientError, match=r"40[03]"):
            await server.tab(headers={**cookie, "Origin": origin})
    assert len(server.host.tabs) == 0
    assert not server.app.kernel_manager.list_kernel_ids()


async def waiting(server: Served, model_server: ModelServer) -> dict[str, Any]:
    """A question that waits for its answer, asked by a tab."""
    tab = await server.tab("one")
    model_server.play(Turn(calls=(Call("list_files", {}),)), Turn(text="Done."))
    session = await server.session()
    await tab.say(type="subscribe", session=session)
    await server.command(type="prompt", session=session, text="go", model=MODEL)
    event = await tab.event("approval_asked")
    return {"session": session, "approval": event["approval"], "digest": event["digest"]}


@pytest.mark.case("SRV-05", "KRN-02", "MCS-01")
async def test_a_form_of_another_site_changes_nothing(server: Served, model_server: ModelServer) -> None:
    question = await waiting(server, model_server)
    cookie = (await server.login())["Cookie"]
    approve = {"type": "approve", **question}
    part = 'Content-Disposition: form-data; name="type"'
    forms = {
        "text/plain": json.dumps(approve),
        "application/x-www-form-urlencoded": "type=approve&approval=x",
        "multipart/form-data; boundary=b": f"--b\r\n{part}\r\n\r\napprove\r\n--b--",
        "application/json": json.dumps(approve),
    }
    posts = [spec.matcher.regex.pattern for spec in our_specs(server) if hasattr(spec.target, "post")]
    paths = {
        re.sub(r"\(\?P<\w+>[^)]*\)", "abc", each.removeprefix(server.base).rstrip("$")) for each in posts
    }
    assert {"codemad/commands", "codemad/trust", "codemad/mcp"} <= paths
    before = await server.fetch("codemad/settings")
    for path in sorted(paths):
        for kind, text in forms.items():
            for more in (
                {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site"},
                {"X-XSRFToken": "guess"},
            ):
                given = {"Cookie": cookie, "Content-Type": kind, "Origin": "http://evil.example", **more}
                answer = await sent(server, path, "POST", text.encode(), **given)
                assert answer.code in (403, 404, 405, 421), (path, kind, answer.code, answer.body[:200])
    engine = await server.host.engine()
    assert await engine.waiting_run(question["session"], question["approval"]), "it still waits"
    assert (await server.fetch("codemad/settings")).body == before.body


@pytest.mark.case("SRV-07")
async def test_odd_names_find_nothing(server: Served, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("outside-canary-77")
    await server.session()
    before = manifest(tmp_path / "work", without=()), (tmp_path / "outside").stat().st_mtime_ns
    paths = [f"codemad/sessions/{name}/events" for name in NAMES] + [f"codemad/keys/{name}" for name in NAMES]
    asked = ("old", "new", "session", "notebook", "kernel", "checkpoint", "path", "after", "query", "cell")
    specs = [spec for spec in our_specs(server) if "(?P" not in spec.matcher.regex.pattern]
    reading = [spec.matcher.regex.pattern.removeprefix(server.base).rstrip("$") for spec in specs]
    for name in NAMES:
        paths += [
            f"{path}?{'&'.join(f'{key}={name}' for key in asked)}" for path in reading if "stream" not in path
        ]
    faults: list[str] = []
    for path in paths:
        for headers in (server.token, server.secret):
            answer = await sent(server, path, "GET", None, **headers)
            faults += [path[:120]] if answer.code >= 500 else []
            assert b"Traceback" not in answer.body
            assert b"outside-canary" not in answer.body
    assert faults == []
    for kind in (
        "approve",
        "reject",
        "cancel",
        "restore_checkpoint",
        "accept_edit",
        "choose_model",
        "merge_agents",
    ):
        for name in ("../../outside", "/etc/passwd", "a\0b", "x" * 10_000, "\ud800"):
            body = {"type": kind, "session": name, "approval": name, "digest": name, "checkpoint": name,
                    "edit": name, "model": name, "agents": [name]}  # fmt: skip
            kept = {key: value for key, value in body.items() if key in FIELDS[kind]}
            answer = await server.fetch("codemad/commands", body=kept)
            assert 400 <= answer.code < 500, (kind, name[:30], answer.code, answer.body[:300])
    assert (manifest(tmp_path / "work", without=()), (tmp_path / "outside").stat().st_mtime_ns) == before


FIELDS = {
    "approve": {"type", "session", "approval", "digest"},
    "reject": {"type", "session", "approval"},
    "cancel": {"type", "session"},
    "restore_checkpoint": {"type", "session", "checkpoint"},
    "accept_edit": {"type", "session", "edit"},
    "choose_model": {"type", "session", "model"},
    "merge_agents": {"type", "session", "agents"},
}


@pytest.mark.case("SRV-09")
async def test_odd_bodies_cost_nobody_else(server: Served, model_server: ModelServer) -> None:
    session = await server.session()
    deep = b'{"type": "prompt", "session": "s", "text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    prompt = '{"type": "prompt", "session": "%s", "text": %s}'
    bodies = {
        "deep": deep,
        "deep map": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "digits": (prompt % (session, "9" * 10_000)).encode(),
        "digits in a number": f'{{"type": "cancel", "session": "{session}", "run": {"9" * 10_000}}}'.encode(),
        "nan": (prompt % (session, "NaN")).encode(),
        "endless": (prompt % (session, "1e99999")).encode(),
        "surrogate": (prompt % (session, '"\\ud800"')).encode(),
        "bytes": b"\xff\xfe\x00{",
        "nothing": b" ",
        "list": b"[]",
        "large": b'{"type": "prompt", "text": "' + b"x" * 64_000_000 + b'"}',
    }
    model_server.play(Turn(text="still here " * 40, delay=0.02))
    ack = await server.command(type="prompt", session=session, text="tell", model=MODEL)
    for name, body in bodies.items():
        for path in ("codemad/commands", "codemad/preview", "codemad/complete"):
            try:
                answer = await sent(server, path, "POST", body, **server.token)
            except (OSError, HTTPClientError):
                assert name == "large"
                continue
            taken = name == "surrogate" and path != "codemad/complete"
            assert answer.code in (400, 404, 413) or taken, (name, path, answer.code, answer.body[:200])
            assert b"Traceback" not in answer.body
    tab = await server.tab("odd")
    for text in (
        deep.decode(),
        '{"type": "hello", "client": NaN}',
        '{"type": 1e999}',
        "9" * 10_000,
        "[[[[",
        "\x00",
    ):
        await tab.socket.write_message(text)
        await tab.hear("stream_error")
    twice = await server.fetch(
        "codemad/commands", body=b'{"type": "new_session", "type": "approve", "title": "x"}'
    )
    assert twice.code == 400
    assert (await server.finished(ack))["status"] == "done"


@pytest.mark.case("SRV-11", "PRV-11")
async def test_a_key_in_a_fault_is_told_to_nobody(
    server: Served,
    model_server: ModelServer,
    home: Path,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    tab = await server.tab("one")
    session = await server.session()
    await tab.say(type="subscribe", session=session)
    heard: list[str] = []
    for status in (401, 400, 500, 403):
        said = f"Incorrect API key provided: {KEY}. See http://user:{KEY}@127.0.0.1/?key={KEY}"
        model_server.play(*(Turn(status=status, error="invalid_api_key", message=said) for _ in range(4)))
        ack = await server.command(type="prompt", session=session, text=f"go {status}", model=MODEL)
        heard.append(json.dumps(await server.finished(ack)))
        model_server.forget()
    model_server.play(Turn(body=f"<html>{KEY}</html>", html=True))
    heard.append(
        (await server.fetch("codemad/complete", body={"prefix": KEY, "suffix": "", "x": KEY})).body.decode()
    )
    heard.append((await server.fetch("codemad/commands", body={"type": KEY, "session": KEY})).body.decode())
    heard.append((await server.fetch(f"codemad/sessions/{session}/events", after=0)).body.decode())
    heard.append((await server.fetch("codemad/status")).body.decode())
    assert not told(KEY, *heard, caplog.text)
    assert not files_that_tell(KEY, home / "codemad")
