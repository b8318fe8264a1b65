"""Sessions that others of the hub see: what a guest's server gets of this one through a real relay, what
becomes of a guest's words, and what never does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tornado.web import RequestHandler

from codemad_jupyter.app import session_commands
from codemad_jupyter.app.relay_client import RelayClient
from codemad_jupyter.app.server_client import ServerClient
from codemad_jupyter.protocol.commands import ShareSession
from codemad_jupyter.protocol.errors import CodemadError, Denied
from codemad_jupyter.protocol.sharing import GuestWish, Reply, Share
from tests.server.serving import TOKEN, Served, serving
from tests.servers.model_server import ModelServer
from tests.servers.relay import RunningRelay, running_relay
from tests.servers.wire_formats import Turn
from tests.waiting import LIMIT, PAUSE

SECRET = "sk-ant-api03-CANARY7f3b2c9d8e1a4f6b5c0d9e8f7a6b5c4d3e2f1a0b"


@pytest.fixture
async def relay() -> AsyncIterator[RunningRelay]:
    async with running_relay("ann", "ben", "cleo") as found:
        yield found


@pytest.fixture
async def server(
    home: Path,
    workspace: Path,
    relay: RunningRelay,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Served]:
    """Ann's server."""
    for name, value in relay.variables("ann").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_MODEL", "compatible/scripted")
    async with serving(workspace, home=home) as served:
        await served.tab("ann's tab")
        yield served


class Guest:
    """Somebody's server, as far as the relay sees it."""

    def __init__(self, client: RelayClient, session: str) -> None:
        self.client = client
        self.session = session
        self.after = 0
        self.seen: list[dict[str, Any]] = []

    async def say(self, kind: Any, text: str) -> None:
        wish = GuestWish(owner="ann", session=self.session, kind=kind, text=text)
        await self.client.wish(wish)

    async def look(self, *, wait: bool = False) -> list[dict[str, Any]]:
        """The events that are new."""
        wish = GuestWish(owner="ann", session=self.session, kind="events", after=self.after, wait=wait)
        found = list((await self.client.wish(wish)).events)
        self.after = max([self.after, *(each["seq"] for each in found)])
        self.seen += found
        return found

    async def sees(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Look until there is such an event."""
        async with asyncio.timeout(LIMIT):
            while True:
                for event in self.seen:
                    if event["type"] == kind and fields.items() <= event.items():
                        return event
                await self.look(wait=True)


async def shared(server: Served, relay: RunningRelay, guest: str, permission: str, session: str) -> Guest:
    ack = await server.command(type="share_session", session=session, guest=guest, permission=permission)
    assert ack["session"] == session
    client = relay.client(guest)
    await listed(client)
    return Guest(client, session)


async def listed(client: RelayClient) -> None:
    """Wait until something is shared with somebody."""
    async with asyncio.timeout(LIMIT):
        while not await _is_listed(client):  # noqa: ASYNC110 - another process is asked
            await asyncio.sleep(PAUSE)


async def _is_listed(client: RelayClient) -> bool:
    try:
        return bool(await client.shared())
    except CodemadError:  # the relay is just beginning anew
        return False


async def test_a_guest_sees_all_there_is_and_what_follows_without_secrets(
    server: Served, relay: RunningRelay, model_server: ModelServer
) -> None:
    session = await server.session()
    model_server.play(Turn(text="The first answer."), Turn(text=f"The second: {SECRET}."))
    await server.finished(await server.command(type="prompt", session=session, text="One?"))
    ben = await shared(server, relay, "ben", "read", session)
    assert (await ben.sees("run_started"))["prompt"] == "One?"
    said = await ben.sees("share_changed", guest="ben", permission="read")
    assert "sees this whole conversation" in said["text"]
    second = await server.command(type="prompt", session=session, text="Two?")
    await ben.sees("run_finished", run=second["run"])
    assert "The second" in json.dumps(ben.seen)
    assert SECRET not in json.dumps(ben.seen)
    for kind in ("comment", "prompt"):
        with pytest.raises(Denied, match="for read only"):
            await ben.say(kind, "May I?")
    with pytest.raises(Denied, match="not shared with you"):
        await Guest(relay.client("cleo"), session).look()


async def test_a_comment_is_for_people_alone(
    server: Served, relay: RunningRelay, model_server: ModelServer
) -> None:
    session = await server.session()
    ben = await shared(server, relay, "ben", "comment", session)
    await ben.say("comment", "Mind the outlier in May.")
    assert (await ben.sees("commented"))["guest"] == "ben"
    model_server.play(Turn(text="Fine."))
    await server.finished(await server.command(type="prompt", session=session, text="Go on."))
    assert "outlier" not in json.dumps([each.body for each in model_server.asked])
    stored = json.loads((await server.fetch(f"codemad/sessions/{session}/events")).body)["events"]
    assert [each["text"] for each in stored if each["type"] == "commented"] == ["Mind the outlier in May."]


async def test_a_guest_who_may_drive_asks_in_their_name_and_sets_nothing(
    server: Served, relay: RunningRelay, model_server: ModelServer
) -> None:
    session = await server.session()
    ben = await shared(server, relay, "ben", "drive", session)
    model_server.play(Turn(text="By your leave."))
    await ben.say("prompt", "What is in the data?")
    run = await ben.sees("run_started", guest="ben", edge="guest")
    await ben.sees("run_finished", run=run["run"], status="done")
    for words in ("/mode auto_edit", "/compact", "/agent coder do it"):
        with pytest.raises(Denied, match="A guest may not use"):
            await ben.say("prompt", words)
    engine = await server.host.engine()
    lines = [each for each in engine.services.audit.lines() if each.who == "the guest ben"]
    assert [each.decision for each in lines] == ["allowed", "denied", "denied", "denied"]
    assert engine.services.modes.now == "ask"


async def test_it_ends_at_once_and_stays_ended(server: Served, relay: RunningRelay) -> None:
    session = await server.session()
    ben = await shared(server, relay, "ben", "drive", session)
    while await ben.look():
        pass
    waits = asyncio.create_task(ben.look(wait=True))
    await asyncio.sleep(0)
    await server.command(type="unshare_session", session=session, guest="ben")
    # What says so may still be on its way to ben; nothing after it is.
    found = await asyncio.gather(waits, return_exceptions=True)
    assert isinstance(found[0], Denied) or {e["type"] for e in found[0]} <= {"share_changed"}  # type: ignore[union-attr]
    engine = await server.host.engine()
    for work in (engine.sharing.events("ben", session, 0), engine.sharing.comment("ben", session, "x")):
        with pytest.raises(Denied):  # whatever a relay might let through
            await work
    with pytest.raises(Denied):
        await ben.look()


async def test_the_relay_may_begin_anew_and_the_server_comes_back(
    server: Served, relay: RunningRelay
) -> None:
    session = await server.session()
    ben = await shared(server, relay, "ben", "comment", session)
    await relay.stop()
    relay.start()
    await listed(ben.client)
    await ben.say("comment", "Still here.")
    await ben.sees("commented")


async def test_a_server_that_starts_serves_what_was_shared_before(
    home: Path, workspace: Path, relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in relay.variables("ann").items():
        monkeypatch.setenv(name, value)
    async with serving(workspace, home=home) as served:
        await served.tab("ann's tab")
        session = await served.session()
        await served.command(type="share_session", session=session, guest="ben", permission="read")
    async with serving(workspace, home=home):
        ben = relay.client("ben")
        await listed(ben)
        assert (await Guest(ben, session).look())[0]["session"] == session


async def test_only_a_person_at_a_tab_shares(server: Served) -> None:
    session = await server.session()
    wanted = {"type": "share_session", "session": session, "guest": "ben", "permission": "drive"}
    bare = await server.fetch("codemad/commands", headers=server.bare_token, body=wanted)
    kernel = await server.fetch("codemad/kernel/commands", headers=server.secret, body=wanted)
    assert (bare.code, kernel.code) == (403, 403)
    forged = {"type": "prompt", "session": session, "text": "x", "guest": "ben"}
    assert (await server.fetch("codemad/commands", body=forged)).code == 400
    assert (await server.host.engine()).sharing is not None
    assert await (await server.host.engine()).sharing.shares() == ()


async def test_this_server_is_a_guest_too_and_takes_only_events_of_that_session(
    server: Served, relay: RunningRelay
) -> None:
    own = await server.session()
    cleo = relay.client("cleo")
    theirs = Share(session="theirs", guest="ann", permission="comment", title="Of Cleo")
    await cleo.announce((theirs,))
    listed = json.loads((await server.fetch("codemad/shared")).body)
    assert [(each["owner"], each["title"]) for each in listed["with_me"]] == [("cleo", "Of Cleo")]

    async def answer() -> None:
        (request,) = await cleo.requests()
        note = {"type": "notice", "level": "info", "code": "x", "text": "Hello.", "seq": 1}
        events = ({**note, "session": "theirs"}, {**note, "session": own}, {"type": "no such", "seq": 2})
        await cleo.reply(Reply(id=request.id, events=events))

    asked, _ = await asyncio.gather(
        server.fetch("codemad/shared/events", owner="cleo", session="theirs"), answer()
    )
    events = json.loads(asked.body)["events"]
    assert [(each["session"], each["text"]) for each in events] == [("theirs", "Hello.")]
    words = {"owner": "cleo", "session": "theirs", "kind": "prompt", "text": "Do it."}
    refused = await server.fetch("codemad/shared/words", body=words)
    assert refused.code == 403
    assert b"for comment only" in refused.body


async def test_where_the_hub_has_no_relay_sharing_says_what_is_missing(
    home: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "ann-token")
    async with serving(workspace, home=home) as served:
        await served.tab("a tab")
        session = await served.session()
        wanted = {"type": "share_session", "session": session, "guest": "ben"}
        answer = await served.fetch("codemad/commands", body=wanted)
        assert answer.code == 400
        assert b"codemad relay serve" in answer.body
        assert "CODEMAD_RELAY_URL" in json.loads((await served.fetch("codemad/shared")).body)["problem"]


async def test_a_terminal_leaves_no_connection_open(server: Served, relay: RunningRelay) -> None:
    """Though the server is slow to close its end."""
    session = await server.session()

    def connections() -> set[object]:
        found = psutil.Process().net_connections("tcp")
        return {each.laddr for each in found if each.raddr and each.raddr.port == server.port}

    def busy(handler: RequestHandler) -> None:
        if handler.request.path.endswith("codemad/commands"):
            time.sleep(0.5)  # the answer has gone out; nothing else is heard now

    server.app.web_app.settings["log_function"] = busy
    client = ServerClient(server.url("").rstrip("/"), token=TOKEN)
    before = connections()
    await asyncio.to_thread(client.submit, ShareSession(session=session, guest="ben", permission="read"))
    assert connections() <= before


async def test_the_command_line_shares_lists_and_says_something(server: Served, relay: RunningRelay) -> None:
    """Through the server, at a socket of its own, as a terminal on the hub does."""
    client = ServerClient(server.url("").rstrip("/"), token=TOKEN)

    async def done(*words: str) -> str:
        asked = session_commands.read_session_words(words)
        answer = await asyncio.to_thread(session_commands.perform, client, asked, edge="cli")
        return answer.text

    session = await server.session()
    assert "ben sees this whole conversation" in await done("share", "--with", "ben", "--as", "comment")
    ben, cleo = Guest(relay.client("ben"), session), relay.client("cleo")
    await listed(ben.client)
    await ben.say("comment", "Hello.")
    await cleo.announce((Share(session="theirs", guest="ann", permission="comment", title="Of Cleo"),))
    text = await done("shared")
    assert "with ben (comment)" in text
    assert "by cleo (comment)  Of Cleo" in text
    said = asyncio.create_task(done("visit", "1", "--comment", "Good work."))
    (request,) = await cleo.requests()
    await cleo.reply(Reply(id=request.id))
    assert (request.guest, request.wish.kind, request.wish.text) == ("ann", "comment", "Good work.")
    assert await said == "Said to cleo."
    assert "sees no more" in await done("unshare", "--with", "ben")
