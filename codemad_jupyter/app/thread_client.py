"""An engine in a thread of this process, with its own loop, for kernels that have no server.

Some work has to happen in the thread that asked: in a kernel, running the person's code. While
that thread waits for the engine it serves such work (`CallerThread`).
"""

import asyncio
import atexit
import concurrent.futures
import queue
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing
from typing import Any, Protocol, TypeVar, cast

from codemad_jupyter.app.caller_thread import CallerThread
from codemad_jupyter.app.endings import Ending, Submitted
from codemad_jupyter.notebooks.provenance import Blame
from codemad_jupyter.orchestrator.sharing import SharingDesk
from codemad_jupyter.orchestrator.sql_desk import SqlDesk
from codemad_jupyter.protocol.asking import SqlAnswer, SqlQuestion
from codemad_jupyter.protocol.checkpoints import CheckpointDiff, CheckpointInfo
from codemad_jupyter.protocol.commands import Ack, Cancel, Command, Prompt, Target
from codemad_jupyter.protocol.errors import CodemadError, KernelError, UsageError
from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.indexing import IndexStatus
from codemad_jupyter.protocol.memories import Memory, SessionHit
from codemad_jupyter.protocol.mentions import Mention
from codemad_jupyter.protocol.merging import MergeView
from codemad_jupyter.protocol.models import ModelInfo
from codemad_jupyter.protocol.plans import Plan
from codemad_jupyter.protocol.privacy import ContextPreview, DataLevel
from codemad_jupyter.protocol.sessions import (
    BranchComparison,
    ExportFormat,
    SessionExport,
    SessionInfo,
    SessionTree,
)
from codemad_jupyter.protocol.sharing import SharingInfo

T = TypeVar("T")

START = 120.0
ANSWER = 60.0
CLOSE = 10.0
_NO_SERVER = "Sessions are shared by the Jupyter server, and none serves this folder."


class EngineDoor(Protocol):
    """What a client needs of an engine."""

    async def submit(self, command: Command) -> Ack: ...
    def events(self, session: str, after: int = 0) -> AsyncIterator[Event]: ...
    async def current_session(self) -> str: ...
    async def models(self) -> tuple[ModelInfo, ...]: ...
    async def checkpoints(self, session: str | None = None) -> tuple[CheckpointInfo, ...]: ...
    async def checkpoint_diff(self, old: str, new: str | None = None) -> CheckpointDiff: ...
    async def blame(self, notebook: str) -> tuple[Blame, ...]: ...
    async def merge_view(self, notebook: str) -> MergeView: ...
    async def index_status(self) -> IndexStatus: ...
    async def preview(self, prompt: Prompt) -> ContextPreview: ...
    async def mentions(
        self, query: str, target: Target, *, session: str | None = None
    ) -> tuple[Mention, ...]: ...
    async def plan(self, session: str) -> Plan | None: ...
    async def memories(self, query: str = "") -> tuple[Memory, ...]: ...
    async def search_sessions(self, words: str, limit: int = 20) -> tuple[SessionHit, ...]: ...
    @property
    def sql(self) -> SqlDesk: ...
    @property
    def sharing(self) -> SharingDesk: ...
    async def sessions(self) -> tuple[SessionInfo, ...]: ...
    async def session_tree(self, session: str) -> SessionTree: ...
    async def compare_branches(
        self, session: str, left: str, right: str, other: str = ""
    ) -> BranchComparison: ...
    async def export_session(
        self, session: str, form: ExportFormat, level: DataLevel | None = None
    ) -> SessionExport: ...
    @property
    def default_model(self) -> str: ...
    async def close(self) -> None: ...


class ThreadClient:
    """An `EngineClient` whose engine lives in a daemon thread; ``build`` makes it on that thread's loop."""

    def __init__(
        self, build: Callable[[], Awaitable[EngineDoor]], *, caller: CallerThread | None = None
    ) -> None:
        self._caller = caller or CallerThread()
        self._submitted = Submitted()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, name="codemad-engine", daemon=True)
        self._thread.start()
        try:
            self._engine = self._do(_built(build), timeout=START)
        except BaseException:
            self._stop()
            raise
        _at_exit(self.close)

    def submit(self, command: Command) -> Ack:
        ack = self._do(self._engine.submit(command), timeout=None)
        self._submitted.keep(ack, command)
        return ack

    def follow(self, ack: Ack) -> Iterator[Event]:
        last = self._submitted.ending(ack)
        return iter(()) if last is None else self._follow(ack, last=last)

    def session(self) -> str:
        return self._do(self._engine.current_session(), timeout=ANSWER)

    def models(self) -> tuple[ModelInfo, ...]:
        return tuple(self._do(self._engine.models(), timeout=ANSWER))

    def default_model(self) -> str:
        return self._engine.default_model

    def checkpoints(self, session: str | None = None) -> tuple[CheckpointInfo, ...]:
        return self._do(self._engine.checkpoints(session), timeout=ANSWER)

    def checkpoint_diff(self, old: str, new: str | None = None) -> CheckpointDiff:
        return self._do(self._engine.checkpoint_diff(old, new), timeout=ANSWER)

    def blame(self, notebook: str) -> tuple[Blame, ...]:
        return self._do(self._engine.blame(notebook), timeout=ANSWER)

    def merge_view(self, notebook: str) -> MergeView:
        return self._do(self._engine.merge_view(notebook), timeout=ANSWER)

    def index_status(self) -> IndexStatus:
        return self._do(self._engine.index_status(), timeout=ANSWER)

    def preview(self, prompt: Prompt) -> ContextPreview:
        return self._do(self._engine.preview(prompt), timeout=ANSWER)

    def mentions(self, query: str, target: Target, *, session: str | None = None) -> tuple[Mention, ...]:
        return self._do(self._engine.mentions(query, target, session=session), timeout=ANSWER)

    def plan(self, session: str) -> Plan | None:
        return self._do(self._engine.plan(session), timeout=ANSWER)

    def memories(self, query: str = "") -> tuple[Memory, ...]:
        return self._do(self._engine.memories(query), timeout=ANSWER)

    def search_sessions(self, words: str, limit: int = 20) -> tuple[SessionHit, ...]:
        return self._do(self._engine.search_sessions(words, limit), timeout=ANSWER)

    def query(self, question: SqlQuestion) -> SqlAnswer:
        return self._do(self._engine.sql.ask(question), timeout=ANSWER)

    def sessions(self) -> tuple[SessionInfo, ...]:
        return self._do(self._engine.sessions(), timeout=ANSWER)

    def session_tree(self, session: str) -> SessionTree:
        return self._do(self._engine.session_tree(session), timeout=ANSWER)

    def compare_branches(self, session: str, left: str, right: str, other: str = "") -> BranchComparison:
        return self._do(self._engine.compare_branches(session, left, right, other), timeout=ANSWER)

    def export_session(
        self, session: str, form: ExportFormat, level: DataLevel | None = None
    ) -> SessionExport:
        return self._do(self._engine.export_session(session, form, level), timeout=ANSWER)

    def sharing(self) -> SharingInfo:
        mine = self._do(self._engine.sharing.shares(), timeout=ANSWER)
        return SharingInfo(mine=mine, problem=self._engine.sharing.problem or _NO_SERVER, offered=False)

    def visit(self, owner: str, session: str, after: int = 0, *, wait: bool = False) -> tuple[Event, ...]:
        raise UsageError(self._engine.sharing.problem or _NO_SERVER)

    def close(self) -> None:
        """Close the engine, with its store, and end the thread."""
        if self._loop.is_closed():
            return
        try:
            self._do(self._engine.close(), timeout=CLOSE)
        finally:
            self._stop()

    def _follow(self, ack: Ack, *, last: Ending) -> Iterator[Event]:
        inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        with self._caller.waiting():
            reading = asyncio.run_coroutine_threadsafe(self._read(ack, inbox), self._loop)
            reading.add_done_callback(lambda _: self._caller.wake())
            cancelled = False
            try:
                while True:
                    try:
                        self._caller.serve(1.0)
                    except KeyboardInterrupt:
                        if cancelled or ack.run is None:
                            raise
                        cancelled = True
                        self._start(self._engine.submit(Cancel(session=ack.session, run=ack.run)))
                    while not inbox.empty():
                        event = inbox.get()
                        yield event
                        if last(event):
                            return
                    if reading.done() and inbox.empty():
                        reading.result()  # raises what ended the reading
                        raise _gone()
            finally:
                reading.cancel()

    async def _read(self, ack: Ack, inbox: "queue.SimpleQueue[Event]") -> None:
        async with aclosing(
            cast("AsyncGenerator[Event]", self._engine.events(ack.session, ack.seq))
        ) as events:
            async for event in events:
                inbox.put(event)
                self._caller.wake()

    def _do(self, work: Coroutine[Any, Any, T], *, timeout: float | None) -> T:
        """Run on the engine's loop and wait, serving what the engine asks of this thread meanwhile."""
        future = self._start(work)
        future.add_done_callback(lambda _: self._caller.wake())
        until = None if timeout is None else time.monotonic() + timeout
        with self._caller.waiting():
            while not future.done():
                if until is not None and time.monotonic() > until:
                    future.cancel()
                    said = f"The engine in this process did not answer within {timeout:g} seconds."
                    raise KernelError(said, hint="Restart the kernel.")
                self._caller.serve(1.0)
        return future.result()

    def _start(self, work: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
        if self._loop.is_closed():
            work.close()
            raise _gone()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE)


async def _built(build: Callable[[], Awaitable[EngineDoor]]) -> EngineDoor:
    return await build()


def _gone() -> CodemadError:
    return KernelError("The engine in this process has been closed.", hint="Restart the kernel.")


def _at_exit(close: Callable[[], None]) -> None:
    """Before Python stops its thread pools: closing a store needs one, and atexit comes too late."""
    register = getattr(threading, "_register_atexit", atexit.register)
    register(close)
