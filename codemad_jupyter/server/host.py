"""The engine of this server: built at first use, closed with the server.

Owns the one lock around building. What the engine does is no business of this file.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import codemad_jupyter
from codemad_jupyter.server.activity import BEGINS_A_RUN, report_interval, stay_awake
from codemad_jupyter.server.answering import Answering
from codemad_jupyter.server.mcp_mount import McpMount
from codemad_jupyter.server.metrics import Metrics
from codemad_jupyter.server.sharing import ShareLink

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from codemad_jupyter.config.freshness import Fingerprint
    from codemad_jupyter.config.settings import Settings
    from codemad_jupyter.orchestrator.engine import Engine
    from codemad_jupyter.protocol.commands import AcceptEdit, Ack, Command
    from codemad_jupyter.protocol.events import Event
    from codemad_jupyter.protocol.permissions import Standing
    from codemad_jupyter.server.ports import ServerPorts
    from codemad_jupyter.server.stream import StreamHandler
    from codemad_jupyter.server.tabs import Tabs

T = TypeVar("T")
log = logging.getLogger(__name__)
CHANGES_SHARES = frozenset({"share_session", "unshare_session"})
RESTARTED = 1012
"""The code of a socket that is closed because its service begins anew."""


@dataclass
class Limits:
    """What one tab may ask of the server.

    ``message_bytes`` bounds a frame from a tab: a snapshot carries a notebook with its outputs.
    ``patience`` is how long a live event waits for room among the ``waiting_frames`` before its tab
    is sent back to the stored events. ``pulse`` is the time between two activity stamps of a silent run: as
    short as the time between two reports to the hub, where one is told.
    """

    message_bytes: int = 32 * 1024 * 1024
    subscriptions: int = 64
    waiting_frames: int = 1000
    patience: float = 5.0
    pulse: float = field(default_factory=lambda: min(30.0, report_interval()))


class EngineHost:
    """Holds what lives as long as the server: the tabs, the ports, and at last the engine."""

    def __init__(self, app: ServerApp, *, token: str) -> None:
        self.app = app
        self.token = token
        self.limits = Limits()
        self._lock = asyncio.Lock()
        self._engine: Engine | None = None
        self._tabs: Tabs | None = None
        self._ports: ServerPorts | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._retiring: asyncio.Task[None] | None = None
        self._built_from: Fingerprint = ()
        self.answering = Answering(self)
        self.mcp = McpMount(self)
        self.metrics = Metrics(self)
        self.sharing = ShareLink(self)
        self.streams: set[StreamHandler] = set()
        """The sockets of the tabs."""

    @property
    def root(self) -> Path:
        """The folder the server serves: the workspace."""
        return Path(self.app.root_dir)

    @property
    def present(self) -> Engine | None:
        """The engine where there is one already."""
        return self._engine

    @property
    def closed(self) -> bool:
        """Whether the server shuts down."""
        return self._closed

    @property
    def tabs(self) -> Tabs:
        """The registry of browser tabs."""
        if self._tabs is None:
            from codemad_jupyter.server.tabs import Tabs

            self._tabs = Tabs()
        return self._tabs

    @property
    def ports(self) -> ServerPorts:
        """How the engine reaches the kernels and notebooks of this server."""
        if self._ports is None:
            from codemad_jupyter.server.ports import ServerPorts

            self._ports = ServerPorts(self.app, tabs=self.tabs, root=self.root)
        return self._ports

    async def engine(self) -> Engine:
        """The engine, built by whoever comes first; a failed building is tried again by the next."""
        async with self._lock:
            if self._engine is not None and self._is_stale(self._engine):
                engine, self._engine = self._engine, None
                # A task of its own: whoever asks now may be a tab that goes with the old engine.
                self._retiring = asyncio.create_task(self._retire(engine))
            await self._retired()
            if self._engine is None:
                self._engine = await self._build()
            return self._engine

    def _is_stale(self, engine: Engine) -> bool:
        """Whether settings, trust or keys have changed since; an engine at work, or whose sessions live in
        memory alone, goes on with what it was given."""
        from codemad_jupyter.config.freshness import fingerprint

        if engine.busy or engine.services.store.path is None:
            return False
        return fingerprint(self.root) != self._built_from

    async def _retire(self, engine: Engine) -> None:
        """Let go of an engine; the tabs come back by themselves and meet the next one."""
        await engine.close()
        for stream in tuple(self.streams):
            stream.close(RESTARTED, "settings changed")

    async def _retired(self) -> None:
        """Wait until no former engine holds the store."""
        retiring, self._retiring = self._retiring, None
        if retiring is not None:
            try:
                await asyncio.shield(retiring)
            except asyncio.CancelledError:
                self._retiring = retiring  # whoever waited has gone; the next one waits on
                raise

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """A while in which no engine of ours holds the store. Raises `Conflict` while a run goes on."""
        from codemad_jupyter.protocol.errors import Conflict

        async with self._lock:
            await self._retired()
            if self._engine is not None and self._engine.busy:
                raise Conflict("A run is going on in this folder.", hint="Stop it, or wait for its end.")
            engine, self._engine = self._engine, None
            if engine is not None:
                await self._retire(engine)
            yield

    async def submit(self, command: Command) -> Ack:
        """Pass a command on, and keep the server awake while its run lasts."""
        engine = await self.engine()
        ack = await engine.submit(command)
        if command.type in CHANGES_SHARES:
            self.sharing.wake()
        if command.type in BEGINS_A_RUN:
            self._keep(stay_awake(self.app, engine, ack, pulse=self.limits.pulse))
        return ack

    async def submit_for_kernel(self, command: Command) -> Ack:
        """Like `submit`, but never waits for the asking kernel to run a cell: it is busy asking."""
        from codemad_jupyter.protocol.commands import AcceptEdit, Ack

        if not (isinstance(command, AcceptEdit) and command.execute):
            return await self.submit(command)
        engine = await self.engine()
        seq = await engine.state_seq(command.session)
        work = self._keep(engine.submit(command))
        settled = self._keep(_settled(engine, command, after=seq))
        await asyncio.wait({work, settled}, return_when=asyncio.FIRST_COMPLETED)
        settled.cancel()
        return work.result() if work.done() else Ack(session=command.session, seq=seq)

    async def models(self, *, probe: bool = False) -> dict[str, Any]:
        """The models one can choose, and which is used where nobody chose; ``probe`` asks local servers."""
        engine = await self.engine()
        models = [model.model_dump() for model in await engine.models(probe=probe)]
        return {"models": models, "default": engine.default_model}

    async def status(self, *, checks: bool = False, standing: bool = False) -> dict[str, Any]:
        """How things stand; asking does not start the engine. ``checks`` adds the doctor's report,
        ``standing`` the modes and the sandbox, which starts it."""
        engine = await self.engine() if standing else None
        report: dict[str, Any] = {
            "version": codemad_jupyter.__version__,
            "workspace": self.root.name,
            "tabs": len(self.tabs),
            "engine": "asleep",
        }
        if self._engine is not None:
            services = self._engine.services
            report["engine"] = "busy" if self._engine.busy else "ready"
            report["model"] = self._engine.default_model
            report["store"] = "memory" if services.store.path is None else "file"
            report["unsaved"] = services.notices[0] if services.store.path is None else ""
            report["notices"] = list(services.notices)
            report["mcp_off"] = list(services.mcp.off) if services.mcp is not None else []
            report["mode"] = services.modes.now
        if engine is not None:
            report["standing"] = (await _standing(engine)).model_dump()
        if checks:
            from codemad_jupyter.app.health import examine

            settings = await self.settings()
            report |= (await examine(self.root, settings)).model_dump()
        return report

    async def settings(self) -> Settings:
        """The settings as they are now, which an engine at work may not have yet."""
        found: Settings = await asyncio.to_thread(_settings, self.root)
        return found

    def redact(self, text: str) -> str:
        """The text without secrets, as far as they are known."""
        if self._engine is not None:
            return self._engine.services.redact(text)
        from codemad_jupyter.config.redaction import Redactor

        return Redactor((self.token,))(text)

    async def close(self) -> None:
        """Close the engine, then what it reached the world through."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.mcp.close()
        await self.sharing.close()
        async with self._lock:
            await self._retired()
            engine, self._engine = self._engine, None
            if engine is not None:
                await engine.close()
        if self._ports is not None:
            self._ports.close()
        self.metrics.close()

    async def _build(self) -> Engine:
        from codemad_jupyter.protocol.errors import StoreError

        if self._closed:
            raise StoreError("The Jupyter server is shutting down.", hint="Start it again, then retry.")
        # Importing takes a second; the loop serves others meanwhile.
        build = await asyncio.to_thread(importlib.import_module, "codemad_jupyter.app.build")
        from codemad_jupyter.config.freshness import fingerprint

        self._built_from = fingerprint(self.root)  # first: what changes meanwhile is seen as a change
        settings = await self.settings()
        engine: Engine = await build.build_engine(self.root, ports=self.ports, settings=settings)
        self.metrics.hear(engine.services.hooks)
        if engine.services.finder is not None:
            await asyncio.to_thread(engine.services.finder.start)
        return engine

    def _keep(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.debug("CodeMAD: a task in the background ended early", exc_info=task.exception())


async def _standing(engine: Engine) -> Standing:
    return await engine.services.modes.standing(engine.services.sandbox)


async def _settled(engine: Engine, command: AcceptEdit, *, after: int) -> None:
    """Wait until the edit is settled, whatever runs then."""
    async with aclosing(cast("AsyncGenerator[Event]", engine.events(command.session, after))) as events:
        async for event in events:
            if event.type == "edit_settled" and event.edit == command.edit:
                return


def _settings(root: Path) -> Any:
    from codemad_jupyter.config.settings import load_settings

    # A slip in a settings file must not keep the person from their conversations; it is told instead.
    return load_settings(root, lenient=True)
