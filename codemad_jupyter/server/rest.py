"""The REST routes of people's front ends, and what all of CodeMAD's handlers share.

Imports nothing of the protocol before the first request: a server nobody asks pays nothing.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from codemad_jupyter.server.answering import HEADER

if TYPE_CHECKING:
    from codemad_jupyter.protocol.commands import Ack, Command
    from codemad_jupyter.server.host import EngineHost

RESOURCE = "codemad"
"""What an authorizer is asked about: ``read``, ``write`` and ``execute`` on this."""


class CodemadHandler(APIHandler):
    """Answers with JSON; what fails becomes ``{"error": ErrorValue}`` under a fitting status."""

    auth_resource = RESOURCE

    def initialize(self, host: EngineHost) -> None:
        self.host = host

    async def answer(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Do the work and send what it returns: JSON text as it is, anything else turned into JSON."""
        try:
            payload = await work()
        except web.HTTPError:
            raise
        except Exception as error:  # the edge: nothing leaves it but a status and a value
            self.fail(error)
        else:
            self.finish(payload if isinstance(payload, str) else json.dumps(payload))

    def fail(self, error: Exception) -> None:
        """Send the error."""
        from codemad_jupyter.server.failures import failure

        status, value = failure(error, log=self.log, redact=self.host.redact)
        self.set_status(status)
        self.finish(json.dumps({"error": value.model_dump()}))

    @property
    def nonce(self) -> str:
        """By what the calling tab shows that it is one; empty where it is none."""
        return self.request.headers.get(HEADER, "")

    def number(self, name: str) -> int:
        """A whole number from the query, 0 when absent."""
        from codemad_jupyter.protocol.errors import UsageError

        text = self.get_query_argument(name, "0")
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            raise UsageError(f"'{name}' must be a whole number.", hint="Leave it out to begin at the start.")
        return int(text)

    async def mentions(self) -> dict[str, Any]:
        """What could be pointed at, by the words of the query."""
        from codemad_jupyter.protocol.commands import Target

        def given(name: str) -> str | None:
            return self.get_query_argument(name, "")[:1_000] or None

        engine = await self.host.engine()
        target = Target(notebook=given("notebook"), kernel=given("kernel"))
        found = await engine.mentions(given("query") or "", target, session=given("session"))
        return {"mentions": [mention.model_dump() for mention in found]}

    async def merge_view(self) -> str:
        """What the ``notebook`` of the query leaves to choose, as JSON."""
        engine = await self.host.engine()
        return (await engine.merge_view(self.get_query_argument("notebook"))).model_dump_json()


class BodyHandler(CodemadHandler):
    """Reads a body of bounded size; what is beyond the limit is thrown away as it arrives.

    Subclasses carry ``@web.stream_request_body`` (it is not inherited).
    """

    def initialize(self, host: EngineHost) -> None:
        super().initialize(host)
        self._chunks: list[bytes] = []
        self._received = 0

    def data_received(self, chunk: bytes) -> None:
        from codemad_jupyter.server.wire import BODY_BYTES

        self._received += len(chunk)
        if self._received <= BODY_BYTES:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say that the connection ends: a refusal may come before the body has, and tornado hangs up then.
        A proxy that is not told gives the dead connection to the next request."""
        self.set_header("Connection", "close")
        super().write_error(status_code, **kwargs)

    def body(self) -> bytes:
        """What was sent. Raises `TooLarge`."""
        from codemad_jupyter.server.wire import BODY_BYTES, too_large

        if self._received > BODY_BYTES:
            raise too_large("request", limit=BODY_BYTES)
        return b"".join(self._chunks)

    def command(self) -> Command:
        """The command that was sent. Raises `UsageError` or `TooLarge`."""
        from codemad_jupyter.server.wire import read_command

        return read_command(self.body())

    async def preview(self) -> str:
        """What the prompt that was sent would send, as JSON."""
        from codemad_jupyter.server.wire import read_prompt

        engine = await self.host.engine()
        return (await engine.preview(read_prompt(self.body()))).model_dump_json()

    async def sql(self) -> str:
        """The answer to the question that was sent, as JSON."""
        from codemad_jupyter.server.wire import read_question

        engine = await self.host.engine()
        return (await engine.sql.ask(read_question(self.body()))).model_dump_json()


class SessionsHandler(CodemadHandler):
    """The sessions of this workspace."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self._sessions)

    async def _sessions(self) -> dict[str, Any]:
        engine = await self.host.engine()
        current = await engine.current_session()  # first: it makes one where there is none
        sessions = await engine.sessions()
        return {"sessions": [session.model_dump() for session in sessions], "current": current}


@web.stream_request_body
class CommandsHandler(BodyHandler):
    """Takes commands."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self.answer(self._submit)

    async def _submit(self) -> dict[str, Any]:
        command = self.command()
        await self.host.answering.check(command, self.nonce)
        ack: Ack = await self.host.submit(command)
        self.host.answering.began(command, ack, self.nonce)
        return ack.model_dump()


class EventsHandler(CodemadHandler):
    """The stored events of a session."""

    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        await self.answer(lambda: self._events(session))

    async def _events(self, session: str) -> str:
        engine = await self.host.engine()
        events = await engine.stored(session, after=self.number("after"))
        return f'{{"events": [{", ".join(event.model_dump_json() for event in events)}]}}'


class ModelsHandler(CodemadHandler):
    """The models one can choose."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(lambda: self.host.models(probe=self.number("probe") > 0))


class MergeHandler(CodemadHandler):
    """What a notebook that git could not merge leaves to choose."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self.merge_view)


@web.stream_request_body
class PreviewHandler(BodyHandler):
    """What a prompt would send."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self.answer(self.preview)


@web.stream_request_body
class SqlHandler(BodyHandler):
    """Answers SQL about the sessions."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self.answer(self.sql)


class MentionsHandler(CodemadHandler):
    """What could be pointed at with ``@``."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self.mentions)


class StatusHandler(CodemadHandler):
    """How CodeMAD is doing here; with ``?checks=1`` everything is tried, which takes a while, with
    ``?standing=1`` the sandbox alone, and which modes there are is told."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        asked = {name: bool(self.number(name)) for name in ("checks", "standing")}
        await self.answer(lambda: self.host.status(**asked))
