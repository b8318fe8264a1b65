"""Tools that run a project's tests and linters, as commands in the sandbox, and read what those report."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.protocol.permissions import SandboxState
from codemad_jupyter.tools.files import inside
from codemad_jupyter.tools.jobs import Job, Order
from codemad_jupyter.tools.project import reports
from codemad_jupyter.tools.project.environments import environments
from codemad_jupyter.tools.project.finding import REPORT, Program, for_checks, for_tests
from codemad_jupyter.tools.project.reports import MOST_ROWS, Report
from codemad_jupyter.tools.shell import LONGEST, commands_of, followed, told, within_sandbox
from codemad_jupyter.tools.tool import Prepared, ToolContext, tool

SHORT = 4_000
"""Characters of a program's output that are told beside the rows it reported."""


@dataclass(frozen=True)
class _Plan:
    """Programs that run one after the other, each with its command line."""

    programs: tuple[tuple[Program, str], ...]
    others: tuple[str, ...] = ()


async def _plan_tests(context: ToolContext, given: Mapping[str, Any]) -> Prepared:
    found = await asyncio.to_thread(for_tests, context.root, await environments(context))
    program = _chosen(found, given["program"], what="tests", hint="run_command runs any command.")
    named = _named(context.root, given["what"])
    extra: tuple[str, ...] = ()
    if given["match"]:
        if program.name not in ("pytest", "unittest"):
            raise ToolError(f"{program.name} takes no match.", hint="Leave it out.")
        extra = (f"-k{given['match']}",)  # in one word: it is never taken for an option
    if named and not program.takes:
        raise ToolError(f"{program.name} takes no names of tests.", hint="Leave out what.")
    command = program.command((*named, *extra))
    others = tuple(each.name for each in found if each.name != program.name)
    return Prepared({"command": command}, _Plan(((program, command),), others))


async def _plan_checks(context: ToolContext, given: Mapping[str, Any]) -> Prepared:
    found = await asyncio.to_thread(for_checks, context.root, await environments(context))
    if given["program"]:
        found = (_chosen(found, given["program"], what="checks", hint="run_command runs any command."),)
    ready = [each for each in found if each.prefix is not None]
    if not ready:
        _chosen(found, "", what="checks", hint="run_command runs any command.")
    named = _named(context.root, given["what"])
    if named:
        ready = [each for each in ready if each.takes]
        if not ready:
            raise ToolError("None of the checks here takes paths.", hint="Leave out what.")
    planned = tuple((each, each.command(named)) for each in ready)
    missing = tuple(each.name for each in found if each.prefix is None)
    return Prepared({"command": "\n".join(line for _, line in planned)}, _Plan(planned, missing))


def _chosen(found: tuple[Program, ...], name: str, *, what: str, hint: str) -> Program:
    if not found:
        raise ToolError(f"No {what} of this project were found in the files of its folder.", hint=hint)
    chosen = next((p for p in found if p.name == name), None) if name else found[0]
    if chosen is None:
        raise ToolError(f"There is no {name} here.", hint=f"There is: {', '.join(p.name for p in found)}.")
    if chosen.prefix is None:
        hint = (
            f"install_packages can install {chosen.words[-1] if chosen.takes else chosen.name}, if asked for."
        )
        raise ToolError(
            f"{chosen.name} is set up here, but not installed in the kernel's environment.", hint=hint
        )
    return chosen


def _named(root: Path, what: list[str]) -> tuple[str, ...]:
    """What is named, as paths below the workspace; nothing that a program could take for an option."""
    for each in what:
        path = each.partition("::")[0]
        if each.startswith("-") or not path or any(ord(letter) < 32 for letter in each):
            raise ToolError(f"{each!r} is no path of a test or file.", hint="Name paths below the folder.")
        if not inside(root, path).exists():
            raise ToolError(f"There is no {path}.", hint="list_files shows what there is.")
    return tuple(what)


def _tested(result: dict[str, Any]) -> str:
    counts = result.get("counts")
    if not counts:
        return "passed" if result["exit"] == 0 else f"exit code {result['exit']}"
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "no tests"


@tool("execute", axis="shell", account=_tested, prepare=_plan_tests)
async def run_tests(
    context: ToolContext,
    what: list[str] = [],  # noqa: B006 - the schema of the tool is made of it
    match: str = "",
    program: str = "",
    timeout: float = 600.0,
) -> dict[str, Any]:
    """Run the tests of the project, or those named by what: files, folders, pytest ids such as
    tests/test_a.py::test_x; match is an expression for -k. The program (pytest, unittest, npm test, tox, nox,
    make test) is found from the project, and run in the sandbox without the network in the environment of
    the kernel or the project; program names another one. Failed tests come as a table."""
    plan: _Plan = context.prepared
    [(chosen, command)] = plan.programs
    state, job = await _run(context, chosen, command, seconds=timeout)
    report = reports.junit(job.reports[REPORT]) if REPORT in job.reports else None
    result = _result(context, job, state, report, key="failed")
    if report is not None and job.exit_code == 5:
        result["next"] = "No test was found or chosen: look at what and match."
    return {"program": chosen.name, **result, **({"others": list(plan.others)} if plan.others else {})}


def _checked(result: dict[str, Any]) -> str:
    told = [
        f"{each['program']}: {each.get('counts', {}).get('problems', each['exit'])}"
        for each in result["checks"]
    ]
    return ", ".join(told)


@tool("execute", axis="shell", account=_checked, prepare=_plan_checks)
async def run_checks(
    context: ToolContext,
    what: list[str] = [],  # noqa: B006 - the schema of the tool is made of it
    program: str = "",
    timeout: float = 600.0,
) -> dict[str, Any]:
    """Run the project's linters and type checkers (ruff, mypy, npm scripts, make lint), or the one named by
    program, on all of it or on the paths named. They change nothing. Problems come as a table with places."""
    plan: _Plan = context.prepared
    done = []
    for chosen, command in plan.programs:
        state, job = await _run(context, chosen, command, seconds=timeout)
        report = None
        if chosen.reads == "ruff" and REPORT in job.reports:
            report = reports.ruff(job.reports[REPORT], str(context.root.resolve()))
        elif chosen.reads == "mypy":
            report = reports.mypy(job.written.since(0))
        done.append({"program": chosen.name, **_result(context, job, state, report, key="problems")})
    missing = f"Set up but not installed: {', '.join(plan.others)}." if plan.others else ""
    return {"checks": done, **({"next": missing} if missing else {})}


async def _run(
    context: ToolContext, program: Program, command: str, *, seconds: float
) -> tuple[SandboxState, Job]:
    state = await commands_of(context).jobs.state()
    within_sandbox(command, state, network=False, asked=context.asked)
    order = Order(
        command=command,
        cwd=context.root.resolve(),
        seconds=min(max(seconds, 1.0), LONGEST),
        prefix=program.prefix,
        variables=program.variables,
        reports=(REPORT,),
    )
    return state, await followed(context, order)


def _result(
    context: ToolContext, job: Job, state: SandboxState, report: Report | None, *, key: str
) -> dict[str, Any]:
    """What a model gets: the rows where there was a report, else what was written."""
    limit = min(context.output_limit, SHORT) if report is not None else context.output_limit
    result = {"command": job.order.command, **told(job, state, limit=limit)}
    if report is None:
        return result
    if job.ending == "done":
        del result["output"]
    rows = report.rows[:MOST_ROWS]
    more = {"more": len(report.rows) - len(rows)} if len(report.rows) > len(rows) else {}
    return {**result, "counts": report.counts, key: rows, **more}


TOOLS = (run_tests, run_checks)
