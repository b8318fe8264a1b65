"""Runs an MCP server as a program and carries its messages, within limits: an environment of few variables,
messages of bounded size and number, standard error that is read and thrown away but for its end.

The SDK's own transport has no such limits, so its session is given these streams instead.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemad_jupyter.config.foreign_programs import given
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.protocol.mcp import McpServer
from codemad_jupyter.tools.mcp_sdk import FRAME, read_message, written_message

INHERITED = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "USER", "SHELL", "TERM", "TMPDIR", "TZ",
    "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "PATHEXT", "TEMP", "TMP", "USERPROFILE",
)  # fmt: skip
"""What every server gets of our environment."""
ERROR_TAIL = 2_000
ERROR_MOST = 20_000_000
"""Bytes on standard error after which a server is ended."""
MESSAGES = 2_000
"""Messages a server may send during one call."""
GRACE = 1.0


@dataclass
class Fate:
    """Why a server has ended, the last it said on standard error, and how many messages it sent during
    the call at hand."""

    reason: str = ""
    errors: bytes = b""
    messages: int = 0

    def told(self) -> str:
        """Both as a sentence's end."""
        tail = self.errors.decode(errors="replace").strip()[-500:]
        return f"{self.reason}{'; its standard error ends with: ' + tail if tail else ''}"


def environment(server: McpServer, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables the program gets."""
    return given(INHERITED, environ) | given(server.env, environ)


@asynccontextmanager
async def stdio_streams(server: McpServer, *, cwd: Path, fate: Fate) -> AsyncIterator[tuple[Any, Any]]:
    """Start the program; its messages and a way to answer. It is gone afterwards, with its children."""
    import anyio

    process = await _started(server, cwd)
    heard_in, heard = anyio.create_memory_object_stream[Any](0)
    say, to_say = anyio.create_memory_object_stream[Any](0)
    tasks = [
        asyncio.create_task(_read(process, heard_in, fate)),
        asyncio.create_task(_write(process, to_say)),
        asyncio.create_task(_drain(process, fate)),
    ]
    try:
        yield heard, say
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.shield(_end(process))
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in (heard_in, heard, say, to_say):
            stream.close()


async def _started(server: McpServer, cwd: Path) -> asyncio.subprocess.Process:
    variables = environment(server, os.environ)
    program = server.command
    if os.sep not in program:
        program = shutil.which(program, path=variables.get("PATH", os.defpath)) or program
    try:
        return await asyncio.create_subprocess_exec(
            program,
            *server.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=cwd,
            env=variables,
            limit=FRAME,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"{server.command} cannot be started: {error.strerror}.") from None


async def _read(process: asyncio.subprocess.Process, to: Any, fate: Fate) -> None:
    """Pass on its messages. What ends here ends the session, so that nobody waits for it."""
    assert process.stdout is not None  # noqa: S101 - it was started with pipes
    try:
        while line := await process.stdout.readline():
            fate.messages += 1
            if fate.messages > MESSAGES:
                fate.reason = f"it sent more than {MESSAGES} messages during one call"
                return
            if line.strip():
                await to.send(read_message(line))
        fate.reason = fate.reason or "it has ended"
    except ValueError:  # what `readline` raises for a line without an end
        fate.reason = f"it sent a message of more than {FRAME} bytes"
    finally:
        to.close()


async def _write(process: asyncio.subprocess.Process, of: Any) -> None:
    assert process.stdin is not None  # noqa: S101 - it was started with pipes
    with contextlib.suppress(OSError):
        async for message in of:
            process.stdin.write(written_message(message))
            await process.stdin.drain()


async def _drain(process: asyncio.subprocess.Process, fate: Fate) -> None:
    assert process.stderr is not None  # noqa: S101 - it was started with pipes
    total = 0
    while chunk := await process.stderr.read(65_536):
        fate.errors = (fate.errors + chunk)[-ERROR_TAIL:]
        total += len(chunk)
        if total > ERROR_MOST:
            fate.reason, fate.errors = f"it wrote more than {ERROR_MOST} bytes to standard error", b""
            _signal(process, signal.SIGKILL)
            return


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask it to end by the end of its input, then by signals to the whole group."""
    if process.stdin is not None:
        process.stdin.close()
    for signalled in (None, signal.SIGTERM, signal.SIGKILL):
        if signalled is not None:
            _signal(process, signalled)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                while process.returncode is None:  # noqa: ASYNC110 - `wait` would wait for its pipes, too
                    await asyncio.sleep(0.02)
            break
    _signal(process, signal.SIGKILL)  # what it left behind
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()  # a child that escaped may hold the pipes open


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
