"""How near remembered facts are to a text by a model of embeddings, where there is one.

Vectors are made when they are first wanted and kept beside their facts. A prompt waits for none of it
beyond its patience: then words alone decide this time, and the vectors are there for the next.
"""

import asyncio
import logging
from array import array
from collections.abc import Iterable, Sequence
from typing import Protocol

from codemad_jupyter.context.memory_recall import likeness_of
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.store.memory import Vector
from codemad_jupyter.store.store import Store
from codemad_jupyter.store.user_memory import UserMemory

PATIENCE = 0.3
"""Seconds."""
AT_ONCE = 64
"""Facts that get their vectors in one go; others count by their words until their turn."""

_log = logging.getLogger(__name__)


class Embedder(Protocol):
    """Makes vectors of texts, in a thread. ``name`` tells models apart whose vectors must not be mixed."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str], /) -> Iterable[Iterable[float]]: ...


class Likeness:
    """One embedder for the facts of the places. Without an embedder nothing is like anything."""

    def __init__(
        self, embedder: Embedder | None, *places: Store | UserMemory, patience: float = PATIENCE
    ) -> None:
        self._patience = patience
        self._embedder = embedder
        self._places = places
        self._working: asyncio.Task[dict[str, float]] | None = None

    async def of(self, facts: Sequence[Memory], query: str) -> dict[str, float]:
        """By fact, from 0 to 1; empty where it takes too long or cannot be had."""
        if self._embedder is None or not facts or (self._working and not self._working.done()):
            return {}
        self._working = asyncio.create_task(self._measured(self._embedder, facts, query))
        done, _ = await asyncio.wait([self._working], timeout=self._patience)
        return self._working.result() if done else {}

    async def finished(self) -> None:
        """Wait until no vectors are being made; called before the store is closed."""
        if self._working is not None:
            await asyncio.wait([self._working], timeout=5)

    async def _measured(self, embedder: Embedder, facts: Sequence[Memory], query: str) -> dict[str, float]:
        try:
            known: dict[str, bytes] = {}
            for place in self._places:
                known |= await place.memory_vectors(embedder.name)
            missing = [fact for fact in facts if fact.id not in known][:AT_ONCE]
            texts = [query, *(fact.text for fact in missing)]
            asked, *made = await asyncio.to_thread(embedder.embed, texts)
            fresh = [
                Vector(fact.id, embedder.name, array("f", vector).tobytes())
                for fact, vector in zip(missing, made, strict=True)
            ]
            if fresh:
                for place in self._places:
                    await place.put_memory_vectors(fresh)
            known |= {each.memory: each.body for each in fresh}
            vectors = {fact.id: array("f", known[fact.id]) for fact in facts if fact.id in known}
            return await asyncio.to_thread(likeness_of, [*asked], vectors)
        except CodemadError as error:
            _log.warning("memory is searched by words alone: %s", error)
            return {}
