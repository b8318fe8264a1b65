"""What the editing tools share: ids, and how a proposal is told to the model."""

import hashlib
import itertools
import uuid
from collections.abc import Callable
from typing import Any

from codemad_jupyter.notebooks.outputs import outputs_text
from codemad_jupyter.notebooks.terminal_text import shortened
from codemad_jupyter.protocol.diagnostics import problem_lines
from codemad_jupyter.protocol.edits import CellTarget, Edit, NameChange, NameState, Receipt, Trial

MOST_OUTPUT, MOST_EFFECT, MOST_DETAIL = 900, 600, 300
MOST_NAMES = 12
MOST_PROBLEMS = 8


def new_id(kind: str) -> str:
    """A fresh id such as ``edit-3f2a…``."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def new_cell_id() -> str:
    """A fresh nbformat cell id (8 hexadecimal digits, as notebooks use them)."""
    return uuid.uuid4().hex[:8]


def counted_cell_ids() -> Callable[[], str]:
    """Ids that come in the same order in every process, for runs that are repeated to the byte."""
    numbers = itertools.count()
    return lambda: hashlib.blake2b(f"cell {next(numbers)}".encode(), digest_size=4).hexdigest()


def told(edit: Edit) -> dict[str, Any]:
    """The tool result of a proposal."""
    status = "applied" if edit.status == "accepted" else "proposed"
    answer: dict[str, Any] = {"edit": edit.id, "status": status}
    if isinstance(edit.target, CellTarget):
        answer["cell"] = edit.target.cell
    answer["trial"] = trial_told(edit.trial) if edit.trial else None
    if edit.diagnosis is not None and edit.diagnosis.problems:
        path, cell = edit.place
        lines = problem_lines(edit.diagnosis, path=path, cell=cell, most=MOST_PROBLEMS)
        answer["new_problems"] = [shortened(line, MOST_DETAIL) for line in lines]
    return answer


def trial_told(trial: Trial) -> dict[str, Any]:
    """A trial as the model reads it, in less than 2,000 characters: what the code shows and does."""
    told: dict[str, Any] = {"status": trial.status, "method": trial.method}
    if trial.detail:
        told["detail"] = shortened(trial.detail, MOST_DETAIL)
    if trial.replayed:
        told["replayed"] = list(trial.replayed[:MOST_NAMES])
    effect = effect_told(trial.receipt) if trial.receipt else ""
    if effect:
        told["effect"] = shortened(effect, MOST_EFFECT)
    text = outputs_text(trial.outputs, MOST_OUTPUT)
    if text:
        told["outputs"] = text
    return told


def effect_told(receipt: Receipt) -> str:
    """What the code does to the kernel's names, a line for each."""
    lines = [f"new {_state(state)}" for state in receipt.added if state.type != "module"]
    lines += [_change(change) for change in receipt.changed]
    lines += [f"deleted {name}" for name in receipt.deleted]
    if len(lines) > MOST_NAMES:
        lines = [*lines[:MOST_NAMES], f"… and {len(lines) - MOST_NAMES} more names"]
    if receipt.truncated:
        lines.append("not all names could be compared")
    return "\n".join(lines)


def _change(change: NameChange) -> str:
    how = "changed in place" if change.in_place else "rebound"
    doubt = "" if change.certain else " (only a sample was compared)"
    before, after = _state(change.before), _state(change.after)
    return f"{how}: {before}{doubt}" if before == after else f"{how}: {before} -> {after}{doubt}"


def _state(state: NameState) -> str:
    shape = f" {' x '.join(str(size) for size in state.shape)}" if state.shape is not None else ""
    return f"{state.name[:60]}: {state.type.rpartition('.')[2]}{shape}"
