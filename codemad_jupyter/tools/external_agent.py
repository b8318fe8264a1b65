"""Starts an external agent in the sandbox, gives it one task over the Agent Client Protocol, and ends it with
all it has started. What it may ask meanwhile is in `external_client`, what it says in `external_events`.

The SDK is imported at the first use, for it takes a second.
"""

import asyncio
import contextlib
import importlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from codemad_jupyter.config.foreign_programs import given, names_of
from codemad_jupyter.protocol.errors import ToolError, UsageError
from codemad_jupyter.protocol.external_agents import AgentDefinition
from codemad_jupyter.tools.external_client import OurSide
from codemad_jupyter.tools.external_wire import FRAME, Wire, quietly
from codemad_jupyter.tools.mcp_stdio import Fate
from codemad_jupyter.tools.sandbox import state as sandbox
from codemad_jupyter.tools.sandbox.confinement import (
    SCRATCH,
    Confinement,
    Limits,
    harmless,
    masked_places,
    there,
    workspace_confinement,
)
from codemad_jupyter.tools.sandbox.process import Confined, start_with

INSTALL = 'Install it: pip install "codemad-jupyter[agents]"'
STARTING = 120.0
"""Seconds until an agent must have a session."""
GRACE = 2.0
"""Seconds in which an agent that is told to stop may do so by itself."""
SIGN_IN = -32_000
_STOPS = {
    "max_tokens": "its model's answer was cut",
    "max_turn_requests": "it reached its own limit of steps",
    "refusal": "its model refused",
    "cancelled": "it says that it was stopped",
}
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One task for an agent, the folder it works in, and how it is confined. Without a ``task`` it is only
    greeted. ``said`` gives what the person has told it since, which it hears at the end of its turn; once
    there is nothing, nothing more is asked for."""

    given: AgentDefinition
    task: str
    folder: Path
    confinement: Confinement
    wanted: sandbox.Wanted = "auto"
    said: Callable[[], str] = lambda: ""


def check_sdk() -> None:
    """Raises `UsageError` where the SDK of the protocol is not installed."""
    if importlib.util.find_spec("acp") is None:
        raise UsageError("The SDK of the Agent Client Protocol is not installed.", hint=INSTALL)


def agent_confinement(
    given_: AgentDefinition, folder: Path, *, hidden: Iterable[Path], environ: Mapping[str, str]
) -> Confinement:
    """What the agent may reach: its worktree, the folders it keeps its own things in, programs and the
    files that its approved command names. Of the home nothing else is even there."""
    agent, home = given_.agent, Path(environ.get("HOME") or Path.home()).resolve()
    plain = workspace_confinement(
        folder, environ=environ, network=agent.network, data=hidden, limits=Limits(memory=0)
    )
    own = [(home / Path(each).relative_to("~")).resolve() for each in agent.folders]
    for place in own:
        if not place.exists():
            place.mkdir(mode=0o700, parents=True)
    ours = masked_places(None, data=hidden)  # nobody's own, whatever the definition names
    masked = [place for place in plain.masked if place not in own or place in ours]
    masked += [] if home == Path("/") else [home]
    named = [Path(word) for word in agent.args if Path(word).is_absolute() and Path(word).is_file()]
    programs = [Path(sys.prefix), Path(sys.base_prefix), *_places_of(given_.program), *named]
    shown = [p.resolve() for p in (*harmless(home), *programs) if there(p)]
    shown = [p for p in shown if p != home and any(p.is_relative_to(each) for each in (*masked, *SCRATCH))]
    variables = {
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        **given(agent.env, environ),
    }
    return replace(
        plain,
        writable=(*plain.writable, *own),
        masked=tuple(masked),
        shown=tuple(dict.fromkeys([*plain.shown, *shown])),
        variables=variables,
    )


def _places_of(program: str) -> list[Path]:
    """Where the program lies, and what it leads to; of a Node package all packages beside it."""
    found: list[Path] = []
    for path in (Path(program), Path(os.path.realpath(program))):
        parts = path.parts
        last = len(parts) - 1 - parts[::-1].index("node_modules") if "node_modules" in parts else None
        found.append(Path(*parts[: last + 1]) if last is not None else path.parent)
    return found


async def run_errand(errand: Errand, ours: OurSide) -> str:
    """Let the agent do its task; why it stopped early, empty where it came to its end. Raises `ToolError` for
    one that cannot be started, that crashed, or whose time is over."""
    check_sdk()
    name, agent = errand.given.name, errand.given.agent
    fate = Fate()
    backend = await sandbox.backend(errand.wanted)
    process = await start_with(
        backend,
        [errand.given.program, *agent.args],
        cwd=errand.folder,
        confinement=errand.confinement if backend == "none" else _held(errand),
        frame=FRAME,
    )
    wire = Wire(process, fate)
    draining = asyncio.create_task(wire.drain(), name=f"codemad errors of {name}")
    try:
        async with asyncio.timeout(agent.seconds):
            return await _talk(errand, ours, wire)
    except TimeoutError:
        raise ToolError(
            f"The agent {name} was ended: its {agent.seconds:g} seconds are over.",
            hint="Give it less to do, or more seconds in the settings.",
        ) from None
    except ConnectionError:
        raise await _crashed(name, process, fate) from None
    finally:
        await asyncio.shield(_end(process, draining))


def _held(errand: Errand) -> Confinement:
    """With what the agent is told of our sandbox: its own cannot start in it."""
    told = given(errand.given.agent.confined_env, os.environ)
    return replace(errand.confinement, variables={**errand.confinement.variables, **told})


async def _talk(errand: Errand, ours: OurSide, wire: Wire) -> str:
    acp = importlib.import_module("acp")
    connection = acp.connect_to_agent(ours, wire)
    try:
        session = await _begun(acp, connection, errand)
        words, stopped = errand.task, ""
        while words:
            asked = connection.prompt(session_id=session, prompt=[acp.text_block(words)])
            answer = await _answered(asked, lambda: connection.cancel(session_id=session))
            ours.account.turned(answer.usage)
            stopped = _STOPS.get(answer.stop_reason, "")
            words = errand.said()
        return stopped
    except acp.RequestError as error:
        raise _refused(errand.given, error) from None
    finally:
        await connection.close()


async def _begun(acp: Any, connection: Any, errand: Errand) -> str:
    """The agent's session. Raises `ToolError` where there is none in time."""
    try:
        async with asyncio.timeout(STARTING):
            return await _greeted(acp, connection, errand)
    except TimeoutError:
        raise ToolError(
            f"The agent {errand.given.name} had no session after {STARTING:g} seconds.",
            hint="Start it in a terminal to see what it waits for.",
        ) from None


async def _greeted(acp: Any, connection: Any, errand: Errand) -> str:
    schema = importlib.import_module("acp.schema")
    files = schema.FileSystemCapabilities(read_text_file=True, write_text_file=True)
    told = await connection.initialize(
        protocol_version=acp.PROTOCOL_VERSION,
        client_capabilities=schema.ClientCapabilities(fs=files, terminal=True),
        client_info=schema.Implementation(name="codemad-jupyter", version="0"),
    )
    if told.protocol_version != acp.PROTOCOL_VERSION:
        said = f"{errand.given.name} speaks version {told.protocol_version} of the protocol"
        raise ToolError(f"{said}, we speak {acp.PROTOCOL_VERSION}.", hint="Install a version that fits.")
    made = await connection.new_session(cwd=str(errand.folder), mcp_servers=[])
    return str(made.session_id)


def _refused(agent: AgentDefinition, error: Any) -> ToolError:
    """What to say of an error that the agent gives; that nobody is signed in some say at the first prompt."""
    if error.code != SIGN_IN:
        return ToolError(f"The agent {agent.name} gave an error: {str(error)[:500]} {_detail(error)}".strip())
    keys = [name for name in names_of(agent.agent.env) if name.endswith(("_KEY", "_TOKEN"))]
    hint = f"In a terminal: {agent.sign_in or agent.agent.command}"
    hint += f" — or set {' or '.join(keys)} where Jupyter is started." if keys else ""
    return ToolError(f"The agent {agent.name} wants you to sign in first ({str(error)[:200]}).", hint=hint)


async def _answered(asked: Awaitable[T], cancel: Any) -> T:
    """The answer; whoever does not wait any longer tells the agent so, and leaves it a moment."""
    task = asyncio.ensure_future(asked)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(ConnectionError, OSError):
            await cancel()
        await asyncio.wait([task], timeout=GRACE)
        await quietly(task)
        raise


async def _crashed(name: str, process: Confined, fate: Fate) -> ToolError:
    """What to say of an agent that is gone, or whose words make no sense."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE):
            await process.wait()
    if not fate.reason:
        code = process.exit_code
        fate.reason = "it has closed its output" if code is None else f"it ended with exit code {code}"
    return ToolError(
        f"The agent {name} did not finish: {fate.told()}.",
        hint="Start it in a terminal to see more.",
    )


def _detail(error: Any) -> str:
    data = getattr(error, "data", None)
    return f"({str(data)[:300]})" if data else ""


async def _end(process: Confined, draining: asyncio.Task[None]) -> None:
    await process.stop()
    await asyncio.wait([draining], timeout=GRACE)
    await quietly(draining)
