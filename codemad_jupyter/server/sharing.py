"""This server's side of sessions that are shared within a hub: it answers what guests wish of ours, and asks
for those of others. Both ways the connection goes out, to the relay; nobody of the hub gets in here.

Each wish is checked by the engine once more, whatever the relay let through.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from codemad_jupyter.server.rest import BodyHandler, CodemadHandler

if TYPE_CHECKING:
    from codemad_jupyter.app.relay_client import RelayClient
    from codemad_jupyter.protocol.sharing import GuestRequest, Reply, Share, SharingInfo
    from codemad_jupyter.server.host import EngineHost

URL_VARIABLE = "CODEMAD_RELAY_URL"
SHORTEST_PAUSE, LONGEST_PAUSE, LEAVING = 0.25, 30.0, 3.0
"""Seconds between two tries, at first and at last, and that saying goodbye may take."""
log = logging.getLogger(__name__)


class ShareLink:
    """The connection of this server to the relay; there is none while nothing of ours is shared."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host
        self._relay: RelayClient | None = None
        self._changed = asyncio.Event()
        self._link: asyncio.Task[None] | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self._problem = ""
        self._closing = False

    @property
    def relay(self) -> RelayClient:
        """The relay of the hub. Raises `UsageError` where there is none."""
        if self._relay is None:
            from codemad_jupyter.app.relay_client import RelayClient

            self._relay = RelayClient(os.environ)
        return self._relay

    async def begin(self) -> None:
        """Serve what was shared before this server started."""
        if not os.environ.get(URL_VARIABLE):
            return
        from codemad_jupyter.config.paths import workspace_dir
        from codemad_jupyter.config.shares import SharedSessions
        from codemad_jupyter.protocol.errors import UsageError

        settings = await self._host.settings()
        folder = workspace_dir(self._host.root, settings=settings)
        try:
            shared = await asyncio.to_thread(SharedSessions(folder, policy=settings.policy).listed)
        except UsageError as error:
            self._problem = str(error)
            log.warning("CodeMAD: %s", error)
        else:
            if shared:
                self.wake()

    def wake(self) -> None:
        """What is shared may have changed."""
        if not os.environ.get(URL_VARIABLE):
            return
        self._changed.set()
        if self._link is None or self._link.done():
            self._link = asyncio.create_task(self._keep())

    async def info(self) -> SharingInfo:
        """What is shared by me, and with me."""
        from codemad_jupyter.protocol.errors import CodemadError
        from codemad_jupyter.protocol.sharing import SharingInfo

        mine: tuple[Share, ...] = ()
        try:
            mine = await (await self._host.engine()).sharing.shares()
            with_me = await self.relay.shared()
        except CodemadError as error:
            return SharingInfo(mine=mine, problem=str(error), offered=bool(os.environ.get(URL_VARIABLE)))
        return SharingInfo(mine=mine, with_me=with_me, problem=self._problem)

    async def close(self) -> None:
        """Say that nothing is shared from here now, and let go."""
        self._closing = True
        self._changed.set()
        tasks = {*self._answers, *([self._link] if self._link else [])}
        if self._link is not None:
            await asyncio.wait({self._link}, timeout=LEAVING)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._relay is not None:
            self._relay.close()

    async def _keep(self) -> None:
        """Stay connected while anything is shared."""
        from codemad_jupyter.protocol.errors import CodemadError, NotFound

        failures = 0
        while True:
            try:
                await self._serve()
            except CodemadError as error:
                failures = failures + 1 if self._problem else 0  # it is empty since we were connected
                self._problem = str(error)
                if not isinstance(error, NotFound):  # that is a relay which began anew
                    log.warning("CodeMAD: guests of shared sessions cannot be served now: %s", error)
                pause = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2**failures)
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
            else:
                if self._closing or not self._changed.is_set():  # it may be shared again by now
                    return

    async def _serve(self) -> None:
        """Tell what is shared, whenever that changes, and answer wishes, until nothing is shared."""
        asked: asyncio.Task[tuple[GuestRequest, ...]] | None = None
        self._changed.set()
        try:
            while True:
                if self._changed.is_set():
                    self._changed.clear()
                    if not await self._announce():
                        return
                asked = asked or asyncio.create_task(self.relay.requests())
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait({asked, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if asked.done():
                    for request in asked.result():
                        self._answer(request)
                    asked = None
        finally:
            if asked is not None:
                await asyncio.wait({asked}, timeout=LEAVING)  # the relay ends it: nothing is shared
                asked.cancel()

    async def _announce(self) -> bool:
        shares = () if self._closing else await (await self._host.engine()).sharing.shares()
        await self.relay.announce(shares)
        self._problem = ""
        return bool(shares)

    def _answer(self, request: GuestRequest) -> None:
        task = asyncio.create_task(self._answered(request))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answered(self, request: GuestRequest) -> None:
        from codemad_jupyter.protocol.errors import CodemadError
        from codemad_jupyter.protocol.sharing import Reply
        from codemad_jupyter.server.failures import failure

        try:
            reply = await self._done(request)
        except Exception as error:  # the edge: what leaves it is a value
            reply = Reply(id=request.id, error=failure(error, log=log, redact=self._host.redact)[1])
        with contextlib.suppress(CodemadError):  # the guest asks again
            await self.relay.reply(reply)

    async def _done(self, request: GuestRequest) -> Reply:
        """Do what is wished. Only this becomes of a guest's words: a comment, or a prompt."""
        from codemad_jupyter.protocol.commands import GuestPrompt
        from codemad_jupyter.protocol.sharing import Reply

        engine, guest, wish = await self._host.engine(), request.guest, request.wish
        if wish.kind == "events":
            events = await engine.sharing.events(guest, wish.session, wish.after, wait=wish.wait)
            return Reply(id=request.id, events=events)
        if wish.kind == "comment":
            await engine.sharing.comment(guest, wish.session, wish.text)
        else:
            await self._host.submit(GuestPrompt(session=wish.session, text=wish.text, guest=guest))
        return Reply(id=request.id)


async def listed(handler: CodemadHandler) -> str:
    """What is shared by me, and with me."""
    return (await handler.host.sharing.info()).model_dump_json()


async def visited(handler: CodemadHandler) -> dict[str, Any]:
    """Events of the ``session`` of an ``owner`` after a number; waits a while for the next."""
    from codemad_jupyter.server.wire import read_visit, told

    asked = read_visit(
        *(handler.get_query_argument(name, "") for name in ("owner", "session", "after", "wait"))
    )
    reply = await handler.host.sharing.relay.wish(asked)
    return {"events": told(reply.events, asked.session)}


class VisitHandler(CodemadHandler):
    """The events of somebody else's session."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(lambda: visited(self))


@web.stream_request_body
class WordsHandler(BodyHandler):
    """Takes comments and prompts for somebody else's session."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self.answer(self._say)

    async def _say(self) -> dict[str, Any]:
        from codemad_jupyter.server.wire import read_wish

        await self.host.sharing.relay.wish(read_wish(self.body()))
        return {}
