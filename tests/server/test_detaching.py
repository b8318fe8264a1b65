"""Detach and resume: a run belongs to the server. Whoever joins gets what was said so far, of the unfinished
message too, and may answer what was asked while nobody looked."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codemad_jupyter.batch.attach import Follower
from codemad_jupyter.batch.printing import EventPrinter
from codemad_jupyter.protocol.events import MessageDone, RunFinished, TextDelta
from codemad_jupyter.protocol.messages import Message
from tests.server.serving import Served, Tab, serving
from tests.server.test_answering import MODEL, approve, as_tab
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT, until

LONG = "The first half of the answer was said long ago. And this is the second half."


@pytest.fixture
async def server(
    home: Path, workspace: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_PERMISSIONS", json.dumps([{"decide": "ask", "tool": "list_files"}]))
    async with serving(workspace, home=home) as served:
        yield served


async def begun(server: Served, tab: Tab, session: str) -> str:
    body = {"type": "prompt", "session": session, "text": "go", "model": MODEL}
    ack = json.loads((await server.fetch("codemad/commands", headers=as_tab(server, tab), body=body)).body)
    return str(ack["run"])


async def deltas(tab: Tab, least: int) -> str:
    """The text that arrives live, until there is enough of it."""
    text = ""
    while len(text) < least:
        text += (await tab.event("text_delta"))["text"]
    return text


async def test_who_joins_late_gets_the_unfinished_message_and_may_answer(
    server: Served, model_server: ModelServer
) -> None:
    model_server.play(Turn(calls=(Call("list_files", {}),)), Turn(text=LONG, chunk=4, held_at=9))
    session = await server.session()
    mine = await server.tab("one")
    await mine.say(type="subscribe", session=session)
    run = await begun(server, mine, session)
    await mine.event("run_started")
    mine.close()  # nobody looks when the question is asked

    engine = await server.host.engine()
    active = await engine._activated(session)
    await until(lambda: active.session.state.approvals, "the question")
    await until(lambda: not server.host.tabs.present("one"), "that the first tab is forgotten")
    late = await server.tab("two")
    await late.say(type="subscribe", session=session)
    asked = await late.event("approval_asked")
    question = {"session": session, "approval": asked["approval"], "digest": asked["digest"]}
    assert await approve(server, question, server.bare_token) == 403, "a token alone is not enough"
    assert await approve(server, question, as_tab(server, late)) == 200

    said = await deltas(late, 20)
    tree = json.loads((await server.fetch("codemad/sessions/tree", session=session)).body)
    assert tree["running"] == run
    third = await server.tab("three")
    await third.say(type="subscribe", session=session, after=tree["seq"])
    assert (await third.event("run_started"))["run"] == run
    assert (await deltas(third, len(said))).startswith(said), "what was streamed before it came"
    model_server.go_on()
    for tab in (late, third):
        done = await tab.event("message_done")
        assert done["message"]["parts"][-1]["text"] == LONG
        assert (await tab.event("run_finished"))["status"] == "done"


async def test_a_terminal_joins_and_leaves(
    server: Served, model_server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    from codemad_jupyter.app.server_client import ServerClient
    from tests.server.serving import TOKEN

    model_server.play(Turn(text=LONG, chunk=4, held_at=9))
    session, tab = await server.session(), await server.tab("one")
    await tab.say(type="subscribe", session=session)
    run = await begun(server, tab, session)
    await deltas(tab, 20)
    client = ServerClient(server.url("").rstrip("/"), token=TOKEN)
    tree = await asyncio.to_thread(client.session_tree, session)

    def joining() -> asyncio.Task[RunFinished]:
        follower = Follower(client, EventPrinter(json=False), interactive=False)
        return asyncio.create_task(follower.follow(session, run, after=tree.seq))

    leaving = joining()
    shown = ""

    def has_shown() -> bool:
        nonlocal shown
        shown += capsys.readouterr().out
        return "first half" in shown

    await until(has_shown, "what was said before")
    leaving.cancel()
    await asyncio.wait([leaving])
    capsys.readouterr()
    staying = joining()
    model_server.go_on()
    async with asyncio.timeout(LIMIT):
        end = await staying
    assert (end.status, end.run) == ("done", run)
    assert capsys.readouterr().out == f"{LONG}\n", "each word once, from the beginning"


def test_a_broken_line_loses_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    printer = EventPrinter(json=False)
    for text in ("The first ", "half"):
        printer.show(TextDelta(message="m", text=text))
    printer.show(MessageDone(id="m", message=Message.assistant("The first half and the rest."), model="m/n"))
    assert capsys.readouterr().out == "The first half and the rest.\n"


async def test_no_server_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    command = [sys.executable, "-m", "codemad_jupyter.batch.cli", "attach", "--root", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"No Jupyter server with CodeMAD serves" in said
