"""What every edge does about permissions: show what holds, take back what was allowed for good, try a command
against the rules, and read the audit log."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from codemad_jupyter.app.plain_text import one_line
from codemad_jupyter.config.allowed import AllowedActions
from codemad_jupyter.config.paths import workspace_dir
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.orchestrator.acting import done_line
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.permissions import AllowedAction, AuditLine, Mode, Rule
from codemad_jupyter.store.audit import AuditLog
from codemad_jupyter.tools.permissions import Action, Decision, Permissions, decide

TOOL = "run_command"
"""The name under which a command is tried."""


class Holding(Value):
    """What holds in a workspace."""

    mode: Mode
    rules: tuple[Rule, ...]
    allowed: tuple[AllowedAction, ...]


def rights_of(settings: Settings, rules: tuple[Rule, ...] = ()) -> Permissions:
    """What holds by the settings, the policy included; ``rules`` are those given on the way."""
    return Permissions(mode=settings.mode, rules=(*settings.permissions, *rules), policy=settings.policy)


def holding(root: Path, settings: Settings) -> Holding:
    """What holds in the workspace."""
    rights, kept = rights_of(settings), _allowed(root, settings).listed()
    return Holding(mode=rights.mode, rules=rights.rules, allowed=kept if settings.policy.allow_rules else ())


def holding_text(found: Holding) -> str:
    """The same in words."""
    lines = [f"Mode: {found.mode}."]
    lines += [f"  {one_line(rule.text)}" for rule in found.rules] or ["No rules."]
    lines.append(
        "Allowed for good, exactly as it stands here:" if found.allowed else "Nothing is allowed for good."
    )
    lines += [
        f"  {each.digest[:12]}  {_when(each.at)}  {each.tool}: {one_line(each.action, 100)}"
        for each in found.allowed
    ]
    return "\n".join(lines)


def revoke(root: Path, settings: Settings, start: str) -> str:
    """Ask about this action again; ``start`` is how its digest begins."""
    gone = _allowed(root, settings).revoke(start)
    return f"Asked again from now on: {gone.tool}: {one_line(gone.action, 100)}"


def tried(root: Path, settings: Settings, command: str) -> Decision:
    """What would be decided about a command line. Nothing runs."""
    action = Action(
        tool=TOOL, risk="execute", axis="shell", arguments={"command": command}, root=root.resolve()
    )
    return decide(action, rights_of(settings))


def tried_text(decision: Decision) -> str:
    """The decision in words, with the simple commands that were found."""
    found = [f"  {one_line(each)}" for each in decision.commands] or ["  no command"]
    return "\n".join([f"{decision.outcome}: {one_line(decision.rule)}", "The commands in it:", *found])


def audit(
    root: Path, settings: Settings, *, tail: int = 20, since: float = 0.0, run: str = ""
) -> tuple[AuditLine, ...]:
    """The last lines of the audit log, oldest first; ``since`` is seconds since the epoch."""
    log = AuditLog(workspace_dir(root, settings=settings), redact=settings.redact)
    wanted = (line for line in log.lines() if line.at >= since and line.run.startswith(run))
    return tuple(deque(wanted, maxlen=tail or None))


def write_down(root: Path, settings: Settings, tool: str, action: str) -> None:
    """Add what a person had done to the files of a folder without an engine."""
    log = AuditLog(workspace_dir(root, settings=settings), redact=settings.redact)
    log.record(done_line("", "", tool, action, axis="files"))


def audit_text(lines: tuple[AuditLine, ...]) -> str:
    """A line for each."""
    return "\n".join(map(_audit_line, lines)) or "Nothing was written down."


def _audit_line(line: AuditLine) -> str:
    what = one_line(line.action, 70)
    ended = f", {line.outcome}" if line.outcome else ""
    return f"{_when(line.at)}  {line.decision:<8} {line.tool}: {what}  ({one_line(line.rule, 80)}{ended})"


def _allowed(root: Path, settings: Settings) -> AllowedActions:
    return AllowedActions(workspace_dir(root, settings=settings))


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
