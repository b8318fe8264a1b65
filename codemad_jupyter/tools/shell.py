"""Tools that run commands: one that is waited for or goes on in the background, and looks at those.

Commands run in the sandbox of this machine. Where there is none, or the network is wanted, a person must have
been asked about exactly this command.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from codemad_jupyter.notebooks.terminal_text import cleaned, shortened
from codemad_jupyter.protocol.errors import Denied, ToolError
from codemad_jupyter.protocol.permissions import SandboxState
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.tools.files import inside
from codemad_jupyter.tools.jobs import Commands, Job, Order
from codemad_jupyter.tools.live_output import LiveOutput
from codemad_jupyter.tools.project.environments import kernel_environment
from codemad_jupyter.tools.tool import ToolContext, tool

LONGEST = 3_600.0
OFFLINE = (
    "Network is unreachable",
    "Temporary failure in name resolution",
    "Could not resolve",
    "Errno 101",
    "not supported by protocol",
)
USED_UP = (
    "File too large",
    "Cannot allocate memory",
    "MemoryError",
    "fork: Resource temporarily unavailable",
)
REFUSED = ("Read-only file system", "Permission denied", "Operation not permitted")


def _account(result: dict[str, Any]) -> str:
    if "job" in result and "exit" not in result:
        return f"{result['job']} runs"
    code = result.get("exit")
    return "done" if code == 0 else f"exit code {code}" if result.get("ended") == "done" else result["ended"]


@tool("execute", axis="shell", account=_account)
async def run_command(
    context: ToolContext,
    command: str,
    cwd: str = "",
    timeout: float = 120.0,
    background: bool = False,
    network: bool = False,
) -> dict[str, Any]:
    """Run a shell command in the workspace folder (cwd: a folder below it), in a sandbox: it may write in the
    workspace and in $TMPDIR, read no keys, and reach no network unless network=true, which a person is asked
    about. There is no input. The kernel's environment comes first on PATH. timeout is in seconds; for
    servers and long work use background=true, then job_output."""
    commands = commands_of(context)
    state = await commands.jobs.state()
    within_sandbox(command, state, network=network, asked=context.asked)
    order = Order(
        command=command,
        cwd=await asyncio.to_thread(_folder, context.root, cwd),
        seconds=None if background else min(max(timeout, 1.0), LONGEST),
        network=network,
        prefix=await kernel_environment(context) or Path(sys.prefix),
    )
    if background:
        job = await commands.jobs.begin(order, around=commands.around)
        return {"job": job.id, "ended": "running", "sandbox": named(state), "next": "See job_output."}
    return told(await followed(context, order), state, limit=context.output_limit)


async def followed(context: ToolContext, order: Order) -> Job:
    """Run a command to its end; the person sees what it writes as it comes."""
    commands = commands_of(context)
    live = LiveOutput(context.say)
    try:
        return await commands.jobs.run(
            order, around=commands.around, heard=lambda text: live.take("stream", {"text": text})
        )
    finally:
        live.close()


def within_sandbox(command: str, state: SandboxState, *, network: bool, asked: bool) -> None:
    """Raises where a person must have been asked about the command, and was not."""
    if not command.strip() or "\0" in command:
        raise ToolError("The command is empty or holds a NUL character.")
    if asked or (not network and state.strength != "none"):
        return
    if network:
        raise Denied("A command gets the network only when a person was asked.", hint="Run it without.")
    raise Denied(
        f"There is no sandbox here ({'; '.join(state.reasons)}), and no person was asked.",
        hint="Say what you would run instead.",
    )


def commands_of(context: ToolContext) -> Commands:
    """What runs commands, or an error."""
    if context.commands is None:
        raise ToolError("Commands cannot be run here.", hint="Use the tools for files and cells.")
    return context.commands


def _folder(root: Path, cwd: str) -> Path:
    found = inside(root, cwd or ".")
    if not found.is_dir():
        raise ToolError(f"There is no folder {cwd}.", hint="cwd is a folder below the workspace.")
    return found


def named(state: SandboxState) -> str:
    """The sandbox in two words."""
    return f"{state.backend or 'no sandbox'} ({state.strength})" if state.strength != "none" else "none"


def told(job: Job, state: SandboxState, *, limit: int) -> dict[str, Any]:
    """What a model gets of a command that has ended."""
    text = shortened(cleaned(job.written.since(0)), limit)
    found: dict[str, Any] = {
        "exit": job.exit_code,
        "ended": job.ending,
        "seconds": job.seconds,
        "sandbox": named(state),
        "output": text,
    }
    advice = next_step(job, text, confined=state.strength != "none")
    return {**found, "next": advice} if advice else found


def next_step(job: Job, text: str, *, confined: bool) -> str:
    """What to try next, empty where nothing comes to mind."""
    said = []
    if job.put_back:
        said.append(
            f"Put back, because other programs run what stands there: {', '.join(job.put_back)};"
            " what the command left lies beside, with .from-command added to the name."
        )
    if job.ending == "timeout":
        said.append(
            f"It was ended after {job.order.seconds:g} seconds, with all it had started. There is no input;"
            " give it more time or run it with background=true."
        )
    elif job.exit_code in (137, 152, 153) or (job.exit_code and any(sign in text for sign in USED_UP)):
        said.append(
            "It took more than it may (resource_limit): memory, processor time, processes, or a file's size."
        )
    elif job.exit_code and confined:
        if not job.order.network and any(sign in text for sign in OFFLINE):
            said.append(
                "The sandbox keeps commands off the network (sandbox_network_denied): network=true asks."
            )
        elif any(sign in text for sign in REFUSED):
            said.append("The sandbox lets commands write only in the workspace (but .git) and in $TMPDIR.")
    if job.exit_code == 127 and not said:
        said.append("A program was not found: see what is installed with `ls` in the folders of $PATH.")
    return " ".join(said)


@tool("read", axis="shell", account=lambda result: counted(len(result), "job"))
async def list_jobs(context: ToolContext) -> list[dict[str, Any]]:
    """The commands of this session that run in the background, and those that have ended."""
    return [
        {"job": job.id, "command": job.order.command, "ended": job.ending, "exit": job.exit_code}
        for job in commands_of(context).jobs.all()
    ]


@tool("read", axis="shell", account=_account)
async def job_output(context: ToolContext, job: str, since: int = 0) -> dict[str, Any]:
    """What a background job has written since a place (0: the beginning; pass on what came as ``since``)."""
    found = commands_of(context).jobs.get(job)
    text = shortened(cleaned(found.written.since(max(since, 0))), context.output_limit)
    answer = {"job": job, "ended": found.ending, "exit": found.exit_code, "since": found.written.total}
    return {**answer, "output": text, **({"failure": found.failure} if found.failure else {})}


@tool("write", axis="shell", account=_account)
async def stop_job(context: ToolContext, job: str) -> dict[str, Any]:
    """End a background job and all it has started."""
    found = await commands_of(context).jobs.stop(job)
    return {"job": job, "ended": found.ending, "exit": found.exit_code}


TOOLS = (run_command, list_jobs, job_output, stop_job)
