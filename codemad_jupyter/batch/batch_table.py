"""What `codemad batch` shows while it works: a line for each run that ended and, on a terminal, below them a
table of the runs that go on and a bar for the whole. Owns words and figures; drawing is `live_lines`'s."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING

from codemad_jupyter.batch.live_lines import LiveLines, bar
from codemad_jupyter.batch.run_report import money, total
from codemad_jupyter.protocol.wording import counted

if TYPE_CHECKING:
    from codemad_jupyter.batch.jobs import Job
    from codemad_jupyter.batch.journal import JobResult, JobState
    from codemad_jupyter.batch.pool import Batch

MARKS: dict[JobState, str] = {
    "done": "done",
    "repaired": "repaired",
    "failed": "FAILED",
    "usage": "FAILED",
    "out_of_budget": "BUDGET",
    "refused": "REFUSED",
    "cancelled": "cancelled",
}
TICK = 0.5
"""Seconds between two drawings while nothing is heard."""


class BatchTable:
    """Hears of a batch, see `Batch.told`."""

    def __init__(self, jobs: Sequence[Job], lines: LiveLines | None = None) -> None:
        self._titles = {job.number: job.title for job in jobs}
        self._lines = lines or LiveLines()
        self._said: set[int] = set()

    def show(self, batch: Batch, number: int) -> None:
        """Something became of that run."""
        result = batch.results.get(number)
        if result is not None and number not in self._said:
            self._said.add(number)
            of = f"{number:>4} of {len(self._titles)}"
            self._lines.say(f"{of}  {ended_line(result, before=number in batch.before)}")
        self._lines.draw(self.table(batch))

    def table(self, batch: Batch, *, now: float | None = None) -> list[str]:
        """The runs that go on, then the whole."""
        now = time.monotonic() if now is None else now
        going = {at: mark for at, mark in batch.going.items() if at not in batch.results}
        rows = [
            f"{at:>4}  {now - mark.began:5.0f} s  {mark.text:<16} {self._titles[at]}"
            for at, mark in sorted(going.items())
        ]
        waiting = len(self._titles) - len(batch.results) - len(going)
        left = [f"{len(going)} running", f"{waiting} waiting"]
        whole = ", ".join([*counts(batch.results.values()), *left])
        ended = len(batch.results)
        return [*rows, f"{bar(ended, len(self._titles))} {ended} of {len(self._titles)}: {whole}"]

    @contextlib.asynccontextmanager
    async def drawn(self, batch: Batch) -> AsyncIterator[None]:
        """Seconds go on while nothing else does; nothing drawn is left in the end."""
        ticking = asyncio.create_task(self._tick(batch)) if self._lines.live else None
        try:
            yield
        finally:
            if ticking is not None:
                ticking.cancel()
            self._lines.close()

    async def _tick(self, batch: Batch) -> None:
        while True:
            self._lines.draw(self.table(batch))
            await asyncio.sleep(TICK)


def ended_line(result: JobResult, *, before: bool) -> str:
    """How a run ended, and why where that is no success."""
    said = "done before" if before else f"{MARKS[result.state]} {result.seconds:.1f} s"
    if result.state in ("done", "repaired") or not result.text:
        return f"{said:<16} {result.title}"
    return f"{said:<16} {result.title}  {result.text}"


def counts(results: Iterable[JobResult]) -> list[str]:
    """How many ended how, in words."""
    found = Counter(result.state for result in results)
    return [f"{found[state]} {state.replace('_', ' ')}" for state in MARKS if found[state]]


def sentence(results: Sequence[JobResult]) -> str:
    """What a batch came to."""
    repairs = sum(result.repairs for result in results)
    cost = total(result.cost for result in results)
    mended = f"; {counted(repairs, 'repair')}, {money(cost)}" if repairs else ""
    return f"{counted(len(results), 'run')}: {', '.join(counts(results))}{mended}."
