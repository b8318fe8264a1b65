"""What may be done with a plan: a pure room. A plan that could not be carried out is refused with a sentence
that names the task."""

from collections.abc import Sequence

from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError
from codemad_jupyter.protocol.plans import MOST_TASKS, Plan, PlanStatus, PlanTask, TaskStatus


def checked(tasks: Sequence[PlanTask]) -> tuple[PlanTask, ...]:
    """The tasks, if they can be done one after another. Raises `UsageError`."""
    if not tasks:
        raise UsageError("A plan needs a task.", hint="Name at least one, or drop the plan.")
    if len(tasks) > MOST_TASKS:
        raise UsageError(f"The plan has {len(tasks)} tasks; {MOST_TASKS} at most.", hint="Join some.")
    known: set[str] = set()
    for task in tasks:
        if task.id in known:
            raise UsageError(f"Two tasks are called {task.id}.", hint="Give each an id of its own.")
        known.add(task.id)
    for task in tasks:
        unknown = [need for need in task.needs if need not in known]
        if unknown:
            raise UsageError(
                f"Task {task.id} (“{task.title}”) needs {unknown[0]}, which is no task of the plan.",
                hint=f"Tasks: {', '.join(each.id for each in tasks)}.",
            )
    circle = _circle(tasks)
    if circle:
        raise UsageError(
            f"These tasks wait for each other: {' → '.join(circle)}.", hint="Let one of them need less."
        )
    return tuple(tasks)


def _circle(tasks: Sequence[PlanTask]) -> list[str]:
    """The ids of a circle, the first one again at its end; empty where there is none."""
    needs = {task.id: task.needs for task in tasks}
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        stack = [(start, iter(needs[start]))] if start not in done else []
        while stack:
            id, left = stack[-1]
            if id not in path:
                path.append(id)
            following = next((need for need in left if need not in done), None)
            if following is None:
                done.add(id)
                path.pop()
                stack.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            else:
                stack.append((following, iter(needs[following])))
    return []


def ordered(tasks: Sequence[PlanTask]) -> tuple[PlanTask, ...]:
    """The order in which they are done: as listed, but none before what it needs."""
    left, done, found = list(tasks), set[str](), list[PlanTask]()
    while left:
        ready = next((task for task in left if done.issuperset(task.needs)), None)
        if ready is None:
            raise ValueError("only a checked plan has an order")
        left.remove(ready)
        done.add(ready.id)
        found.append(ready)
    return tuple(found)


def next_task(plan: Plan) -> PlanTask | None:
    """The first that is open and lacks nothing that it needs."""
    done = {task.id for task in plan.tasks if task.status == "done"}
    order = ordered(plan.tasks)
    return next((task for task in order if task.status == "open" and done.issuperset(task.needs)), None)


def task_of(plan: Plan, id: str) -> PlanTask:
    """A task by its id. Raises `NotFound`."""
    for task in plan.tasks:
        if task.id == id:
            return task
    raise NotFound(f"The plan has no task {id}.", hint=f"Tasks: {', '.join(each.id for each in plan.tasks)}.")


def with_task(plan: Plan, id: str, status: TaskStatus, note: str | None = None) -> Plan:
    """The plan with a task that is as far as this. Raises `NotFound`."""
    task = task_of(plan, id)
    new = task.model_copy(update={"status": status, "note": task.note if note is None else note[:2000]})
    return _changed(plan, tuple(new if each.id == id else each for each in plan.tasks))


def with_status(plan: Plan, status: PlanStatus) -> Plan:
    """The plan at another point of its way."""
    return plan.model_copy(update={"status": status, "revision": plan.revision + 1})


def edited(plan: Plan, tasks: Sequence[PlanTask], *, revision: int, goal: str | None = None) -> Plan:
    """The plan with a person's tasks, which waits for approval again. Raises `Conflict` or `UsageError`."""
    check_revision(plan, revision)
    far = {task.id: task for task in plan.tasks}
    kept = tuple(
        task.model_copy(update={"status": old.status, "note": old.note})
        if (old := far.get(task.id)) is not None and old.status != "running"
        else task.model_copy(update={"status": "open", "note": ""})
        for task in tasks
    )
    changed = _changed(plan, checked(kept))
    return changed.model_copy(update={"status": "proposed", "goal": plan.goal if goal is None else goal})


def approved(plan: Plan, *, revision: int) -> Plan:
    """The plan, to be carried out: what failed or was stopped is open again. Raises `Conflict`."""
    check_revision(plan, revision)
    again = tuple(
        task if task.status == "done" else task.model_copy(update={"status": "open"}) for task in plan.tasks
    )
    if all(task.status == "done" for task in again):
        raise Conflict("All tasks of the plan are done.", hint="Add one, or ask for a new plan.")
    return _changed(plan, again).model_copy(update={"status": "approved"})


def check_revision(plan: Plan, revision: int) -> None:
    """Raises `Conflict` where the plan is dropped, or not the one a person looked at."""
    if plan.status == "dropped":
        raise Conflict("The plan was dropped.", hint="Ask for a new one with /plan.")
    if plan.revision != revision:
        raise Conflict("The plan has changed meanwhile.", hint="Look at it again, then repeat the change.")


def stopped(plan: Plan) -> Plan:
    """The plan with nothing under way: a task that was begun is open again."""
    return _changed(
        plan,
        tuple(
            task.model_copy(update={"status": "open"}) if task.status == "running" else task
            for task in plan.tasks
        ),
    )


def progress(plan: Plan) -> str:
    """How far it is, in a sentence."""
    done = sum(task.status == "done" for task in plan.tasks)
    failed = [task for task in plan.tasks if task.status == "failed"]
    said = f"{done} of {len(plan.tasks)} tasks are done."
    return f"{said} Task {failed[0].id} (“{failed[0].title}”) failed." if failed else said


def _changed(plan: Plan, tasks: tuple[PlanTask, ...]) -> Plan:
    return plan.model_copy(update={"tasks": tasks, "revision": plan.revision + 1})
