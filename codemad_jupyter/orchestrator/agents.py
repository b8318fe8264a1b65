"""The agents of one run: their names, how each stands, what they say to each other, and the way by which the
person reaches one of them. The one place that tells of them; what an agent does is for others to say."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from codemad_jupyter.orchestrator.steering import Steering
from codemad_jupyter.orchestrator.tally import Tally
from codemad_jupyter.protocol.agents import AgentMessage, AgentState, AgentStatus, MessageKind
from codemad_jupyter.protocol.errors import Conflict, NotFound
from codemad_jupyter.protocol.events import AgentChanged, AgentSaid, Event
from codemad_jupyter.tools.executor import bounded

MAIN = "main"
TASK = 2_000
"""Characters of a task that are told."""
TEXT = 6_000
"""Characters of a report or a message that are told."""
STOPPED = "The person stopped it."
_INNER = frozenset({"text_delta", "thinking_delta", "message_done"})
"""What an agent says to itself is not part of the conversation."""

T = TypeVar("T")


class Agent:
    """One at work. Made by `Agents.hire`."""

    def __init__(self, status: AgentStatus, emit: Callable[[Event], object]) -> None:
        self.status = status
        self._emit = emit
        self.steering = Steering(self.emit)
        self._task: asyncio.Task[Any] | None = None
        self._began = time.monotonic()
        self._stopped = False

    @property
    def name(self) -> str:
        """Its own within the run."""
        return self.status.name

    @property
    def over(self) -> bool:
        """Has it ended?"""
        return self.status.state in ("done", "failed", "stopped")

    def emit(self, event: Event) -> None:
        """Say something as this agent."""
        if event.type not in _INNER:
            self._emit(event.model_copy(update={"agent": self.name}))

    def change(self, **values: Any) -> None:
        """Say how it stands now."""
        self.status = self.status.model_copy(update=values)
        self._emit(AgentChanged(status=self.status))

    def begin(self, model: str) -> None:
        """It has a place to work at."""
        self._began = time.monotonic()
        self.change(state="working", model=model, started=time.time())

    def progress(self, tally: Tally) -> None:
        """What it has used by now."""
        self.change(**self._used(tally))

    def end(self, state: AgentState, text: str = "", *, tally: Tally | None = None) -> None:
        """It works no more, and hears nothing more."""
        self.steering.close()
        if not self.over:
            self.change(state=state, text=bounded(text, TEXT), **self._used(tally))

    async def work(self, job: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Do it as a task of its own, which can be stopped alone; None where the person did that. The end
        is told unless the job has told it."""
        try:
            if self._stopped:
                return None
            self._task = task = asyncio.create_task(job(), name=f"codemad agent {self.name}")
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if not self._stopped or (caller is not None and caller.cancelling()):
                self.end("stopped", "The run was stopped.")
                raise
            return None
        except Exception as error:
            self.end("failed", str(error))
            raise
        finally:
            self.end("stopped", STOPPED if self._stopped else "")

    def stop(self) -> None:
        """End it, and whoever works for it. Raises `Conflict`."""
        if self.over:
            raise Conflict(f"The agent {self.name} has ended already.", hint="There is nothing to stop.")
        self._stopped = True
        if self._task is not None:
            self._task.cancel()

    def _used(self, tally: Tally | None) -> dict[str, Any]:
        seconds = round(time.monotonic() - self._began, 3) if self.status.started else 0.0
        if tally is None:
            return {"seconds": seconds}
        used = tally.usage.input_tokens + tally.usage.output_tokens
        return {"seconds": seconds, "tokens": used, "cost": tally.cost, "steps": tally.steps}


class Agents:
    """Those of one run. ``emit`` says something as the run."""

    def __init__(self, emit: Callable[[Event], object]) -> None:
        self._emit = emit
        self.main = Agent(AgentStatus(name=MAIN, role="", task="", parent=""), emit)
        self._known: dict[str, Agent] = {MAIN: self.main}
        self._messages = 0

    def hire(self, role: str, task: str, *, parent: str = MAIN, worktree: str | None = None) -> Agent:
        """One more, under a name of its own. It waits."""
        name, number = role, 1
        while name in self._known:
            number += 1
            name = f"{role}-{number}"
        status = AgentStatus(name=name, role=role, task=bounded(task, TASK), parent=parent, worktree=worktree)
        agent = self._known[name] = Agent(status, self._emit)
        agent.change()
        return agent

    def say(
        self, kind: MessageKind, text: str, *, sender: str, to: str | None = None, answers: int | None = None
    ) -> AgentMessage:
        """One says something to another, or to all."""
        self._messages += 1
        message = AgentMessage(
            number=self._messages, kind=kind, sender=sender, to=to, text=bounded(text, TEXT), answers=answers
        )
        self._emit(AgentSaid(message=message))
        return message

    def steer(self, name: str, text: str) -> None:
        """Tell one something. Raises `NotFound`, `Conflict` and `UsageError`."""
        self._found(name).steering.say(text)

    def stop(self, name: str) -> None:
        """End one; the others go on. Raises `NotFound` and `Conflict`."""
        self._found(name).stop()

    def close(self) -> None:
        """The run is over: nobody hears anything more."""
        for agent in self._known.values():
            agent.steering.close()

    def _found(self, name: str) -> Agent:
        agent = self._known.get(name)
        if agent is None:
            raise NotFound(
                f"No agent of this run is called {name[:80]!r}.", hint=f"There are: {', '.join(self._known)}."
            )
        return agent
