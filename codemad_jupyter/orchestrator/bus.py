"""The events of one session: numbered, told to whoever listens, and stored behind one writer.

`Bus.emit` never waits. A finished event is durable once `Bus.saved` has returned. Text deltas are
kept only while their message is being written, so that a late listener still sees its beginning.
"""

import asyncio
import heapq
import logging
import time
from collections.abc import AsyncIterator, Callable

from codemad_jupyter.orchestrator.masking import masked_event
from codemad_jupyter.protocol.errors import StoreError
from codemad_jupyter.protocol.events import LIVE_ONLY, Event, Notice
from codemad_jupyter.store.store import Store

EPOCH = 1_000_000
"""Numbers jump to the next multiple when a session is opened again: deltas are not stored, so the
last number seen by a client may be higher than the last one stored."""

BACKLOG = 5_000
"""Events a slow listener may lag behind before it is served from the store again."""

_log = logging.getLogger(__name__)


class _Listener:
    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event] = asyncio.Queue(BACKLOG)
        self.lagging = False

    def put(self, event: Event) -> None:
        if self.lagging:
            return
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.lagging = True


class Bus:
    """Numbers, stores and hands out the events of one session."""

    def __init__(
        self,
        session: str,
        store: Store,
        *,
        last_seq: int,
        observe: Callable[[Event], None],
        redact: Callable[[str], str],
    ) -> None:
        self.session = session
        self.seq = (last_seq // EPOCH + 1) * EPOCH if last_seq else 0
        self._store = store
        self._observe = observe
        self._redact = redact
        self._listeners: set[_Listener] = set()
        self._live: list[Event] = []
        self._unsaved: list[Event] = []
        self._writer: asyncio.Task[None] | None = None
        self._failure: StoreError | None = None

    def emit(self, event: Event, *, run: str | None = None) -> Event:
        """Number the event, mask its secrets, tell it, and queue it for the store."""
        self.seq += 1
        stamp = {"seq": self.seq, "session": self.session, "run": run, "at": time.time()}
        event = event.model_copy(update=stamp)
        if event.type in LIVE_ONLY:  # masked where they come in, as they are parts of something longer
            self._live.append(event)
        else:
            self._live = [each for each in self._live if not _over(each, event)]
            event = masked_event(event, self._redact)
            self._unsaved.append(event)
            self._write()
            self._observe(event)
        for listener in self._listeners:
            listener.put(event)
        return event

    async def saved(self) -> None:
        """Wait until everything said so far is stored; raises `StoreError` when it cannot be."""
        while self._unsaved:
            self._write()
            if self._writer is not None:
                await asyncio.shield(self._writer)
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure

    def _write(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        while self._unsaved:
            batch = list(self._unsaved)
            try:
                await self._store.append_events(batch)
            except StoreError as error:
                # Kept and tried again with the next event; the person is told once per failure.
                self._failure = error
                self._tell_failure(error)
                return
            del self._unsaved[: len(batch)]

    def _tell_failure(self, error: StoreError) -> None:
        _log.error("events of session %s could not be stored: %s", self.session, error)
        notice = Notice(level="error", code="store", text=str(error), session=self.session, at=time.time())
        for listener in self._listeners:
            listener.put(notice)

    async def events(self, after: int = 0) -> AsyncIterator[Event]:
        """The events after a number: the stored ones, then the live ones, without end."""
        while True:
            listener = _Listener()
            self._listeners.add(listener)
            try:
                for event in await self._past(after):
                    yield event
                    after = event.seq
                while not (listener.lagging and listener.queue.empty()):
                    event = await listener.queue.get()
                    if event.seq > after or event.seq == 0:
                        yield event
                        after = max(after, event.seq)
            finally:
                self._listeners.discard(listener)

    async def _past(self, after: int) -> list[Event]:
        mark = self.seq
        live = [event for event in self._live if event.seq > after]
        try:
            await self.saved()
        except StoreError as error:
            _log.warning("replaying from memory what is not stored: %s", error)
        stored = [e for e in await self._store.events(self.session, after=after) if e.seq <= mark]
        seen = {event.seq for event in stored}
        unsaved = [e for e in self._unsaved if after < e.seq <= mark and e.seq not in seen]
        return list(heapq.merge(stored, unsaved, live, key=lambda event: event.seq))


def _over(live: Event, event: Event) -> bool:
    """Does the stored event tell all that the live one does?"""
    if live.type == "cell_started":
        return event.type == "cell_executed" and event.cell == live.cell
    return event.type in ("message_done", "run_finished")
