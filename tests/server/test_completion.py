"""The continuation of what a person types: through a real server, with a scripted model behind HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tornado.iostream import IOStream
from tornado.tcpclient import TCPClient

from codemad_jupyter.orchestrator.completing import fitted
from codemad_jupyter.protocol.completions import CompletionRequest
from tests.server.serving import TOKEN, Served, serving
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn
from tests.waiting import LIMIT, until


@pytest.fixture
async def typing(
    home: Path, workspace: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    """A server whose person chose the scripted model for completions."""
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_COMPLETION_MODEL", "compatible/scripted")
    async with serving(workspace, home=home) as served:
        yield served


async def complete(server: Served, **request: Any) -> dict[str, Any]:
    response = await server.fetch("codemad/complete", body=request)
    assert response.code == 200, response.body
    answer: dict[str, Any] = json.loads(response.body)
    return answer


async def test_nobody_chose_a_model(server: Served) -> None:
    assert await complete(server, prefix="x = ") == {"text": "", "model": "", "off": True}


async def test_a_continuation(typing: Served, model_server: ModelServer) -> None:
    model_server.play(Turn(text="```python\ndf.groupby('a').mean()\n```"))
    answer = await complete(typing, prefix="key = 'sk-" + "a1B2" * 12 + "'\nout = ", suffix="\nprint(out)")
    assert answer["text"] == "df.groupby('a').mean()"
    sent = json.dumps(model_server.asked[0].body)
    assert "print(out)" in sent
    assert "a1B2a1B2" not in sent  # secrets do not leave, here neither
    assert not model_server.asked[0].body.get("tools")


async def test_an_empty_cell_asks_nobody(typing: Served, model_server: ModelServer) -> None:
    assert (await complete(typing, prefix=" \n"))["text"] == ""
    assert not model_server.asked


async def test_a_failing_model_is_an_error(typing: Served, model_server: ModelServer) -> None:
    model_server.play(Turn(status=401, error="no"))
    response = await typing.fetch("codemad/complete", body={"prefix": "x = "})
    assert response.code == 502
    assert json.loads(response.body)["error"]["code"] == "model"
    assert (await typing.fetch("codemad/complete", body={"suffix": 1})).code == 400
    assert (await typing.fetch("codemad/complete", body={"prefix": "x"}, headers={})).code == 403


async def test_giving_up_ends_the_call_of_the_model(typing: Served, model_server: ModelServer) -> None:
    await complete(typing, prefix=" ")  # the engine is up
    model_server.play(Turn(text="slow", hang=True))
    stream: IOStream = await TCPClient().connect("127.0.0.1", typing.port)
    body = json.dumps({"prefix": "x = "})
    head = f"POST {typing.base}codemad/complete HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: token {TOKEN}"
    await stream.write(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    await until(lambda: model_server.asked, "asking the model")
    running = {task for task in asyncio.all_tasks() if "_complete" in repr(task.get_coro())}
    assert running
    stream.close()
    await asyncio.wait(running, timeout=LIMIT)
    assert all(task.cancelled() for task in running)


@pytest.mark.parametrize(
    ("answer", "prefix", "suffix", "text"),
    [
        ("1 + 2", "x = ", "", "1 + 2"),
        ("x = 1 + 2", "x = ", "", "1 + 2"),
        ("a, b)", "f(", ")", "a, b"),
        ("\n    return 1", "def f():", "", "\n    return 1"),
        ("```\na\n```", "b = ", "", "a"),
        ("\n".join(map(str, range(99))), "x", "", "\n".join(map(str, range(12)))),
        ("", "x", "", ""),
    ],
)
def test_what_fits_at_the_cursor(answer: str, prefix: str, suffix: str, text: str) -> None:
    assert fitted(answer, CompletionRequest(prefix=prefix, suffix=suffix)) == text
