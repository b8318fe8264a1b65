"""The relay of a hub: whose token opens it, who gets what, and that names come from the hub alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from codemad_jupyter.app.relay import application
from codemad_jupyter.app.relay_board import Board
from codemad_jupyter.app.relay_client import RelayClient, relay_problem
from codemad_jupyter.protocol.errors import Conflict, Denied, NotFound, ServerUnreachable, UsageError
from codemad_jupyter.protocol.sharing import GuestWish, Reply, Share
from tests.servers.relay import RunningRelay, running_relay

S = "session1"


@pytest.fixture
async def relay() -> AsyncIterator[RunningRelay]:
    async with running_relay("ann", "ben", "cleo") as found:
        yield found


def wish(kind: Any = "events", *, owner: str = "ann", session: str = S, text: str = "") -> GuestWish:
    return GuestWish(owner=owner, session=session, kind=kind, text=text)


def shares(permission: Any = "read", guest: str = "ben") -> tuple[Share, ...]:
    return (Share(session=S, guest=guest, permission=permission, title="Sales"),)


async def answer(owner: RelayClient) -> list[tuple[str, str, str]]:
    """Answer what is asked next; who asked what."""
    found = await owner.requests()
    for request in found:
        await owner.reply(Reply(id=request.id, events=({"told": request.guest},)))
    return [(each.guest, each.wish.kind, each.wish.text) for each in found]


async def test_a_wish_goes_to_the_owner_under_the_name_the_hub_gives(relay: RunningRelay) -> None:
    ann, ben, cleo = map(relay.client, ("ann", "ben", "cleo"))
    await ann.announce(shares("drive"))
    (seen,) = await ben.shared()
    assert (seen.owner, seen.session, seen.title, seen.permission) == ("ann", S, "Sales", "drive")
    assert await cleo.shared() == await ann.shared() == ()
    asked = asyncio.create_task(ben.wish(wish("prompt", text="Go on.")))
    assert await answer(ann) == [("ben", "prompt", "Go on.")]
    assert (await asked).events == ({"told": "ben"},)


@pytest.mark.parametrize(
    ("permission", "kind"), [("read", "comment"), ("read", "prompt"), ("comment", "prompt")]
)
async def test_no_more_is_passed_on_than_was_given(relay: RunningRelay, permission: str, kind: str) -> None:
    ann, ben = relay.client("ann"), relay.client("ben")
    await ann.announce(shares(permission))
    with pytest.raises(Denied, match=f"for {permission} only"):
        await ben.wish(wish(kind, text="Hm."))


async def test_a_stranger_is_told_the_same_of_what_is_there_and_what_is_not(relay: RunningRelay) -> None:
    ann, cleo = relay.client("ann"), relay.client("cleo")
    await ann.announce(shares())
    said = []
    for asked in (wish(), wish(session="none"), wish(owner="nobody")):
        with pytest.raises(Denied) as refused:
            await cleo.wish(asked)
        said.append(str(refused.value))
    assert len(set(said)) == 1


async def test_what_is_taken_back_ends_at_once(relay: RunningRelay) -> None:
    ann, ben = relay.client("ann"), relay.client("ben")
    await ann.announce(shares())
    waits = asyncio.create_task(ben.wish(wish()))
    (request,) = await ann.requests()
    await ann.announce(())
    with pytest.raises(Denied, match="not shared with you"):
        await waits
    await ann.reply(Reply(id=request.id, events=({"late": 1},)))  # nobody gets it
    with pytest.raises(Denied):
        await ben.wish(wish())
    assert await ben.shared() == ()


async def test_nobody_answers_or_takes_what_is_another_s(relay: RunningRelay) -> None:
    ann, ben, cleo = map(relay.client, ("ann", "ben", "cleo"))
    await ann.announce(shares("drive"))
    await cleo.announce((Share(session="other", guest="ben", permission="drive"),))
    asked = asyncio.create_task(ben.wish(wish()))
    (request,) = await ann.requests()
    await cleo.reply(Reply(id=request.id, events=({"forged": 1},)))
    assert not asked.done()
    await ann.reply(Reply(id=request.id, events=({"true": 1},)))
    assert (await asked).events == ({"true": 1},)
    with pytest.raises(Denied):  # cleo cannot share what is ann's in her name
        await ben.wish(wish(session="other"))


@pytest.mark.parametrize(
    ("route", "method", "body"),
    [
        ("shares", "PUT", {"shares": [], "owner": "ann"}),
        ("wishes", "POST", {"owner": "ann", "session": S, "kind": "prompt", "text": "x", "guest": "ben"}),
        ("wishes", "POST", {"owner": "ann", "session": S, "kind": "approve", "text": "x"}),
        ("wishes", "POST", {"owner": "ann", "session": "../x", "kind": "events"}),
    ],
)
async def test_a_name_in_a_body_and_any_other_command_are_refused(
    relay: RunningRelay, route: str, method: str, body: dict[str, Any]
) -> None:
    answer = await AsyncHTTPClient().fetch(
        f"{relay.url}v1/{route}",
        method=method,
        headers={"Authorization": "token cleo-token"},
        body=json.dumps(body),
        raise_error=False,
    )
    assert answer.code == 400


async def test_tokens_that_do_not_hold_open_nothing(relay: RunningRelay) -> None:
    relay.tokens["eve-token"] = {"kind": "user", "name": "eve", "scopes": ["self"]}
    relay.tokens["bot-token"] = {"kind": "service", "name": "ann", "scopes": ["access:services"]}
    for name in ("nobody", "eve", "bot"):
        with pytest.raises(Denied, match="may not use the relay"):
            await relay.client(name).shared()
    for header in ({}, {"Authorization": "token "}, {"Authorization": "Basic ann-token"}):
        found = await AsyncHTTPClient().fetch(f"{relay.url}v1/shares", headers=header, raise_error=False)
        assert found.code == 403


async def test_a_token_that_the_hub_took_back_is_soon_refused(relay: RunningRelay) -> None:
    await relay.stop()
    relay.start(known_for=0.0)
    ben = relay.client("ben")
    assert await ben.shared() == ()
    del relay.tokens["ben-token"]
    with pytest.raises(Denied):
        await ben.shared()


async def test_after_a_restart_an_owner_is_asked_to_announce_anew(relay: RunningRelay) -> None:
    ann, ben = relay.client("ann"), relay.client("ben")
    await ann.announce(shares())
    await relay.stop()
    relay.start()
    assert await ben.shared() == ()
    with pytest.raises(NotFound):
        await ann.requests()
    await ann.announce(shares())
    assert len(await ben.shared()) == 1


async def test_a_relay_that_is_gone_is_told_as_such(relay: RunningRelay) -> None:
    await relay.stop()
    with pytest.raises(ServerUnreachable, match="does not answer"):
        await relay.client("ann").shared()
    relay.start()


async def test_an_owner_s_server_that_is_silent_is_given_up_and_forgotten() -> None:
    board = Board(patience=0.01, gone_after=60)
    board.announce(("ann", "one"), shares())
    with pytest.raises(ServerUnreachable, match="server of ann"):
        await board.ask("ben", wish())
    forgetful = Board(gone_after=-1)
    forgetful.announce(("ann", "one"), shares())
    assert forgetful.shared_with("ben") == ()


async def test_servers_of_one_person_share_beside_each_other_and_a_guest_has_bounds() -> None:
    board = Board(patience=0.05)
    board.announce(("ann", "one"), shares())
    board.announce(("ann", "two"), (Share(session="other", guest="ben", permission="read"),))
    assert {each.session for each in board.shared_with("ben")} == {S, "other"}
    results = await asyncio.gather(*(board.ask("ben", wish()) for _ in range(30)), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in results) == 10
    for number in range(18):
        board.announce(("ann", str(number)), ())
    with pytest.raises(Conflict, match="servers of one person"):
        board.announce(("ann", "one too many"), ())


def test_where_there_is_no_hub_or_no_relay_it_says_who_can_help() -> None:
    assert "no server of one" in relay_problem({})
    assert "CODEMAD_RELAY_URL" in relay_problem({"JUPYTERHUB_API_TOKEN": "x"})
    with pytest.raises(UsageError, match="no relay"):
        RelayClient({"JUPYTERHUB_API_TOKEN": "x"})
    with pytest.raises(UsageError, match="no service of a JupyterHub"):
        application({})
