"""Answers a request that was answered before, from memory, and says so.

A request is the same when all of it is: model, instructions, messages, tools, limits. With sampling each
answer may differ, so only requests at temperature 0 are kept, unless the settings ask for all. Failures,
answers cut short and answers that call tools are never kept: a call acts on a world that has moved on.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Literal

from codemad_jupyter.gateway.provider import (
    Announcement,
    Delta,
    Finished,
    ModelInfo,
    Provider,
    Request,
    TextPiece,
    ThinkingPiece,
)
from codemad_jupyter.protocol.messages import TextPart, ThinkingPart, Usage

Caching = Literal["off", "deterministic", "all"]
ENTRIES, LETTERS = 256, 4_000_000
SECONDS = 3600.0


class Cache:
    """Answers by request: so many, so many letters in all, each for so long. The one used last stays."""

    def __init__(
        self,
        *,
        entries: int = ENTRIES,
        letters: int = LETTERS,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries = entries
        self._letters = letters
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, int, Finished]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: str) -> Finished | None:
        """The answer, if it is there and not too old."""
        found = self._kept.get(key)
        if found is None:
            return None
        at, _, answer = found
        if self._clock() - at > self._seconds:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return answer

    def keep(self, key: str, answer: Finished) -> None:
        """Keep the answer; the oldest ones make room."""
        size = len(answer.message.model_dump_json())
        if size > self._letters:
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = (self._clock(), size, answer)
        self._size += size
        while len(self._kept) > self._entries or self._size > self._letters:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        self._size -= self._kept.pop(key)[1]


class CachedProvider:
    """A provider that is not asked the same thing twice."""

    def __init__(self, inner: Provider, cache: Cache, *, caching: Caching) -> None:
        self.name = inner.name
        self._inner = inner
        self._cache = cache
        self._caching = caching

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Answer from the cache, else call the model; see `Provider`."""
        if not may_be_kept(request, self._caching):
            async with aclosing(self._inner.stream(request)) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    yield delta
            return
        key = key_of(request)
        if (known := self._cache.find(key)) is not None:
            for delta in _replayed(known):
                yield delta
            return
        async with aclosing(self._inner.stream(request)) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                if isinstance(delta, Finished) and delta.stop == "end" and not delta.message.tool_calls:
                    self._cache.keep(key, delta)
                yield delta

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the provider inside."""
        return await self._inner.models()


def may_be_kept(request: Request, caching: Caching) -> bool:
    """Whether the answer of this request may be given again."""
    return caching == "all" or (caching == "deterministic" and request.temperature == 0)


def key_of(request: Request) -> str:
    """The digest of all that the answer depends on; how long one would wait is no part of it."""
    return hashlib.sha256(request.model_dump_json(exclude={"timeout"}).encode()).hexdigest()


def _replayed(known: Finished) -> tuple[Delta, ...]:
    pieces: list[Delta] = [
        Announcement(code="cache", text="From the cache: the same was asked before.", model=known.model)
    ]
    for part in known.message.parts:
        if isinstance(part, TextPart):
            pieces.append(TextPiece(text=part.text))
        elif isinstance(part, ThinkingPart) and part.text:
            pieces.append(ThinkingPiece(text=part.text))
    return (*pieces, known.model_copy(update={"usage": Usage(), "cost": 0.0}))
