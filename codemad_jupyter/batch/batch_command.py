"""``codemad batch``: many notebooks and parameter sets, side by side, resumable, with word of each."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.batch_table import BatchTable
    from codemad_jupyter.batch.jobs import Job
    from codemad_jupyter.batch.journal import JobResult, JobState
    from codemad_jupyter.batch.pool import Batch, Runner
    from codemad_jupyter.batch.subcommand import Commands

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
    batch = subcommand(
        commands,
        "batch",
        text,
        examples=("plan.toml --list", "plan.toml --workers 2", "plan.toml --cluster local:4"),
    )
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
    batch.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write a report of all runs, with each repair as a diff: FILE.html or FILE.json",
    )
    batch.add_argument("--fresh", action="store_true", help="also run what was done before")
    batch.add_argument("--list", action="store_true", help="only print the runs the plan stands for")
    batch.add_argument("--json", action="store_true", help="print the results as JSON, one object a line")
    batch.set_defaults(perform=_batch)


def _batch(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.batch_table import BatchTable
    from codemad_jupyter.batch.journal import Journal
    from codemad_jupyter.batch.pool import Batch, ThisMachine

    _check(args)
    jobs = _jobs(args.plan)
    if args.list:
        for job in jobs:
            print(job.model_dump_json(exclude_none=True) if args.json else f"{job.title}  →  {job.output}")
        return 0
    table = BatchTable(jobs)
    batch = Batch(jobs, Journal(args.plan.with_suffix(".journal.jsonl")), table.show)
    if args.cluster is None:
        runner = ThisMachine(args.workers or min(4, os.cpu_count() or 1))
        asyncio.run(_until_done(batch, runner, table, fresh=args.fresh))
    else:
        asyncio.run(_on_cluster(batch, args.cluster, table, fresh=args.fresh))
    results = [batch.results[job.number] for job in jobs if job.number in batch.results]
    if args.report is not None:
        _write_report(results, args.report, title=args.plan.name)
    return _summed(results, as_json=args.json)


def _check(args: argparse.Namespace) -> None:
    """Raises `UsageError` for options that make no sense."""
    from codemad_jupyter.batch.runner import check_report
    from codemad_jupyter.protocol.errors import UsageError

    if args.workers is not None and args.workers < 1:
        raise UsageError("There is nobody to run the jobs.", hint="Give --workers 1 or more.")
    if args.workers is not None and args.cluster is not None:
        raise UsageError("A cluster has its own workers.", hint="Leave out --workers.")
    if args.report is not None:
        check_report(args.report)


def _jobs(plan: Path) -> tuple[Job, ...]:
    from codemad_jupyter.batch.jobs import jobs_of
    from codemad_jupyter.config.private_files import read_bounded
    from codemad_jupyter.config.toml_files import parse
    from codemad_jupyter.protocol.errors import UsageError

    data = None if plan.is_dir() else read_bounded(plan)
    if data is None:
        what = "is a folder" if plan.is_dir() else "does not exist"
        raise UsageError(f"{plan} {what}.", hint="Name a TOML file with [[job]] tables.")
    return jobs_of(parse(data, plan), folder=plan.absolute().parent, source=plan)


async def _on_cluster(batch: Batch, address: str, table: BatchTable, *, fresh: bool) -> None:
    from codemad_jupyter.batch.cluster import cluster

    async with cluster(address, batch=secrets.token_hex(4)) as runner:
        await _until_done(batch, runner, table, fresh=fresh)


async def _until_done(batch: Batch, runner: Runner, table: BatchTable, *, fresh: bool) -> None:
    """Run it; a signal stops what runs, and what there is stays. Raises `KeyboardInterrupt` then."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with table.drawn(batch):
            await batch.run(runner, fresh=fresh)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _write_report(results: Sequence[JobResult], path: Path, *, title: str) -> None:
    """As a page or as JSON, by the name's ending. Raises `NotebookError`."""
    from codemad_jupyter.batch.batch_table import sentence
    from codemad_jupyter.batch.report_page import batch_page
    from codemad_jupyter.batch.run_report import save

    if path.suffix == ".html":
        save(batch_page(results, title=title, text=sentence(results)), path)
    else:
        save("".join(["[", ",\n".join(each.model_dump_json() for each in results), "]\n"]), path)


def _summed(results: Sequence[JobResult], *, as_json: bool) -> int:
    """Print the results; the exit code."""
    from codemad_jupyter.batch.batch_table import sentence

    if as_json:
        for result in results:
            print(result.model_dump_json())
    else:
        print(sentence(results))
    states = {result.state for result in results}
    return next((code for state, code in WORST if state in states), 0)
