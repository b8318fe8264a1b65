"""Runs tool calls: each is checked, let through the gate, run within limits, cut to the data level, masked,
bounded, and told as events here. What is let through is the business of `gate`.

A failing tool is an answer to the model, never an exception to the loop.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel

from codemad_jupyter.hooks import tell
from codemad_jupyter.protocol.errors import CodemadError, Denied
from codemad_jupyter.protocol.events import Event, ToolCalled, ToolDone, ToolOutput
from codemad_jupyter.protocol.messages import ImagePart, ToolCallPart, ToolResultPart
from codemad_jupyter.protocol.permissions import Risk, SandboxState
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.tools.data_levels import LEVELS, allows
from codemad_jupyter.tools.gate import Gate, Question
from codemad_jupyter.tools.permissions import KEPT, Action, digest
from codemad_jupyter.tools.result_levels import limited_result
from codemad_jupyter.tools.tool import Answer, Prepared, Registry, Tool, ToolContext

MAX_CONTENT = 24_000
"""Characters of a tool's answer that go to the model; the rest is cut with a mark."""


MOST_SECONDS: dict[Risk, float] = {"read": 300.0, "network": 600.0}
"""How long a call may take, by its risk. Code may take as long as it needs: a person can stop it."""
_log = logging.getLogger(__name__)

Status = Literal["ok", "error", "denied"]


@dataclass(frozen=True)
class _Outcome:
    status: Status
    content: str
    account: str = ""
    level: DataLevel = "schema"
    images: tuple[ImagePart, ...] = ()
    seconds: float = 0.0


class Executor:
    """Runs tool calls for one run."""

    def __init__(
        self,
        registry: Registry,
        *,
        context: ToolContext,
        gate: Gate,
        emit: Callable[[Event], object],
        redact: Callable[[str], str],
        restore: Callable[[str], str],
        level: DataLevel,
        role: str = "",
    ) -> None:
        self._registry = registry
        self._context = context
        self._gate = gate
        self._emit = emit
        self._redact = redact
        self._restore = restore
        self._level: DataLevel = level
        self._role = role

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
        outcomes = await asyncio.gather(*map(self._outcome, calls))
        return list(map(self._done, calls, outcomes))

    def _reads(self, call: ToolCallPart) -> bool:
        return call.name in self._registry and self._registry.get(call.name).risk == "read"

    async def call(self, call: ToolCallPart) -> ToolResultPart:
        """Run one call; its result is what the model gets."""
        return self._done(call, await self._outcome(call))

    async def _outcome(self, call: ToolCallPart) -> _Outcome:
        started = time.monotonic()
        outcome = await self._tried(call)
        return replace(outcome, seconds=time.monotonic() - started)

    async def _tried(self, call: ToolCallPart) -> _Outcome:
        risk = self._registry.get(call.name).risk if call.name in self._registry else "read"
        shown = mapped(call.arguments, self._redact)
        self._emit(ToolCalled(call=call.id, tool=call.name, arguments=shown, risk=risk))
        try:
            if call.name not in self._registry:
                self._gate.absent(call.name, shown, root=self._context.root)
            tool = self._registry.get(call.name)
            result = await self._permitted(tool, call)
            value, images = (result.value, result.images) if isinstance(result, Answer) else (result, ())
            content, level = self._limited(tool, call, value)
            return _Outcome("ok", content, tool.account(value) if tool.account else "", level, images)
        except Denied as error:
            return _Outcome("denied", str(error))
        except CodemadError as error:
            return _Outcome("error", str(error))
        except TimeoutError:
            return _Outcome("error", f"{call.name} took too long and was stopped.")
        except OSError as error:
            return _Outcome("error", f"{call.name} could not reach a file: {error}.")
        except Exception as error:
            _log.exception("tool %s failed", call.name)
            told = f": {error}" if allows(self._level, "samples") else ""
            said = f"{call.name} failed inside: {type(error).__name__}{told}."
            return _Outcome("error", said, level="samples" if told else "schema")

    def _limited(self, tool: Tool, call: ToolCallPart, result: Any) -> tuple[str, DataLevel]:
        """The text of the result at the level of this run, and the least level that gives the same."""

        def at(level: DataLevel) -> str:
            return _text(limited_result(tool.name, call.arguments, result, risk=tool.risk, level=level))

        content = at(self._level)
        return content, next(level for level in LEVELS if level == self._level or at(level) == content)

    async def _permitted(self, tool: Tool, call: ToolCallPart) -> Any:
        # What was masked on the way to the model comes back where it is written or run on this machine.
        # What goes to somebody else's server keeps its placeholders.
        given = call.arguments if tool.risk in ("read", "network") else mapped(call.arguments, self._restore)
        arguments = tool.check(given)
        prepared = await tool.prepare(self._context, arguments) if tool.prepare else Prepared(arguments)
        action = Action(
            tool=tool.name,
            risk=tool.risk,
            axis=tool.reaches,
            arguments=prepared.arguments,
            root=self._context.root,
            role=self._role,
        )
        reason = tool.reason or await self._reason(tool)
        line = await self._gate.admit(action, call=call.id, reason=reason, proposes=tool.risk == "write")
        context = replace(
            self._context,
            say=lambda text: self._say(call.id, text),
            ask=lambda text: self._put(tool, call, text),
            asked=line.decision == "approved" or line.rule == KEPT,
            may_read=await self._gate.reader(action),
            prepared=prepared.work,
        )
        begun, outcome = time.monotonic(), "failed"
        try:
            async with asyncio.timeout(MOST_SECONDS.get(tool.risk)):
                result = await tool.function(context, **arguments)
            outcome = "done"
            return await self._gate.readable(action, result)
        finally:
            if tool.risk != "read":
                self._gate.ended(line, outcome, seconds=time.monotonic() - begun)

    async def _reason(self, tool: Tool) -> str:
        """What a person is told who is asked; empty for what the gate says of such tools."""
        if tool.reaches != "shell" or tool.risk != "execute" or self._context.commands is None:
            return ""
        return told_of(await self._context.commands.jobs.state())

    def _say(self, call: str, text: str) -> None:
        self._emit(ToolOutput(call=call, text=self._redact(text)))

    async def _put(self, tool: Tool, call: ToolCallPart, text: str) -> bool:
        """Ask the person what the tool wants to know; no where nobody can be asked."""
        question = Question(
            call=call.id,
            tool=tool.name,
            action=self._redact(text),
            reason="The tool asks this while it runs.",
            digest=digest(tool.name, {"question": text}),
        )
        return await self._gate.put(question)

    def _done(self, call: ToolCallPart, outcome: _Outcome) -> ToolResultPart:
        content = bounded(self._redact(outcome.content))
        failed = outcome.status != "ok"
        line = self._redact(summary(call, outcome.status, content, account=outcome.account))
        self._emit(
            ToolDone(
                call=call.id,
                tool=call.name,
                status=outcome.status,
                summary=line,
                content=content,
                seconds=round(outcome.seconds, 3),
            )
        )
        shown = mapped(call.arguments, self._redact)
        tell(
            self._gate.hooks, "after_tool", tool=call.name, arguments=shown, content=content, is_error=failed
        )
        return ToolResultPart(
            id=call.id,
            name=call.name,
            content=content,
            is_error=failed,
            level=outcome.level,
            images=outcome.images,
        )


def told_of(state: SandboxState) -> str:
    """What a person should know who is asked about a command."""
    if state.strength == "none":
        return f"This runs a command on this machine, confined by nothing: {'; '.join(state.reasons)}."
    named = f"{state.strength} sandbox" + (f" ({state.backend})" if state.backend else "")
    return f"This runs a command on this machine, in a {named}."


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The value with every text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [mapped(each, change) for each in value]
    if isinstance(value, dict):
        return {key: mapped(each, change) for key, each in value.items()}
    return value


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


def summary(call: ToolCallPart, status: Status, content: str, *, account: str = "") -> str:
    """One line for the person: what was looked at or proposed, or why it failed."""
    if status != "ok":
        return content.strip().split("\n", 1)[0][:200]
    if account:
        return account
    what = next((str(call.arguments[key]) for key in _NAMING if call.arguments.get(key)), "")
    return what.strip().split("\n", 1)[0][:80] or call.name.replace("_", " ")


_NAMING = ("title", "name", "path", "query", "pattern", "cell", "code", "source")
