"""What the runs of a session share, and what waits for the person at it."""

from dataclasses import dataclass

from codemad_jupyter.orchestrator.approvals import Approvals
from codemad_jupyter.orchestrator.checkpointing import Checkpointer
from codemad_jupyter.orchestrator.kernel_watch import KernelWatch
from codemad_jupyter.orchestrator.questions import Questions
from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.orchestrator.state import State
from codemad_jupyter.tools.jobs import Jobs


@dataclass(frozen=True)
class RunDesk:
    """The desk of one session."""

    reviewer: Reviewer
    checkpointer: Checkpointer
    approvals: Approvals
    questions: Questions
    watch: KernelWatch
    jobs: Jobs

    @property
    def busy(self) -> bool:
        """Does a cell run that an accepted edit asked for, or a command in the background?"""
        return self.reviewer.cells.busy or self.jobs.busy

    def settle_dead(self, state: State) -> bool:
        """Settle what a process that has ended asked. Was there any?"""
        dead = [each.settle_dead(state) for each in (self.approvals, self.questions)]
        return any(dead)


def desk_of(services: Services, session: Session) -> RunDesk:
    """A desk for a session."""
    emit, patience = session.bus.emit, services.patience
    checkpointer = Checkpointer(services, session)
    approvals = Approvals(emit, patience=patience, allowed=services.allowed)
    return RunDesk(
        Reviewer(services, session, checkpointer, approvals=approvals),
        checkpointer,
        approvals,
        Questions(emit, patience=patience),
        KernelWatch(emit),
        Jobs(services.root, wanted=services.sandbox_wanted, hidden=services.hidden),
    )
