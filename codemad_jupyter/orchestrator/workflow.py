"""The phases of a run as a state machine with no I/O: ``step(state, stimulus) -> (state, instructions)``.

::

    new ──► discuss ──────────────┐
     ├────► plan ─────────────────┤      a question has one phase; a plan waits for the person;
     └────► execute ◄──► verify ──┴► ended    a change, or each task of a plan, is executed and verified

Packages may add steps to verify: the model is told to look at what it has proposed in one more way, once.
A proposal that failed its trial goes back to the model for at most `REPAIRS` rounds, and for no second one
in which nothing has changed. After the end nothing is told to do any more.
"""

from dataclasses import dataclass, replace
from typing import Literal, assert_never

from codemad_jupyter.orchestrator.planning import next_task, progress, task_of, with_task
from codemad_jupyter.protocol.commands import Intent
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.events import Phase, RunStatus
from codemad_jupyter.protocol.phases import ExtraPhase
from codemad_jupyter.protocol.plans import Plan, PlanTask, TaskStatus

REPAIRS = 2
"""How often failed proposals go back to the model, for one task."""
Where = Literal["new", "discuss", "plan", "execute", "verify", "ended"]
DISCUSSED: frozenset[Intent] = frozenset({"answer", "explain", "search", "review"})


class WrongStimulus(ValueError):
    """What cannot happen in that phase: a mistake in our own code."""


@dataclass(frozen=True)
class Begun:
    """The run begins with this intent; with ``plan`` to carry out an approved one."""

    intent: Intent
    plan: Plan | None = None


@dataclass(frozen=True)
class Answered:
    """The model has nothing more to call. These of its proposals stand; ``plan`` is the run's, as it is."""

    proposed: tuple[Edit, ...] = ()
    plan: Plan | None = None


@dataclass(frozen=True)
class Halted:
    """The loop ended otherwise: stopped, failed, out of budget, or in circles."""

    status: RunStatus
    text: str
    plan: Plan | None = None


Stimulus = Begun | Answered | Halted


@dataclass(frozen=True)
class Enter:
    """Say that a phase begins, or a step of it that a package adds."""

    phase: Phase
    step: str = ""


@dataclass(frozen=True)
class Settle:
    """Note how far a task of the plan is."""

    task: str
    status: TaskStatus
    note: str | None = None


@dataclass(frozen=True)
class Work:
    """Let the model do this task."""

    task: PlanTask


@dataclass(frozen=True)
class Repair:
    """Let the model mend these proposals."""

    failing: tuple[Edit, ...]


@dataclass(frozen=True)
class LookAgain:
    """Let the model take a step that a package adds."""

    step: ExtraPhase


@dataclass(frozen=True)
class Tell:
    """Tell the person of proposals that failed when they were tried."""

    failing: tuple[Edit, ...]


@dataclass(frozen=True)
class Conclude:
    """End the run; without a text as the loop has ended."""

    status: RunStatus = "done"
    text: str = ""


Instruction = Enter | Settle | Work | Repair | LookAgain | Tell | Conclude


@dataclass(frozen=True)
class Workflow:
    """Where a run stands. ``task`` is what is done of a plan, ``rounds`` and ``mended`` tell of repairs,
    ``steps`` are those of packages that are still to be taken."""

    where: Where = "new"
    task: str | None = None
    rounds: int = 0
    mended: frozenset[str] = frozenset()
    repairs: int = REPAIRS
    steps: tuple[ExtraPhase, ...] = ()


Step = tuple[Workflow, tuple[Instruction, ...]]


def step(state: Workflow, stimulus: Stimulus) -> Step:
    """The next state and what to do. Raises `WrongStimulus`."""
    if state.where == "ended":
        return state, ()
    match stimulus:
        case Begun():
            return _begun(state, stimulus)
        case Answered():
            return _answered(state, stimulus)
        case Halted():
            return _halted(state, stimulus)
        case _:
            assert_never(stimulus)


def _begun(state: Workflow, begun: Begun) -> Step:
    if state.where != "new":
        raise WrongStimulus(f"a run that is in {state.where} cannot begin")
    if begun.plan is not None:
        state = replace(state, where="execute")
        return _onward(state, begun.plan, (Enter("execute"),))
    phase: Phase = "plan" if begun.intent == "plan" else "discuss" if begun.intent in DISCUSSED else "execute"
    return replace(state, where=phase), (Enter(phase),)


def _answered(state: Workflow, answered: Answered) -> Step:
    match state.where:
        case "discuss" | "execute" | "verify":
            return _verified(state, answered)
        case "plan":
            waits = answered.plan is not None and answered.plan.status == "proposed"
            text = "The plan waits for you: change it, approve it, or drop it." if waits else ""
            return _ended(state, Conclude(text=text))
        case _:
            raise WrongStimulus("nobody was asked yet")


def _halted(state: Workflow, halted: Halted) -> Step:
    conclude = Conclude(halted.status, halted.text)
    if state.task is None:
        return _ended(state, conclude)
    # What was stopped can be taken up again; what failed is for the person to look at.
    status: TaskStatus = "failed" if halted.status == "failed" else "open"
    return _ended(state, Settle(state.task, status, halted.text), conclude)


def _verified(state: Workflow, answered: Answered) -> Step:
    """Look at what was proposed: mend it, go on with the plan, or end."""
    proposed = answered.proposed
    entered = (Enter("verify"),) if proposed and state.where != "verify" else ()
    failing = tuple(each for each in proposed if each.trial is not None and each.trial.status == "failed")
    ids = frozenset(each.id for each in failing)
    if failing and state.rounds < state.repairs and ids != state.mended:
        mending = replace(state, where="verify", rounds=state.rounds + 1, mended=ids)
        return mending, (*entered, Repair(failing))
    told: tuple[Instruction, ...] = (Tell(failing),) if failing else ()
    if state.steps and proposed and not failing and state.task is None:
        first, *rest = state.steps
        looking = replace(state, where="verify", steps=tuple(rest))
        return looking, (*entered, Enter("verify", first.name), LookAgain(first))
    if state.task is None or answered.plan is None:
        return _ended(state, *entered, *told, Conclude())
    return _task_done(state, answered.plan, (*entered, *told), failing)


def _task_done(
    state: Workflow, plan: Plan, before: tuple[Instruction, ...], failing: tuple[Edit, ...]
) -> Step:
    """The task ends as the model said, else as its proposals did when they were tried."""
    if state.task is None:
        raise WrongStimulus("no task is being done")
    said = task_of(plan, state.task).status
    status: TaskStatus = "failed" if failing or said == "failed" else "done"
    settled = with_task(plan, state.task, status)
    before = (*before, *(() if said == status else (Settle(state.task, status),)))
    if status == "failed":
        text = f"{progress(settled)} Change the plan, or approve it again to go on."
        return _ended(state, *before, Conclude("failed", text))
    again: tuple[Instruction, ...] = (Enter("execute"),) if next_task(settled) is not None else ()
    return _onward(state, settled, (*before, *again))


def _onward(state: Workflow, plan: Plan, before: tuple[Instruction, ...]) -> Step:
    """The next task of the plan, or its end."""
    task = next_task(plan)
    if task is None:
        return _ended(state, *before, Conclude(text=progress(plan)))
    working = replace(state, where="execute", task=task.id, rounds=0, mended=frozenset())
    return working, (*before, Settle(task.id, "running"), Work(task))


def _ended(state: Workflow, *instructions: Instruction) -> Step:
    return replace(state, where="ended", task=None), instructions
