"""What operators see of CodeMAD in the server's own ``/metrics``: what `event_counter` counts from the
engine's events, and a few figures that are read when somebody scrapes.

No label holds words of a person, paths, or ids: only endings, edges, providers, models and tools, and of
those at most so many that nobody can fill the memory of whoever collects them.
"""

from __future__ import annotations

import asyncio
import functools
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from codemad_jupyter.protocol.indexing import IndexStatus
    from codemad_jupyter.server.event_counter import EventCounter
    from codemad_jupyter.server.host import EngineHost

MOST_VALUES = 100
OTHER = "other"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,99}")
CALL_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 80, 160)
FIRST_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32)
RUN_SECONDS = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)
FRESH = 10.0
"""Seconds for which figures of the search index are good."""


class Counted:
    """The metrics of this process; there is one of it, for a registry takes each name once."""

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {}
        self.runs = Counter("codemad_runs", "Runs that ended.", ["edge", "status"])
        self.begun = Counter("codemad_runs_begun", "Runs that began.", ["edge"])
        self.going = Gauge("codemad_runs_going", "Runs that go on now.")
        self.run_seconds = Histogram("codemad_run_seconds", "How long runs took.", buckets=RUN_SECONDS)
        self.tokens = Counter("codemad_tokens", "Tokens of model calls.", ["provider", "model", "kind"])
        self.cost = Counter("codemad_cost_dollars", "Cost of model calls, US dollars.", ["provider", "model"])
        self.unpriced = Counter("codemad_unpriced_calls", "Model calls whose price is unknown.", ["provider"])
        self.call_seconds = Histogram(
            "codemad_model_call_seconds", "How long answers took.", ["provider"], buckets=CALL_SECONDS
        )
        self.first_seconds = Histogram(
            "codemad_first_token_seconds",
            "How long the first piece of an answer took.",
            ["provider"],
            buckets=FIRST_SECONDS,
        )
        self.errors = Counter(
            "codemad_provider_errors", "Runs that a failing model call ended.", ["provider", "kind"]
        )
        self.notices = Counter("codemad_notices", "What CodeMAD told people of.", ["level", "code"])
        self.tools = Counter("codemad_tool_calls", "Tool calls that ended.", ["tool", "status"])
        self.approvals = Counter("codemad_approvals", "Questions that were settled.", ["decision"])
        self.waiting = Gauge("codemad_approvals_waiting", "Questions that wait for a person.")

    def label(self, name: str, value: str) -> str:
        """The value where it is plain and there are not too many yet, else ``other``."""
        known = self._known.setdefault(name, set())
        if value in known:
            return value
        if len(known) >= MOST_VALUES or not _PLAIN.fullmatch(value):
            return OTHER
        known.add(value)
        return value


@functools.cache
def counted() -> Counted:
    """Made at first use."""
    return Counted()


class EngineFigures(Collector):
    """What is read when somebody scrapes: the store and the search index of the engine that is there."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host
        self._index: IndexStatus | None = None
        self._looked = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    def describe(self) -> list[Metric]:
        """Nothing is asked of an engine that is not there yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures now; those of the index as they were at the latest look, at most one scrape ago."""
        engine = self._host.present
        yield _gauge("codemad_engine_up", "Whether the engine has been built.", engine is not None)
        yield _gauge("codemad_tabs", "Browser tabs that are connected.", len(self._host.tabs))
        if engine is None:
            return
        store = engine.services.store
        yield _gauge("codemad_store_queue", "Writes that wait for the store.", store.waiting)
        size = store.path.stat().st_size if store.path is not None and store.path.exists() else 0
        yield _gauge("codemad_store_bytes", "Size of the store's file.", size)
        self._look()
        if self._index is not None:
            found = self._index
            yield _gauge("codemad_index_files", "Files in the search index.", found.files)
            yield _gauge("codemad_index_places", "Places in the search index.", found.chunks)
            lag = max(found.total - found.done, 0) + found.lacking
            yield _gauge("codemad_index_lag", "Files and vectors the index still lacks.", lag)
            yield _gauge("codemad_index_ready", "Whether the index is whole.", found.state == "ready")

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    def _look(self) -> None:
        """Have the index looked at beside this, for a scrape may not wait for a disk."""
        busy = self._looking is not None and not self._looking.done()
        if busy or time.monotonic() - self._looked < FRESH:
            return
        try:
            self._looking = asyncio.get_running_loop().create_task(self._looked_at())
        except RuntimeError:
            return  # scraped from a thread without a loop: the figures stay as they are
        self._looked = time.monotonic()

    async def _looked_at(self) -> None:
        engine = self._host.present
        if engine is not None and engine.services.finder is not None:
            self._index = await engine.index_status()


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


class Metrics:
    """The metrics of one server."""

    def __init__(self, host: EngineHost) -> None:
        self._figures = EngineFigures(host)
        self._counter: EventCounter | None = None
        counted()
        REGISTRY.register(self._figures)

    def hear(self, hooks: Any) -> None:
        """Count what an engine says; the one before it is over."""
        from codemad_jupyter.server.event_counter import EventCounter  # with hooks, which no start needs

        self._over()
        self._counter = EventCounter(counted())
        hooks.register(self._counter)

    def close(self) -> None:
        """Take back what this server told of."""
        self._over()
        self._figures.close()
        REGISTRY.unregister(self._figures)

    def _over(self) -> None:
        if self._counter is not None:
            self._counter.close()
        self._counter = None
