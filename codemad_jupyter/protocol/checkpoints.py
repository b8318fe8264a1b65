"""What a person sees of checkpoints: the list, and the difference between two."""

from typing import Literal

from codemad_jupyter.protocol.base import Value

CheckpointReason = Literal["run", "undo", "redo", "restore", "switch", "manual"]


class CheckpointInfo(Value):
    """A checkpoint in a list. ``made`` is in seconds since the epoch (UTC), ``size`` in bytes of the
    notebook documents it holds; ``title`` is the prompt of the run it was made for, shortened;
    ``covered`` is false where files could not be saved and ``skipped`` says why or what."""

    id: str
    session: str
    run: str | None = None
    reason: CheckpointReason
    name: str = ""
    title: str = ""
    made: float
    files: int = 0
    notebooks: tuple[str, ...] = ()
    size: int = 0
    covered: bool = True
    skipped: tuple[str, ...] = ()
    undone: bool = False


class PathDifference(Value):
    """How a file, or a cell of a notebook (``cell`` is its id), differs. ``diff`` is a unified diff,
    bounded; empty for binary files and for changes of outputs or metadata alone (``detail`` says so)."""

    path: str
    cell: str | None = None
    status: Literal["added", "changed", "removed", "moved"]
    diff: str = ""
    detail: str = ""


class CheckpointDiff(Value):
    """From ``old`` to ``new``, each a checkpoint or, as None, what is there now."""

    old: str | None
    new: str | None
    differences: tuple[PathDifference, ...] = ()
    truncated: bool = False
