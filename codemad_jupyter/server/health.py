"""``codemad/health``: whether this server is alive, and ready for work. Cheap enough to be asked every
second; what is tried at length is the doctor's (``codemad/status?checks=1``).

It needs the same authentication as all else: the server's own ``api/status`` tells strangers that it lives.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

import codemad_jupyter
from codemad_jupyter.server.rest import CodemadHandler

if TYPE_CHECKING:
    from codemad_jupyter.orchestrator.engine import Engine
    from codemad_jupyter.server.host import EngineHost

PATIENCE = 5.0
"""Seconds the store may take to answer."""


class HealthHandler(CodemadHandler):
    """200 when ready, 503 when not; with ``?live=1`` an answer at all is the answer."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self._health)

    async def _health(self) -> dict[str, Any]:
        if self.number("live"):
            return {"live": True, "version": codemad_jupyter.__version__}
        report = await health(self.host)
        if not report["ready"]:
            self.set_status(503)
        return report


async def health(host: EngineHost) -> dict[str, Any]:
    """Where things stand. An engine that nobody has asked for yet is no fault: it comes when it is needed."""
    engine = host.present
    report: dict[str, Any] = {
        "live": True,
        "ready": True,
        "version": codemad_jupyter.__version__,
        "engine": "asleep" if engine is None else "busy" if engine.busy else "ready",
        "faults": [],
        "degraded": [],
    }
    if host.closed:
        report["faults"].append("The server is shutting down.")
    if engine is not None:
        report["store"] = "memory" if engine.services.store.path is None else "file"
        report["degraded"] += list(engine.services.notices)
        report["faults"] += await _store_faults(engine)
    report["ready"] = not report["faults"]
    return report


async def _store_faults(engine: Engine) -> list[str]:
    from codemad_jupyter.protocol.errors import StoreError

    try:
        await asyncio.wait_for(engine.services.store.probe(), PATIENCE)
    except TimeoutError:
        return [f"The session store has not answered for {PATIENCE:g} seconds. Is the disk slow or gone?"]
    except StoreError as error:
        return [str(error)]
    return []
