"""One run of a batch, in a process of its own: `codemad run` with what the job says.

The result appears under its name at the end, whole: until then it is written beside it, so that an attempt
that dies leaves no half notebook where a finished one is expected. A notebook at an address that fsspec
knows is fetched before and put back after.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codemad_jupyter.batch.documents import replace
from codemad_jupyter.batch.jobs import Job, is_remote, key_of
from codemad_jupyter.batch.journal import JobResult, JobState
from codemad_jupyter.batch.run_report import CODES, RunReport
from codemad_jupyter.batch.runner import PARENT
from codemad_jupyter.protocol.errors import CodemadError, NotebookError, UsageError

LONGEST = 65_536
"""Bytes of a line that are kept."""
_PROGRESS = re.compile(r"cell \d+ of \d+|trying a repair")
OPTIONS = ("kernel", "model", "timeout", "policy", "rules", "repair", "repair_budget", "repair_tokens")
"""What a job says as `codemad run` takes it."""
GRACE = 15.0
"""Seconds a stopped run gets to write what there is."""
_STATES: dict[int, JobState] = {
    0: "done",
    1: "failed",
    2: "usage",
    CODES["out_of_budget"]: "out_of_budget",
    4: "refused",
    CODES["repaired"]: "repaired",
    CODES["cancelled"]: "cancelled",
}


def job_key(job: Job) -> str:
    """See `jobs.key_of`. Raises `UsageError` for a notebook that cannot be read."""
    beside = [fetched(name) for name in (job.rules, job.cassette) if name is not None and is_there(name)]
    return key_of(job, fetched(job.notebook), beside=beside)


def fetched(path: str) -> bytes:
    """The bytes of a file or of what fsspec knows. Raises `UsageError`."""
    try:
        if is_remote(path):
            with _fsspec().open(path, "rb") as file:
                return bytes(file.read())
        return Path(path).read_bytes()
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(f"{path} cannot be read ({error}).", hint="Name a file that there is.") from error


def put(path: str, data: Path) -> None:
    """Put a file in its place, at once where that is this machine. Raises `NotebookError`."""
    try:
        if is_remote(path):
            with _fsspec().open(path, "wb") as file:
                file.write(data.read_bytes())
        else:
            replace(Path(path), data.read_bytes())
    except (OSError, ValueError, ImportError) as error:
        raise NotebookError(f"{path} cannot be written ({error}).", hint="Check the place.") from error


def _unheard(text: str) -> None:
    """For who does not listen."""


async def run_job(
    job: Job, key: str, *, attempt: int = 1, where: str = "", heard: Callable[[str], None] = _unheard
) -> JobResult:
    """Do it; never raises but for being cancelled, and then the run was stopped first. ``heard`` is told how
    far it is: ``cell 2 of 7``."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="codemad-job-") as name:
        scratch = Path(name)
        try:
            code, said = await _process(await asyncio.to_thread(_command, job, scratch), heard)
            report = _report(scratch)
            if (scratch / "out.ipynb").is_file():
                await asyncio.to_thread(_deliver, job, scratch)
            state, text = _STATES.get(code, "failed"), (report.text if report else said)
            text = text.replace(str(scratch / "out.ipynb"), job.output)
        except CodemadError as error:
            report, state, text = None, "usage", str(error)
    return JobResult(
        number=job.number,
        key=key,
        title=job.title,
        output=job.output,
        state=state,
        text=text.strip()[:500],
        repairs=len(report.repairs) if report else 0,
        cost=report.cost if report else 0.0,
        seconds=round(time.monotonic() - began, 3),
        attempt=attempt,
        where=where,
        report=report,
    )


def _command(job: Job, scratch: Path) -> list[str]:
    source = Path(job.notebook)
    if is_remote(job.notebook):
        source = scratch / job.notebook.rsplit("/", 1)[-1]
        source.write_bytes(fetched(job.notebook))
    command = [sys.executable, "-m", "codemad_jupyter.batch.cli", "run", str(source)]
    command += ["-o", str(scratch / "out.ipynb"), "--report", str(scratch / "report.json"), "--progress"]
    for name, value in job.parameters.items():
        flag = "-r" if isinstance(value, str) else "-p"
        command += [flag, f"{name}={'null' if value is None else str(value)}"]
    for option in OPTIONS:
        value = getattr(job, option)
        if value is not None:
            command += [f"--{option.replace('_', '-')}", str(value)]
    if job.cassette is not None:
        command += ["--replay", job.cassette]
    if job.sandbox:
        command += ["--sandbox"]
    command += ["--cwd", job.folder or str(source.parent)]
    return command


async def _process(command: list[str], heard: Callable[[str], None]) -> tuple[int, str]:
    """Its exit code, and the last it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, PARENT: str(os.getpid())},
    )
    try:
        said = await _last_line(process.stderr, heard)
        await process.wait()
    except asyncio.CancelledError:
        await _ended(process)
        raise
    return process.returncode or 0, said.removeprefix("codemad: ")


async def _last_line(stream: asyncio.StreamReader | None, heard: Callable[[str], None]) -> str:
    """Read to the end, tell what is of progress; lines may be of any length, for kernels write there too."""
    assert stream is not None  # noqa: S101 - it was asked for
    last, rest = "", b""
    while piece := await stream.read(LONGEST):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").strip()
            last = text or last
            if _PROGRESS.fullmatch(text):
                heard(text)
        rest = rest[-LONGEST:]
    return rest.decode(errors="replace").strip() or last


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Have it stop as Ctrl-C would; kill it and what it started where that takes too long."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(asyncio.shield(process.wait()), GRACE)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _report(scratch: Path) -> RunReport | None:
    path = scratch / "report.json"
    return RunReport.model_validate_json(path.read_bytes()) if path.is_file() else None


def _deliver(job: Job, scratch: Path) -> None:
    if not is_remote(job.output):
        Path(job.output).parent.mkdir(parents=True, exist_ok=True)
    put(job.output, scratch / "out.ipynb")


def is_there(path: str) -> bool:
    """Is the file there? What lies elsewhere is taken to be."""
    return is_remote(path) or Path(path).is_file()


def _fsspec() -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise UsageError(
            "Addresses need the package fsspec.", hint="Install codemad-jupyter[remote], or name a path."
        ) from error
    return fsspec
