"""When to stop following a command: which event is the last one that belongs to it. Pure."""

from collections.abc import Callable

from codemad_jupyter.protocol.commands import (
    AcceptEdit,
    Ack,
    AnswerQuestion,
    Approve,
    ApprovePlan,
    ChangePlan,
    Command,
    ConfirmMemory,
    DropPlan,
    EditMemory,
    ForgetMemory,
    MakeBranch,
    MakeCheckpoint,
    MergeAgents,
    MergeBranch,
    NameBranch,
    NameCheckpoint,
    Prompt,
    PruneCheckpoints,
    Redo,
    Reject,
    RejectEdit,
    RememberFact,
    ResolveMerge,
    RestoreCheckpoint,
    ShareSession,
    SwitchBranch,
    Undo,
    UnshareSession,
    VerifyNotebook,
)
from codemad_jupyter.protocol.events import (
    ApprovalSettled,
    BranchChanged,
    CheckpointMade,
    CheckpointsChanged,
    EditSettled,
    Event,
    MemoryChanged,
    PlanChanged,
    QuestionSettled,
    Restored,
    RunFinished,
    ShareChanged,
)

Ending = Callable[[Event], bool]


class Submitted:
    """Which command an acknowledgement was the answer to. Two may be equal, such as that of a prompt when it
    is followed anew and that of the command which cancels it, so they are told apart as objects."""

    def __init__(self) -> None:
        self._commands: dict[int, tuple[Ack, Command]] = {}

    def keep(self, ack: Ack, command: Command) -> None:
        """Remember it, until it is followed."""
        self._commands[id(ack)] = (ack, command)

    def ending(self, ack: Ack) -> Ending | None:
        """How to know the last event that belongs to it; None when there is nothing to wait for."""
        _, command = self._commands.pop(id(ack), (ack, None))
        return ending(command, ack)


def ending(command: Command | None, ack: Ack) -> Ending | None:
    """Says of each event whether it is the last; None when there is nothing to wait for.

    Only a prompt, a plan that is carried out and a verification go on after it. The others have done their
    work by then, so their last event is there already. Accepting with ``execute`` ends when the edit is
    settled: the kernel that follows may be the one that has to run the cell, and cannot before it stops
    waiting.
    """
    match command:
        case Prompt() | ApprovePlan() | VerifyNotebook() | None:
            return _run_ended(ack)
        case ResolveMerge() | MergeAgents() | MergeBranch():
            return _run_ended(ack)
        case AcceptEdit() | RejectEdit():
            edit = command.edit
            return lambda event: isinstance(event, EditSettled) and event.edit == edit
        case Approve() | Reject():
            approval = command.approval
            return lambda event: isinstance(event, ApprovalSettled) and event.approval == approval
        case AnswerQuestion():
            question = command.question
            return lambda event: isinstance(event, QuestionSettled) and event.question == question
        case Undo() | Redo() | RestoreCheckpoint():
            kind = "restore" if isinstance(command, RestoreCheckpoint) else command.type
            return lambda event: isinstance(event, Restored) and event.kind == kind
        case MakeBranch() | SwitchBranch():
            restore = command.restore
            return lambda event: _stands(event, restore=restore)
        case NameBranch():
            return lambda event: isinstance(event, BranchChanged)
        case MakeCheckpoint():
            return lambda event: isinstance(event, CheckpointMade) and event.reason == "manual"
        case NameCheckpoint() | PruneCheckpoints():
            return lambda event: isinstance(event, CheckpointsChanged)
        case RememberFact() | EditMemory() | ConfirmMemory() | ForgetMemory():
            return lambda event: isinstance(event, MemoryChanged) and event.run is None
        case ShareSession() | UnshareSession():
            guest = command.guest
            return lambda event: isinstance(event, ShareChanged) and event.guest == guest
        case ChangePlan() | DropPlan():
            plan = command.plan
            return lambda event: isinstance(event, PlanChanged) and event.plan.id == plan
        case _:
            return None


def _run_ended(ack: Ack) -> Ending | None:
    run = ack.run
    return None if run is None else lambda event: isinstance(event, RunFinished) and event.run == run


def _stands(event: Event, *, restore: bool) -> bool:
    """Files that differ are brought back after the branch was taken."""
    if isinstance(event, BranchChanged):
        return not (restore and event.checkpoint)
    return restore and isinstance(event, Restored)
