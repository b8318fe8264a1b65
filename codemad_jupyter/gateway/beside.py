"""Runs a stream on an event loop in a thread of its own, and hands its items over to the caller's loop.

For libraries that need so much time for each piece of a stream that many streams would hold up everything
else: the interpreter still does one thing at a time, but the caller's loop gets its turns.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")
_END = object()


class Beside(Generic[Item]):
    """A thread with an event loop, started at the first stream. It ends with the process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def stream(self, make: Callable[[], AsyncIterator[Item]]) -> AsyncIterator[Item]:
        """The items of the stream, which is made, read and closed in the thread. Closing this one, or
        being cancelled, closes it there."""
        here = asyncio.get_running_loop()
        items: asyncio.Queue[object] = asyncio.Queue()

        def hand_over(item: object) -> None:
            with suppress(RuntimeError):  # the caller's loop has gone: nobody waits for it
                here.call_soon_threadsafe(items.put_nowait, item)

        async def read() -> None:
            try:
                async with aclosing(make()) as stream:  # type: ignore[type-var]
                    async for item in stream:
                        hand_over(item)
                hand_over(_END)
            except Exception as error:
                hand_over(error)

        reading = asyncio.run_coroutine_threadsafe(read(), self._running())
        try:
            while (item := await items.get()) is not _END:
                if isinstance(item, Exception):
                    raise item
                yield item  # type: ignore[misc]
        finally:
            if not reading.done():
                reading.cancel()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name=self._name, daemon=True).start()
                self._loop = loop
            return self._loop
