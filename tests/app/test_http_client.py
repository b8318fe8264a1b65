"""The client over HTTP: against a real server, and against a line that breaks."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.app.client import Connection, HttpClient, connect
from codemad_jupyter.app.endings import ending
from codemad_jupyter.protocol.commands import Ack, Approve, Cancel, NewSession, Prompt, Target, Undo
from codemad_jupyter.protocol.errors import Conflict, Denied, NotFound, ServerUnreachable, TooLarge
from codemad_jupyter.protocol.events import Event, RunFinished, TextDelta
from tests.server.conftest import home as home
from tests.server.conftest import workspace as workspace
from tests.server.serving import Served, serving

STREAM = "text/event-stream"


@pytest.fixture
async def server(home: Path, workspace: Path) -> AsyncIterator[Served]:
    async with serving(workspace, home=home) as served:
        yield served


@pytest.fixture
def client(server: Served) -> HttpClient:
    return HttpClient(server.url(""), token=server.host.token, kernel="k1")


def environment(server: Served) -> dict[str, str]:
    return {"CODEMAD_JUPYTER_URL": server.url(""), "CODEMAD_KERNEL_TOKEN": server.host.token}


async def followed(client: HttpClient, ack: Ack) -> list[Event]:
    return await asyncio.wait_for(asyncio.to_thread(lambda: list(client.follow(ack))), 30)


async def test_a_prompt_goes_through_to_its_end(server: Served, client: HttpClient) -> None:
    session = await asyncio.to_thread(client.session)
    assert session == await server.session()
    prompt = Prompt(session=session, text="What can you do?", model="codemad/offline", edge="sidebar")
    ack = await asyncio.to_thread(client.submit, prompt)
    events = await followed(client, ack)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].status == "done"
    started = next(event for event in events if event.type == "run_started")
    assert started.edge == "magic", "a kernel cannot speak for the sidebar"


async def test_models_and_the_notebook_of_the_kernel(server: Served, client: HttpClient) -> None:
    assert await asyncio.to_thread(client.notebook) is None
    await server.tab("one", {"path": "n.ipynb", "kernel": "k1"})
    assert await asyncio.to_thread(client.notebook) == "n.ipynb"
    models = await asyncio.to_thread(client.models)
    assert "codemad/offline" in [model.name for model in models]
    assert await asyncio.to_thread(client.default_model)


async def test_refusals_arrive_as_what_they_were(client: HttpClient) -> None:
    def submit(command: Any) -> Ack:
        return client.submit(command)

    with pytest.raises(NotFound):
        await asyncio.to_thread(submit, Undo(session="nobody"))
    with pytest.raises(TooLarge):
        await asyncio.to_thread(submit, Prompt(session="s", text="x" * 1_000_001))
    with pytest.raises(Denied, match="may not give"):
        await asyncio.to_thread(submit, Approve(session="s", approval="a", digest="d"))
    session = await asyncio.to_thread(client.session)
    with pytest.raises(Conflict):
        await asyncio.to_thread(submit, Undo(session=session))
    with pytest.raises(NotFound):
        await followed(client, Ack(session="nobody", run="run-1"))


async def test_nothing_follows_what_is_done_at_once(client: HttpClient) -> None:
    ack = await asyncio.to_thread(client.submit, NewSession(title="fresh"))
    assert await followed(client, ack) == []
    ack = await asyncio.to_thread(client.submit, Cancel(session=ack.session))
    assert await followed(client, ack) == []


async def test_the_server_hands_kernels_what_connect_needs(server: Served) -> None:
    connection = await asyncio.to_thread(lambda: connect(kernel="k1"))  # the environment a kernel inherits
    assert isinstance(connection.client, HttpClient)
    assert connection.notice == ""


async def test_connect_without_a_server(server: Served) -> None:
    assert connect(environ={}) == Connection(None, "")
    wrong = {**environment(server), "CODEMAD_KERNEL_TOKEN": "wrong"}
    client, notice = await asyncio.to_thread(lambda: connect(environ=wrong))
    assert client is None
    assert "inside this kernel" in notice
    nowhere = {**wrong, "CODEMAD_JUPYTER_URL": "http://127.0.0.1:9/"}
    client, notice = await asyncio.to_thread(lambda: connect(environ=nowhere))
    assert client is None
    assert "did not answer" in notice
    assert connect(environ={**wrong, "CODEMAD_JUPYTER_URL": "http+unix://sock"}).client is None


class Script:
    """What the scripted server says to each request for events, and what it was asked."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.posted: list[dict[str, Any]] = []


@contextmanager
def scripted(script: Script) -> Iterator[HttpClient]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", STREAM)
            self.end_headers()
            self.wfile.write(script.answers.pop(0))

        def do_POST(self) -> None:
            script.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = Ack(session="s", run="r").model_dump_json().encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield HttpClient(f"http://127.0.0.1:{server.server_port}/base", token="t", retry=0.01)
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def told(*events: Event, end: bool = False) -> bytes:
    text = "".join(f": alive\n\nevent: event\ndata: {event.model_dump_json()}\n\n" for event in events)
    return (text + ("event: end\ndata: {}\n\n" if end else "")).encode()


def delta(seq: int) -> Event:
    return TextDelta(seq=seq, session="s", run="r", message="m", text="t")


END = RunFinished(seq=9, session="s", run="r", status="done", text="Done.")


def test_a_broken_line_is_taken_up_after_the_last_number() -> None:
    whole = told(delta(4), delta(5), END)
    script = Script(told(delta(1), delta(2)), told(delta(3)) + whole[:40], b"", whole)
    with scripted(script) as client:
        seen = list(client.follow(Ack(session="s", run="r")))
    assert [event.seq for event in seen] == [1, 2, 3, 4, 5, 9]
    assert [path.partition("after=")[2].partition("&")[0] for path in script.asked] == ["0", "2", "3", "3"]
    assert all(path.startswith("/base/codemad/kernel/events?") for path in script.asked)


def test_a_line_that_stays_broken_is_given_up() -> None:
    with scripted(Script(*[b""] * 10)) as client, pytest.raises(ServerUnreachable, match="did not answer"):
        list(client.follow(Ack(session="s", run="r")))


def test_an_error_within_the_stream_is_raised() -> None:
    error = b'event: error\ndata: {"code": "store", "message": "The disk is full.", "hint": ""}\n\n'
    with scripted(Script(told(delta(1)) + error)) as client:
        events = client.follow(Ack(session="s", run="r"))
        assert next(events).seq == 1
        with pytest.raises(Exception, match="disk is full"):
            next(events)


@pytest.mark.parametrize("seq", [0, 7])
def test_endings_do_not_wait_for_what_never_comes(seq: int) -> None:
    assert ending(NewSession(), Ack(session="s", run="old", seq=seq)) is None
    assert ending(Cancel(session="s"), Ack(session="s", run="old", seq=seq)) is None
    assert ending(None, Ack(session="s", seq=seq)) is None
    last = ending(Undo(session="s"), Ack(session="s", run="old", seq=seq))
    assert last is not None
    assert not last(END)


async def test_a_preview_and_mentions_come_as_values(server: Served, client: HttpClient) -> None:
    prompt = Prompt(session="", text="What is here?", model="codemad/offline")
    preview = await asyncio.to_thread(client.preview, prompt)
    assert (preview.parts[-1].name, preview.parts[-1].text) == ("prompt", prompt.text)
    found = await asyncio.to_thread(client.mentions, "nothing-is-called-so", Target(notebook="n.ipynb"))
    assert found == ()
