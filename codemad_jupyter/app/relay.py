"""The relay of a JupyterHub: passes shared sessions on between the servers of its people.

It runs as a service of the hub. Each server signs in with its own token, and the hub says whose that is
(`hub_people`); what is shared stands on the `relay_board`. Nothing is written down, and nobody gets into
anybody's server: both sides only ask here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError
from tornado import web
from tornado.httpclient import HTTPClientError

from codemad_jupyter.app.hub_people import KNOWN_FOR, Hub
from codemad_jupyter.app.relay_board import Board, Place
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import CodemadError, Denied, ServerUnreachable, UsageError
from codemad_jupyter.protocol.sharing import DESK, Announced, GuestWish, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable

LARGEST = 64_000_000
"""Bytes of an answer on its way: a conversation's events come in pieces far smaller."""
WAIT = 20.0
"""Seconds that a server waits for a guest's wish before it asks anew."""
STATUS = {"usage": 400, "denied": 403, "not_found": 404, "conflict": 409}
T = TypeVar("T", bound=Value)
_log = logging.getLogger(__name__)


class _Handler(web.RequestHandler):
    hub: Hub
    board: Board
    person: str

    def initialize(self, hub: Hub, board: Board) -> None:
        self.hub, self.board = hub, board

    async def prepare(self) -> None:
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "token" or not token.strip():
                raise Denied("Send the token of your server.")
            person = await self.hub.person(token.strip())
            if person is None:
                hint = "The hub's roles server and user need the scope access:services!service=NAME."
                raise Denied("This token may not use the relay.", hint=hint)
            self.person = person.name
        except CodemadError as error:
            self.refuse(error)
        except (OSError, HTTPClientError, ValueError) as error:
            _log.warning("the hub did not answer: %s", type(error).__name__)
            self.refuse(ServerUnreachable("The hub does not answer now.", hint="Try again."))

    def refuse(self, error: CodemadError) -> None:
        """Send an error."""
        self.set_status(STATUS.get(error.code, 503))
        self.finish({"error": error.value().model_dump()})

    async def answer(self, work: Awaitable[str]) -> None:
        """Send what comes of it."""
        try:
            self.finish(await work)
        except CodemadError as error:
            self.refuse(error)

    @property
    def place(self) -> Place:
        """Which server asks."""
        return self.person, self.request.headers.get(DESK, "")[:100]

    def body(self, kind: type[T]) -> T:
        """What was sent. Raises `UsageError`."""
        try:
            return kind.model_validate_json(self.request.body)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)[0]
            said = f"This is no {kind.__name__}: {'.'.join(map(str, wrong['loc']))}: {wrong['msg']}."
            raise UsageError(said) from None

    def check_xsrf_cookie(self) -> None:
        """Cookies open nothing here: each request has its token."""


class Shares(_Handler):
    """What an owner's server shares, and what is shared with whoever asks."""

    async def put(self) -> None:
        await self.answer(self._announce())

    async def _announce(self) -> str:
        self.board.announce(self.place, self.body(Announced).shares)
        return "{}"

    async def get(self) -> None:
        found = self.board.shared_with(self.person)
        self.finish({"shared": [each.model_dump() for each in found]})


class Requests(_Handler):
    """The wishes of guests, for the owner's server; it waits for them."""

    async def get(self) -> None:
        await self.answer(self._requests())

    def on_connection_close(self) -> None:
        self.board.forget(self.place)

    async def _requests(self) -> str:
        found = await self.board.requests(self.place, WAIT)
        return json.dumps({"requests": [each.model_dump() for each in found]})


class Replies(_Handler):
    """The answers of an owner's server."""

    async def post(self) -> None:
        await self.answer(self._reply())

    async def _reply(self) -> str:
        self.board.reply(self.place, self.body(Reply))
        return "{}"


class Wishes(_Handler):
    """What a guest wishes, answered by the owner's server."""

    async def post(self) -> None:
        await self.answer(self._wish())

    async def _wish(self) -> str:
        return (await self.board.ask(self.person, self.body(GuestWish))).model_dump_json()


class Elsewhere(_Handler):
    """Any other address."""

    async def prepare(self) -> None:
        self.refuse(UsageError("There is nothing here.", hint="codemad relay serve --help"))


def application(environ: Mapping[str, str], *, known_for: float = KNOWN_FOR) -> web.Application:
    """The service, below any prefix: asked directly it may be left out. Raises `UsageError`."""
    shared = {"hub": Hub(environ, known_for=known_for), "board": Board()}
    routes = [
        (r".*/v1/shares", Shares, shared),
        (r".*/v1/requests", Requests, shared),
        (r".*/v1/replies", Replies, shared),
        (r".*/v1/wishes", Wishes, shared),
        (r".*", Elsewhere, shared),
    ]
    return web.Application(routes, log_function=lambda handler: None)
