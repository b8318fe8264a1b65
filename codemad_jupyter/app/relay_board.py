"""Owns who shares what with whom at this moment, and the wishes of guests on their way to owners' servers and
back. All of it is in memory: what a restart loses the owners' servers tell again. Whose request it is, is
`relay`'s business; what an answer holds is none of ours.
"""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from codemad_jupyter.protocol.errors import CodemadError, Conflict, Denied, NotFound, ServerUnreachable
from codemad_jupyter.protocol.sharing import NEEDS, GuestRequest, GuestWish, Reply, Share, SharedWithMe, may

PATIENCE = 30.0
"""Seconds that an owner's server may take for an answer; with events it waits for some itself, for less."""
GONE_AFTER = 60.0
"""Seconds without a word after which an owner's server counts as gone, with all that it shares."""
AT_ONCE = 20
"""Wishes of one guest that are on their way at once."""
SERVERS = 20
"""Servers of one person."""

Place = tuple[str, str]
"""A person, and one of that person's servers."""


@dataclass
class _Server:
    shares: dict[tuple[str, str], Share] = field(default_factory=dict)
    waiting: list[GuestRequest] = field(default_factory=list)
    rings: asyncio.Event = field(default_factory=asyncio.Event)
    heard: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Wished:
    place: Place
    guest: str
    wish: GuestWish
    answer: "asyncio.Future[Reply]"


class Board:
    """Everything is done on one loop."""

    def __init__(self, *, patience: float = PATIENCE, gone_after: float = GONE_AFTER) -> None:
        self._patience = patience
        self._gone_after = gone_after
        self._servers: dict[Place, _Server] = {}
        self._wished: dict[str, _Wished] = {}

    def announce(self, place: Place, shares: tuple[Share, ...]) -> None:
        """All that a server shares, in place of what it shared before. What is shared no more ends here.
        Raises `Conflict`."""
        if place not in self._servers and sum(owner == place[0] for owner, _ in self._there()) >= SERVERS:
            raise Conflict(f"{SERVERS} servers of one person share already.", hint="Stop one of them.")
        server = self._servers.setdefault(place, _Server())
        server.heard = time.monotonic()
        server.shares = {(share.session, share.guest): share for share in shares}
        for wished in self._wished.values():
            if wished.place == place and not _is_given(server, wished.guest, wished.wish):
                _fail(wished, _not_shared())
        if not shares:
            server.rings.set()

    def forget(self, place: Place) -> None:
        """A server went away; what was on its way to it is answered now."""
        self._servers.pop(place, None)
        for wished in self._wished.values():
            if wished.place == place:
                _fail(wished, _silent(wished.wish.owner))

    async def requests(self, place: Place, wait: float) -> tuple[GuestRequest, ...]:
        """What guests wish of this server; waits for a wish. Raises `NotFound` for one that must announce its
        shares first."""
        server = self._known(place)
        server.heard = time.monotonic()
        if not server.waiting:
            server.rings.clear()
            try:
                await asyncio.wait_for(server.rings.wait(), wait)
            except TimeoutError:
                return ()
            finally:
                server.heard = time.monotonic()
        taken, server.waiting = tuple(server.waiting), []
        return tuple(each for each in taken if each.id in self._wished)

    def reply(self, place: Place, reply: Reply) -> None:
        """An answer on its way back; one that nobody waits for any more is dropped. Raises `NotFound`."""
        self._known(place).heard = time.monotonic()
        wished = self._wished.get(reply.id)
        if wished is not None and wished.place == place and not wished.answer.done():
            wished.answer.set_result(reply)

    def shared_with(self, guest: str) -> tuple[SharedWithMe, ...]:
        """The sessions that somebody may see."""
        found = (
            SharedWithMe(owner=owner, session=share.session, title=share.title, permission=share.permission)
            for (owner, name) in self._there()
            for share in self._servers[owner, name].shares.values()
            if share.guest == guest
        )
        return tuple(sorted(found, key=lambda each: (each.owner, each.title, each.session)))

    async def ask(self, guest: str, wish: GuestWish) -> Reply:
        """What the owner's server answers. Raises `Denied`, `Conflict` or `ServerUnreachable`."""
        place = self._place_of(guest, wish)
        if Counter(each.guest for each in self._wished.values())[guest] >= AT_ONCE:
            raise Conflict(f"{AT_ONCE} of your requests wait already.", hint="Wait for their answers.")
        request = GuestRequest(id=secrets.token_urlsafe(16), guest=guest, wish=wish)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._wished[request.id] = _Wished(place, guest, wish, answer)
        server = self._servers[place]
        server.waiting.append(request)
        server.rings.set()
        try:
            return await asyncio.wait_for(answer, self._patience)
        except TimeoutError:
            raise _silent(wish.owner) from None
        finally:
            del self._wished[request.id]

    def _place_of(self, guest: str, wish: GuestWish) -> Place:
        """The server that shares it, enough for the wish. That it is not there, or not for this guest, is
        the same answer."""
        for place in self._there():
            share = self._servers[place].shares.get((wish.session, guest))
            if place[0] != wish.owner or share is None:
                continue
            if not may(share.permission, NEEDS[wish.kind]):
                said = f"{wish.owner} shares this session for {share.permission} only."
                raise Denied(said, hint="Ask its owner for more.")
            return place
        raise _not_shared()

    def _known(self, place: Place) -> _Server:
        if place not in list(self._there()):
            raise NotFound("Nothing is known here of this server.", hint="Announce what it shares.")
        return self._servers[place]

    def _there(self) -> Iterator[Place]:
        """The servers that were heard of lately; the others are forgotten."""
        late = time.monotonic() - self._gone_after
        for place in [place for place, server in self._servers.items() if server.heard < late]:
            del self._servers[place]
        return iter(tuple(self._servers))


def _is_given(server: _Server, guest: str, wish: GuestWish) -> bool:
    share = server.shares.get((wish.session, guest))
    return share is not None and may(share.permission, NEEDS[wish.kind])


def _not_shared() -> Denied:
    said = "This session is not shared with you, or its owner's server does not run."
    return Denied(said, hint="codemad sessions shared lists what is shared with you.")


def _silent(owner: str) -> ServerUnreachable:
    said = f"The server of {owner} does not answer."
    return ServerUnreachable(said, hint="Try again when its owner is at work.")


def _fail(wished: _Wished, error: CodemadError) -> None:
    if not wished.answer.done():
        wished.answer.set_exception(error)
