"""Decides what a tool call may do: a pure function of the call, the rules, the mode and the sandbox.

Deny wins over ask, ask over allow, and a rule over the mode's habit. Asking, running and telling are left to
`executor`; what a command line holds to `shell_rules`.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from codemad_jupyter.protocol.permissions import (
    STRICTEST_FIRST,
    UNCONFINED,
    Axis,
    Mode,
    Risk,
    Rule,
    SandboxState,
)
from codemad_jupyter.protocol.policy import NO_POLICY, Policy
from codemad_jupyter.tools import shell_rules
from codemad_jupyter.tools.path_rules import PATHS, fits, gives_rights, place_of

Outcome = Literal["allow", "ask", "deny"]
CONFINED: tuple[Axis, ...] = ("shell", "kernel_run")
"""What a sandbox holds."""
KEPT = "you allowed exactly this for good"
DEEDS = ("edit", "run_cell", "external_agent")
"""Actions that are no tools of a model: what follows from one, or from a person's click."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """What a tool is about to do. ``arguments`` are those that will run."""

    tool: str
    risk: Risk
    axis: Axis
    arguments: Mapping[str, Any] = field(default_factory=dict)
    root: Path
    role: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of exactly this action."""
        return digest(self.tool, dict(self.arguments))


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided, and by which rule or habit, in words."""

    outcome: Outcome
    rule: str
    axis: Axis
    commands: tuple[str, ...] = ()
    keepable: bool = False
    """May a person allow exactly this for good?"""
    habit: bool = False
    """Did no rule speak, so that the mode decided?"""


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What holds for one agent. ``kept`` are the digests of what the person allowed for good. However these
    are changed on the way, no more holds than the ``policy`` lets through."""

    mode: Mode = "ask"
    rules: tuple[Rule, ...] = ()
    sandbox: SandboxState = UNCONFINED
    role: str = ""
    kept: frozenset[str] = frozenset()
    policy: Policy = NO_POLICY

    def __post_init__(self) -> None:
        if self.policy.mode is not None:
            object.__setattr__(self, "mode", stricter(self.mode, self.policy.mode))
        if not self.policy.allow_rules:
            object.__setattr__(self, "rules", tuple(rule for rule in self.rules if rule.decide != "allow"))
            object.__setattr__(self, "kept", frozenset())


def decide(action: Action, given: Permissions) -> Decision:
    """Whether the action runs, is asked about, or is refused."""
    reading = _reading(action)
    axis = _axis(action, reading)
    commands = shell_rules.shortened(reading) if reading else ()

    def so(outcome: Outcome, rule: str, *, keepable: bool = False) -> Decision:
        outcome = "deny" if outcome == "ask" and given.mode in ("batch", "plan") else outcome
        return Decision(
            outcome=outcome, rule=rule, axis=axis, commands=commands, keepable=keepable and outcome == "ask"
        )

    barred = policy_refusal(action, given.policy)
    if barred:
        return so("deny", barred)
    rules = [rule for rule in given.rules if _about(rule, action, axis)]
    for verdict in ("hide", "deny"):
        for rule in rules:
            if rule.decide == verdict and _concerns(rule, action, reading):
                return so("deny", rule.text)
    if given.mode == "plan" and action.risk != "read" and axis != "plan":
        return so("deny", "mode plan: nothing but reading is possible")
    for rule in rules:
        if rule.decide == "ask" and _concerns(rule, action, reading):
            return so("ask", rule.text)
    if reading:
        for rule in rules:
            if rule.decide in ("ask", "deny", "hide") and shell_rules.suspects(rule, reading):
                return so("ask", f"it may concern: {rule.text}")
    if action.digest in given.kept and axis != "control":
        return so("allow", KEPT)
    allowed = _allowed(rules, action, axis, reading)
    if allowed is not None:
        return so("allow", allowed.text)
    return replace(so(*_habit(action, axis, given, reading), keepable=axis != "control"), habit=True)


def _habit(
    action: Action, axis: Axis, given: Permissions, reading: shell_rules.Reading | None
) -> tuple[Outcome, str]:
    """What the mode does where no rule speaks."""
    said = f"mode {given.mode}"
    if action.risk == "read":
        return "allow", f"{said}: reading is free"
    if axis == "control":
        return "ask", f"{said}: this gives rights, which is always asked"
    if action.risk == "write":
        return "allow", f"{said}: a proposal changes nothing until it is accepted"
    if given.mode == "auto_sandboxed" and axis in CONFINED:
        if action.arguments.get("network"):
            return "ask", f"{said}: this asks for the network"
        if given.sandbox.strength != "strong":
            return "ask", f"{said}: the sandbox here is {given.sandbox.strength}, not strong"
        if reading is None or not reading.unclear:
            return "allow", f"{said}: {given.sandbox.backend or 'the sandbox'} confines it"
    if reading and reading.unclear:
        return "ask", f"{said}: {reading.unclear[0]}"
    return "ask", f"{said}: no rule allows it"


def policy_refusal(action: Action, policy: Policy) -> str:
    """What the administrator has against it; empty for nothing."""
    host = action.arguments.get("host")
    if action.axis == "network" and isinstance(host, str) and host and (why := policy.host_refusal(host)):
        return why
    if action.arguments.get("network") and action.axis != "network" and policy.limits_hosts:
        return f"a command's network cannot be held to the hosts {policy.by}"
    return policy.tool_refusal(action.tool, deed=action.tool in DEEDS)


def visible(tool: str, axis: Axis, risk: Risk, given: Permissions) -> bool:
    """Does the model see this tool at all?"""
    if given.policy.tool_refusal(tool):
        return False
    for rule in given.rules:
        whole = not (rule.command or rule.path or rule.arguments)
        action = Action(tool=tool, risk=risk, axis=axis, root=Path(), role=given.role)
        if rule.decide == "hide" and whole and _about(rule, action, axis):
            return False
    return True


def may_read(
    given: Permissions, root: Path, *, tool: str = "read_file", asking: bool = False
) -> Callable[[str], bool]:
    """Whether a path may be read by whoever these rights are for. ``asking``: a person names it, so what a
    rule only asks about may be."""
    speaking = tuple(rule for rule in given.rules if rule.path)
    if not speaking:
        return lambda path: True
    fine = ("allow", "ask") if asking else ("allow",)

    def may(path: str) -> bool:
        action = Action(
            tool=tool,
            risk="read",
            axis="files",
            arguments={"path": path},
            root=root,
            role=given.role,
        )
        return decide(action, replace(given, mode="ask")).outcome in fine

    return may


def applies_by_itself(place: str, given: Permissions, *, root: Path, axis: Axis = "files") -> bool:
    """Whether a proposed edit of this file needs no person."""
    if given.mode not in ("auto_edit", "auto_sandboxed"):
        return False
    if given.mode == "auto_sandboxed" and given.sandbox.strength != "strong":
        return False  # the mode is refused here, and everything asked about
    action = Action(
        tool="edit", risk="write", axis=axis, arguments={"path": place}, root=root, role=given.role
    )
    return decide(action, given).outcome == "allow"


def for_stranger(given: Permissions, role: str) -> Permissions:
    """What holds for an agent of somebody else's: what is allowed to our own without a question is not
    thereby allowed to it, so rules that allow must name its role."""
    rules = tuple(rule for rule in given.rules if rule.decide != "allow" or rule.role)
    return replace(given, rules=rules, role=role)


def stricter(one: Mode, other: Mode) -> Mode:
    """The mode of the two that lets less through."""
    return min(one, other, key=STRICTEST_FIRST.index)


def _has_command(action: Action) -> bool:
    """Is it a command line? One that gives rights may be, too."""
    return action.axis == "shell" or (action.axis == "control" and "command" in action.arguments)


def _reading(action: Action) -> shell_rules.Reading | None:
    if not _has_command(action):
        return None
    given = action.arguments.get("command", "")
    folder = next(
        (str(action.arguments[name]) for name in ("cwd", "folder") if action.arguments.get(name)), ""
    )
    return shell_rules.read(given if isinstance(given, str) else "", folder=folder)


def _axis(action: Action, reading: shell_rules.Reading | None) -> Axis:
    """An action that writes where rights are given is one of control, whatever the tool calls itself."""
    if action.risk == "read" or action.axis == "control":
        return action.axis
    if reading is not None:
        return "control" if shell_rules.reaches_control(reading, action.root) else "shell"
    return "control" if any(gives_rights(action.root, path) for path in _paths(action)) else action.axis


def _about(rule: Rule, action: Action, axis: Axis) -> bool:
    """Does the rule speak of such actions? One that allows speaks of control only where it names it."""
    if rule.decide == "allow" and axis == "control" and rule.axis != "control":
        return False
    return (
        fnmatchcase(action.tool, rule.tool)
        and rule.axis in ("", axis, action.axis)
        and rule.risk in ("", action.risk)
        and (not rule.role or fnmatchcase(action.role, rule.role))
        and (not rule.command or _has_command(action))
        and all(_fits_argument(action, name, pattern) for name, pattern in rule.arguments.items())
    )


def _fits_argument(action: Action, name: str, pattern: str) -> bool:
    return name in action.arguments and fnmatchcase(str(action.arguments[name]), pattern)


def _concerns(rule: Rule, action: Action, reading: shell_rules.Reading | None) -> bool:
    if reading is not None:
        plain = not rule.command and not rule.path
        return plain or shell_rules.bars(rule, reading, action.root)
    if not rule.path:
        return True
    return any(fits(rule.path, place_of(action.root, path), strict=False) for path in _paths(action))


def _allowed(
    rules: Sequence[Rule], action: Action, axis: Axis, reading: shell_rules.Reading | None
) -> Rule | None:
    allowing = [rule for rule in rules if rule.decide == "allow"]
    if reading is not None:
        whole = next((rule for rule in allowing if not rule.command and not rule.path), None)
        whole = None if reading.unclear else whole
        return whole or shell_rules.grants(allowing, reading, action.root)
    places = [place_of(action.root, path) for path in _paths(action)]
    for rule in allowing:
        held = places and all(
            fits(rule.path, each, strict=True) and (not each.outside or rule.path.startswith(("/", "~")))
            for each in places
        )
        if not rule.path or held:
            return rule
    return None


def _paths(action: Action) -> list[str]:
    named = (action.arguments.get(name) for name in PATHS)
    every = (each for found in named for each in (found if isinstance(found, list | tuple) else [found]))
    return [path for path in every if isinstance(path, str) and path]


def digest(tool: str, arguments: dict[str, Any]) -> str:
    """SHA-256 (hex) of exactly this action: an approval holds for nothing else."""
    text = json.dumps([tool, arguments], sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
