"""Loads an SDK and builds its client in a worker thread, at the first call and not before.

Importing an SDK takes one to four seconds of CPU and its client reads certificates: on the event loop
that would freeze every other chat, in the kernel it would delay the first cell.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Once(Generic[Made]):
    """What ``make`` returns, made once per event loop: a client's connections belong to one loop."""

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: asyncio.Task[Made] | None = None

    async def get(self) -> Made:
        """The thing, made now if it has not been. A caller that is cancelled does not stop the making."""
        loop = asyncio.get_running_loop()
        if self._pending is None or self._loop is not loop:
            self._loop = loop
            self._pending = loop.create_task(asyncio.to_thread(self._make))
        pending = self._pending
        try:
            return await asyncio.shield(pending)
        except Exception:
            if self._pending is pending:
                self._pending = None
            raise

    async def take(self) -> Made | None:
        """The thing if it was made on this loop, which forgets it; to close it."""
        pending, self._pending = self._pending, None
        if pending is None or self._loop is not asyncio.get_running_loop():
            return None
        return await pending
