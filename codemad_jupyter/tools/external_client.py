"""What an external agent may ask of us while it works: leave for what it is about to do, files of its own
folder, commands in our sandbox. Every request passes the gate, as that agent.

What it says about itself is not believed: leave is a courtesy, the sandbox is what holds. Files are reached
from open folder to open folder, for the agent could put a link in the way meanwhile.
"""

import asyncio
import contextlib
import functools
import importlib
import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from codemad_jupyter.git import files
from codemad_jupyter.git.files import Found, is_safe
from codemad_jupyter.git.values import Entry
from codemad_jupyter.protocol.errors import CodemadError, Denied, NotFound, ToolError
from codemad_jupyter.protocol.permissions import Axis, Risk
from codemad_jupyter.tools.external_events import RISKS, SHOWN, Account
from codemad_jupyter.tools.files import MAX_FILE
from codemad_jupyter.tools.gate import Gate
from codemad_jupyter.tools.jobs import Job, Jobs, Order
from codemad_jupyter.tools.permissions import Action

MOST_QUESTIONS = 200
"""Requests for leave that one task may make."""
COMMAND = 3_600.0
_AXES: dict[Risk, Axis] = {"read": "files", "write": "files", "execute": "shell", "network": "network"}
_OUTSIDE = "An agent reaches the files of its own folder alone."

P = ParamSpec("P")
T = TypeVar("T")


def _answering(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """What goes wrong is an answer to the agent."""

    @functools.wraps(method)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except CodemadError as error:
            said = str(error)
        except (OSError, files.Changed) as error:
            said = f"The file could not be reached: {error}"
        raise importlib.import_module("acp").RequestError(-32_000, said)

    return wrapped


@contextlib.asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """Nothing has to be kept for an agent's folder: it is a copy."""
    yield


@dataclass
class OurSide:
    """The client of one agent during one task. ``folder`` is the agent's, ``role`` its name for rules; what
    it runs by itself has the ``network`` where it has."""

    folder: Path
    role: str
    network: bool
    gate: Gate
    jobs: Jobs
    account: Account
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asked: int = 0
    _terminals: dict[str, int] = field(default_factory=dict)

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        """It tells what it does."""
        self.account.take(update)

    @_answering
    async def request_permission(self, session_id: str, tool_call: Any, options: Any, **_: Any) -> Any:
        """It wants leave: once, never for good."""
        acp = importlib.import_module("acp.schema")
        self.account.called(tool_call)
        yes = next((each.option_id for each in options if each.kind == "allow_once"), None)
        no = next((each.option_id for each in options if each.kind == "reject_once"), None)
        chosen = yes if yes is not None and await self._may(tool_call) else no
        if chosen is None:
            return acp.RequestPermissionResponse(outcome=acp.DeniedOutcome(outcome="cancelled"))
        outcome = acp.AllowedOutcome(outcome="selected", option_id=chosen)
        return acp.RequestPermissionResponse(outcome=outcome)

    async def _may(self, asked: Any) -> bool:
        """One question after another: a flood of cards is no consent."""
        async with self._asking:
            self._asked += 1
            if self._asked > MOST_QUESTIONS:
                return False
            try:
                for action in self._actions(asked):
                    line = await self.gate.admit(
                        action,
                        call=asked.tool_call_id,
                        reason=f"The agent {self.account.name} asks for this. It runs in its own sandbox.",
                        proposes=action.risk == "write",
                    )
                    self.gate.ended(line, "begun")
            except Denied:
                return False
            return True

    def _actions(self, asked: Any) -> list[Action]:
        """What it says it is about to do, one action a place."""
        kind = asked.kind or "other"
        risk = RISKS.get(kind, "execute")
        raw = asked.raw_input if isinstance(asked.raw_input, dict) else {}
        places = [each.path for each in asked.locations or ()]
        if risk in ("read", "write"):
            return [self._file_action(kind, risk, self._relative(place)) for place in places] or [
                self._action(kind, "execute", "control", self._told(asked))
            ]
        command = raw.get("command")
        if kind == "execute" and asked.raw_input is None:
            command = asked.title  # some agents say it there alone
        if kind == "execute" and isinstance(command, str) and command.strip():
            reach = {"network": True} if self.network else {}
            return [self._action("run_command", "execute", "shell", {"command": command, **reach})]
        axis: Axis = "network" if risk == "network" else "control"
        return [self._action(kind, risk, axis, self._told(asked))]

    def _told(self, asked: Any) -> dict[str, Any]:
        told = {"title": asked.title or "", "places": [each.path for each in asked.locations or ()]}
        return told | {"input": str(asked.raw_input)[:SHOWN]}

    def _action(self, tool: str, risk: Risk, axis: Axis, arguments: dict[str, Any]) -> Action:
        return Action(tool=tool, risk=risk, axis=axis, arguments=arguments, root=self.folder, role=self.role)

    def _file_action(self, tool: str, risk: Risk, path: str) -> Action:
        return self._action(tool, risk, _AXES[risk], {"path": path})

    def _relative(self, path: str) -> str:
        """The path below the agent's folder. Raises `Denied`."""
        written = os.path.normpath(self.folder / path)
        for top in (self.folder, self.folder.resolve()):
            found = os.path.relpath(written, top)
            if found == ".":
                return found
            if is_safe(found) and not found.startswith(".."):
                return found
        raise Denied(f"{path[:200]} is not in the agent's folder.", hint=_OUTSIDE)

    @_answering
    async def read_text_file(
        self, session_id: str, path: str, line: int | None = None, limit: int | None = None, **_: Any
    ) -> Any:
        """A file of its folder."""
        place = self._relative(path)
        action = self._file_action("read_file", "read", place)
        await self.gate.admit(action)
        text = await asyncio.to_thread(self._read, place)
        if line is not None or limit is not None:
            first = max(line or 1, 1) - 1
            end = None if limit is None else first + limit
            text = "".join(text.splitlines(keepends=True)[first:end])
        return importlib.import_module("acp").ReadTextFileResponse(content=text)

    def _read(self, place: str) -> str:
        found = self._there(place)
        if found.what is None:
            raise NotFound(f"There is no file {place}.", hint="Look at the folder.")
        with files.folder_of(self.folder, place) as (folder, name):
            if os.stat(name, dir_fd=folder, follow_symlinks=False).st_size > MAX_FILE:
                raise ToolError(f"{place} is larger than {MAX_FILE} bytes.")
        try:
            return files.read(self.folder, place, before=found).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ToolError(f"{place} is not UTF-8 text.") from error

    def _there(self, place: str) -> Found:
        found = files.look(self.folder, place)
        if isinstance(found.what, str) or (isinstance(found.what, Entry) and found.what.link):
            raise ToolError(f"{place} is no regular file.")
        return found

    @_answering
    async def write_text_file(self, session_id: str, path: str, content: str, **_: Any) -> Any:
        """Into its folder; what becomes of it in the person's is for the review."""
        place = self._relative(path)
        if len(content.encode()) > MAX_FILE:
            raise ToolError(f"{place} would be larger than {MAX_FILE} bytes.")
        action = self._file_action("write_file", "write", place)
        line = await self.gate.admit(action, proposes=True)

        def write() -> None:
            found = self._there(place)
            entry = found.what if isinstance(found.what, Entry) else Entry(0o644, False, "")
            files.write(self.folder, place, entry, content.encode(), before=found, folders={}, sync=False)

        await asyncio.to_thread(write)
        self.gate.ended(line, "done")
        return importlib.import_module("acp").WriteTextFileResponse()

    @_answering
    async def create_terminal(
        self,
        session_id: str,
        command: str,
        args: list[str] | None = None,
        env: Any = None,
        cwd: str | None = None,
        output_byte_limit: int | None = None,
        **_: Any,
    ) -> Any:
        """A command in our sandbox, without the network. What a person is asked about is what runs: the
        variables stand in it."""
        set_here = [f"{each.name}={each.value}" for each in env or ()]
        # Some agents give a whole command line for the program's name.
        words = [command, *args] if args else ["sh", "-c", command]
        line = shlex.join(["env", *set_here, *words]) if set_here else shlex.join(words) if args else command
        place = self._relative(cwd) if cwd else "."
        arguments = {"command": line} if place == "." else {"command": line, "cwd": place}
        admitted = await self.gate.admit(self._action("run_command", "execute", "shell", arguments))
        order = Order(command=line, cwd=self.folder / place, seconds=COMMAND)
        job = await self.jobs.begin(order, around=_alone)
        self.gate.ended(admitted, "begun")
        self._terminals[job.id] = output_byte_limit or MAX_FILE
        return importlib.import_module("acp").CreateTerminalResponse(terminal_id=job.id)

    @_answering
    async def terminal_output(self, session_id: str, terminal_id: str, **_: Any) -> Any:
        """What a command has written so far."""
        acp, job = importlib.import_module("acp.schema"), self._job(terminal_id)
        written, most = job.written.since(0).encode(), self._terminals[terminal_id]
        text = written[-most:].decode(errors="ignore") if most else ""
        status = None if job.ending == "running" else acp.TerminalExitStatus(exit_code=_code(job))
        return acp.TerminalOutputResponse(output=text, truncated=len(written) > most, exit_status=status)

    @_answering
    async def wait_for_terminal_exit(self, session_id: str, terminal_id: str, **_: Any) -> Any:
        """The end of a command."""
        job = await self.jobs.ended(self._job(terminal_id).id)
        return importlib.import_module("acp").WaitForTerminalExitResponse(exit_code=_code(job))

    @_answering
    async def kill_terminal(self, session_id: str, terminal_id: str, **_: Any) -> Any:
        """End a command; what it wrote can still be read."""
        await self.jobs.stop(self._job(terminal_id).id)
        return importlib.import_module("acp").KillTerminalResponse()

    @_answering
    async def release_terminal(self, session_id: str, terminal_id: str, **_: Any) -> Any:
        """End a command and forget it."""
        await self.jobs.stop(self._job(terminal_id).id)
        del self._terminals[terminal_id]
        return importlib.import_module("acp").ReleaseTerminalResponse()

    def _job(self, terminal: str) -> Job:
        if terminal not in self._terminals:
            raise NotFound(f"There is no terminal {terminal[:40]}.")
        return self.jobs.get(terminal)

    async def create_elicitation(self, message: str, mode: Any, **_: Any) -> Any:
        """Questions of its own are not put: the person gave it a task."""
        acp = importlib.import_module("acp")
        return acp.DeclineElicitationResponse(action="decline")

    async def complete_elicitation(self, elicitation_id: str, **_: Any) -> None:
        """Nothing was begun."""

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Nothing beyond the protocol is offered."""
        raise importlib.import_module("acp").RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """What is not known is left."""

    def on_connect(self, conn: Any) -> None:
        """The protocol wants it."""


def _code(job: Job) -> int | None:
    """The protocol knows no negative ones."""
    return job.exit_code if job.exit_code is not None and job.exit_code >= 0 else None
