"""What tools reach through whoever runs them: protocols, which the orchestrator and the services fill in."""

from typing import Protocol

from codemad_jupyter.context.search import Found
from codemad_jupyter.context.symbols_workspace import Narrowed
from codemad_jupyter.protocol.agents import MessageKind
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.events import MemoryChanged
from codemad_jupyter.protocol.indexing import IndexStatus
from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.protocol.plans import Plan, PlanTask, TaskStatus


class Proposals(Protocol):
    """Where the proposals of a run go."""

    async def propose(self, edit: Edit) -> Edit:
        """Announce and try an edit; returns it with its trial."""
        ...

    def pending_insert(self, cell: str) -> Edit | None:
        """The edit of this run that would insert this cell, while nobody has settled it."""
        ...

    def withdraw(self, edit: Edit) -> None:
        """Take a pending edit of this run back, because a better one follows."""
        ...


class Finder(Protocol):
    """Finds places in the workspace."""

    async def find(self, query: str, *, limit: int) -> Found:
        """The places that fit best, and what a person should know about the search."""
        ...

    async def narrowed(self, name: str) -> Narrowed | None:
        """Which files may hold a name; None where that is not known."""
        ...

    def start(self) -> None:
        """Prepare in the background."""
        ...

    async def status(self) -> IndexStatus:
        """How far the preparing is."""
        ...

    async def close(self) -> None:
        """Stop what goes on in the background."""
        ...


class RemembersFacts(Protocol):
    """The memory, as one run may use it."""

    async def remember(self, fact: Memory) -> tuple[MemoryChanged | None, Memory]:
        """Keep a fact (None: it is known already); the fact as it is kept."""
        ...

    async def recall(self, query: str) -> tuple[Memory, ...]:
        """What is known about it."""
        ...


class KeepsPlan(Protocol):
    """The plan of a conversation, as one run may use it."""

    def propose(self, goal: str, tasks: tuple[PlanTask, ...]) -> Plan:
        """Lay out a plan for the person. Raises `UsageError` where it could not be carried out."""
        ...

    def update(self, task: str, status: TaskStatus, note: str) -> Plan:
        """Note how far a task is. Raises `NotFound` or `Conflict`."""
        ...


class SendsExplorers(Protocol):
    """Others who look into something for one run."""

    async def explore(self, role: str, task: str) -> str:
        """The report of what a role found. Raises `ToolError` or `NotFound`."""
        ...


class AsksPerson(Protocol):
    """The person, as an agent may ask them."""

    async def ask(self, text: str, options: tuple[str, ...]) -> str:
        """Their answer. Raises `ToolError` where there is none."""
        ...


class WorksInTeam(Protocol):
    """The team of an agent, as that agent may use it."""

    async def assign(self, role: str, task: str) -> str:
        """Give a task to another agent; its report. Raises `ToolError`."""
        ...

    def tell(self, text: str, to: str | None, kind: MessageKind) -> str:
        """Write to another agent, or to all; says so."""
        ...
