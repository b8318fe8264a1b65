"""Plans: what is refused, the order of tasks, and what a person may change."""

import pytest

from codemad_jupyter.orchestrator import planning
from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError
from codemad_jupyter.protocol.plans import MOST_TASKS, Plan, PlanTask, plan_text


def task(id: str, *needs: str, status: str = "open") -> PlanTask:
    return PlanTask(id=id, title=f"do {id}", needs=needs, status=status)  # type: ignore[arg-type]


def plan(*tasks: PlanTask) -> Plan:
    return Plan(id="p", goal="Get there", tasks=tasks)


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ((), "needs a task"),
        ((task("a"), task("a")), "Two tasks are called a"),
        ((task("a", "z"),), "needs z, which is no task"),
        ((task("a", "a"),), "wait for each other: a → a"),
        ((task("x"), task("a", "b", "x"), task("b", "c"), task("c", "a")), "a → b → c → a"),
        (tuple(task(f"t{number}") for number in range(MOST_TASKS + 1)), "at most"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(tasks: tuple[PlanTask, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        planning.checked(tasks)


def test_two_ways_to_one_task_are_no_circle() -> None:
    tasks = (task("d", "b", "c"), task("b", "a"), task("c", "a"), task("a"))
    assert [each.id for each in planning.ordered(planning.checked(tasks))] == ["a", "b", "c", "d"]


def test_tasks_are_done_as_listed_but_none_before_what_it_needs() -> None:
    started = plan(task("c"), task("b", "a"), task("a", status="failed"), task("d"))
    first = planning.next_task(started)
    assert first is not None
    assert first.id == "c"
    second = planning.next_task(planning.with_task(started, "c", "done"))
    assert second is not None
    assert second.id == "d"
    assert (
        planning.next_task(planning.with_task(planning.with_task(started, "c", "done"), "d", "done")) is None
    )


def test_a_persons_change_keeps_how_far_tasks_are_and_waits_for_approval_again() -> None:
    old = plan(task("a", status="done"), task("b", "a")).model_copy(update={"status": "approved"})
    moved = (task("new"), task("b").model_copy(update={"title": "other", "status": "done"}), task("a"))
    new = planning.edited(old, moved, revision=1)
    assert [(each.id, each.status) for each in new.tasks] == [("new", "open"), ("b", "open"), ("a", "done")]
    assert (new.status, new.revision, new.tasks[1].title) == ("proposed", 2, "other")
    with pytest.raises(Conflict, match="changed meanwhile"):
        planning.edited(new, moved, revision=1)


def test_approving_opens_what_failed_and_refuses_what_is_over() -> None:
    again = planning.approved(plan(task("a", status="done"), task("b", status="failed")), revision=1)
    assert [each.status for each in again.tasks] == ["done", "open"]
    with pytest.raises(Conflict, match="All tasks of the plan are done"):
        planning.approved(plan(task("a", status="done")), revision=1)
    dropped = planning.with_status(again, "dropped")
    with pytest.raises(Conflict, match="was dropped"):
        planning.approved(dropped, revision=dropped.revision)


def test_what_was_begun_is_open_after_a_stop() -> None:
    assert planning.stopped(plan(task("a", status="running"))).tasks[0].status == "open"
    with pytest.raises(NotFound, match="no task z"):
        planning.with_task(plan(task("a")), "z", "done")


def test_the_plan_as_text_names_tasks_by_number() -> None:
    told = plan(task("a", status="done"), task("b", "a").model_copy(update={"minutes": 20, "detail": "x"}))
    lines = plan_text(told).splitlines()
    assert lines[0] == "Plan: Get there (waits for approval)"
    assert lines[1:3] == ["  1. [x] do a", "  2. [ ] do b (about 20 min, after 1)"]
    assert lines[3].strip() == "x"
