"""Runs the jobs of a batch side by side, keeps the journal, and says what becomes of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from codemad_jupyter.batch.job_run import is_there, job_key, run_job
from codemad_jupyter.batch.jobs import Job
from codemad_jupyter.batch.journal import FINAL, JobResult, Journal
from codemad_jupyter.protocol.errors import UsageError


class Runner(Protocol):
    """Where jobs are run."""

    @property
    def room(self) -> int:
        """How many at once."""
        ...

    async def run(self, job: Job, key: str, *, attempt: int, heard: Callable[[str], None]) -> JobResult:
        """Run one; being cancelled stops it. ``heard`` is told how far it is."""
        ...


@dataclass(frozen=True)
class ThisMachine:
    """Each job in a process of its own, here."""

    room: int

    async def run(self, job: Job, key: str, *, attempt: int, heard: Callable[[str], None]) -> JobResult:
        """See `Runner.run`."""
        heard("starting")
        return await run_job(job, key, attempt=attempt, heard=heard)


@dataclass
class Going:
    """A run that goes on: when it began (`time.monotonic`), and how far it is."""

    began: float
    text: str = ""


@dataclass
class Batch:
    """The jobs, and what is known of each, by its number; ``told`` hears of every change. ``before`` are
    those that an earlier batch has done."""

    jobs: Sequence[Job]
    journal: Journal
    told: Callable[[Batch, int], None]
    results: dict[int, JobResult] = field(default_factory=dict)
    before: set[int] = field(default_factory=set)
    going: dict[int, Going] = field(default_factory=dict)

    async def run(self, runner: Runner, *, fresh: bool = False) -> None:
        """Run what was not done before, or with ``fresh`` all; being cancelled stops those that run."""
        known = {} if fresh else await asyncio.to_thread(self.journal.read)
        waiting: list[tuple[Job, str, int]] = []
        for job in self.jobs:
            key, earlier = await asyncio.to_thread(self._known, job, known)
            if earlier is not None and earlier.state in FINAL:
                self.before.add(job.number)
                self._ended(earlier.model_copy(update={"number": job.number}))
            elif key:
                waiting.append((job, key, earlier.attempt + 1 if earlier else 1))
        room = asyncio.Semaphore(runner.room)
        async with asyncio.TaskGroup() as group:
            for job, key, attempt in waiting:
                group.create_task(self._one(runner, room, job, key, attempt))

    def _known(self, job: Job, known: dict[str, JobResult]) -> tuple[str, JobResult | None]:
        """The key of a run, and how it ended before, where its output is still there."""
        try:
            key = job_key(job)
        except UsageError as error:
            unread = JobResult(
                number=job.number, key="", title=job.title, output=job.output, state="usage", text=str(error)
            )
            self._ended(unread)
            return "", None
        earlier = known.get(key)
        gone = earlier is not None and earlier.state in FINAL and not is_there(job.output)
        return key, None if gone else earlier

    async def _one(self, runner: Runner, room: asyncio.Semaphore, job: Job, key: str, attempt: int) -> None:
        async with room:
            heard = partial(self._heard, job.number)
            result = await runner.run(job, key, attempt=attempt, heard=heard)
            await asyncio.to_thread(self.journal.add, result)
            self._ended(result)

    def _heard(self, number: int, text: str) -> None:
        self.going.setdefault(number, Going(time.monotonic())).text = text
        self.told(self, number)

    def _ended(self, result: JobResult) -> None:
        self.results[result.number] = result
        self.told(self, result.number)
