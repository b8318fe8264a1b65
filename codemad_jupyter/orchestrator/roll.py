"""The agents of one run: how each stands and what they say to each other, told as events from here alone.

A person can stop one of them: its work ends, that of those it gave tasks to as well, and the others go on.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from codemad_jupyter.orchestrator.steering import Steering
from codemad_jupyter.orchestrator.tally import Tally
from codemad_jupyter.protocol.agents import AgentMessage, AgentState, AgentStatus
from codemad_jupyter.protocol.errors import Conflict, NotFound
from codemad_jupyter.protocol.events import AgentChanged, AgentSaid, Event

MAIN = "main"
"""The agent that the person talks to."""
PACE = 1.0
"""Seconds between two words about what an agent has used."""
MOST_TASK = 2_000
"""Characters of a task or a report that are told with a state."""
ENDED: frozenset[AgentState] = frozenset({"done", "failed", "stopped"})
STOPPED = "The person stopped it."
Made = TypeVar("Made")


class Mark:
    """One agent on the roll."""

    def __init__(
        self, status: AgentStatus, tell: Callable[[AgentStatus], object], *, steering: Steering
    ) -> None:
        self.status = status
        self._tell = tell
        self._told = self._began = 0.0
        self._work: asyncio.Task[Any] | None = None
        self._halted = False
        self._before: tuple[int, float | None, int] = (0, 0.0, 0)
        self.steering = steering
        """What the person says to it while it works."""

    @property
    def name(self) -> str:
        """What it is called in this run."""
        return self.status.name

    def works(self, *, model: str = "") -> None:
        """It has begun."""
        self._began = self._began or time.monotonic()
        began = self.status.started or time.time()
        self._now(state="working", started=began, model=model or self.status.model)

    def leads(self, role: str, task: str, *, model: str) -> None:
        """It does a whole prompt, as a role."""
        self.status = self.status.model_copy(update={"role": role, "task": task[:MOST_TASK]})
        self.works(model=model)

    def lives(self, worktree: str) -> None:
        """It has a folder, under this name; told with the next state."""
        self.status = self.status.model_copy(update={"worktree": worktree})

    def again(self, task: str) -> None:
        """It has another task, when it had ended."""
        self._before = (self.status.tokens, self.status.cost, self.status.steps)
        self.steering.open()
        self._now(state="waiting", task=task[:MOST_TASK], text="")

    def used(self, tokens: int, cost: float | None, steps: int) -> None:
        """What it has used so far for this task; the first is told at once, then now and then."""
        spent = self._before[1]
        now = {
            "tokens": self._before[0] + tokens,
            "cost": None if spent is None or cost is None else spent + cost,
            "steps": self._before[2] + steps,
        }
        self.status = self.status.model_copy(update=now)
        if time.monotonic() - self._told >= PACE:
            self._told = time.monotonic()
            self._now()

    def ends(self, state: AgentState, text: str) -> None:
        """It has come to its end; only the first one counts."""
        self.steering.close()
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
        """Stop it; what it works on ends first, and what it waits for never begins."""
        self._halted = True
        if self._work is None or self._work.done():
            self.ends("stopped", STOPPED)
        else:
            self._work.cancel()

    def _now(self, **changed: Any) -> None:
        seconds = round(time.monotonic() - self._began, 3) if self._began else 0.0
        self.status = self.status.model_copy(update={**changed, "seconds": seconds})
        self._tell(self.status)


class Roll:
    """All agents of a run."""

    def __init__(self, emit: Callable[[Event], object]) -> None:
        self._emit = emit
        self._marks: dict[str, Mark] = {}
        self.main = Mark(
            AgentStatus(name=MAIN, role="", task="", parent=""),
            lambda now: emit(AgentChanged(status=now)),
            steering=Steering(emit),
        )
        """The one that the person talks to; how it stands is told only where it works as a role."""

    @property
    def statuses(self) -> tuple[AgentStatus, ...]:
        """How they stand, in the order in which they came."""
        return tuple(mark.status for mark in self._marks.values())

    def enter(self, role: str, task: str, *, name: str = "", parent: str = "main") -> Mark:
        """A new agent, which waits. Its name is that of its role, with a number from the second on."""
        wanted = name or role
        number = 1
        while (name := wanted if number == 1 else f"{wanted}-{number}") in (*self._marks, MAIN):
            number += 1
        status = AgentStatus(name=name, role=role, task=task[:MOST_TASK], parent=parent)
        steering = Steering(lambda said: self._emit(said.model_copy(update={"agent": status.name})))
        mark = Mark(status, lambda now: self._emit(AgentChanged(status=now)), steering=steering)
        self._marks[name] = mark
        self._emit(AgentChanged(status=status))
        return mark

    def find(self, name: str) -> Mark:
        """One of them. Raises `NotFound`."""
        if name not in self._marks:
            known = ", ".join(self._marks) or "there are none"
            raise NotFound(f"There is no agent {name[:80]} in this run.", hint=f"Agents: {known}.")
        return self._marks[name]

    def stop(self, name: str) -> None:
        """Stop one, with all that it gave tasks to. Raises `NotFound` and `Conflict`."""
        mark = self.find(name)
        if mark.status.state in ENDED:
            raise Conflict(f"The agent {name} has ended already.", hint="There is nothing to stop.")
        mark.halt()
        for other in self._marks.values():
            if other.status.parent == name and other.status.state not in ENDED:
                self.stop(other.name)

    def steer(self, name: str, text: str) -> None:
        """Let the person tell one something. Raises `NotFound`, `Conflict` and `UsageError`."""
        (self.main if name == MAIN else self.find(name)).steering.say(text)

    def close(self, state: AgentState, text: str, used: Tally) -> None:
        """The run is over: nobody hears anything more."""
        for mark in (self.main, *self._marks.values()):
            mark.steering.close()
        if self.main.status.role:
            self.main.used(used.usage.input_tokens + used.usage.output_tokens, used.cost, used.steps)
            self.main.ends(state, text)

    def say(self, message: AgentMessage) -> None:
        """Tell what one agent says to another."""
        self._emit(AgentSaid(message=message))
