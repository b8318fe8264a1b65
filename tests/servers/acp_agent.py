"""A real agent of the Agent Client Protocol, made with the SDK's agent side: it does what its task says, a
line each, and is good or bad as a test wants it. No model is behind it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import acp
from acp import schema


class ScriptedAgent(acp.Agent):  # type: ignore[misc]
    """Does one line of its task after the other."""

    def __init__(self) -> None:
        self.client: Any = None
        self.folder = Path()
        self.session = "session-1"

    def on_connect(self, conn: Any) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> Any:
        return acp.InitializeResponse(protocol_version=9 if "old" in sys.argv else protocol_version)

    async def new_session(self, cwd: str, **_: Any) -> Any:
        if "signed-out" in sys.argv:
            raise acp.RequestError.auth_required()
        self.folder = Path(cwd)
        return acp.NewSessionResponse(session_id=self.session)

    async def prompt(self, prompt: list[Any], session_id: str, **_: Any) -> Any:
        if "signed-out-later" in sys.argv:
            raise acp.RequestError.auth_required()
        for line in prompt[0].text.splitlines():
            verb, _, rest = line.partition(" ")
            try:
                await getattr(self, f"do_{verb}")(rest)
            except acp.RequestError as error:
                await self.say(f"{verb}: refused: {error}\n")
        usage = schema.Usage(input_tokens=400, output_tokens=100, total_tokens=500)
        return acp.PromptResponse(stop_reason="end_turn", usage=usage if "counts" in sys.argv else None)

    async def cancel(self, session_id: str, **_: Any) -> None:
        pass

    async def say(self, text: str) -> None:
        await self.tell(acp.update_agent_message_text(text))

    async def tell(self, update: Any) -> None:
        await self.client.session_update(session_id=self.session, update=update)

    async def do_say(self, text: str) -> None:
        await self.say(f"{text}\n")

    async def do_think(self, text: str) -> None:
        await self.tell(acp.update_agent_thought_text(text))

    async def do_plan(self, text: str) -> None:
        entries = [acp.plan_entry(each, status="in_progress") for each in text.split(",")]
        await self.tell(acp.update_plan(entries))

    async def do_used(self, text: str) -> None:
        cost = schema.Cost(amount=0.25, currency="USD")
        update = schema.UsageUpdate(session_update="usage_update", size=1000, used=int(text), cost=cost)
        await self.tell(update)

    async def do_late(self, path: str) -> None:
        """First that there is a call, then what it is about."""
        await self.tell(acp.start_tool_call("late", "Read", kind="read", status="pending", raw_input={}))
        about = {"raw_input": {"path": path}, "locations": [schema.ToolCallLocation(path=path)]}
        await self.tell(acp.update_tool_call("late", title=f"Read {path}", **about))
        await self.tell(acp.update_tool_call("late", status="completed", raw_output="its text"))

    async def do_leave(self, command: str) -> None:
        """A call of which nothing is told but that leave is wanted, and its end."""
        call = schema.ToolCallUpdate(tool_call_id="l", title=command, kind="execute", status="pending")
        kinds = ("allow_once", "reject_once")
        options = [schema.PermissionOption(option_id=each, name=each, kind=each) for each in kinds]
        found = await self.client.request_permission(session_id=self.session, tool_call=call, options=options)
        ended = "completed" if found.outcome.option_id == "allow_once" else "failed"
        await self.tell(acp.update_tool_call("l", status=ended))

    async def do_write(self, text: str) -> None:
        """Through the protocol."""
        path, _, content = text.partition(" ")
        call = acp.start_edit_tool_call("w", f"Write {path}", path, content)
        await self.tell(call)
        await self.client.write_text_file(
            session_id=self.session, path=str(self.folder / path), content=content + "\n"
        )
        await self.tell(acp.update_tool_call("w", status="completed"))

    async def do_disk(self, text: str) -> None:
        """Behind the protocol's back."""
        path, _, content = text.partition(" ")
        try:
            (self.folder / path).write_text(content + "\n")
        except OSError as error:
            await self.say(f"disk: {type(error).__name__}\n")

    async def do_link(self, text: str) -> None:
        path, _, target = text.partition(" ")
        (self.folder / path).symlink_to(target)

    async def do_read(self, path: str) -> None:
        found = await self.client.read_text_file(session_id=self.session, path=str(self.folder / path))
        await self.say(f"read: {found.content}")

    async def do_look(self, path: str) -> None:
        """Without asking anybody."""
        try:
            await self.say(f"look: {Path(path).read_text()[:200]}\n")  # noqa: ASYNC240
        except OSError as error:
            await self.say(f"look: {type(error).__name__}\n")

    async def do_ask(self, text: str) -> None:
        """KIND TITLE | COMMAND or PATH."""
        kind, _, rest = text.partition(" ")
        title, _, what = (part.strip() for part in rest.partition("|"))
        runs = kind in ("execute", "fetch", "other")
        call = schema.ToolCallUpdate(
            tool_call_id="asked",
            title=title,
            kind=kind,
            raw_input={"command": what} if runs else None,
            locations=None if runs else [schema.ToolCallLocation(path=str(self.folder / what))],
        )
        options = [
            schema.PermissionOption(option_id=each, name=each, kind=each)
            for each in ("allow_always", "allow_once", "reject_once")
            if f"no-{each}" not in sys.argv
        ]
        found = await self.client.request_permission(session_id=self.session, tool_call=call, options=options)
        await self.say(f"ask {kind}: {getattr(found.outcome, 'option_id', 'cancelled')}\n")

    async def do_run(self, command: str) -> None:
        """In a terminal of the client's."""
        variables = [schema.EnvVariable(name="MADE", value="up")]
        made = await self.client.create_terminal(session_id=self.session, command=command, env=variables)
        about = {"session_id": self.session, "terminal_id": made.terminal_id}
        ended = await self.client.wait_for_terminal_exit(**about)
        output = await self.client.terminal_output(**about)
        await self.client.release_terminal(**about)
        await self.say(f"run: {ended.exit_code} {output.output.strip()}\n")

    async def do_env(self, text: str) -> None:
        await self.say(f"env: {' '.join(sorted(os.environ))} MODE={os.environ.get('MODE')}\n")

    async def do_noise(self, text: str) -> None:
        """So much on standard error that a pipe nobody reads would block."""
        sys.stderr.write("x" * int(text) + "the last of it\n")
        sys.stderr.flush()

    async def do_crash(self, text: str) -> None:
        sys.stderr.write("something broke\n")
        sys.stderr.flush()
        os._exit(7)

    async def do_rubbish(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    async def do_flood(self, text: str) -> None:
        os.set_blocking(1, True)
        sys.stdout.write("[" * int(text) + "\n")
        sys.stdout.flush()

    async def do_hang(self, text: str) -> None:
        await self.say("hanging\n")
        await asyncio.Event().wait()

    async def do_child(self, path: str) -> None:
        """A process that would outlive it."""
        code = f"import os, time; open({path!r}, 'w').write(str(os.getpid())); time.sleep(600)"
        await asyncio.create_subprocess_exec(sys.executable, "-c", code, start_new_session=True)
        while not (self.folder / path).exists():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(acp.run_agent(ScriptedAgent()))
