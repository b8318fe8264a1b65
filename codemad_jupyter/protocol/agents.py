"""What agents say to each other, how they stand, and what is said about bringing their work together."""

from typing import Literal

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.checkpoints import PathDifference

MessageKind = Literal["assignment", "progress", "result", "question", "notice"]

AgentState = Literal["waiting", "working", "done", "failed", "stopped"]


class AgentMessage(Value):
    """What one agent of a team says to another (``to``), or to all (None). ``answers`` is the number of the
    message it replies to; numbers count from 1 in a team."""

    number: int
    kind: MessageKind
    sender: str
    to: str | None = None
    text: str = ""
    answers: int | None = None


class AgentStatus(Value):
    """How an agent of a run stands. ``name`` is its own within the run, ``parent`` the agent that gave it its
    task; ``worktree`` is the name under which its folder is listed, where it has one. ``text`` is what it
    reported, or why it failed. ``cost`` is in US dollars, None where a price is unknown; ``started`` is in
    seconds since the epoch (UTC), 0 while it waits."""

    name: str
    role: str
    task: str
    parent: str = "main"
    state: AgentState = "waiting"
    worktree: str | None = None
    model: str = ""
    text: str = ""
    tokens: int = 0
    cost: float | None = 0.0
    steps: int = 0
    started: float = 0.0
    seconds: float = 0.0


class WorkClash(Value):
    """A place whose change by ``agent`` was left out: ``path``, and ``cell`` in a notebook. ``others`` are
    the agents that changed the same before; empty where it is the person's own state, or the kind of
    change, that is in the way. It stays in the agent's worktree."""

    path: str
    agent: str
    reason: str
    cell: str = ""
    others: tuple[str, ...] = ()


WorktreeState = Literal["free", "at_work", "left", "trouble"]
"""``left`` by a process that ended; in ``trouble`` it cannot be read, or must not be used."""


class WorktreeInfo(Value):
    """An agent's worktree in a list. ``agent`` is whose it is within its run, ``base`` the commit it began
    from, ``besides`` what would be lost with it beside the ``changed`` files, ``left_out`` what of the
    workspace is not in it; ``made`` is in seconds since the epoch (UTC)."""

    name: str
    agent: str = ""
    task: str = ""
    session: str = ""
    run: str = ""
    made: float
    state: WorktreeState
    base: str = ""
    bytes: int = 0
    changed: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    trouble: str = ""
    left_out: tuple[str, ...] = ()


class WorktreeWork(Value):
    """What the agent of a worktree changed."""

    name: str
    differences: tuple[PathDifference, ...] = ()


class WorkChange(Value):
    """One change that a merge would propose; ``title`` says whose it is."""

    path: str
    title: str
    cell: str = ""


class MergeCheck(Value):
    """What merging the work of agents would propose, and what it would leave out."""

    changes: tuple[WorkChange, ...] = ()
    clashes: tuple[WorkClash, ...] = ()


def whose(others: tuple[str, ...]) -> str:
    """Who did what is in the way."""
    return f"{', '.join(others)} {'has' if len(others) == 1 else 'have'}" if others else "you have"
