"""The plan of a session at work: what a run and a person do with it becomes `PlanChanged`, so that it is
stored with the session. What may be done is decided in `planning`."""

from collections.abc import Callable
from dataclasses import dataclass

from codemad_jupyter.orchestrator import planning
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import ApprovePlan, ChangePlan, DropPlan
from codemad_jupyter.protocol.errors import Conflict, NotFound
from codemad_jupyter.protocol.events import Event, PlanChanged
from codemad_jupyter.protocol.plans import Plan, PlanTask, TaskStatus
from codemad_jupyter.tools.proposals import new_id


def plan_of(session: Session, id: str) -> Plan:
    """The session's plan, if it is that one. Raises `NotFound`."""
    plan = session.state.plan
    if plan is None or plan.id != id:
        raise NotFound("That is not the plan of this session any more.", hint="Look at /plan.")
    return plan


def change(session: Session, command: ChangePlan | DropPlan) -> None:
    """Do what a person asks. Raises `NotFound`, `Conflict` or `UsageError`."""
    plan = plan_of(session, command.plan)
    if isinstance(command, DropPlan):
        if plan.status == "dropped":
            raise Conflict("The plan is dropped already.", hint="Ask for a new one with /plan.")
        dropped = planning.with_status(plan, "dropped")
        session.bus.emit(PlanChanged(change="dropped", plan=dropped, text="The plan was dropped."))
        return
    new = planning.edited(plan, command.tasks, revision=command.revision, goal=command.goal)
    session.bus.emit(PlanChanged(change="edited", plan=new, text="You changed the plan."))


def approve(session: Session, command: ApprovePlan) -> Plan:
    """The plan as it is to be carried out. Raises `NotFound` or `Conflict`."""
    return planning.approved(plan_of(session, command.plan), revision=command.revision)


def task_text(plan: Plan, task: PlanTask) -> str:
    """What the model is told to do now."""
    number = [each.id for each in planning.ordered(plan.tasks)].index(task.id) + 1
    before = [f"- {each.title}: {each.note}" for each in plan.tasks if each.status == "done" and each.note]
    lines = [
        f"Task {number} of {len(plan.tasks)} of the approved plan “{plan.goal}”, id {task.id}: {task.title}",
        task.detail,
        *(["Of the tasks before:", *before] if before else []),
    ]
    return "\n".join(filter(None, lines))


@dataclass
class RunPlan:
    """The plan, as one run may use it. ``task`` is the one at hand while a plan is carried out."""

    session: Session
    run: str
    emit: Callable[[Event], object]
    task: str | None = None

    @property
    def now(self) -> Plan | None:
        """The plan, if this run has to do with it."""
        state = self.session.state
        return state.plan if self.task is not None or state.plan_run == self.run else None

    def propose(self, goal: str, tasks: tuple[PlanTask, ...]) -> Plan:
        """Lay it out; see `tools.tool.KeepsPlan`. Raises `Conflict` while one is carried out."""
        if self.task is not None:
            raise Conflict("The approved plan is being carried out.", hint="Finish the task at hand.")
        fresh = tuple(task.model_copy(update={"status": "open", "note": ""}) for task in tasks)
        new = Plan(id=new_id("plan"), goal=goal[:2000], tasks=planning.checked(fresh))
        old = self.session.state.plan
        if old is not None and old.status == "proposed":
            if self.session.state.plan_run == self.run:
                new = new.model_copy(update={"id": old.id, "revision": old.revision + 1})
            else:
                dropped = planning.with_status(old, "dropped")
                self.emit(PlanChanged(change="dropped", plan=dropped, text="A new plan takes its place."))
        self.emit(PlanChanged(change="proposed", plan=new))
        return new

    def update(self, task: str, status: TaskStatus, note: str) -> Plan:
        """Note how far the task at hand is. Raises `Conflict` for another one."""
        if self.task is None or task != self.task:
            said = f"The task at hand is {self.task}." if self.task else "No plan is carried out now."
            raise Conflict(said, hint="Only the task at hand can be updated.")
        return self.settle(task, status, note)

    def settle(self, task: str, status: TaskStatus, note: str | None) -> Plan:
        """Note how far a task is; with the last one the plan is done."""
        plan = self.session.state.plan
        if plan is None:
            raise NotFound("There is no plan.", hint="Ask for one with /plan.")
        new = planning.with_task(plan, task, status, note)
        if all(each.status == "done" for each in new.tasks):
            new = new.model_copy(update={"status": "done"})
        self.emit(PlanChanged(change="progress", plan=new))
        self.task = task
        return new


def leave(session: Session, emit: Callable[[Event], object]) -> None:
    """A run has ended: what it had begun of the plan is open again, so that it can be taken up."""
    plan = session.state.plan
    if plan is not None and any(task.status == "running" for task in plan.tasks):
        emit(PlanChanged(change="progress", plan=planning.stopped(plan)))
