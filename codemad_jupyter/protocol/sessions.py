"""What front ends list of sessions: the sessions, the branches of one, two branches beside each other."""

from typing import Literal

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.edits import EditStatus

MAIN = "main"
"""The id of the branch every session begins with."""
ExportFormat = Literal["markdown", "ipynb", "json"]


class SessionInfo(Value):
    """A session; ``created`` and ``updated`` are seconds since the epoch (UTC). ``branch`` is the id of the
    branch it stands on, ``origin`` that of the session it was forked from, where it was. Archived sessions
    are hidden, not gone."""

    id: str
    title: str
    model: str
    created: float
    updated: float
    pinned: bool = False
    archived: bool = False
    branch: str = MAIN
    origin: str = ""


class BranchInfo(Value):
    """A branch of a session. ``head`` is the entry it stands at and ``run`` that entry's; ``checkpoint``
    holds the files as they were when the branch was last left, or where it begins."""

    id: str
    name: str
    head: str | None = None
    run: str | None = None
    current: bool = False
    created: float = 0.0
    checkpoint: str | None = None


class Turn(Value):
    """A run in the tree of a session: what was asked, and the run it followed. ``entry`` is its last entry,
    ``edits`` counts what it proposed."""

    run: str
    parent: str | None = None
    entry: str
    prompt: str = ""
    at: float = 0.0
    undone: bool = False
    edits: int = 0


class SessionTree(Value):
    """All that was said in a session, as a tree of turns, oldest first. ``running`` is the run that goes on,
    whose events follow the number ``seq``."""

    session: SessionInfo
    branches: tuple[BranchInfo, ...]
    turns: tuple[Turn, ...]
    running: str | None = None
    seq: int = 0


class SaidMessage(Value):
    """A message of a branch. ``text`` is what was written, ``tools`` are the tools it calls."""

    entry: str
    run: str | None
    role: Literal["user", "assistant", "tool"]
    text: str
    tools: tuple[str, ...] = ()
    at: float = 0.0


class SideEdit(Value):
    """An edit that was proposed on a branch, and what became of it; ``diff`` is a unified diff, bounded."""

    edit: str
    run: str
    title: str
    status: EditStatus
    path: str
    cell: str | None = None
    diff: str = ""


class BranchSide(Value):
    """One side of a comparison: what came after the common ancestor."""

    session: str
    branch: str
    name: str
    messages: tuple[SaidMessage, ...] = ()
    edits: tuple[SideEdit, ...] = ()


class BranchComparison(Value):
    """Two branches beside each other. ``ancestor`` is the last message both have, of ``common`` in all."""

    common: int
    ancestor: SaidMessage | None
    left: BranchSide
    right: BranchSide


class SessionExport(Value):
    """A session as a file. ``withheld`` counts what the data level kept out of it."""

    name: str
    format: ExportFormat
    text: str
    withheld: int = 0
