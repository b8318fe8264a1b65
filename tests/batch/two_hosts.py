"""The twenty notebooks on a scheduler and two workers, each a host: ``python -m tests.batch.two_hosts``.

One notebook waits when it is run for the first time, and the host that has it is killed: scheduler and the
other host go on. Prints what ran where, and how often each notebook came to its end. Needs root.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.batch.journal import JobResult, Journal
from tests.batch import twenty
from tests.batch.hosts import Host, ended, host_of, hosts, kill, possible
from tests.batch.test_notebook_runs import CODEMAD, code, write
from tests.batch.twenty import environment, leave
from tests.waiting import wait_until

PORT = 8786
HELD = twenty.SOUND[0]
WAITS = """\
import os, pathlib, time
pathlib.Path("begun", str(os.getpid())).touch()
if len(list(pathlib.Path("begun").iterdir())) == 1:
    time.sleep(3600)
"""


@dataclass(frozen=True)
class Outcome:
    """The exit code, what became of each notebook, the killed host, what was done by then, how often each
    notebook came to its end, and the kernels that the held one began in."""

    code: int
    results: list[JobResult]
    killed: Host
    before: int
    ran: Counter[str]
    begun: list[int]


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, Host, dict[Host, subprocess.Popen[bytes]]]]:
    """The scheduler's address, its host, and the worker of each other host."""

    def started(host: Host, what: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options, "--no-dashboard"]
        own, log = environment(folder / f"{host.name}.data"), folder / f"{host.name}.log"
        process = host.start([*command, "--host", host.address], cwd=folder, log=log, environment=own)
        return around.enter_context(ended(process))

    with ExitStack() as around:
        first, *others = around.enter_context(hosts(3))
        address = f"tcp://{first.address}:{PORT}"
        started(first, "scheduler", "--port", str(PORT))
        options = ("--nworkers", "1", "--nthreads", "1")
        workers = {
            host: started(host, "worker", address, *options, "--local-directory", str(folder / host.name))
            for host in others
        }
        yield address, first, workers


def go(folder: Path, names: Sequence[str], *, before: int) -> Outcome:
    """Run them; the host with the held one is killed when ``before`` others have ended."""
    (folder / "begun").mkdir()
    write(folder / f"{HELD}.ipynb", code("year = 0", "given", "parameters"), code(WAITS, "wait"), leave(HELD))
    twenty.plan(folder, names)
    begun, journal = folder / "begun", Journal(folder / "plan.journal.jsonl")
    with cluster(folder) as (address, first, workers):
        command = [*CODEMAD, "batch", "plan.toml", "--json", "--cluster", address]
        own, log = environment(folder / "data"), folder / "batch.log"
        with ended(first.start(command, cwd=folder, log=log, environment=own)) as process:
            wait_until(lambda: any(begun.iterdir()) or process.poll() is not None, "the held one")
            for number in range(before):
                wait_until(lambda: len(journal.read()) > number, f"run {number}")  # noqa: B023 - used at once
            [killed] = [host for host in workers if host.name == host_of(int(next(begun.iterdir()).name))]
            done = len(journal.read())
            kill(workers[killed])
            code_ = process.wait(timeout=twenty.TIMEOUT)
    said = (folder / "batch.log").read_text().splitlines()
    results = [JobResult.model_validate_json(line) for line in said if line.startswith("{")]
    pids = [int(path.name) for path in begun.iterdir()]
    return Outcome(code_, results, killed, done, twenty.ran(folder), pids)


def main() -> int:
    """Do it with all twenty; the exit code."""
    if not possible():
        sys.stdout.write("There can be no network name spaces here: only root may make them, with ip.\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="codemad-hosts-") as name:
        folder = Path(name) / "work"
        twenty.make(folder)
        twenty.record(folder)
        began = time.monotonic()
        names = (*twenty.FAULTS, *twenty.SOUND)  # the broken first: the killed host has repaired one by then
        outcome = go(folder, names, before=6)
    sys.stdout.writelines(f"{row(result, outcome)}\n" for result in outcome.results)
    killed = f"{outcome.killed.address} was killed after {outcome.before} of {len(outcome.results)}"
    begun = f"{HELD} was begun {len(outcome.begun)} times"
    sys.stdout.write(f"exit code {outcome.code} in {time.monotonic() - began:.0f} s; {killed}; {begun}\n")
    once = outcome.ran == dict.fromkeys(twenty.NAMES, 1)
    return 0 if once and outcome.code == 5 else 1


def row(result: JobResult, outcome: Outcome) -> str:
    """A line of the table."""
    name = Path(result.output).stem
    where = result.where.removeprefix("tcp://").partition(":")[0]
    repairs = f"{result.repairs} repairs" if result.repairs else ""
    times = outcome.ran[name]
    return f"{name:<12} {result.state:<9} on {where}  came to its end {times} x  {repairs}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
