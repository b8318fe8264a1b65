"""The WebSocket of a browser tab: events out, port calls out and their answers in.

A run's life is not tied to a socket: whoever comes back subscribes after the last number it saw.
A tab too slow for the live events is sent back to the stored ones instead of filling the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import ensure_async
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from codemad_jupyter.server.rest import RESOURCE

if TYPE_CHECKING:
    from codemad_jupyter.orchestrator.engine import Engine
    from codemad_jupyter.protocol.events import Event
    from codemad_jupyter.protocol.frames import ClientFrame, ServerFrame, Subscribe
    from codemad_jupyter.server.host import EngineHost
    from codemad_jupyter.server.outbox import Outbox


class StreamHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One tab. Frames are those of ``protocol/frames.py``."""

    auth_resource = RESOURCE

    def initialize(self, host: EngineHost) -> None:
        self.host = host
        self.outbox: Outbox | None = None
        self.sender: asyncio.Task[None] | None = None
        self.feeds: dict[str, asyncio.Task[None]] = {}

    @property
    def max_message_size(self) -> int:
        return self.host.limits.message_bytes

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        user = self.current_user
        if not await ensure_async(self.authorizer.is_authorized(self, user, "execute", RESOURCE)):
            raise web.HTTPError(403, "You are not allowed to talk to CodeMAD on this server.")
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        from codemad_jupyter.server.outbox import Outbox

        super().open(*args, **kwargs)
        self.host.streams.add(self)
        self.outbox = Outbox(self._write, frames=self.host.limits.waiting_frames)
        self.sender = asyncio.create_task(self.outbox.send())
        self.sender.add_done_callback(self._sender_ended)

    def on_message(self, message: str | bytes) -> None:
        from codemad_jupyter.protocol.errors import CodemadError
        from codemad_jupyter.server.wire import read_frame

        try:
            self._take(read_frame(message))
        except CodemadError as error:
            self._complain(error)

    def on_close(self) -> None:
        self.host.streams.discard(self)
        if self.outbox is not None:
            self.host.tabs.lost(self.outbox)
        for task in (self.sender, *self.feeds.values()):
            if task is not None:
                task.cancel()

    async def _write(self, text: str) -> None:
        await self.write_message(text)

    def _sender_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if not isinstance(error, WebSocketClosedError):
            self.log.error("CodeMAD's stream to a tab broke", exc_info=error)
        self.close(1011, "sending failed")

    def _take(self, frame: ClientFrame) -> None:
        assert self.outbox is not None  # noqa: S101 - a message comes after open()
        match frame.type:
            case "hello":
                self.host.tabs.greet(self.outbox, frame)
            case "subscribe":
                self._subscribe(frame)
            case "unsubscribe":
                feed = self.feeds.pop(frame.session, None)
                if feed is not None:
                    feed.cancel()
            case "port_progress":
                self.host.tabs.progress(self.outbox, frame)
            case "port_reply":
                if not self.host.tabs.reply(self.outbox, frame):
                    self.log.debug("CodeMAD: an answer came too late (call %s)", frame.id)

    def _subscribe(self, frame: Subscribe) -> None:
        from codemad_jupyter.protocol.errors import UsageError

        former = self.feeds.pop(frame.session, None)
        if former is not None:
            former.cancel()
        self.feeds = {session: feed for session, feed in self.feeds.items() if not feed.done()}
        most = self.host.limits.subscriptions
        if len(self.feeds) >= most:
            said = f"This tab follows {most} sessions already."
            raise UsageError(said, hint="Unsubscribe from one first.")
        self.feeds[frame.session] = asyncio.create_task(self._feed(frame.session, after=frame.after))

    async def _feed(self, session: str, *, after: int) -> None:
        """Send a session's events until the tab leaves."""
        assert self.outbox is not None  # noqa: S101
        try:
            engine = await self.host.engine()
            while (reached := await self._follow(engine, session, after=after)) is not None:
                after = reached
                await self.outbox.room()
        except Exception as error:  # the task's boundary: the tab is told, the socket stays
            self._complain(error)

    async def _follow(self, engine: Engine, session: str, *, after: int) -> int | None:
        """Send stored and live events; returns the number reached when the tab fell behind."""
        from codemad_jupyter.protocol.frames import EventFrame, Replayed

        past = await engine.stored_reach(session)
        replayed = after >= past
        if replayed and not await self._put(Replayed(session=session, seq=after)):
            return after
        async with aclosing(cast("AsyncGenerator[Event]", engine.events(session, after=after))) as events:
            async for event in events:
                if not await self._put(EventFrame(event=event)):
                    return after
                after = max(after, event.seq)  # what could not be stored has no number
                if not replayed and after >= past:
                    replayed = True
                    if not await self._put(Replayed(session=session, seq=after)):
                        return after
        return None

    async def _put(self, frame: ServerFrame) -> bool:
        assert self.outbox is not None  # noqa: S101
        return await self.outbox.put(frame, patience=self.host.limits.patience)

    def _complain(self, error: Exception) -> None:
        from codemad_jupyter.protocol.frames import StreamError
        from codemad_jupyter.server.failures import failure

        _, value = failure(error, log=self.log, redact=self.host.redact)
        if self.outbox is not None:
            self.outbox.offer(StreamError(error=value))
