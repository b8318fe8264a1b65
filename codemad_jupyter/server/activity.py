"""Owns the stamp of activity that keeps a hub from culling a server whose only work is a run."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from codemad_jupyter.orchestrator.engine import Engine
    from codemad_jupyter.protocol.commands import Ack
    from codemad_jupyter.protocol.events import Event

BEGINS_A_RUN = frozenset({"prompt", "approve_plan", "verify_notebook"})
"""The commands whose acknowledgement names a run that begins: others name the last one there was."""


def report_interval() -> float:
    """The seconds between two reports of activity to the hub, where its administrator has set them."""
    text = os.environ.get("JUPYTERHUB_ACTIVITY_INTERVAL", "")
    return float(text) if text.isdecimal() and int(text) > 0 else math.inf


async def stay_awake(app: ServerApp, engine: Engine, ack: Ack, *, pulse: float) -> None:
    """Stamp activity while the run works, at least each ``pulse`` seconds; one that waits for an answer does
    not count as work."""
    working = asyncio.Event()
    pulsing = asyncio.create_task(_pulse_while(app, working, pulse))
    try:
        working.set()
        async with aclosing(cast("AsyncGenerator[Event]", engine.events(ack.session, ack.seq))) as events:
            async for event in events:
                _touch(app)
                if event.type == "run_finished" and event.run == ack.run:
                    return
                if event.type in ("approval_asked", "question_asked"):
                    working.clear()
                else:
                    working.set()
    finally:
        pulsing.cancel()


async def _pulse_while(app: ServerApp, working: asyncio.Event, pulse: float) -> None:
    while True:
        await working.wait()
        _touch(app)
        await asyncio.sleep(pulse)


def _touch(app: ServerApp) -> None:
    """Tell the server, and so a hub, that somebody is at work here."""
    from jupyter_server._tz import utcnow

    app.web_app.settings["last_activity_times"]["codemad"] = utcnow()
