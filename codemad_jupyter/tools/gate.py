"""The gate in front of every effect: hooks, permission, a person's approval, and the line in the audit log.

`executor` sends the calls of tools through it, the orchestrator what it does without one (cells that run,
edits that apply). Deciding is left to `permissions`.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pluggy

from codemad_jupyter.hooks import refusals
from codemad_jupyter.protocol.errors import Denied
from codemad_jupyter.protocol.permissions import AuditLine, Axis
from codemad_jupyter.tools.permissions import Action, Decision, Permissions, decide, may_read

LONGEST = 100_000
"""Characters of an action that a person can be shown; a longer one is not asked about but refused."""
REASONS: dict[Axis, str] = {
    "kernel_mutate": "This runs code in your live kernel.",
    "kernel_run": "This runs code in a kernel of the agent.",
    "shell": "This runs a command on this machine.",
    "network": "This needs the network.",
    "files": "This reaches a file that a rule protects.",
    "control": "This changes what assistants, editors or shells may do here.",
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person is asked before something happens."""

    call: str
    tool: str
    action: str
    reason: str
    digest: str
    axis: Axis | None = None
    commands: tuple[str, ...] = ()
    rule: str = ""
    keepable: bool = False


@dataclass(frozen=True)
class Answered:
    """How a question ended."""

    decision: Literal["approved", "rejected", "expired"]
    reason: str = ""


Asker = Callable[[Question], Awaitable[Answered]]


@dataclass(frozen=True, kw_only=True)
class Who:
    """On whose behalf something happens."""

    session: str = ""
    run: str = ""
    agent: str = ""
    edge: str = ""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The gate for one run. ``granted`` gives what holds now: rules, mode, sandbox, kept actions."""

    granted: Callable[[], Awaitable[Permissions]]
    ask: Asker
    record: Callable[[AuditLine], object]
    redact: Callable[[str], str]
    hooks: pluggy.PluginManager
    who: Who

    async def admit(
        self, action: Action, *, call: str = "", reason: str = "", proposes: bool = False
    ) -> AuditLine:
        """Let the action through or raise `Denied`. ``proposes``: what it does is asked about later anyway.

        Returns the line for the audit log, to be handed to `ended`.
        """
        line = self.line(action)
        for refusal in await refusals(
            self.hooks, "before_tool", tool=action.tool, arguments=dict(action.arguments)
        ):
            self._refused(line, "denied", rule=f"a hook: {refusal}")
            raise Denied(f"{action.tool} was refused: {refusal}.")
        decision = decide(action, await self.granted())
        line = line.model_copy(update={"rule": decision.rule, "axis": decision.axis})
        if decision.outcome == "deny":
            self._refused(line, "denied", rule=decision.rule)
            raise Denied(f"{action.tool} was refused: {decision.rule}.", hint=_hint(decision))
        if decision.outcome == "allow" or proposes:
            return line
        return await self._approved(action, decision, line, call=call, reason=reason)

    async def readable(self, action: Action, result: Any) -> Any:
        """The result of reading without what belongs to files that may not be read."""
        if action.risk != "read" or not any(rule.path for rule in (await self.granted()).rules):
            return result
        return _kept(result, await self.reader(action))

    async def reader(self, action: Action) -> Callable[[str], bool]:
        """Whether whoever does this may read a path."""
        return may_read(replace(await self.granted(), role=action.role), action.root, tool=action.tool)

    async def put(self, question: Question) -> bool:
        """Ask the person what something that runs wants to know; no where nobody is to be asked."""
        if (await self.granted()).mode in ("batch", "plan"):
            return False
        return (await self.ask(question)).decision == "approved"

    async def _approved(
        self, action: Action, decision: Decision, line: AuditLine, *, call: str, reason: str
    ) -> AuditLine:
        if len(line.action) > LONGEST:
            self._refused(line, "denied", rule="it is too long to be shown")
            said = f"{action.tool} needs a person's approval, but is too long to be shown."
            raise Denied(said, hint="Do it in smaller steps.")
        question = Question(
            call=call,
            tool=action.tool,
            action=line.action,
            reason=reason or REASONS.get(decision.axis, "A rule asks for it."),
            digest=action.digest,
            axis=decision.axis,
            commands=tuple(map(self.redact, decision.commands)),
            rule=self.redact(decision.rule),
            keepable=decision.keepable,
        )
        answered = await self.ask(question)
        if answered.decision != "approved":
            self._refused(line, answered.decision, rule=decision.rule)
            if answered.decision == "expired":
                raise Denied(f"Nobody allowed {action.tool} in time.", hint="Go on without it, or ask again.")
            raise Denied(
                f"The person refused {action.tool}.", hint="Do not try it again; ask what they want."
            )
        if action.digest != question.digest:
            raise Denied(f"{action.tool} is no longer what was approved.", hint="Ask for it again.")
        return line.model_copy(update={"decision": "approved"})

    def absent(self, tool: str, arguments: Mapping[str, Any], *, root: Path) -> None:
        """Write down that a tool was called which this run does not have: the mode, a rule or a role took it
        away, or there never was one."""
        action = Action(tool=tool, risk="execute", axis="control", arguments=arguments, root=root)
        line = self.line(action).model_copy(update={"axis": ""})
        self._refused(line, "denied", rule="this run has no such tool")

    def line(self, action: Action) -> AuditLine:
        """The action as the audit log tells it."""
        return AuditLine(
            at=time.time(),
            session=self.who.session,
            run=self.who.run,
            agent=self.who.agent,
            who=self.who.edge,
            tool=action.tool,
            axis=action.axis,
            action=self.redact(_spelled(shown(action))),
            digest=action.digest,
            decision="allowed",
        )

    def ended(self, line: AuditLine, outcome: str, *, seconds: float = 0.0) -> None:
        """Write down how it went."""
        self.record(line.model_copy(update={"outcome": outcome, "seconds": round(seconds, 3)}))

    def _refused(
        self, line: AuditLine, decision: Literal["rejected", "expired", "denied"], *, rule: str
    ) -> None:
        self.record(line.model_copy(update={"decision": decision, "rule": rule, "outcome": "not done"}))


def shown(action: Action) -> str:
    """The action as a person reads it, whole: the code or command, else all arguments."""
    given = action.arguments
    text = given.get("command") or given.get("code") or given.get("source")
    others = {name: value for name, value in given.items() if value not in (None, "", text)}
    plain = isinstance(text, str) and not set(others) - _TOLD_ELSEWHERE
    if plain:
        return str(text)
    return json.dumps(dict(given), ensure_ascii=False, indent=2, default=str)


def _kept(value: Any, may: Callable[[str], bool]) -> Any:
    """The value without the entries of lists that name a file which may not be read."""
    if isinstance(value, dict):
        return {
            name: [each for each in found if not isinstance(each, str) or may(each)]
            if name == "files" and isinstance(found, list)
            else _kept(found, may)
            for name, found in value.items()
        }
    if isinstance(value, list):
        named = (each for each in value if not isinstance(each, dict) or may(str(each.get("path") or ".")))
        return [_kept(each, may) for each in named]
    return value


def _spelled(text: str) -> str:
    """Characters that hide or reorder others are spelled out: a card must not look like another action."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ff]"
)
_TOLD_ELSEWHERE = {"notebook", "cell", "title"}


def _hint(decision: Decision) -> str:
    if decision.rule.startswith("mode batch"):
        return "Nobody can be asked here. Propose a cell instead, or have a rule allow it."
    if decision.rule.startswith("mode plan"):
        return "Say what you would do instead."
    return "Do not try it in another way; say that it is not allowed here."
