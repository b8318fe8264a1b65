"""The few routes for magics in kernels, opened by the kernels' own secret and by nothing else.

Code in a kernel can read that secret, so nothing here approves, and a browser's cookie or the
server's token opens none of it: what a person must decide is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web
from tornado.iostream import StreamClosedError

from codemad_jupyter.server.rest import BodyHandler, CodemadHandler
from codemad_jupyter.server.sharing import visited

if TYPE_CHECKING:
    from codemad_jupyter.protocol.commands import ChooseDataLevel, Command
    from codemad_jupyter.protocol.events import Event
    from codemad_jupyter.server.host import EngineHost

HEADER = "X-Codemad-Kernel-Token"
"""Not ``Authorization``: an identity provider would take the secret for a token of its own and ask
a hub about it."""
ALLOWED = frozenset(
    {"prompt", "cancel", "accept_edit", "reject_edit", "undo", "redo", "new_session", "choose_model"}
    | {"make_checkpoint", "restore_checkpoint", "name_checkpoint", "prune_checkpoints"}
    | {"choose_data_level", "choose_mode", "resolve_merge", "merge_agents"}
    | {"change_plan", "approve_plan", "drop_plan"}
    | {"fork_session", "make_branch", "switch_branch", "name_branch", "merge_branch"}
    | {"remember_fact", "edit_memory", "forget_memory", "unshare_session"}
)
CHECKED = frozenset({"accept_edit", "choose_mode", "prompt"})
"""Those that may give rights, which takes a person at a tab."""
HEARTBEAT = 10.0
"""Seconds of silence after which a comment shows the reader that the line is alive."""
PATIENCE = 60.0
"""Seconds a reader may take nothing."""


class KernelGate(CodemadHandler):
    """Lets in who brings the secret in the header. Cookies and tokens of people count for nothing here,
    so there is no XSRF to check: no browser adds this header by itself."""

    _track_activity = False

    async def prepare(self, **kwargs: Any) -> None:
        given = self.request.headers.get(HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.host.token.encode()):
            raise web.HTTPError(403, "This route is for CodeMAD's magics in kernels of this server.")
        await super().prepare(**kwargs)

    def check_xsrf_cookie(self) -> None:
        """The secret in the header has been checked; a form of another site cannot send it."""

    def text(self, name: str) -> str:
        """A text from the query, empty when absent."""
        return self.get_query_argument(name, "")


@web.stream_request_body
class CommandsHandler(KernelGate, BodyHandler):
    """Takes the commands that magics may give."""

    @allow_unauthenticated
    async def post(self) -> None:
        await self.answer(self._submit)

    async def _submit(self) -> dict[str, Any]:
        command = _permitted(self.command())
        if command.type == "choose_data_level":
            await self._only_tighter(command)
        if command.type in CHECKED:
            await self.host.answering.check(command, "")
        ack = await self.host.submit_for_kernel(command)
        return ack.model_dump()

    async def _only_tighter(self, command: ChooseDataLevel) -> None:
        """Code in a kernel may lower the level, never raise it: whoever wrote the notebook would decide."""
        from codemad_jupyter.protocol.errors import Denied
        from codemad_jupyter.tools.data_levels import allows

        engine = await self.host.engine()
        holds = engine.data_level(command.notebook)
        if not allows(holds, command.level):
            said = f"A kernel may not raise the data level from {holds} to {command.level}."
            raise Denied(said, hint="Do it in the sidebar.")


class SessionHandler(KernelGate):
    """The current session, and the notebook that belongs to the asking kernel."""

    @allow_unauthenticated
    async def get(self) -> None:
        await self.answer(self._session)

    async def _session(self) -> dict[str, Any]:
        engine = await self.host.engine()
        kernel = self.text("kernel")
        notebook = await self.host.ports.notebook_of(kernel) if kernel else None
        root = str(self.host.root.resolve())
        return {"session": await engine.current_session(), "notebook": notebook, "root": root}


@web.stream_request_body
class PreviewHandler(KernelGate, BodyHandler):
    """What a prompt would send."""

    @allow_unauthenticated
    async def post(self) -> None:
        await self.answer(self.preview)


@web.stream_request_body
class SqlHandler(KernelGate, BodyHandler):
    """Answers SQL about the sessions."""

    @allow_unauthenticated
    async def post(self) -> None:
        await self.answer(self.sql)


class MentionsHandler(KernelGate):
    """What could be pointed at with ``@``."""

    @allow_unauthenticated
    async def get(self) -> None:
        await self.answer(self.mentions)


class VisitHandler(KernelGate):
    """The events of a session that somebody shares with the person."""

    @allow_unauthenticated
    async def get(self) -> None:
        await self.answer(lambda: visited(self))


class MergeHandler(KernelGate):
    """What a notebook that git could not merge leaves to choose."""

    @allow_unauthenticated
    async def get(self) -> None:
        await self.answer(self.merge_view)


class ModelsHandler(KernelGate):
    """The models one can choose."""

    @allow_unauthenticated
    async def get(self) -> None:
        await self.answer(self.host.models)


class EventsHandler(KernelGate):
    """A session's events as ``text/event-stream``: ``event``, ``error`` and a last ``end``.

    Ends after the ``run_finished`` of ``run``; without ``run`` it goes on until the reader leaves.
    """

    def initialize(self, host: EngineHost) -> None:
        super().initialize(host)
        self.sending: asyncio.Task[None] | None = None

    @allow_unauthenticated
    async def get(self) -> None:
        try:
            after, session, run = self.number("after"), self.text("session"), self.text("run")
            engine = await self.host.engine()
            await engine.state_seq(session)  # a wrong session is an ordinary error
        except web.HTTPError:
            raise
        except Exception as error:  # the edge, as in answer()
            self.fail(error)
            return
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")
        self.sending = asyncio.create_task(self._send(engine.events(session, after=after), run=run))
        try:
            await self.sending
            self.finish(set_content_type="text/event-stream")
        except (asyncio.CancelledError, StreamClosedError, TimeoutError):
            self.log.debug("CodeMAD: a kernel stopped reading its events")

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self.sending is not None:
            self.sending.cancel()

    async def _send(self, events: AsyncIterator[Event], *, run: str) -> None:
        from codemad_jupyter.server.failures import failure

        beat = asyncio.create_task(self._beat())
        try:
            await self._send_events(events, run=run)
        except (StreamClosedError, TimeoutError):
            raise
        except Exception as error:  # the stream has begun: the error travels in it
            await self._say(
                "error", failure(error, log=self.log, redact=self.host.redact)[1].model_dump_json()
            )
        else:
            await self._say("end", "{}")
        finally:
            beat.cancel()

    async def _send_events(self, events: AsyncIterator[Event], *, run: str) -> None:
        async with aclosing(cast("AsyncGenerator[Event]", events)):
            async for event in events:
                await self._say("event", event.model_dump_json())
                if run and event.type == "run_finished" and event.run == run:
                    return

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            self.write(": alive\n\n")
            await self.flush()

    async def _say(self, kind: str, data: str) -> None:
        """Send; a reader that takes nothing for a while is let go, it can come back after its last number."""
        self.write(f"event: {kind}\ndata: {data}\n\n")
        await asyncio.wait_for(self.flush(), PATIENCE)


def _permitted(command: Command) -> Command:
    """The command as a kernel may give it. Raises `Denied`."""
    from codemad_jupyter.protocol.commands import (
        ApprovePlan,
        Cancel,
        EditMemory,
        MergeAgents,
        MergeBranch,
        Prompt,
        RememberFact,
        ResolveMerge,
    )
    from codemad_jupyter.protocol.errors import Denied

    if command.type not in ALLOWED or (isinstance(command, Cancel) and command.kill):
        said = f"A kernel may not give the command '{command.type}'."
        raise Denied(said, hint="Do it in the sidebar.")
    asked = Prompt | ApprovePlan | ResolveMerge | MergeAgents | MergeBranch | RememberFact | EditMemory
    if isinstance(command, asked):
        return command.model_copy(update={"edge": "magic"})  # no kernel speaks for the sidebar
    return command
