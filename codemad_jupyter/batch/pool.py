"""Runs the jobs of a batch side by side, keeps the journal, and says what becomes of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

from codemad_jupyter.batch.job_run import is_there, job_key, run_job
from codemad_jupyter.batch.jobs import Job
from codemad_jupyter.batch.journal import FINAL, JobResult, Journal
from codemad_jupyter.protocol.errors import UsageError

Standing = Literal["waiting", "running", "before"]
"""``before``: an earlier batch has done it."""


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
    """The jobs, and what is known of each; ``told`` hears of every change with the job's number."""

    jobs: Sequence[Job]
    journal: Journal
    told: Callable[[Batch, int], None]
    results: dict[int, JobResult] = field(default_factory=dict)
    standing: dict[int, Standing] = field(default_factory=dict)
    going: dict[int, Going] = field(default_factory=dict)

    async def run(self, runner: Runner, *, fresh: bool = False) -> None:
        """Run what was not done before, or with ``fresh`` all; being cancelled stops those that run."""
        known = {} if fresh else await asyncio.to_thread(self.journal.read)
        waiting: list[tuple[Job, str, int]] = []
        for job in self.jobs:
            key, earlier = await asyncio.to_thread(self._known, job, known)
            if earlier is not None and earlier.state in FINAL:
                self._set(job, "before", earlier.model_copy(update={"number": job.number}))
            elif key:
                self._set(job, "waiting")
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
            result = JobResult(
                number=job.number, key="", title=job.title, output=job.output, state="usage", text=str(error)
            )
            self.results[job.number] = result
            self.told(self, job.number)
            return "", None
        earlier = known.get(key)
        gone = earlier is not None and earlier.state in FINAL and not is_there(job.output)
        return key, None if gone else earlier

    async def _one(self, runner: Runner, room: asyncio.Semaphore, job: Job, key: str, attempt: int) -> None:
        async with room:
            self._set(job, "running")
            heard = partial(self._heard, job.number)
            result = await runner.run(job, key, attempt=attempt, heard=heard)
            await asyncio.to_thread(self.journal.add, result)
            self.results[job.number] = result
            self.told(self, job.number)

    def _heard(self, number: int, text: str) -> None:
        self.going.setdefault(number, Going(time.monotonic())).text = text
        self.told(self, number)

    def _set(self, job: Job, standing: Standing, result: JobResult | None = None) -> None:
        self.standing[job.number] = standing
        if result is not None:
            self.results[job.number] = result
        self.told(self, job.number)
