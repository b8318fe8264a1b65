"""The REST routes of the timeline: the list of checkpoints, what differs, and who made a cell.

Making, restoring, naming and pruning are commands. Kernels have the same under their own gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from tornado import web

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


WORK: dict[str, Callable[[CodemadHandler], Awaitable[Any]]] = {
    "checkpoints": listed,
    "checkpoints/diff": compared,
    "blame": blamed,
}


class TimelineHandler(CodemadHandler):
    """For people's front ends."""

    def initialize(self, host: EngineHost, work: str = "checkpoints") -> None:
        super().initialize(host)
        self.work = work

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(lambda: WORK[self.work](self))


class KernelTimelineHandler(KernelGate):
    """For magics."""

    def initialize(self, host: EngineHost, work: str = "checkpoints") -> None:
        super().initialize(host)
        self.work = work

    @allow_unauthenticated
    async def get(self) -> None:
        await self.answer(lambda: WORK[self.work](self))
