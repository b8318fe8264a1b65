"""``plan`` as a command with words after it: the same on the command line and behind the magic. Carrying a
plan out is a run, which each of them draws in its own way."""

import argparse
from collections.abc import Sequence

from codemad_jupyter.app.client import EngineClient
from codemad_jupyter.app.memory_commands import Words
from codemad_jupyter.app.plan_words import add_plan_verbs
from codemad_jupyter.app.timeline_commands import Answer
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.errors import CodemadError, NotFound, UsageError
from codemad_jupyter.protocol.events import PlanChanged
from codemad_jupyter.protocol.plans import Plan, PlanTask, plan_text


def read_plan_words(words: Sequence[str]) -> argparse.Namespace:
    """What was typed after ``plan``. Raises `UsageError`."""
    parser = Words(prog="%codemad plan", add_help=False)
    add_plan_verbs(parser)
    return parser.parse_args([*words] or ["show"])


def approval(client: EngineClient, session: str, *, target: cmd.Target, edge: cmd.Edge) -> cmd.ApprovePlan:
    """The command that carries the plan out as it is now. Raises `NotFound`."""
    plan = current(client, session)
    return cmd.ApprovePlan(session=session, plan=plan.id, revision=plan.revision, target=target, edge=edge)


def current(client: EngineClient, session: str) -> Plan:
    """The plan of the session. Raises `NotFound`."""
    plan = client.plan(session)
    if plan is None:
        raise NotFound("This conversation has no plan.", hint="Ask for one: /plan WHAT")
    return plan


def perform(client: EngineClient, asked: argparse.Namespace, *, session: str) -> Answer:
    """Do what was asked after ``plan``, but for carrying it out."""
    plan = current(client, session)
    if asked.verb in (None, "show"):
        return Answer(plan_text(plan), plan.model_dump())
    if asked.verb == "drop":
        return _changed(client, cmd.DropPlan(session=session, plan=plan.id))
    tasks = tuple(_tasks(plan, asked))
    return _changed(
        client, cmd.ChangePlan(session=session, plan=plan.id, revision=plan.revision, tasks=tasks)
    )


def _tasks(plan: Plan, asked: argparse.Namespace) -> list[PlanTask]:
    """The tasks as they are to be."""
    tasks = list(plan.tasks)
    if asked.verb == "add":
        number = next(n for n in range(len(tasks) + 1, 1_000) if f"task-{n}" not in {t.id for t in tasks})
        return [*tasks, _written(PlanTask(id=f"task-{number}", title="?"), plan, asked)]
    task = picked(plan, asked.task)
    at = tasks.index(task)
    if asked.verb == "edit":
        tasks[at] = _written(task, plan, asked)
    elif asked.verb == "move":
        if not 1 <= asked.place <= len(tasks):
            raise UsageError(f"There are {len(tasks)} tasks.", hint="Give a number of the list.")
        tasks.insert(asked.place - 1, tasks.pop(at))
    else:
        tasks.pop(at)
        tasks = [
            each.model_copy(update={"needs": tuple(need for need in each.needs if need != task.id)})
            for each in tasks
        ]
    return tasks


def _written(task: PlanTask, plan: Plan, asked: argparse.Namespace) -> PlanTask:
    """The task with what was given of it."""
    given = {
        "title": " ".join(asked.title) or None,
        "detail": asked.detail,
        "minutes": asked.minutes,
        "needs": None
        if asked.after is None
        else tuple(picked(plan, word.strip()).id for word in asked.after.split(",") if word.strip()),
    }
    fields = task.model_dump() | {name: value for name, value in given.items() if value is not None}
    try:
        return PlanTask.model_validate(fields)
    except ValueError as error:
        raise UsageError("That is no task.", hint=str(error).splitlines()[-2].strip()) from error


def picked(plan: Plan, word: str) -> PlanTask:
    """The task a person means by its number or id. Raises `NotFound`."""
    if word.isascii() and word.isdecimal() and 1 <= int(word) <= len(plan.tasks):
        return plan.tasks[int(word) - 1]
    for task in plan.tasks:
        if task.id == word:
            return task
    raise NotFound(f"The plan has no task {word}.", hint="Give a number of the list.")


def _changed(client: EngineClient, command: cmd.Command) -> Answer:
    told: PlanChanged | None = None
    for event in client.follow(client.submit(command)):
        told = event if isinstance(event, PlanChanged) else told
    if told is None:
        raise CodemadError("The engine did not say what it did.", hint="Show the plan to see.")
    return Answer(plan_text(told.plan), told.plan.model_dump())
