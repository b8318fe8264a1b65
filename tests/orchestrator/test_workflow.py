"""The workflow as a table: every state with every stimulus, and the rules of repairs and plans."""

from dataclasses import replace

import pytest

from codemad_jupyter.orchestrator.workflow import (
    REPAIRS,
    Answered,
    Begun,
    Conclude,
    Enter,
    Halted,
    Instruction,
    Repair,
    Settle,
    Stimulus,
    Tell,
    Where,
    Work,
    Workflow,
    WrongStimulus,
    step,
)
from codemad_jupyter.protocol.edits import Edit, FileTarget, Trial
from codemad_jupyter.protocol.plans import Plan, PlanTask

FIRST = PlanTask(id="a", title="Load")
SECOND = PlanTask(id="b", title="Plot", needs=("a",))
PLAN = Plan(id="p", goal="See it", tasks=(SECOND, FIRST))
DONE = PLAN.model_copy(
    update={"tasks": tuple(task.model_copy(update={"status": "done"}) for task in PLAN.tasks)}
)


def edit(id: str, trial: str | None) -> Edit:
    tried = Trial(status=trial, method="fork") if trial else None  # type: ignore[arg-type]
    return Edit(id=id, target=FileTarget(path="a"), title="t", trial=tried)


GOOD, BAD, WORSE = edit("good", "passed"), edit("bad", "failed"), edit("worse", "failed")
WAITS = "The plan waits for you: change it, approve it, or drop it."
ENDED: tuple[Where, tuple[Instruction, ...]] = ("ended", ())
ASKS, CHANGES, PLANS = Begun("answer"), Begun("edit"), Begun("plan")
CARRIES, SPENT = Begun("edit", PLAN), Begun("edit", DONE)
SAID, PROPOSED, FAILED = Answered(), Answered((GOOD,)), Answered((GOOD, BAD))
PLANNED, STOPPED = Answered(plan=PLAN), Halted("cancelled", "Stopped.")
VERIFY = Enter("verify")
END, STOP = Conclude(), Conclude("cancelled", "Stopped.")
MENDS: tuple[Where, tuple[Instruction, ...]] = ("verify", (VERIFY, Repair((BAD,))))
WORKS = (Enter("execute"), Settle("a", "running"), Work(FIRST))
Expected = tuple[Where, tuple[Instruction, ...]] | None

TABLE: dict[tuple[Where, str], Expected] = {
    ("new", "ASKS"): ("discuss", (Enter("discuss"),)),
    ("new", "CHANGES"): ("execute", (Enter("execute"),)),
    ("new", "PLANS"): ("plan", (Enter("plan"),)),
    ("new", "CARRIES"): ("execute", WORKS),
    ("new", "SPENT"): ("ended", (Enter("execute"), Conclude(text="2 of 2 tasks are done."))),
    ("new", "SAID"): None,
    ("new", "PROPOSED"): None,
    ("new", "FAILED"): None,
    ("new", "PLANNED"): None,
    ("new", "STOPPED"): ("ended", (STOP,)),
    ("discuss", "SAID"): ("ended", (END,)),
    ("discuss", "PROPOSED"): ("ended", (VERIFY, END)),
    ("discuss", "FAILED"): MENDS,
    ("discuss", "PLANNED"): ("ended", (END,)),
    ("discuss", "STOPPED"): ("ended", (STOP,)),
    ("plan", "SAID"): ("ended", (END,)),
    ("plan", "PROPOSED"): ("ended", (END,)),
    ("plan", "FAILED"): ("ended", (END,)),
    ("plan", "PLANNED"): ("ended", (Conclude(text=WAITS),)),
    ("plan", "STOPPED"): ("ended", (STOP,)),
    ("execute", "SAID"): ("ended", (END,)),
    ("execute", "PROPOSED"): ("ended", (VERIFY, END)),
    ("execute", "FAILED"): MENDS,
    ("execute", "PLANNED"): ("ended", (END,)),
    ("execute", "STOPPED"): ("ended", (STOP,)),
    ("verify", "SAID"): ("ended", (END,)),
    ("verify", "PROPOSED"): ("ended", (END,)),
    ("verify", "FAILED"): ("verify", (Repair((BAD,)),)),
    ("verify", "PLANNED"): ("ended", (END,)),
    ("verify", "STOPPED"): ("ended", (STOP,)),
}
STIMULI: dict[str, Stimulus] = {
    "ASKS": ASKS,
    "CHANGES": CHANGES,
    "PLANS": PLANS,
    "CARRIES": CARRIES,
    "SPENT": SPENT,
    "SAID": SAID,
    "PROPOSED": PROPOSED,
    "FAILED": FAILED,
    "PLANNED": PLANNED,
    "STOPPED": STOPPED,
}
WHERE: tuple[Where, ...] = ("new", "discuss", "plan", "execute", "verify", "ended")


@pytest.mark.parametrize("name", STIMULI)
@pytest.mark.parametrize("where", WHERE)
def test_every_state_takes_every_stimulus(where: Where, name: str) -> None:
    state = Workflow(where=where)
    # What ended stays ended; a run begins once.
    expected = ENDED if where == "ended" else TABLE.get((where, name))
    if expected is None:
        with pytest.raises(WrongStimulus):
            step(state, STIMULI[name])
        return
    after, instructions = step(state, STIMULI[name])
    assert (after.where, instructions) == expected


def test_what_failed_is_mended_in_bounded_rounds_and_then_told() -> None:
    state, _ = step(Workflow(), CHANGES)
    failures = [edit(f"bad {number}", "failed") for number in range(REPAIRS + 1)]
    for failing in failures[:-1]:
        state, instructions = step(state, Answered((failing,)))
        assert instructions[-1] == Repair((failing,))
    state, instructions = step(state, Answered((failures[-1],)))
    assert instructions == (Tell((failures[-1],)), END)


def test_a_round_in_which_nothing_changed_is_the_last() -> None:
    state, _ = step(Workflow(), CHANGES)
    state, _ = step(state, Answered((BAD,)))
    assert step(state, Answered((BAD,)))[1] == (Tell((BAD,)), END)


def test_where_nothing_can_be_mended_failures_are_told_at_once() -> None:
    state, _ = step(Workflow(repairs=0), CHANGES)
    assert step(state, FAILED)[1] == (VERIFY, Tell((BAD,)), END)


def running(plan: Plan, task: str, status: str = "running") -> Plan:
    tasks = tuple(
        each.model_copy(update={"status": status}) if each.id == task else each for each in plan.tasks
    )
    return plan.model_copy(update={"tasks": tasks})


def test_a_plan_is_carried_out_in_the_order_of_its_needs() -> None:
    state, _ = step(Workflow(), CARRIES)
    state, instructions = step(state, Answered((GOOD,), running(PLAN, "a")))
    assert instructions == (
        VERIFY,
        Settle("a", "done"),
        Enter("execute"),
        Settle("b", "running"),
        Work(SECOND),
    )
    assert state.task == "b"
    last = running(running(PLAN, "a", "done"), "b")
    after, instructions = step(state, Answered((), last))
    assert instructions == (Settle("b", "done"), Conclude(text="2 of 2 tasks are done."))
    assert after.where == "ended"


@pytest.mark.parametrize(("said", "failing"), [("failed", ()), ("running", (BAD,)), ("done", (BAD,))])
def test_a_task_that_failed_ends_the_plan(said: str, failing: tuple[Edit, ...]) -> None:
    state, _ = step(Workflow(repairs=0), CARRIES)
    after, instructions = step(state, Answered(failing, running(PLAN, "a", said)))
    conclusion = instructions[-1]
    assert isinstance(conclusion, Conclude)
    assert (after.where, conclusion.status) == ("ended", "failed")
    assert conclusion.text.startswith("0 of 2 tasks are done. Task a (“Load”) failed.")
    assert (Settle("a", "failed") in instructions) is (said != "failed")


@pytest.mark.parametrize(
    ("status", "left"), [("cancelled", "open"), ("out_of_budget", "open"), ("failed", "failed")]
)
def test_what_was_stopped_can_be_taken_up_again(status: str, left: str) -> None:
    state, _ = step(Workflow(), CARRIES)
    _, instructions = step(state, Halted(status, "Why."))  # type: ignore[arg-type]
    assert instructions == (Settle("a", left, "Why."), Conclude(status, "Why."))  # type: ignore[arg-type]


def test_each_task_has_its_own_rounds_of_repair() -> None:
    state, _ = step(Workflow(), CARRIES)
    state, _ = step(state, Answered((BAD,), running(PLAN, "a")))
    assert state.rounds == 1
    state, _ = step(state, Answered((GOOD,), running(PLAN, "a")))
    assert (state.task, state.rounds, state.mended) == ("b", 0, frozenset())
    assert step(replace(state, rounds=REPAIRS), Answered((WORSE,), running(PLAN, "b")))[0].where == "ended"
