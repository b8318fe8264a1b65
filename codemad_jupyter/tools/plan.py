"""The tool by which a model lays out its plan and says how far it is."""

from typing import Any, Literal

from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.protocol.plans import Plan, PlanTask
from codemad_jupyter.tools.reach import KeepsPlan
from codemad_jupyter.tools.tool import ToolContext, tool


@tool("write", axis="plan", account=lambda result: result["status"])
async def plan(
    context: ToolContext,
    action: Literal["propose", "update"],
    goal: str = "",
    tasks: list[PlanTask] | None = None,
    task: str = "",
    status: Literal["done", "failed"] | None = None,
    note: str = "",
) -> dict[str, Any]:
    """Lay out or carry on the plan. Action "propose" needs a goal and tasks, each with an id, a title, and
    where it helps: detail, needs (ids of tasks that come first) and minutes (an estimate); it takes the place
    of an earlier proposal. Action "update" needs the id of the task at hand and its status, with a note that
    says why or what came of it. The person decides whether and in what order tasks are done."""
    door = _door(context)
    if action == "propose":
        if not goal.strip() or not tasks:
            raise ToolError("A plan needs a goal and tasks.", hint="Give goal and tasks.")
        made = door.propose(goal.strip(), tuple(tasks))
        return {"status": f"proposed, {len(made.tasks)} tasks", "plan": made.id}
    if not task or status is None:
        raise ToolError("Which task is how far?", hint="Give task and status.")
    return {"status": f"task {task} is {status}", **_left(door.update(task, status, note))}


def _left(plan: Plan) -> dict[str, Any]:
    return {"open": [each.id for each in plan.tasks if each.status == "open"]}


def _door(context: ToolContext) -> KeepsPlan:
    if context.plan is None:
        raise ToolError("There is no plan here.", hint="Go on without one.")
    return context.plan


TOOLS = (plan,)
