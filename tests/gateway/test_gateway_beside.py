"""A stream on a loop in a thread of its own: its items, its failure, and its end when nobody reads on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from codemad_jupyter.gateway.beside import Beside
from tests.waiting import LIMIT


class Source:
    """Counts up in its thread; ``closed`` is set when it was closed."""

    def __init__(self, *, fail_at: int | None = None) -> None:
        self.threads: set[str] = set()
        self.closed = threading.Event()
        self._fail_at = fail_at

    async def numbers(self, most: int) -> AsyncIterator[int]:
        try:
            for number in range(most):
                self.threads.add(threading.current_thread().name)
                if number == self._fail_at:
                    raise ValueError("no more")
                await asyncio.sleep(0)
                yield number
        finally:
            self.closed.set()


async def test_items_come_in_order_from_another_thread() -> None:
    beside, source = Beside[int]("beside-test"), Source()
    assert [number async for number in beside.stream(lambda: source.numbers(500))] == [*range(500)]
    assert source.threads == {"beside-test"}
    streams = [[number async for number in beside.stream(lambda: Source().numbers(50))] for _ in range(3)]
    assert streams == [[*range(50)]] * 3


async def test_a_failure_comes_after_the_items_before_it() -> None:
    source, found = Source(fail_at=3), []

    async def read() -> None:
        async for number in Beside[int]("beside-test").stream(lambda: source.numbers(9)):
            found.append(number)

    with pytest.raises(ValueError, match="no more"):
        await read()
    assert found == [0, 1, 2]


async def test_closing_it_closes_the_stream_in_its_thread() -> None:
    source = Source()
    async with aclosing(Beside[int]("beside-test").stream(lambda: source.numbers(10**9))) as numbers:  # type: ignore[type-var]
        assert await anext(numbers) == 0
        assert not source.closed.is_set()
    assert await asyncio.to_thread(source.closed.wait, LIMIT)


async def test_being_cancelled_closes_it_too() -> None:
    begun, closed = asyncio.Event(), threading.Event()

    async def silence() -> AsyncIterator[int]:
        try:
            yield 0
            await asyncio.sleep(3600)
        finally:
            closed.set()

    async def read() -> None:
        async with aclosing(Beside[int]("beside-test").stream(silence)) as numbers:  # type: ignore[type-var]
            async for _ in numbers:
                begun.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(begun.wait(), LIMIT)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(closed.wait, LIMIT)
