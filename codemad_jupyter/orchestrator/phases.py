"""One run on its way through the workflow: what happened goes in as a stimulus, what is to be done is done,
and what the model is told next comes out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from codemad_jupyter.orchestrator.loop import Outcome
from codemad_jupyter.orchestrator.plans import RunPlan, task_text
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.orchestrator.workflow import (
    Answered,
    Conclude,
    Enter,
    Halted,
    LookAgain,
    Repair,
    Settle,
    Stimulus,
    Tell,
    Work,
    Workflow,
    step,
)
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.events import Event, Notice, PhaseChanged
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.phases import ExtraPhase


class Phases:
    """The workflow of one run, with the plan it has to do with."""

    def __init__(
        self,
        session: Session,
        run: str,
        emit: Callable[[Event], object],
        *,
        repairs: int,
        steps: tuple[ExtraPhase, ...] = (),
    ) -> None:
        self.plan = RunPlan(session, run, emit)
        self._session = session
        self._run = run
        self._emit = emit
        self._state = Workflow(repairs=repairs, steps=steps)
        self._earlier: frozenset[str] = frozenset()
        self._end: Conclude | None = None

    async def go_on(self) -> Message | None:
        """What the model is told when it has nothing more to call; None when the run is at its end."""
        return self.next(Answered(self._proposed(), self.plan.now))

    def end(self, outcome: Outcome) -> Outcome:
        """How the run ended, when its loop ended like this."""
        if self._end is None and outcome.status == "done" and self._state.task is None:
            self._state = replace(self._state, repairs=0, steps=())  # it was cut: nothing can be mended
            self.next(Answered(self._proposed(), self.plan.now))
            return outcome
        if self._end is None:
            self.next(Halted(outcome.status, outcome.text))
        if self._end is None or not self._end.text:
            return outcome
        return Outcome(self._end.status, self._end.text, outcome.fault)

    def next(self, stimulus: Stimulus) -> Message | None:
        """Follow the workflow's instructions; what the model is told of them."""
        told: Message | None = None
        self._state, instructions = step(self._state, stimulus)
        for instruction in instructions:
            match instruction:
                case Enter(phase=phase, step=name):
                    self._emit(PhaseChanged(phase=phase, step=name))
                case Settle(task=task, status=status, note=note):
                    self.plan.settle(task, status, note)
                case Work(task=task) if self.plan.now is not None:
                    self._earlier = frozenset(self._session.state.edits)
                    told = Message.user(task_text(self.plan.now, task))
                case Repair(failing=failing):
                    told = Message.user(_repair_text(failing))
                case LookAgain(step=extra):
                    told = Message.user(extra.text)
                case Tell(failing=failing):
                    for edit in failing:
                        self._emit(Notice(level="warning", code="trial_failed", text=_failed_text(edit)))
                case Conclude():
                    self._end = instruction
        return told

    def _proposed(self) -> tuple[Edit, ...]:
        """What stands of the run's proposals since the task at hand began."""
        state = self._session.state
        return tuple(
            edit
            for id, edit in state.edits.items()
            if state.edit_runs[id] == self._run and id not in self._earlier and edit.status != "rejected"
        )


def _repair_text(failing: Sequence[Edit]) -> str:
    """By name alone: how each one failed stands in the tool's answer, as far as the data level allows."""
    lines = "\n".join(f"- “{edit.title}” ({edit.id})" for edit in failing)
    return (
        f"These proposals failed when they were tried:\n{lines}\nPropose better ones, or say why you cannot."
    )


def _failed_text(edit: Edit) -> str:
    detail = edit.trial.detail if edit.trial else ""
    return f"“{edit.title}” failed when it was tried: {detail}"
