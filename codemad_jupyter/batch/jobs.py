"""The plan of a batch: tables ``[[job]]``, and the single runs they stand for. Pure but for the finding of
notebooks.

A list among the ``parameters`` is an axis of a grid: the job is run with each of its values (a value that is
itself a list cannot be a parameter). Every run needs an output of its own: ``{notebook}``, ``{number}`` and
the names of parameters stand for their values in ``output``.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ConfigDict, Field, ValidationError

from codemad_jupyter.batch.parameters import Parameter
from codemad_jupyter.batch.repairs import RepairPolicy
from codemad_jupyter.batch.run_options import POLICIES
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import UsageError

MOST = 10_000
"""Runs of one plan."""
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]+://")


class JobTable(Value):
    """A table ``[[job]]`` as it is written; paths are relative to the plan's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    notebook: str
    output: str = "{notebook}.out.ipynb"
    parameters: dict[str, Parameter | list[Parameter]] = Field(default_factory=dict)
    policy: str | None = None
    cassette: str | None = None
    kernel: str | None = None
    model: str | None = None
    timeout: float | None = Field(None, gt=0)
    repair: RepairPolicy | None = None
    repair_budget: float | None = Field(None, ge=0)
    repair_tokens: int | None = Field(None, ge=1)
    sandbox: bool = False


_FIELDS = f"A job has {', '.join(JobTable.model_fields)}."


class Job(Value):
    """One run: a notebook, its parameters, and where the result goes (paths or fsspec addresses). It works in
    ``folder``, which is the notebook's own where None is given."""

    number: int
    notebook: str
    output: str
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    policy: str | None = None
    rules: str | None = None
    cassette: str | None = None
    kernel: str | None = None
    model: str | None = None
    timeout: float | None = None
    repair: RepairPolicy | None = None
    repair_budget: float | None = None
    repair_tokens: int | None = None
    sandbox: bool = False
    folder: str | None = None

    @property
    def title(self) -> str:
        """Its notebook and its parameters, on one line."""
        given = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        name = self.notebook.rsplit("/", 1)[-1]
        return f"{name} ({given})" if given else name


def is_remote(path: str) -> bool:
    """Is it an fsspec address, not a path of this machine?"""
    return _REMOTE.match(path) is not None


def jobs_of(table: dict[str, Any], *, folder: Path, source: Path) -> tuple[Job, ...]:
    """The runs of a plan, in its order. Raises `UsageError` for a plan that makes no sense."""
    unknown = sorted(set(table) - {"job"})
    if unknown:
        raise UsageError(
            f"{source} has {', '.join(unknown)}, which no plan has.", hint="It has [[job]] tables."
        )
    tables = table.get("job", [])
    if not isinstance(tables, list) or not tables:
        raise UsageError(f"{source} has no job.", hint='Write [[job]] and notebook = "…" below it.')
    found = [
        values
        for at, each in enumerate(tables, 1)
        for values in _runs(_read(each, at, source), folder, at, source)
    ]
    if len(found) > MOST:
        raise UsageError(f"{source} stands for {len(found):,} runs; {MOST:,} are the most.", hint="Split it.")
    outputs = {job.output for job in _numbered(found, folder)}
    meant = [each for each in found if not (each.globbed and each.values["notebook"] in outputs)]
    jobs = _numbered(meant, folder)
    _check_outputs(jobs)
    return jobs


class _Run(NamedTuple):
    """The values of a run, and whether a pattern found its notebook."""

    values: dict[str, Any]
    globbed: bool


def _numbered(found: list[_Run], folder: Path) -> tuple[Job, ...]:
    return tuple(
        Job.model_validate({**each.values, "number": at, "output": _output(each.values, at, folder)})
        for at, each in enumerate(found, 1)
    )


def key_of(job: Job, content: bytes, *, beside: Iterable[bytes] = ()) -> str:
    """What makes a run the same as an earlier one: the notebook's bytes, those of the files that decide about
    it, and all it is given. SHA-256 (hex)."""
    said = job.model_dump_json(exclude={"number"})
    digest = hashlib.sha256(said.encode())
    for part in (content, *beside):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _read(table: Any, at: int, source: Path) -> JobTable:
    try:
        return JobTable.model_validate(table)
    except ValidationError as error:
        unknown = [str(each["loc"][0]) for each in error.errors() if each["type"] == "extra_forbidden"]
        if unknown:
            near = difflib.get_close_matches(unknown[0], JobTable.model_fields, n=1)
            meant = f"did you mean {near[0]}?" if near else "which no job has."
            raise UsageError(f"Job {at} of {source} has {unknown[0]}, {meant}", hint=_FIELDS) from None
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"][:2]) or "it"
        raise UsageError(
            f"Job {at} of {source}: {where}: {first['msg'].rstrip('.')}.",
            hint=_FIELDS,
        ) from None


def _runs(job: JobTable, folder: Path, at: int, source: Path) -> Iterator[_Run]:
    policy = {"policy": job.policy} if job.policy is None or job.policy in POLICIES else {"rules": job.policy}
    said = job.model_dump(exclude={"notebook", "parameters", "policy"}) | policy
    for name in ("rules", "cassette"):
        if said.get(name):
            said[name] = _placed(said[name], folder)
    axes = [
        [(name, each) for each in (value if isinstance(value, list) else [value])]
        for name, value in job.parameters.items()
    ]
    for axis in axes:
        if not axis:
            raise UsageError(f"Job {at} of {source} has an empty list of values.", hint="Name at least one.")
    globbed = not is_remote(job.notebook) and bool(set("*?[") & set(job.notebook))
    named = _found(job.notebook, folder, at, source) if globbed else [_placed(job.notebook, folder)]
    for notebook in named:
        for given in itertools.product(*axes):
            yield _Run({**said, "notebook": notebook, "parameters": dict(given)}, globbed)


def _found(pattern: str, folder: Path, at: int, source: Path) -> list[str]:
    """The notebooks of that name; among them may be what an earlier batch wrote."""
    found = sorted(path.as_posix() for path in folder.glob(pattern) if path.suffix == ".ipynb")
    if not found:
        raise UsageError(
            f"Job {at} of {source}: no notebook is named {pattern}.", hint="Look at the pattern."
        )
    return found


def _placed(path: str, folder: Path) -> str:
    return path if is_remote(path) else (folder / path).as_posix()


def _output(values: dict[str, Any], number: int, folder: Path) -> str:
    stem = values["notebook"].rsplit("/", 1)[-1].removesuffix(".ipynb")
    known = {**values["parameters"], "notebook": stem, "number": number}
    named = re.findall(r"\{([^{}]*)\}", values["output"])
    unknown = next((each for each in named if each not in known), None)
    if unknown is not None:
        raise UsageError(
            f"The output {values['output']} names {unknown!r}, which is no parameter.",
            hint=f"Known: {', '.join(known)}.",
        )
    name = re.sub(r"\{([^{}]*)\}", lambda found: _in_name(known[found[1]]), values["output"])
    return _placed(name, folder)


def _in_name(value: Parameter) -> str:
    """A value as a part of a file name: what could lead to another folder is replaced."""
    return re.sub(r"[^\w.,=+@-]+", "_", str(value)).strip(".") or "_"


def _check_outputs(jobs: tuple[Job, ...]) -> None:
    doubled = [output for output, times in Counter(job.output for job in jobs).items() if times > 1]
    if doubled:
        raise UsageError(
            f"{len(doubled)} outputs are written by more than one run, first {doubled[0]}.",
            hint="Put {notebook}, {number} or the names of parameters into output.",
        )
    local = (Path(job.output) for job in jobs if not is_remote(job.output))
    odd = next((path for path in local if path.exists() and not path.is_file()), None)
    if odd is not None:  # a device would be replaced by a file
        raise UsageError(f"The output {odd} is no file.", hint="Name another output.")
    sources = {job.notebook for job in jobs}
    over = next((job.output for job in jobs if job.output in sources), None)
    if over is not None:
        raise UsageError(f"{over} is a notebook of the plan and an output.", hint="Name another output.")
