"""A plan: tasks with what they need first, an estimate and how far they are. Values only; what may be done
with one is decided in ``orchestrator/planning``."""

from typing import Literal

from pydantic import Field

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.wording import counted

TaskStatus = Literal["open", "running", "done", "failed"]
PlanStatus = Literal["proposed", "approved", "done", "dropped"]
MOST_TASKS = 50


class PlanTask(Value):
    """One step. ``needs`` are the ids of tasks that come before it, ``minutes`` an estimate, ``note`` what
    came of it."""

    id: str = Field(max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str = Field(min_length=1, max_length=200)
    detail: str = Field(default="", max_length=4000)
    needs: tuple[str, ...] = ()
    minutes: float | None = Field(default=None, ge=0, le=100_000)
    status: TaskStatus = "open"
    note: str = Field(default="", max_length=2000)


class Plan(Value):
    """Tasks in the order in which they are listed; they are done in it as far as their needs allow.
    ``revision`` grows with every change, so that nobody changes what has changed meanwhile."""

    id: str
    goal: str = Field(max_length=2000)
    tasks: tuple[PlanTask, ...]
    status: PlanStatus = "proposed"
    revision: int = 1


_MARKS: dict[TaskStatus, str] = {"open": "[ ]", "running": "[>]", "done": "[x]", "failed": "[!]"}
_STANDS: dict[PlanStatus, str] = {
    "proposed": "waits for approval",
    "approved": "approved",
    "done": "done",
    "dropped": "dropped",
}


def progress_line(plan: Plan) -> str:
    """How far it is, in a line."""
    done = sum(task.status == "done" for task in plan.tasks)
    now = next((task for task in plan.tasks if task.status in ("running", "failed")), None)
    words = {"running": "now", "failed": "failed"}
    what = f"; {words[now.status]}: {now.title}" if now else ""
    return f"Plan: {done} of {counted(len(plan.tasks), 'task')} done{what}."


def plan_text(plan: Plan) -> str:
    """The plan as plain text, its tasks numbered as a person names them."""
    numbers = {task.id: number for number, task in enumerate(plan.tasks, start=1)}
    lines = [f"Plan: {plan.goal} ({_STANDS[plan.status]})"]
    for number, task in enumerate(plan.tasks, start=1):
        needs = ", ".join(str(numbers[need]) for need in task.needs if need in numbers)
        facts = [f"about {task.minutes:g} min"] if task.minutes is not None else []
        facts += [f"after {needs}"] if needs else []
        said = f" ({', '.join(facts)})" if facts else ""
        lines.append(f"{number:>3}. {_MARKS[task.status]} {task.title}{said}")
        lines += [f"         {line}" for line in (task.detail, task.note) if line]
    return "\n".join(lines)
