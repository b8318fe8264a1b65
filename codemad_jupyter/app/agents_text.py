"""Agents' worktrees in words."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from codemad_jupyter.app.agents_desk import state_of
from codemad_jupyter.app.plain_text import one_line, plain_text
from codemad_jupyter.app.timeline_text import moment
from codemad_jupyter.git.registry import Worktree
from codemad_jupyter.git.values import shown
from codemad_jupyter.git.worktrees import Standing
from codemad_jupyter.protocol.agents import WorktreeState
from codemad_jupyter.protocol.edits import CellTarget, Edit, unified
from codemad_jupyter.protocol.wording import counted

MOST = 20
"""Paths that are named at most."""


def list_text(found: Sequence[Standing]) -> str:
    """One line each, oldest first."""
    if not found:
        return "No agent has a folder here. One is made by: codemad agents new NAME"
    rows = [
        (
            each.worktree.id,
            _state(each),
            f"{len(each.changed)} changed",
            _size(each.bytes),
            _what(each.worktree),
        )
        for each in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip()
        for row in rows
    )


def show_text(standing: Standing, folder: Path) -> str:
    """All that is known of one."""
    worktree = standing.worktree
    base = worktree.base
    rows = {
        "agent": worktree.id,
        "task": one_line(worktree.task),
        "role": one_line(worktree.agent),
        "state": _state(standing),
        "made": moment(worktree.made),
        "session": one_line(worktree.session),
        "run": one_line(worktree.run),
        "folder": shown(str(folder)),
        "began as": f"{counted(base.files, 'file')}, with what was not committed" if base else "",
        "disk": _size(standing.bytes),
        "changed": _listed(map(shown, standing.changed)),
        "besides": one_line("; ".join(standing.besides)),
        "trouble": one_line(standing.trouble),
        "copied too": one_line(", ".join(worktree.carried)),
        "left out": _listed(worktree.left_out),
    }
    return "\n".join(f"{name:<12}{value}" for name, value in rows.items() if value)


def left_out_text(worktree: Worktree) -> list[str]:
    """What a new worktree does not have, so that nobody wonders."""
    if not worktree.left_out:
        return []
    return [f"Not in it: {_listed(worktree.left_out)}", "Ignored files are copied with --with PATH."]


def plan_text(edits: Sequence[Edit], clashes: Sequence[str]) -> str:
    """What would come in, and what would not."""
    if not edits and not clashes:
        return ""
    return "\n".join([*map(_edit_text, edits), *map(one_line, clashes)])


def _edit_text(edit: Edit) -> str:
    target = edit.target
    where = f" in {one_line(target.notebook)}" if isinstance(target, CellTarget) else ""
    return "\n".join(filter(None, [f"{one_line(edit.title)}{where}", plain_text(unified(edit))]))


def _state(standing: Standing) -> str:
    owner = standing.worktree.owner
    words: dict[WorktreeState, str] = {
        "free": "free",
        "at_work": f"at work ({owner.pid if owner else 0})",
        "left": "left by a process that ended",
        "trouble": "in trouble",
    }
    return words[state_of(standing)]


def _what(worktree: Worktree) -> str:
    return one_line(" ".join(filter(None, [moment(worktree.made), worktree.task])), 120)


def _listed(names: Iterable[str]) -> str:
    every = [one_line(name) for name in names]
    more = [f"and {len(every) - MOST} more"] if len(every) > MOST else []
    return ", ".join([*every[:MOST], *more])


def _size(count: int) -> str:
    for unit, size in (("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
