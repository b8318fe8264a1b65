"""What a session's events add up to: runs, edits, approvals. A pure fold, the same for live and replay."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from codemad_jupyter.protocol import events as ev
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.events import Event, RunStatus
from codemad_jupyter.protocol.plans import Plan
from codemad_jupyter.protocol.sessions import MAIN


@dataclass
class RunState:
    """A run; ``status`` is None while it goes on."""

    id: str
    status: RunStatus | None = None
    undone: bool = False
    away: bool = False
    """It belongs to another branch than the one the session stands on."""
    prompt: str = ""
    model: str = ""
    commit: str = ""
    seq: int = 0
    """The number of its first event."""


@dataclass
class State:
    """The session as its events tell it."""

    title: str = ""
    model: str = ""
    runs: dict[str, RunState] = field(default_factory=dict)
    edits: dict[str, Edit] = field(default_factory=dict)
    edit_runs: dict[str, str] = field(default_factory=dict)
    approvals: dict[str, ev.ApprovalAsked] = field(default_factory=dict)
    questions: dict[str, ev.QuestionAsked] = field(default_factory=dict)
    summaries: list[ev.Compacted] = field(default_factory=list)
    plan: Plan | None = None
    """The latest plan, as it is now."""
    plan_run: str | None = None
    """The run in which it was proposed."""
    branch: str = MAIN
    undone_on: dict[str, list[str]] = field(default_factory=dict)
    """By branch, checkpoints of the undos and restores that can be taken back, oldest first."""
    branch_of: dict[str, str] = field(default_factory=dict)
    """By checkpoint, the branch on which it was made."""

    def fold(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case ev.SessionChanged():
                self.title, self.model = event.title, event.model
            case ev.RunStarted(run=str(run)):
                self.runs[run] = RunState(run, prompt=event.prompt, model=event.model, seq=event.seq)
                self.undone.clear()
            case ev.CheckpointMade():
                self.branch_of[event.checkpoint] = self.branch
            case ev.BranchChanged() if event.change != "named":
                self.stand_on(event.branch, event.runs)
            case ev.RunFinished(run=str(run)):
                self.runs.setdefault(run, RunState(run)).status = event.status
            case ev.EditProposed(run=str(run)):
                self.edits[event.edit.id] = event.edit
                self.edit_runs[event.edit.id] = run
            case ev.EditTried() | ev.EditDiagnosed() | ev.EditSettled():
                self._fold_edit(event)
            case ev.ApprovalAsked():
                self.approvals[event.approval] = event
            case ev.ApprovalSettled():
                self.approvals.pop(event.approval, None)
            case ev.QuestionAsked():
                self.questions[event.question] = event
            case ev.QuestionSettled():
                self.questions.pop(event.question, None)
            case ev.Committed(run=str(run)) if run in self.runs:
                self.runs[run].commit = event.commit
            case ev.PlanChanged():
                if self.plan is None or self.plan.id != event.plan.id:
                    self.plan_run = event.run
                self.plan = event.plan
            case ev.Compacted():
                self.summaries.append(event)
            case ev.Restored():
                self._fold_restored(event)
            case _:
                pass

    def _fold_edit(self, event: ev.EditTried | ev.EditDiagnosed | ev.EditSettled) -> None:
        edit = self.edits.get(event.edit)
        if edit is None:
            return
        if isinstance(event, ev.EditTried):
            self.edits[edit.id] = edit.model_copy(update={"trial": event.trial})
            return
        if isinstance(event, ev.EditDiagnosed):
            self.edits[edit.id] = edit.model_copy(update={"diagnosis": event.diagnosis})
            return
        hunks = tuple(h.model_copy(update={"status": event.hunks.get(h.id, h.status)}) for h in edit.hunks)
        self.edits[edit.id] = edit.model_copy(update={"hunks": hunks})

    def _fold_restored(self, event: ev.Restored) -> None:
        back = event.kind == "redo"
        for runs, undone in ((event.runs, not back), (event.others, back)):
            for run in runs:
                if run in self.runs:
                    self.runs[run].undone = undone
        if not back:  # a restore may have led to another branch: it is taken back where it was begun
            begun = self.branch_of.get(event.checkpoint, self.branch)
            self.undone_on.setdefault(begun, []).append(event.checkpoint)
        elif self.undone:
            self.undone.pop()

    @property
    def undone(self) -> list[str]:
        """What can be taken back on the branch the session stands on."""
        return self.undone_on.setdefault(self.branch, [])

    def stand_on(self, branch: str, runs: Iterable[str]) -> None:
        """Another branch, with these runs."""
        here = set(runs)
        self.branch = branch
        for id, run in self.runs.items():
            run.away = id not in here

    @property
    def running(self) -> list[str]:
        """Runs that have not finished."""
        return [run.id for run in self.runs.values() if run.status is None]
