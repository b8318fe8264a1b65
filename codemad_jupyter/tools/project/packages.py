"""The tool that installs packages: in which environment, by which program, and what is different after it.

It changes an environment and reaches the network, so a person is asked each time, whatever the mode is.
"""

import asyncio
import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codemad_jupyter.protocol.errors import Denied, KernelError, ToolError
from codemad_jupyter.tools.jobs import Job, Order
from codemad_jupyter.tools.project.environments import environments, has, normal, python_of, versions
from codemad_jupyter.tools.project.finding import Project
from codemad_jupyter.tools.shell import commands_of, followed, told
from codemad_jupyter.tools.tool import Prepared, ToolContext, tool

SECONDS = 1_800.0
Manager = Literal["", "pip", "uv", "conda", "npm"]
_PYTHON = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w.,-]+\])?((==|>=|<=|~=|!=|=|>|<)[\w.*+!-]+(,|$))*,?")
_NPM = re.compile(r"(@[a-z0-9~-][\w.~-]*/)?[a-z0-9~][\w.~-]*(@[\w.^~<>=-]+)?")
_SETTINGS = re.compile(r"(PIP|UV)_[A-Z_]+|NPM_CONFIG_REGISTRY|CONDA_CHANNELS")
"""Variables that say where packages come from. One that holds a password is not passed on."""


@dataclass(frozen=True)
class _Plan:
    manager: str
    prefix: Path
    command: str


async def _plan(context: ToolContext, given: Mapping[str, Any]) -> Prepared:
    names, manager = given["names"], given["manager"]
    shape = _NPM if manager == "npm" else _PYTHON
    for name in names:
        if not shape.fullmatch(name):
            hint = "Name packages as their registry does, with a version if need be: pandas>=3."
            raise ToolError(f"{name[:80]!r} is no name of a package.", hint=hint)
    if not names or len(names) > 50:
        raise ToolError("Name one package at least, and 50 at most.")
    prefix = (await environments(context))[0]
    manager = manager or await asyncio.to_thread(_manager, prefix)
    command = shlex.join([*_words(context.root, manager, prefix, dev=given["dev"]), *names])
    place = str(context.root) if manager == "npm" else str(prefix)
    arguments = {"command": command, "environment": place, "network": True}
    return Prepared(arguments, _Plan(manager, prefix, command))


def _manager(prefix: Path) -> str:
    """The program that made the environment, as far as it tells; else one that can fill it."""
    if (prefix / "conda-meta").is_dir() and shutil.which("conda"):
        return "conda"
    if has(prefix, "pip"):
        return "pip"
    if shutil.which("uv"):
        return "uv"
    hint = "python -m ensurepip makes pip; uv can do without."
    raise ToolError(f"There is neither pip in {prefix} nor uv or conda on this machine.", hint=hint)


def _words(root: Path, manager: str, prefix: Path, *, dev: bool) -> list[str]:
    if manager == "npm":
        return ["npm", "install", "--ignore-scripts", *(["--save-dev"] if dev else [])]
    if manager == "uv" and (root / "uv.lock").is_file():
        return ["uv", "add", *(["--dev"] if dev else [])]
    if dev:
        raise ToolError(f"{manager} knows no packages for development alone here.", hint="Leave dev out.")
    if manager == "uv":
        return ["uv", "pip", "install", "--python", str(python_of(prefix) or prefix)]
    if manager == "conda":
        return ["conda", "install", "--yes", "--prefix", str(prefix)]
    return ["python", "-m", "pip", "install", "--no-input"]


def _account(result: dict[str, Any]) -> str:
    changed = [f"{name} {each['after'] or 'removed'}" for name, each in result["changed"].items()]
    return ", ".join(changed[:5]) or ("nothing changed" if result["exit"] == 0 else "failed")


@tool(
    "execute",
    axis="control",
    account=_account,
    prepare=_plan,
    reason="This installs packages: it changes the environment named, reaches the network, and runs what the"
    " packages bring along.",
)
async def install_packages(
    context: ToolContext, names: list[str], manager: Manager = "", dev: bool = False
) -> dict[str, Any]:
    """Install packages by name, with a version if need be, in the environment of the notebook's kernel or of
    the project, by pip, uv or conda (found from the environment), or by npm in the workspace. dev: for
    development alone (npm, uv). A person is asked each time. Tells which versions changed, and whether the
    kernel must be restarted."""
    plan: _Plan = context.prepared
    if not context.asked:
        raise Denied("Packages are installed only when a person was asked.", hint="Name what is missing.")
    before = await asyncio.to_thread(_installed, context.root, plan)
    state = await commands_of(context).jobs.state()
    job = await _run(context, plan)
    after = await asyncio.to_thread(_installed, context.root, plan)
    changed = {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }
    result = {"command": plan.command, "environment": str(plan.prefix), "changed": changed}
    result |= told(job, state, limit=min(context.output_limit, 4_000))
    restart = await _restart(context, changed) if plan.manager != "npm" else ""
    return {**result, "next": restart} if restart else result


async def _run(context: ToolContext, plan: _Plan) -> Job:
    order = Order(
        command=plan.command,
        cwd=context.root.resolve(),
        seconds=SECONDS,
        network=True,
        prefix=plan.prefix,
        writable=() if plan.manager == "npm" else (plan.prefix,),
        variables=settings(os.environ),
    )
    return await followed(context, order)


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Where packages come from, without what holds a password."""
    return {name: value for name, value in environ.items() if _SETTINGS.fullmatch(name) and "@" not in value}


def _installed(root: Path, plan: _Plan) -> dict[str, str]:
    if plan.manager != "npm":
        return versions(plan.prefix)
    try:
        listed = json.loads(Project(root).text("package-lock.json") or "{}").get("packages", {})
        return {
            name.removeprefix("node_modules/"): str(each.get("version"))
            for name, each in listed.items()
            if name
        }
    except (ValueError, AttributeError):
        return {}


async def _restart(context: ToolContext, changed: dict[str, Any]) -> str:
    """Whether the kernel holds an older version of what was replaced."""
    replaced = {name for name, each in changed.items() if each["before"]}
    if not replaced or context.kernel is None:
        return ""
    try:
        report = await context.kernel.report(deadline=context.inspect_deadline)
    except KernelError:
        return "If the kernel had loaded what was replaced, it must be restarted."
    loaded = {normal(name.partition(".")[0]) for name in report.modules}
    held = sorted(replaced & loaded)
    if held:
        return f"The kernel still has the former version of {', '.join(held)}: the person must restart it."
    return "If the kernel had loaded what was replaced under another name, it must be restarted."


TOOLS = (install_packages,)
