"""``codemad batch``: many notebooks and parameter sets, side by side, resumable, with word of each."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.jobs import Job
    from codemad_jupyter.batch.journal import JobResult, JobState
    from codemad_jupyter.batch.pool import Batch, Runner
    from codemad_jupyter.batch.subcommand import Commands

MARKS: dict[JobState, str] = {
    "done": "done",
    "repaired": "repaired",
    "failed": "FAILED",
    "usage": "FAILED",
    "out_of_budget": "BUDGET",
    "refused": "REFUSED",
    "cancelled": "cancelled",
}
WORST: tuple[tuple[JobState, int], ...] = (
    ("cancelled", 130),
    ("failed", 1),
    ("usage", 1),
    ("refused", 4),
    ("out_of_budget", 3),
    ("repaired", 5),
)
"""What a batch ends with: the first of these that happened."""


def add_batch(commands: Commands) -> None:
    """``codemad batch``."""
    text = "run the notebooks of a plan ([[job]] tables), side by side; what is done already is not run again"
    batch = subcommand(commands, "batch", text)
    batch.add_argument("plan", type=Path, metavar="PLAN.toml", help="the plan; its paths are relative to it")
    batch.add_argument(
        "--workers", type=int, metavar="N", help="runs at once (default: one a processor, at most 4)"
    )
    batch.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="run on dask: local:N, a scheduler (tcp://host:port), or a class such as"
        " dask_jobqueue.SLURMCluster; only trusted people should reach a scheduler",
    )
    batch.add_argument("--fresh", action="store_true", help="also run what was done before")
    batch.add_argument("--list", action="store_true", help="only print the runs the plan stands for")
    batch.add_argument("--json", action="store_true", help="print the results as JSON, one object a line")
    batch.set_defaults(perform=_batch)


def _batch(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.journal import Journal
    from codemad_jupyter.batch.pool import Batch, ThisMachine
    from codemad_jupyter.protocol.errors import UsageError

    if args.workers is not None and args.workers < 1:
        raise UsageError("There is nobody to run the jobs.", hint="Give --workers 1 or more.")
    if args.workers is not None and args.cluster is not None:
        raise UsageError("A cluster has its own workers.", hint="Leave out --workers.")
    jobs = _jobs(args.plan)
    if args.list:
        for job in jobs:
            print(job.model_dump_json(exclude_none=True) if args.json else f"{job.title}  →  {job.output}")
        return 0
    table = _Table(jobs)
    batch = Batch(jobs, Journal(args.plan.with_suffix(".journal.jsonl")), table.show)
    if args.cluster is None:
        runner = ThisMachine(args.workers or min(4, os.cpu_count() or 1))
        asyncio.run(_until_done(batch, runner, fresh=args.fresh))
    else:
        asyncio.run(_on_cluster(batch, args.cluster, fresh=args.fresh))
    return _summed(batch, as_json=args.json)


def _jobs(plan: Path) -> tuple[Job, ...]:
    from codemad_jupyter.batch.jobs import jobs_of
    from codemad_jupyter.config.private_files import read_bounded
    from codemad_jupyter.config.toml_files import parse
    from codemad_jupyter.protocol.errors import UsageError

    data = read_bounded(plan)
    if data is None:
        raise UsageError(f"{plan} does not exist.", hint="Name a TOML file with [[job]] tables.")
    return jobs_of(parse(data, plan), folder=plan.absolute().parent, source=plan)


async def _on_cluster(batch: Batch, address: str, *, fresh: bool) -> None:
    from codemad_jupyter.batch.cluster import cluster

    async with cluster(address, batch=secrets.token_hex(4)) as runner:
        await _until_done(batch, runner, fresh=fresh)


async def _until_done(batch: Batch, runner: Runner, *, fresh: bool) -> None:
    """Run it; a signal stops what runs, and what there is stays. Raises `KeyboardInterrupt` then."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await batch.run(runner, fresh=fresh)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


class _Table:
    """A line for each run that ended; on a terminal, how many stand how in a line that is redrawn."""

    def __init__(self, jobs: tuple[Job, ...]) -> None:
        self._titles = {job.number: job.title for job in jobs}
        self._live = sys.stderr.isatty()

    def show(self, batch: Batch, number: int) -> None:
        result, standing = batch.results.get(number), batch.standing.get(number)
        if result is not None:
            said = "done before" if standing == "before" else f"{MARKS[result.state]} {result.seconds:.1f} s"
            why = f"  {result.text}" if result.state not in ("done", "repaired") and result.text else ""
            self._line(f"{number:>4} of {len(self._titles)}  {said:<16} {self._titles[number]}{why}")
        if self._live:
            ended = len(batch.results)
            running = sum(each == "running" for at, each in batch.standing.items() if at not in batch.results)
            sys.stderr.write(
                f"\r\x1b[K{ended} ended, {running} running, {len(self._titles) - ended - running} waiting"
            )
            sys.stderr.flush()

    def _line(self, text: str) -> None:
        from codemad_jupyter.app.plain_text import plain_text

        start = "\r\x1b[K" if self._live else ""
        sys.stderr.write(f"{start}{plain_text(text)}\n")
        sys.stderr.flush()


def _summed(batch: Batch, *, as_json: bool) -> int:
    """Print the results; the exit code."""
    results = [batch.results[job.number] for job in batch.jobs if job.number in batch.results]
    if as_json:
        for result in results:
            print(result.model_dump_json())
    else:
        print(_sentence(results))
    states = {result.state for result in results}
    return next((code for state, code in WORST if state in states), 0)


def _sentence(results: list[JobResult]) -> str:
    counts = {state: sum(result.state == state for result in results) for state in MARKS}
    said = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items() if count)
    repairs = sum(result.repairs for result in results)
    known = [result.cost for result in results]
    cost = "an unknown price" if None in known else f"{sum(each or 0 for each in known):.4f} US dollars"
    mended = f"; {repairs} repairs for {cost}" if repairs else ""
    return f"{len(results)} runs: {said}{mended}."
