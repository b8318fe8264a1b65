"""The outbox is bounded, keeps order, and tells when it is full."""

from __future__ import annotations

import asyncio
import contextlib

from codemad_jupyter.protocol.frames import Replayed
from codemad_jupyter.server.outbox import Outbox


def frame(number: int, *, size: int = 1) -> Replayed:
    return Replayed(session="s" * size, seq=number)


class Socket:
    """Takes texts only while it is open."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.open = asyncio.Event()
        self.enough = asyncio.Event()

    async def write(self, text: str) -> None:
        await self.open.wait()
        self.texts.append(text)
        if len(self.texts) == 5:
            self.enough.set()


async def test_it_is_bounded_by_frames_and_characters() -> None:
    socket = Socket()
    box = Outbox(socket.write, frames=4)
    assert [box.offer(frame(n)) for n in range(6)] == [True] * 4 + [False] * 2
    large = Outbox(socket.write, frames=100, characters=1000)
    assert large.offer(frame(1, size=5000))  # whatever its size, one frame can always go
    assert not large.offer(frame(2))


async def test_it_sends_in_order_and_has_room_again() -> None:
    socket = Socket()
    box = Outbox(socket.write, frames=4)
    sender = asyncio.create_task(box.send())
    for number in range(4):
        assert box.offer(frame(number))
    assert not await box.put(frame(4), patience=0.05)
    socket.open.set()
    await asyncio.wait_for(box.room(), 5)
    assert await box.put(frame(5), patience=5)
    await asyncio.wait_for(socket.enough.wait(), 5)
    assert [Replayed.model_validate_json(text).seq for text in socket.texts] == [0, 1, 2, 3, 5]
    sender.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sender
