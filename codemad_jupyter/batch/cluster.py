"""The jobs of a batch on dask.distributed: processes of this machine, a scheduler that there is, or a cluster
that dask-jobqueue or dask-kubernetes makes from its own configuration.

A notebook goes to its worker by value and its result comes back so: only the data it reads must be reachable
there. dask runs a task again where its worker died. That is wanted before a result is there, and must not
happen after: what a run came to is kept by the scheduler (a `distributed.Variable`) before the task ends, and
a task that begins looks there first. So a repaired notebook is not repaired twice.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codemad_jupyter.batch.job_run import fetched, put, run_job
from codemad_jupyter.batch.jobs import Job, is_remote
from codemad_jupyter.batch.journal import FINAL, JobResult
from codemad_jupyter.protocol.errors import UsageError

TOPIC = "codemad-{}"
"""The events of a batch."""
LOOK = 0.5
"""Seconds between two looks whether a task was cancelled."""
_CLASS = re.compile(r"(dask_jobqueue|dask_kubernetes|dask_gateway|distributed)(\.\w+)*\.([A-Z]\w*)")


@dataclass(frozen=True)
class OnCluster:
    """Each job is a task of the scheduler, which spreads them; see `pool.Runner`."""

    client: Any
    batch: str
    room: int
    heard: dict[str, Callable[[str], None]] = field(default_factory=dict)

    def hear(self, event: tuple[float, dict[str, str]]) -> None:
        """A worker tells how far a run is."""
        told = self.heard.get(event[1]["run"])
        if told is not None:
            told(event[1]["text"])

    async def run(self, job: Job, key: str, *, attempt: int, heard: Callable[[str], None]) -> JobResult:
        """See `Runner.run`. A worker that dies is no failure of the job, but one that it kills again is."""
        from distributed import KilledWorker

        name = f"codemad-{self.batch}-{job.number}-{attempt}"
        parcel = {"topic": TOPIC.format(self.batch), **await asyncio.to_thread(_parcel, job)}
        self.heard[name] = heard
        # the scheduler complains of one that is looked for in vain
        await _variable(self.client, name).set(None)
        future = self.client.submit(work, parcel, key, attempt, name, key=name, pure=False)
        try:
            result, data = await future
        except KilledWorker:
            text = "Its worker died again and again; the notebook may need more memory than there is."
            return JobResult(
                number=job.number,
                key=key,
                title=job.title,
                output=job.output,
                state="failed",
                text=text,
                attempt=attempt,
            )
        except asyncio.CancelledError:
            await self.client.cancel([future])
            raise
        finally:
            del self.heard[name]
            _forget(self.client, name)
        done = JobResult.model_validate(result).model_copy(update={"output": job.output})
        if data is not None:
            await asyncio.to_thread(_kept, job, base64.b64decode(data))
        return done


@contextlib.asynccontextmanager
async def cluster(address: str, *, batch: str) -> AsyncIterator[OnCluster]:
    """The cluster of that address: ``local:N``, a scheduler (``tcp://…``, ``tls://…``), or a class such as
    ``dask_jobqueue.SLURMCluster``. Raises `UsageError`."""
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        hint = "Install codemad-jupyter[cluster]."
        raise UsageError("A cluster needs the package distributed.", hint=hint) from error
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        async with contextlib.AsyncExitStack() as around:
            made = await _made(address, around)
            try:
                client = await around.enter_async_context(
                    Client(made, asynchronous=True, timeout="30s")  # type: ignore[no-untyped-call]
                )
            except OSError as error:
                raise UsageError(
                    f"No scheduler answers at {address}.",
                    hint="Start one with dask scheduler, or use local:N.",
                ) from error
            runner = OnCluster(client, batch, room=1_000)
            client.subscribe_topic(TOPIC.format(batch), runner.hear)
            yield runner


async def _made(address: str, around: contextlib.AsyncExitStack) -> Any:
    """What a client connects to."""
    if address.startswith("local:"):
        from distributed import LocalCluster

        number = address.removeprefix("local:")
        if not number.isdigit() or int(number) < 1:
            raise UsageError(f"{address} names no number of workers.", hint="Write local:4.")
        local = LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=int(number), threads_per_worker=1, asynchronous=True, dashboard_address=None
        )
        return await around.enter_async_context(local)
    if re.match(r"(tcp|tls|ucx|ws|wss)://", address):
        return address
    found = _CLASS.fullmatch(address)
    if found is None:
        raise UsageError(
            f"{address} is no cluster.", hint="Write local:N, tcp://host:port or dask_jobqueue.SLURMCluster."
        )
    module, _, name = address.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{address} is not installed ({error}).", hint="Install its package.") from error
    return await around.enter_async_context(kind(asynchronous=True))


def work(parcel: dict[str, Any], key: str, attempt: int, name: str) -> tuple[dict[str, Any], str | None]:
    """The task, on a worker: the result as values and the notebook it wrote (base64), None where it was put
    in its place already."""
    from distributed import get_worker, worker_client

    worker = get_worker()
    with worker_client(separate_thread=False) as client:
        kept = _variable(client, name)
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            if (before := kept.get(timeout="0.2s")) is not None:
                return before[0], before[1]
        with tempfile.TemporaryDirectory(prefix="codemad-task-") as folder:
            job = _unpacked(parcel, Path(folder))

            def heard(text: str) -> None:
                worker.log_event(parcel["topic"], {"run": name, "text": f"{text} on {worker.address}"})

            running = run_job(job, key, attempt=attempt, where=worker.address, heard=heard)
            made = asyncio.run(_unless_cancelled(running, worker, name))
            output = Path(job.output)
            comes_back = not is_remote(job.output) and output.is_file()
            data = base64.b64encode(output.read_bytes()).decode() if comes_back else None
        if made.state in FINAL:
            kept.set((made.model_dump(), data))
        return made.model_dump(), data


async def _unless_cancelled(work: Coroutine[Any, Any, JobResult], worker: Any, name: str) -> JobResult:
    """dask leaves a cancelled task running: stop it. Raises `asyncio.CancelledError` then."""
    running = asyncio.create_task(work)
    while not running.done():
        await asyncio.wait({running}, timeout=LOOK)
        task = worker.state.tasks.get(name)
        if not running.done() and (task is None or task.state == "cancelled"):
            running.cancel()
            await asyncio.wait({running})
            raise asyncio.CancelledError
    return running.result()


def _parcel(job: Job) -> dict[str, Any]:
    """The job with the files it needs, by value. Raises `UsageError`."""
    files = {name: getattr(job, name) for name in ("notebook", "rules", "cassette")}
    local = {name: path for name, path in files.items() if path is not None and not is_remote(path)}
    return {
        "job": job.model_dump(),
        "files": {name: base64.b64encode(fetched(path)).decode() for name, path in local.items()},
    }


def _unpacked(parcel: dict[str, Any], folder: Path) -> Job:
    """The job with its files where this worker has them. It works in the notebook's folder where that is
    there too, so that data beside it is found."""
    job = Job.model_validate(parcel["job"])
    there: dict[str, Any] = {}
    for name, data in parcel["files"].items():
        there[name] = str(folder / Path(getattr(job, name)).name)
        Path(there[name]).write_bytes(base64.b64decode(data))
    if not is_remote(job.output):
        there["output"] = str(folder / "result" / Path(job.output).name)
    if "notebook" in there and Path(job.notebook).parent.is_dir():
        there["folder"] = str(Path(job.notebook).parent)
    return job.model_copy(update=there)


def _kept(job: Job, data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="codemad-result-") as folder:
        made = Path(folder) / "result.ipynb"
        made.write_bytes(data)
        Path(job.output).parent.mkdir(parents=True, exist_ok=True)
        put(job.output, made)


def _forget(client: Any, name: str) -> None:
    with contextlib.suppress(OSError):  # a scheduler that has gone holds nothing
        _variable(client, name).delete()


def _variable(client: Any, name: str) -> Any:
    """What the scheduler keeps of a run: None as long as it came to nothing."""
    from distributed import Variable

    return Variable(name, client=client)  # type: ignore[no-untyped-call]
