"""What bounds a call: silence, total time, memory; and that closing it closes the connection."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from codemad_jupyter.gateway.provider import TextPiece, ThinkingPiece
from codemad_jupyter.gateway.router import Router
from tests.gateway.calls import MODELS, alone, ask, assert_clear, collect, failed
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn


@pytest.mark.parametrize("turn", [Turn(hang=True), Turn(silence=True), Turn(text="x" * 99, delay=300)])
async def test_silence_has_a_limit(spoken: tuple[Router, str], model_server: ModelServer, turn: Turn) -> None:
    router, model = spoken
    model_server.play(turn)
    failure = await failed(alone(router, model), ask(model, timeout=0.3))
    assert failure.kind == "timeout"
    assert_clear(failure)


async def test_a_lively_stream_has_a_limit_too(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    warm, router = routers(), routers(total_timeout=5)
    model_server.play(Turn(text="ok"), Turn(text="x" * 10_000, chunk=1, delay=0.05))
    await collect(alone(warm, MODELS["anthropic"]), ask(MODELS["anthropic"]))  # its package is imported
    failure = await failed(alone(router, MODELS["anthropic"]), ask(MODELS["anthropic"]))
    assert failure.kind == "timeout"
    assert "5 seconds" in failure.text
    assert failure.partial is not None
    assert model_server.wait_for(lambda server: server.requests[1].closed_at is not None)


async def test_closing_the_stream_closes_the_connection(
    spoken: tuple[Router, str], model_server: ModelServer
) -> None:
    router, model = spoken
    model_server.play(Turn(text="x" * 500_000, chunk=4, delay=0.01))
    async with aclosing(router.provider_for(model).stream(ask(model))) as deltas:  # type: ignore[type-var]
        async for delta in deltas:
            if isinstance(delta, TextPiece):
                break
    assert await asyncio.to_thread(
        model_server.wait_for, lambda server: server.requests[0].closed_at is not None
    )


@pytest.mark.parametrize("turn", [Turn(hang=True), Turn(silence=True)])
async def test_cancelling_while_waiting_closes_the_connection(
    spoken: tuple[Router, str], model_server: ModelServer, turn: Turn
) -> None:
    router, model = spoken
    model_server.play(turn)
    task = asyncio.create_task(collect(router.provider_for(model), ask(model)))
    assert await asyncio.to_thread(model_server.wait_for, lambda server: len(server.requests) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(
        model_server.wait_for, lambda server: server.requests[0].closed_at is not None
    )


async def test_a_long_reply_in_little_memory(spoken: tuple[Router, str], model_server: ModelServer) -> None:
    router, model = spoken
    model_server.play(Turn(text="word " * 200_000, chunk=100))
    before = _peak()
    count = 0
    async with aclosing(alone(router, model).stream(ask(model))) as deltas:  # type: ignore[type-var]
        async for delta in deltas:
            count += isinstance(delta, TextPiece | ThinkingPiece)
    assert count == 10_000
    assert _peak() - before < 100


def _peak() -> float:
    """The most memory this process ever held, in MiB."""
    status = Path("/proc/self/status").read_text("utf-8")
    found = re.search(r"VmHWM:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) / 1024
