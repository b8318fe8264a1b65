"""What the orchestrator does without a tool, as the gate sees it: edits that apply, cells that run, states
that are restored."""

import time
from collections.abc import Iterator
from pathlib import Path

from codemad_jupyter.protocol.edits import CellTarget, Edit, FileTarget
from codemad_jupyter.protocol.events import Restored
from codemad_jupyter.protocol.permissions import AuditLine, Axis, Mode
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.tools.path_rules import gives_rights
from codemad_jupyter.tools.permissions import Action, Permissions, applies_by_itself, decide, digest


def places(edit: Edit) -> Iterator[str]:
    """The files that an edit touches."""
    match edit.target:
        case FileTarget(path=path, to=to):
            yield from filter(None, (path, to))
        case CellTarget(notebook=notebook):
            yield notebook


def control(root: Path, edit: Edit) -> bool:
    """Does the edit change a file by which rights are given?"""
    return any(gives_rights(root, path) for path in places(edit))


def actions(root: Path, edit: Edit, *, role: str = "") -> list[Action]:
    """To apply the edit, one action a file."""
    return [
        Action(tool="edit", risk="write", axis="files", arguments={"path": path}, root=root, role=role)
        for path in places(edit)
    ]


def refusal(root: Path, edit: Edit, given: Permissions) -> str:
    """The rule that forbids to change what the edit changes; empty where none does."""
    decided = (decide(action, given) for action in actions(root, edit, role=given.role))
    return next((decision.rule for decision in decided if decision.outcome == "deny"), "")


def needs_nobody(root: Path, edit: Edit, given: Permissions) -> bool:
    """Does the edit apply by itself? One that failed when it was tried waits for a person."""
    failed = edit.trial is not None and edit.trial.status == "failed"
    return not failed and all(applies_by_itself(path, given, root=root) for path in places(edit))


def mode_line(session: str, was: Mode, mode: Mode, *, refused: str = "") -> AuditLine:
    """Another mode, for the audit log."""
    return AuditLine(
        at=time.time(),
        session=session,
        who="the person",
        tool="choose_mode",
        axis="control",
        action=f"{was} -> {mode}",
        decision="denied" if refused else "approved",
        rule=refused,
        outcome="not done" if refused else "done",
    )


def applied_line(session: str, run: str, edit: Edit, *, by_itself: bool) -> AuditLine:
    """An edit that was applied, for the audit log."""
    action = f"{edit.title} ({', '.join(places(edit))})"
    return AuditLine(
        at=time.time(),
        session=session,
        run=run,
        tool="edit",
        axis="files",
        action=action,
        digest=digest("edit", {"places": list(places(edit)), "after": edit.after}),
        decision="allowed" if by_itself else "approved",
        rule="the mode applies edits" if by_itself else "accepted as shown",
        outcome="done",
    )


def done_line(
    session: str, run: str, tool: str, action: str, *, axis: Axis, rule: str = "", outcome: str = "done"
) -> AuditLine:
    """What was done without a tool, for the audit log; ``rule`` is why nobody was asked, where nobody was."""
    return AuditLine(
        at=time.time(),
        session=session,
        run=run,
        tool=tool,
        axis=axis,
        action=action,
        digest=digest(tool, {"action": action}),
        decision="allowed" if rule else "approved",
        rule=rule or "asked for by a person",
        outcome=outcome,
    )


def restored_line(session: str, restored: Restored) -> AuditLine:
    """An undo, redo or restore, for the audit log."""
    return AuditLine(
        at=time.time(),
        session=session,
        run=restored.runs[0] if restored.runs else "",
        tool=restored.kind,
        axis="files",
        action=f"{restored.kind}: {counted(len(restored.files), 'file')},"
        f" {counted(len(restored.cells), 'cell')}",
        decision="approved",
        rule="asked for by a person",
        outcome="done",
    )
