"""What the editing tools share: ids, and how a proposal is told to the model."""

import uuid
from typing import Any

from codemad_jupyter.protocol.edits import CellTarget, Edit


def new_id(kind: str) -> str:
    """A fresh id such as ``edit-3f2a…``."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def new_cell_id() -> str:
    """A fresh nbformat cell id (8 hexadecimal digits, as notebooks use them)."""
    return uuid.uuid4().hex[:8]


def told(edit: Edit) -> dict[str, Any]:
    """The tool result of a proposal."""
    answer: dict[str, Any] = {"edit": edit.id, "status": "proposed"}
    if isinstance(edit.target, CellTarget):
        answer["cell"] = edit.target.cell
    answer["trial"] = edit.trial.model_dump() if edit.trial else None
    return answer
