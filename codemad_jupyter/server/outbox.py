"""What waits to be sent to one tab: bounded in frames and characters, sent by one task.

A tab that does not read makes its outbox full, not the server's memory; whoever fills it decides
what to leave out (``stream`` goes back to the stored events).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from codemad_jupyter.protocol.frames import ServerFrame

CHARACTERS = 16_000_000


class Outbox:
    """A queue with a sender. ``write`` returns when the socket has taken the text."""

    def __init__(
        self, write: Callable[[str], Awaitable[None]], *, frames: int, characters: int = CHARACTERS
    ) -> None:
        self._write = write
        self._frames = frames
        self._characters = characters
        self._texts: deque[str] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def offer(self, frame: ServerFrame) -> bool:
        """Take the frame to be sent; False when too much is waiting. An empty outbox takes any size."""
        text = frame.model_dump_json()
        if self._texts and (len(self._texts) >= self._frames or self._size + len(text) > self._characters):
            self._room.clear()
            return False
        self._texts.append(text)
        self._size += len(text)
        self._news.set()
        return True

    async def put(self, frame: ServerFrame, *, patience: float) -> bool:
        """Like `offer`, but wait a while for room."""
        if self.offer(frame):
            return True
        try:
            await asyncio.wait_for(self._room.wait(), patience)
        except TimeoutError:
            return False
        return self.offer(frame)

    async def room(self) -> None:
        """Wait until most of what was waiting has been sent."""
        await self._room.wait()

    async def send(self) -> None:
        """Send for ever; ends by cancellation or by what ``write`` raises."""
        while True:
            await self._news.wait()
            while self._texts:
                text = self._texts[0]  # counted until the socket has taken it
                await self._write(text)
                self._texts.popleft()
                self._size -= len(text)
                if len(self._texts) <= self._frames // 4 and self._size <= self._characters // 4:
                    self._room.set()
            self._news.clear()
