"""A command put to an engine of this process, and its events up to the last that belongs to it."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from codemad_jupyter.app.endings import ending

if TYPE_CHECKING:
    from codemad_jupyter.orchestrator.engine import Engine
    from codemad_jupyter.protocol.commands import Command
    from codemad_jupyter.protocol.events import Event


async def followed(engine: Engine, command: Command) -> list[Event]:
    """Do it; the events that came of it. Raises `CodemadError` where the command is refused."""
    ack = await engine.submit(command)
    is_last = ending(command, ack)
    found: list[Event] = []
    if is_last is None:
        return found
    async with aclosing(engine.events(ack.session, ack.seq)) as events:  # type: ignore[type-var]
        async for event in events:
            found.append(event)
            if is_last(event):
                break
    return found
