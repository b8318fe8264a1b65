"""The one gate: every tool call is checked, permitted, run, bounded and told as events here.

A failing tool is an answer to the model, never an exception to the loop.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import pluggy
from pydantic import BaseModel

from codemad_jupyter.protocol.errors import CodemadError, Denied
from codemad_jupyter.protocol.events import Event, ToolCalled, ToolDone, ToolOutput
from codemad_jupyter.protocol.messages import ToolCallPart, ToolResultPart
from codemad_jupyter.tools.permissions import Policy, decide, digest
from codemad_jupyter.tools.tool import Registry, Tool, ToolContext

MAX_CONTENT = 24_000
"""Characters of a tool's answer that go to the model; the rest is cut with a mark."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person is asked before a tool runs."""

    call: str
    tool: str
    action: str
    reason: str
    digest: str


Asker = Callable[[Question], Awaitable[bool]]
Status = Literal["ok", "error", "denied"]


class Executor:
    """Runs tool calls for one run."""

    def __init__(
        self,
        registry: Registry,
        *,
        context: ToolContext,
        policy: Policy,
        ask: Asker,
        emit: Callable[[Event], object],
        redact: Callable[[str], str],
        hooks: pluggy.PluginManager,
    ) -> None:
        self._registry = registry
        self._context = context
        self._policy = policy
        self._ask = ask
        self._emit = emit
        self._redact = redact
        self._hooks = hooks

    async def run(self, calls: tuple[ToolCallPart, ...]) -> tuple[ToolResultPart, ...]:
        """Run the calls of one message: reading ones side by side, others in order."""
        results: list[ToolResultPart] = []
        reading: list[ToolCallPart] = []
        for call in calls:
            if self._reads(call):
                reading.append(call)
                continue
            results += await self._together(reading)
            reading = []
            results.append(await self.call(call))
        results += await self._together(reading)
        return tuple(results)

    async def _together(self, calls: list[ToolCallPart]) -> list[ToolResultPart]:
        return list(await asyncio.gather(*map(self.call, calls)))

    def _reads(self, call: ToolCallPart) -> bool:
        try:
            return self._registry.get(call.name).risk == "read"
        except CodemadError:
            return False

    async def call(self, call: ToolCallPart) -> ToolResultPart:
        """Run one call; its result is what the model gets."""
        started = time.monotonic()
        status: Status = "ok"
        try:
            tool = self._registry.get(call.name)
            risk = tool.risk
        except CodemadError as error:
            return self._done(call, "error", str(error), started)
        self._emit(ToolCalled(call=call.id, tool=call.name, arguments=call.arguments, risk=risk))
        try:
            content = await self._permitted(tool, call)
        except Denied as error:
            status, content = "denied", str(error)
        except CodemadError as error:
            status, content = "error", str(error)
        except OSError as error:
            status, content = "error", f"{call.name} could not reach a file: {error}."
        return self._done(call, status, content, started)

    async def _permitted(self, tool: Tool, call: ToolCallPart) -> str:
        arguments = tool.check(call.arguments)
        for reason in self._hooks.hook.before_tool(tool=tool.name, arguments=arguments):
            raise Denied(f"{tool.name} was refused: {reason}.")
        decision = decide(tool.risk, self._policy)
        if decision == "deny":
            raise Denied(
                f"{tool.name} needs a person's approval and nobody can be asked here.",
                hint="Propose a cell instead, or run with a policy that allows it.",
            )
        if decision == "ask" and not await self._ask(self._question(tool, call)):
            raise Denied(f"The person refused {tool.name}.", hint="Do not try it again; ask what they want.")
        return _text(await tool.function(self._context, **arguments))

    def _question(self, tool: Tool, call: ToolCallPart) -> Question:
        action = str(call.arguments.get("code") or json.dumps(call.arguments, ensure_ascii=False, indent=2))
        reason = (
            "This runs code in your live kernel." if tool.risk == "execute" else "This needs the network."
        )
        signed = digest(tool.name, call.arguments)
        return Question(call=call.id, tool=tool.name, action=action, reason=reason, digest=signed)

    def _done(self, call: ToolCallPart, status: Status, content: str, started: float) -> ToolResultPart:
        content = bounded(self._redact(content))
        seconds = time.monotonic() - started
        event = ToolDone(
            call=call.id,
            tool=call.name,
            status=status,
            summary=summary(call, status, content),
            content=content,
            seconds=round(seconds, 3),
        )
        self._emit(event)
        failed = status != "ok"
        self._hooks.hook.after_tool(
            tool=call.name, arguments=call.arguments, content=content, is_error=failed
        )
        return ToolResultPart(id=call.id, name=call.name, content=content, is_error=failed)

    def output(self, call: str, text: str) -> None:
        """Tell what a running tool says."""
        self._emit(ToolOutput(call=call, text=text))


def _text(result: Any) -> str:
    if isinstance(result, str):
        return result
    if isinstance(result, BaseModel):
        return result.model_dump_json(exclude_defaults=True)
    return json.dumps(result, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else str(value)


def bounded(text: str, limit: int = MAX_CONTENT) -> str:
    """The text, its middle cut out with a mark when it is longer than ``limit`` characters."""
    if len(text) <= limit:
        return text
    head, tail = limit * 3 // 4, limit // 4
    return f"{text[:head]}\n[… {len(text) - limit} characters cut …]\n{text[-tail:]}"


def summary(call: ToolCallPart, status: Status, content: str) -> str:
    """One line for the person: what was looked at or proposed, or why it failed."""
    if status != "ok":
        return content.strip().split("\n", 1)[0][:200]
    what = next((str(v) for k, v in call.arguments.items() if k in _NAMING and v), "")
    first = what.strip().split("\n", 1)[0][:80]
    label = call.name.replace("_", " ")
    return f"{label}: {first}" if first else label


_NAMING = ("title", "name", "path", "query", "pattern", "cell", "code", "source")
