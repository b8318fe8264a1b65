"""The phases of a run as a state machine with no I/O: ``step(state, stimulus) -> (state, instruction)``.

A question has one phase (discuss). A change is executed, then verified: what was proposed and
failed its trial is told to the person.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from codemad_jupyter.protocol.commands import Intent
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.events import Phase


@dataclass(frozen=True)
class Begun:
    """The run begins with this intent."""

    intent: Intent


@dataclass(frozen=True)
class LoopEnded:
    """The model has nothing more to do; these edits were proposed."""

    proposed: tuple[Edit, ...]


Stimulus = Begun | LoopEnded


@dataclass(frozen=True)
class Enter:
    """Enter a phase and let the agent work."""

    phase: Phase


@dataclass(frozen=True)
class Conclude:
    """End the run; ``failing`` are the proposals whose trial failed."""

    verified: bool = False
    failing: tuple[Edit, ...] = ()


Instruction = Enter | Conclude


@dataclass(frozen=True)
class Workflow:
    """Where a run stands."""

    phase: Phase | None = None


def step(state: Workflow, stimulus: Stimulus) -> tuple[Workflow, Instruction]:
    """The next state and what to do."""
    match stimulus:
        case Begun(intent=intent):
            phase: Phase = "discuss" if intent == "answer" else "execute"
            return replace(state, phase=phase), Enter(phase)
        case LoopEnded(proposed=proposed):
            if not proposed:
                return state, Conclude()
            failing = tuple(e for e in proposed if e.trial is not None and e.trial.status == "failed")
            return replace(state, phase="verify"), Conclude(verified=True, failing=failing)
        case _:
            assert_never(stimulus)
