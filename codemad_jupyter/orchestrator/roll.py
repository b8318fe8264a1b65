"""The agents of one run: how each stands and what they say to each other, told as events from here alone.

A person can stop one of them: its work ends, that of those it gave tasks to as well, and the others go on.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from codemad_jupyter.protocol.agents import AgentMessage, AgentState, AgentStatus
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.protocol.events import AgentChanged, AgentSaid, Event

PACE = 1.0
"""Seconds between two words about what an agent has used."""
MOST_TASK = 2_000
"""Characters of a task or a report that are told with a state."""
ENDED: frozenset[AgentState] = frozenset({"done", "failed", "stopped"})
STOPPED = "Stopped by you."
Made = TypeVar("Made")


class Mark:
    """One agent on the roll."""

    def __init__(self, status: AgentStatus, tell: Callable[[AgentStatus], object]) -> None:
        self.status = status
        self._tell = tell
        self._told = self._began = 0.0
        self._work: asyncio.Task[Any] | None = None
        self._halted = False
        self._before: tuple[int, float | None, int] = (0, 0.0, 0)

    @property
    def name(self) -> str:
        """What it is called in this run."""
        return self.status.name

    def works(self, *, model: str = "") -> None:
        """It has begun."""
        self._began = self._began or time.monotonic()
        began = self.status.started or time.time()
        self._now(state="working", started=began, model=model or self.status.model)

    def lives(self, worktree: str) -> None:
        """It has a folder, under this name; told with the next state."""
        self.status = self.status.model_copy(update={"worktree": worktree})

    def again(self, task: str) -> None:
        """It has another task, when it had ended."""
        self._before = (self.status.tokens, self.status.cost, self.status.steps)
        self._now(state="waiting", task=task[:MOST_TASK], text="")

    def used(self, tokens: int, cost: float | None, steps: int) -> None:
        """What it has used so far for this task; told now and then."""
        spent = self._before[1]
        now = {
            "tokens": self._before[0] + tokens,
            "cost": None if spent is None or cost is None else spent + cost,
            "steps": self._before[2] + steps,
        }
        self.status = self.status.model_copy(update=now)
        if time.monotonic() - self._told >= PACE:
            self._now()

    def ends(self, state: AgentState, text: str) -> None:
        """It has come to its end; only the first one counts."""
        if self.status.state not in ENDED:
            self._now(state=state, text=text[:MOST_TASK])

    async def attend(self, work: Coroutine[Any, Any, Made]) -> Made | None:
        """The work of the agent, to its end; None where a person has stopped this agent."""
        task = asyncio.ensure_future(work)
        self._work = task
        if self._halted:
            task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            here = asyncio.current_task()
            if not self._halted or (here is not None and here.cancelling()):
                raise
            return None

    def halt(self) -> None:
        """Stop it; the state follows when its work has ended."""
        self._halted = True
        if self._work is not None:
            self._work.cancel()

    def _now(self, **changed: Any) -> None:
        seconds = round(time.monotonic() - self._began, 3) if self._began else 0.0
        self.status = self.status.model_copy(update={**changed, "seconds": seconds})
        self._told = time.monotonic()
        self._tell(self.status)


class Roll:
    """All agents of a run but the one that the person talks to."""

    def __init__(self, emit: Callable[[Event], object]) -> None:
        self._emit = emit
        self._marks: dict[str, Mark] = {}

    @property
    def statuses(self) -> tuple[AgentStatus, ...]:
        """How they stand, in the order in which they came."""
        return tuple(mark.status for mark in self._marks.values())

    def enter(self, role: str, task: str, *, name: str = "", parent: str = "main") -> Mark:
        """A new agent, which waits. Its name is that of its role, with a number from the second on."""
        wanted = name or role
        number = 1
        while (name := wanted if number == 1 else f"{wanted}-{number}") in self._marks:
            number += 1
        status = AgentStatus(name=name, role=role, task=task[:MOST_TASK], parent=parent)
        mark = self._marks[name] = Mark(status, lambda now: self._emit(AgentChanged(status=now)))
        self._emit(AgentChanged(status=status))
        return mark

    def find(self, name: str) -> Mark:
        """One of them. Raises `NotFound`."""
        if name not in self._marks:
            known = ", ".join(self._marks) or "there are none"
            raise NotFound(f"There is no agent {name} in this run.", hint=f"Agents: {known}.")
        return self._marks[name]

    def stop(self, name: str) -> None:
        """Stop one, with all that it gave tasks to. Raises `NotFound`."""
        self.find(name).halt()
        for other in self._marks.values():
            if other.status.parent == name and other.status.state not in ENDED:
                self.stop(other.name)

    def say(self, message: AgentMessage) -> None:
        """Tell what one agent says to another."""
        self._emit(AgentSaid(message=message))
