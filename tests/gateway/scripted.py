"""A scripted provider and a clock that stands still, for wrappers that need no server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from codemad_jupyter.gateway.provider import (
    Delta,
    Failed,
    Finished,
    ModelInfo,
    Provider,
    Request,
    TextPiece,
)
from codemad_jupyter.protocol.errors import ProviderErrorKind
from codemad_jupyter.protocol.messages import Message, TextPart, Usage
from tests.gateway.calls import MODELS, ask, collect

MODEL = MODELS["anthropic"]


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Scripted:
    """A provider that plays endings one after another; the last one for ever."""

    name = "anthropic"

    def __init__(
        self, *endings: Finished | Failed, gate: asyncio.Event | asyncio.Semaphore | None = None
    ) -> None:
        self.endings = list(endings)
        self.asked: list[Request] = []
        self.active = self.most = 0
        self._gate = gate

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        self.asked.append(request)
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            if isinstance(self._gate, asyncio.Event):
                await self._gate.wait()
            elif self._gate is not None:
                await self._gate.acquire()
            ending = self.endings.pop(0) if len(self.endings) > 1 else self.endings[0]
            if isinstance(ending, Finished):
                yield TextPiece(text=ending.message.text)
            yield ending
        finally:
            self.active -= 1

    async def models(self) -> tuple[ModelInfo, ...]:
        return ()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is a state of plain objects
            await asyncio.sleep(0)


def good(text: str = "Fine.", **more: object) -> Finished:
    message = Message(role="assistant", parts=(TextPart(text=text),))
    return Finished(message=message, model=MODEL, usage=Usage(input_tokens=100, output_tokens=10)).model_copy(
        update=more
    )


def bad(kind: ProviderErrorKind = "overloaded", **more: object) -> Failed:
    return Failed(kind=kind, text="It failed.", model=MODEL).model_copy(update=more)


async def ending(provider: Provider, request: Request | None = None) -> Finished | Failed:
    last = (await collect(provider, request or ask(MODEL)))[-1]
    assert isinstance(last, Finished | Failed)
    return last
