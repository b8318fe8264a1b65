"""Queries, the REST routes that only show: the list of checkpoints, what differs, who made a cell, what is
remembered, what is planned, sessions with their branches, figures, and how far the search index is.

What changes any of it is a command. Kernels have the same under their own gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from tornado import web

from codemad_jupyter.server import sharing
from codemad_jupyter.server.kernel_link import KernelGate
from codemad_jupyter.server.rest import CodemadHandler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codemad_jupyter.server.host import EngineHost


async def listed(handler: CodemadHandler) -> dict[str, Any]:
    """The checkpoints of ``session``, or of the workspace."""
    engine = await handler.host.engine()
    session = handler.get_query_argument("session", "") or None
    found = await engine.checkpoints(session)
    return {"checkpoints": [info.model_dump() for info in found]}


async def compared(handler: CodemadHandler) -> str:
    """From ``old`` to ``new`` (empty: now)."""
    engine = await handler.host.engine()
    new = handler.get_query_argument("new", "") or None
    return (await engine.checkpoint_diff(handler.get_query_argument("old", ""), new)).model_dump_json()


async def blamed(handler: CodemadHandler) -> dict[str, Any]:
    """Who made each cell of ``notebook``, as it stands now."""
    engine = await handler.host.engine()
    lines = await engine.blame(handler.get_query_argument("notebook", ""))
    return {"cells": [line.model_dump() for line in lines]}


async def remembered(handler: CodemadHandler) -> dict[str, Any]:
    """What is remembered, or what of it has to do with ``query``."""
    engine = await handler.host.engine()
    found = await engine.memories(handler.get_query_argument("query", "")[:1_000])
    return {"memories": [each.model_dump() for each in found]}


async def searched(handler: CodemadHandler) -> dict[str, Any]:
    """What past sessions said about ``query``."""
    engine = await handler.host.engine()
    limit = min(max(handler.number("limit") or 20, 1), 200)
    found = await engine.search_sessions(handler.get_query_argument("query", "")[:1_000], limit)
    return {"hits": [each.model_dump() for each in found]}


async def every_session(handler: CodemadHandler) -> dict[str, Any]:
    """All sessions, also those that were put away."""
    engine = await handler.host.engine()
    return {"sessions": [each.model_dump() for each in await engine.sessions()]}


async def branched(handler: CodemadHandler) -> str:
    """The tree of ``session``."""
    engine = await handler.host.engine()
    return (await engine.session_tree(handler.get_query_argument("session", ""))).model_dump_json()


async def beside(handler: CodemadHandler) -> str:
    """The branches ``left`` and ``right`` of ``session``, the latter of ``other`` where one is named."""
    engine = await handler.host.engine()
    names = (handler.get_query_argument(name, "")[:100] for name in ("session", "left", "right", "other"))
    return (await engine.compare_branches(*names)).model_dump_json()


async def exported(handler: CodemadHandler) -> str:
    """The ``session`` as a file of a ``format``, at the data level ``level`` (empty: the folder's)."""
    from codemad_jupyter.server.wire import read_export

    asked = read_export(*(handler.get_query_argument(name, "") for name in ("session", "format", "level")))
    engine = await handler.host.engine()
    return (await engine.export_session(asked.session, asked.format, asked.level)).model_dump_json()


async def planned(handler: CodemadHandler) -> dict[str, Any]:
    """The latest plan of ``session``."""
    engine = await handler.host.engine()
    plan = await engine.plan(handler.get_query_argument("session", ""))
    return {"plan": None if plan is None else plan.model_dump()}


async def figures(handler: CodemadHandler) -> str:
    """The dashboard of the last ``days`` (30 where none are named)."""
    engine = await handler.host.engine()
    days = min(max(handler.number("days") or 30, 1), 366)
    return (await engine.services.store.dashboard(days)).model_dump_json()


async def indexed(handler: CodemadHandler) -> str:
    """How far the search index of the workspace is."""
    engine = await handler.host.engine()
    return (await engine.index_status()).model_dump_json()


WORK: dict[str, Callable[[CodemadHandler], Awaitable[Any]]] = {
    "checkpoints": listed,
    "checkpoints/diff": compared,
    "blame": blamed,
    "memory": remembered,
    "sessions/search": searched,
    "sessions/all": every_session,
    "sessions/tree": branched,
    "sessions/compare": beside,
    "sessions/export": exported,
    "plan": planned,
    "index": indexed,
    "dashboard": figures,
    "shared": sharing.listed,
}


class QueryHandler(CodemadHandler):
    """For people's front ends."""

    def initialize(self, host: EngineHost, work: str = "checkpoints") -> None:
        super().initialize(host)
        self.work = work

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(lambda: WORK[self.work](self))


class KernelQueryHandler(KernelGate):
    """For magics."""

    def initialize(self, host: EngineHost, work: str = "checkpoints") -> None:
        super().initialize(host)
        self.work = work

    @allow_unauthenticated
    async def get(self) -> None:
        await self.answer(lambda: WORK[self.work](self))
