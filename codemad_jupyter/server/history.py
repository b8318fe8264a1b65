"""A session's stored events, for those who come late: how far they reach, and which they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codemad_jupyter.orchestrator.engine import Engine
    from codemad_jupyter.protocol.events import Event


async def stored(engine: Engine, session: str, *, after: int) -> tuple[Event, ...]:
    """The stored events after a number. Raises `NotFound`."""
    await engine.state_seq(session)
    return tuple(await engine.services.store.events(session, after=after))


async def reach(engine: Engine, session: str) -> int:
    """The number of the last stored event. Raises `NotFound`."""
    await engine.state_seq(session)
    return await engine.services.store.last_seq(session)
