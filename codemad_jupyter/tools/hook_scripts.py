"""Runs hook scripts: programs of the person's, or of a project they trust, that hear of what happens as JSON
on their standard input. Exit code 2 refuses what a script was asked about.

Each runs for a bounded time, with few variables, and what it writes is cut. They are a plugin like any other
(`hooks`), so there is one way in which something is asked or told.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from codemad_jupyter.config.foreign_programs import given
from codemad_jupyter.config.hook_definitions import DefinedHook, may_run
from codemad_jupyter.hooks import hookimpl
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.events import LIVE_ONLY, Event
from codemad_jupyter.protocol.hook_scripts import HookName
from codemad_jupyter.tools.mcp_stdio import INHERITED

REFUSES = 2
HEARD = 65_536
"""Bytes kept of what a script writes."""
REASON = 500
WAITING = 1_000
"""Things that may wait to be told; more are left out."""
ENDING = 5.0
_log = logging.getLogger(__name__)


class ScriptHooks:
    """The hook scripts of one workspace, as a plugin."""

    def __init__(self, root: Path, scripts: Sequence[DefinedHook]) -> None:
        self._root = root
        self._scripts = tuple(scripts)
        self._waiting: asyncio.Queue[tuple[HookName, str, dict[str, Any]]] = asyncio.Queue(WAITING)
        self._telling: asyncio.Task[None] | None = None

    @hookimpl
    async def before_tool(self, tool: str, arguments: dict[str, Any]) -> str | None:
        """Ask all whether the call may go on."""
        return await self._ask("before_tool", {"tool": tool, "arguments": arguments}, tool=tool)

    @hookimpl
    async def on_review(self, edit: Edit) -> str | None:
        """Ask all whether the edit may be applied."""
        return await self._ask("on_review", {"edit": edit.model_dump(mode="json")})

    @hookimpl
    def after_tool(self, tool: str, arguments: dict[str, Any], content: str, is_error: bool) -> None:
        """Tell what came of a call."""
        told = {"tool": tool, "arguments": arguments, "content": content, "is_error": is_error}
        self._tell("after_tool", told, tool=tool)

    @hookimpl
    def on_session_start(self, session: str, root: str) -> None:
        """Tell of a new conversation."""
        self._tell("on_session_start", {"session": session, "root": root})

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Tell of an event that is kept."""
        if event.type not in LIVE_ONLY and self._for("on_event", ""):
            self._tell("on_event", {"event": event.model_dump(mode="json")})

    async def close(self) -> None:
        """Tell what waits, for a moment, and end."""
        if self._telling is None:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.join(), ENDING)
        self._telling.cancel()
        await asyncio.gather(self._telling, return_exceptions=True)

    def _for(self, name: HookName, tool: str) -> list[DefinedHook]:
        return [
            each
            for each in self._scripts
            if name in each.script.on and (not tool or fnmatchcase(tool, each.script.tool))
        ]

    async def _ask(self, name: HookName, said: dict[str, Any], *, tool: str = "") -> str | None:
        """The first refusal, in the order in which they are defined."""
        for each in self._for(name, tool):
            refusal = await self._run(each, name, said)
            if refusal:
                return refusal
        return None

    def _tell(self, name: HookName, said: dict[str, Any], *, tool: str = "") -> None:
        if not self._for(name, tool):
            return
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._told(), name="codemad hook scripts")
        try:
            self._waiting.put_nowait((name, tool, said))
        except asyncio.QueueFull:
            _log.warning("hook scripts lag behind: %s was not told", name)

    async def _told(self) -> None:
        while True:
            name, tool, said = await self._waiting.get()
            try:
                for each in self._for(name, tool):
                    await self._run(each, name, said)
            finally:
                self._waiting.task_done()

    async def _run(self, each: DefinedHook, name: HookName, said: dict[str, Any]) -> str | None:
        """Why the script refuses; None where it does not. One that fails refuses if it is closed."""
        try:
            code, text = await self._finished(each, {"hook": name, **said})
            if code == 0:
                return None
            if code == REFUSES:
                return f"the hook {each.name} says: {text or 'no'}"
            failure = f"it ended with exit code {code}{f': {text}' if text else ''}"
        except TimeoutError:
            failure = f"it took longer than {each.script.seconds:g} seconds"
        except OSError as error:
            failure = error.strerror or type(error).__name__
        if each.script.closed:
            return f"the hook {each.name} failed: {failure}"
        _log.warning("the hook %s failed: %s", each.name, failure)
        return None

    async def _finished(self, each: DefinedHook, said: dict[str, Any]) -> tuple[int, str]:
        """Its exit code and the beginning of what it said. Raises `OSError` or `TimeoutError`."""
        problem = each.problem
        if not problem and not await asyncio.to_thread(may_run, each, self._root):
            problem = "its files have changed since you trusted the folder"
        if problem:
            raise OSError(0, problem)
        process = await asyncio.create_subprocess_exec(
            each.program,
            *each.script.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._root,
            env=given(INHERITED, os.environ) | given(each.script.env, os.environ),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(each.script.seconds):
                return await _told_and_heard(process, json.dumps(said, default=str).encode())
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # with all it has started
            await process.wait()


async def _told_and_heard(process: asyncio.subprocess.Process, said: bytes) -> tuple[int, str]:
    assert process.stdin is not None  # noqa: S101 - it was started with pipes
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    writer = process.stdin

    async def tell() -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(said)
            await writer.drain()
            writer.close()

    _, out, errors = await asyncio.gather(tell(), _heard(process.stdout), _heard(process.stderr))
    return await process.wait(), (errors.strip() or out.strip())[:REASON]


async def _heard(stream: asyncio.StreamReader) -> str:
    """All of it is read, its beginning kept."""
    kept = b""
    while chunk := await stream.read(HEARD):
        kept += chunk[: HEARD - len(kept)]
    return kept.decode(errors="replace")
