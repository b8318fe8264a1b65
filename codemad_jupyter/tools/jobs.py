"""Commands that run in the sandbox for one session, waited for or in the background.

Owns their processes, what they have written, and their end; which command may run is decided elsewhere, and
what changed files mean for undo is the business of whoever gives `Around`.
"""

import asyncio
import codecs
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from codemad_jupyter.protocol.errors import Conflict, NotFound, ToolError
from codemad_jupyter.protocol.permissions import SandboxState
from codemad_jupyter.tools.sandbox import state as sandbox
from codemad_jupyter.tools.sandbox.confinement import GIGABYTE, Limits, workspace_confinement
from codemad_jupyter.tools.sandbox.guarded import Guarded, guard
from codemad_jupyter.tools.sandbox.process import Confined

Around = Callable[[], AbstractAsyncContextManager[None]]
"""What is around a command that may change files: a checkpoint before, a look at the files after."""
HEAD, TAIL = 200_000, 400_000
"""Characters kept of what a command writes: from its beginning, and from its end."""
SHELL = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
MOST_JOBS = 8
MOST_ENDED = 50
DRAIN = 2.0
LOOKING = Limits(memory=4 * GIGABYTE, cpu=120, processes=64, file_size=2 * GIGABYTE)
"""Of a program that only looks."""
Ending = Literal["running", "done", "timeout", "stopped"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """A command line and how it is run; ``prefix`` is the environment whose programs come first,
    ``writable`` are folders that it may change beside the workspace, ``variables`` its own. ``reports`` name
    files of its scratch folder that are wanted when it has ended."""

    command: str
    cwd: Path
    seconds: float | None
    network: bool = False
    prefix: Path | None = None
    writable: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    reports: tuple[str, ...] = ()


class Transcript:
    """What a command has written, its middle left out where it is long."""

    def __init__(self) -> None:
        self.total = 0
        self._head = ""
        self._tail = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, data: bytes) -> str:
        """Take more; the text of it."""
        text = self._decoder.decode(data)
        self.total += len(text)
        room = HEAD - len(self._head)
        self._head += text[:room]
        self._tail += text[max(room, 0) :]
        if len(self._tail) > 2 * TAIL:
            self._tail = self._tail[-TAIL:]
        return text

    def since(self, place: int) -> str:
        """What was written after a number of characters, with a mark where some are gone."""
        begin = self.total - len(self._tail)
        if place >= begin:
            return self._tail[place - begin :]
        gap = begin - max(place, len(self._head))
        mark = f"\n[… {gap:,} characters left out …]\n" if gap else ""
        return f"{self._head[place:]}{mark}{self._tail}"


@dataclass
class Job:
    """A command that runs or has run."""

    id: str
    order: Order
    written: Transcript = field(default_factory=Transcript)
    ending: Ending = "running"
    exit_code: int | None = None
    seconds: float = 0.0
    put_back: tuple[str, ...] = ()
    reports: dict[str, bytes] = field(default_factory=dict)
    failure: str = ""


class Jobs:
    """The commands of one session. ``close`` ends them all."""

    def __init__(
        self,
        root: Path,
        *,
        wanted: sandbox.Wanted = "auto",
        hidden: tuple[Path, ...] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._root = root
        self._wanted: sandbox.Wanted = wanted
        self._hidden = hidden
        self._environ = os.environ if environ is None else environ
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._count = 0

    @property
    def busy(self) -> bool:
        """Does one run in the background?"""
        return bool(self._tasks)

    async def state(self) -> SandboxState:
        """How they are confined."""
        return await sandbox.state(self._wanted)

    async def run(self, order: Order, *, around: Around, heard: Callable[[str], object]) -> Job:
        """Run to the end, or until its time is over; being cancelled ends it. ``heard`` gets its output."""
        job = self._new(order)
        del self._jobs[job.id]
        await self._work(job, around=around, heard=heard)
        return job

    async def begin(self, order: Order, *, around: Around) -> Job:
        """Start in the background. Raises `Conflict` where too many run."""
        if len(self._tasks) >= MOST_JOBS:
            raise Conflict(f"{MOST_JOBS} jobs run already.", hint="Stop one: list_jobs, stop_job.")
        for old in [id for id in self._jobs if id not in self._tasks][:-MOST_ENDED]:
            del self._jobs[old]
        job = self._new(order)
        task = asyncio.create_task(self._background(job, around), name=f"codemad {job.id}")
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))
        return job

    async def look(self, argv: Sequence[str], *, shown: tuple[Path, ...], seconds: float) -> str:
        """What a program writes that may change nothing and reach no network, only see what is ``shown``."""
        given = await asyncio.to_thread(
            workspace_confinement, self._root, environ=self._environ, data=self._hidden, limits=LOOKING
        )
        confinement = replace(given, writable=(), protected=(), shown=(*given.shown, *shown))
        process = await sandbox.start(argv, cwd=Path("/"), confinement=confinement, wanted=self._wanted)
        written = Transcript()
        try:
            async with asyncio.timeout(seconds):
                while data := await process.stdout.read(65_536):
                    written.add(data)
        except TimeoutError:
            pass  # what it has not said shows it
        finally:
            await asyncio.shield(process.stop())
        return written.since(0)

    def all(self) -> tuple[Job, ...]:
        """Those of the background, oldest first."""
        return tuple(self._jobs.values())

    def get(self, id: str) -> Job:
        """One of the background. Raises `NotFound`."""
        if id not in self._jobs:
            raise NotFound(f"There is no job {id}.", hint=f"Jobs: {', '.join(self._jobs) or 'none'}.")
        return self._jobs[id]

    async def stop(self, id: str) -> Job:
        """End a job and all it has started."""
        job, task = self.get(id), self._tasks.get(id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        return job

    async def ended(self, id: str) -> Job:
        """Wait until a job has ended. Raises `NotFound`."""
        job, task = self.get(id), self._tasks.get(id)
        if task is not None:
            await asyncio.wait([task])
        return job

    async def close(self) -> None:
        """End them all."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _new(self, order: Order) -> Job:
        self._count += 1
        job = Job(f"job-{self._count}", order)
        self._jobs[job.id] = job
        return job

    async def _background(self, job: Job, around: Around) -> None:
        try:
            await self._work(job, around=around, heard=lambda text: None)
        except asyncio.CancelledError:
            pass  # its ending says so
        except Exception as error:  # nobody waits for this task: the job tells it
            job.failure = str(error) or type(error).__name__
        finally:
            if job.ending == "running":
                job.ending = "stopped"

    async def _work(self, job: Job, *, around: Around, heard: Callable[[str], object]) -> None:
        async with around():
            watched = await asyncio.to_thread(guard, self._root)
            began = time.monotonic()
            process = await self._start(job.order)
            try:
                await self._follow(job, process, heard)
            except asyncio.CancelledError:
                job.ending = "stopped"
                raise
            finally:
                await asyncio.shield(self._end(job, process, watched))
                job.seconds = round(time.monotonic() - began, 3)

    async def _start(self, order: Order) -> Confined:
        confinement = await asyncio.to_thread(
            workspace_confinement,
            self._root,
            environ=self._environ,
            prefix=order.prefix,
            network=order.network,
            data=self._hidden,
            writable=order.writable,
            variables=order.variables,
            reports=order.reports,
        )
        argv = [SHELL, "-c", order.command]
        return await sandbox.start(argv, cwd=order.cwd, confinement=confinement, wanted=self._wanted)

    async def _follow(self, job: Job, process: Confined, heard: Callable[[str], object]) -> None:
        async def read() -> None:
            while data := await process.stdout.read(65_536):
                heard(job.written.add(data))

        reading = asyncio.create_task(read())
        try:
            async with asyncio.timeout(job.order.seconds):
                job.exit_code = await process.wait()
            job.ending = "done"
        except TimeoutError:
            job.ending = "timeout"
            await process.stop()
        finally:
            # Everything that could hold the pipe is gone with the process; a limit all the same.
            await asyncio.wait([reading], timeout=DRAIN if process.exit_code is not None else 0)
            reading.cancel()

    async def _end(self, job: Job, process: Confined, watched: Guarded) -> None:
        job.exit_code = await process.stop()
        job.reports = process.reports
        walled = process.backend.startswith("bubblewrap")
        job.put_back = await asyncio.to_thread(watched.put_back, walled=walled)
        if job.exit_code == 125 and "The sandbox could not be made" in job.written.since(0)[:200]:
            raise ToolError(job.written.since(0).strip()[:500], hint="See `codemad doctor`.")


@dataclass(frozen=True)
class Commands:
    """The jobs of a session, as one run may use them."""

    jobs: Jobs
    around: Around
