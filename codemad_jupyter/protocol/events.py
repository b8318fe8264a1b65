"""Events: all that the engine says. Past participles, one tagged union, numbered per session.

Deltas, a running tool's output and the beginning of a cell are live only; every other event is kept and
can be replayed after a sequence number. Sequence numbers grow within a session but may have gaps. All
events stand in this one file, long as it is: they are one union, each is a few lines of plain values, and
a reader of the protocol looks for them in one place.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from codemad_jupyter.protocol.agents import AgentMessage, AgentStatus
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.checkpoints import CheckpointReason
from codemad_jupyter.protocol.commands import Edge, Intent, Target
from codemad_jupyter.protocol.diagnostics import Diagnosis
from codemad_jupyter.protocol.edits import Edit, EditStatus, HunkStatus, Trial
from codemad_jupyter.protocol.errors import ProviderErrorKind
from codemad_jupyter.protocol.memories import MemoryKind, MemoryScope
from codemad_jupyter.protocol.messages import Message, Usage
from codemad_jupyter.protocol.permissions import Axis, Mode
from codemad_jupyter.protocol.permissions import Risk as Risk
from codemad_jupyter.protocol.plans import Plan
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.segments import Segment
from codemad_jupyter.protocol.sharing import SharePermission
from codemad_jupyter.protocol.verification import Verification

RunStatus = Literal["done", "failed", "cancelled", "interrupted", "out_of_budget"]

Phase = Literal["discuss", "plan", "execute", "verify"]


class EventBase(Value):
    """``at`` is seconds since the epoch (UTC); order is by ``seq``, never by time."""

    seq: int = 0
    session: str = ""
    run: str | None = None
    agent: str = "main"
    at: float = 0.0


class SessionChanged(EventBase):
    """The session was opened, renamed, or got another model."""

    type: Literal["session_changed"] = "session_changed"
    title: str
    model: str


class BranchChanged(EventBase):
    """The session stands on another branch (made, switched), or a branch has another name. ``runs`` are the
    runs of the branch the session stands on now, in order; ``differing`` names files (at most 200) that are
    otherwise than the branch last had them, as ``checkpoint`` has them. ``text`` is one sentence."""

    type: Literal["branch_changed"] = "branch_changed"
    change: Literal["made", "switched", "named"]
    branch: str
    name: str
    runs: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    checkpoint: str | None = None
    text: str = ""


class RunStarted(EventBase):
    """A run began. ``why`` says why it is this model; ``guest`` names who asked, where it was not the person
    whose session it is."""

    type: Literal["run_started"] = "run_started"
    prompt: str
    model: str
    edge: Edge
    target: Target
    why: str = ""
    guest: str = ""


class IntentDecided(EventBase):
    type: Literal["intent_decided"] = "intent_decided"
    intent: Intent
    reason: str


class PhaseChanged(EventBase):
    """``step`` names a step of the phase that a package adds."""

    type: Literal["phase_changed"] = "phase_changed"
    phase: Phase
    step: str = ""


class PlanChanged(EventBase):
    """A plan was proposed, changed by the person, approved, carried on or dropped: the whole of it, as it is
    now. ``text`` is one sentence."""

    type: Literal["plan_changed"] = "plan_changed"
    change: Literal["proposed", "edited", "approved", "progress", "dropped"]
    plan: Plan
    text: str = ""


class AgentChanged(EventBase):
    """An agent of the run was given a task, began, went on or ended: how it stands now. What the agent does
    carries its name in ``agent``; this event carries it in ``status``."""

    type: Literal["agent_changed"] = "agent_changed"
    status: AgentStatus


class AgentSaid(EventBase):
    """One agent of the run said something to another, or to all."""

    type: Literal["agent_said"] = "agent_said"
    message: AgentMessage


class Steered(EventBase):
    """The person said something to the agent named in ``agent`` while it worked. Told when it was said, and
    again with ``read`` when it went to the model."""

    type: Literal["steered"] = "steered"
    id: str
    text: str
    read: bool = False


class ContextBuilt(EventBase):
    """What will be sent, segment by segment, in estimated tokens."""

    type: Literal["context_built"] = "context_built"
    segments: tuple[Segment, ...]
    tokens: int
    window: int | None = None


class TextDelta(EventBase):
    """Live only. ``message`` is the id that the finished `MessageDone` will carry."""

    type: Literal["text_delta"] = "text_delta"
    message: str
    text: str


class ThinkingDelta(EventBase):
    """Live only."""

    type: Literal["thinking_delta"] = "thinking_delta"
    message: str
    text: str


class MessageDone(EventBase):
    """A finished model message. ``cost`` is in US dollars, None when the price is unknown; ``seconds`` is how
    long the whole call took and ``first`` how long its first piece, where a model was called."""

    type: Literal["message_done"] = "message_done"
    id: str
    message: Message
    model: str
    usage: Usage = Usage()
    cost: float | None = None
    seconds: float = 0.0
    first: float | None = None


class ToolCalled(EventBase):
    type: Literal["tool_called"] = "tool_called"
    call: str
    tool: str
    arguments: dict[str, Any]
    risk: Risk


class ToolOutput(EventBase):
    """Live only: output while a tool still runs, to be added to what came before; a carriage return
    begins the last line again. Bounded, so the result may hold more."""

    type: Literal["tool_output"] = "tool_output"
    call: str
    text: str


class ToolDone(EventBase):
    """``summary`` is one line for the person; ``content`` is what the model gets."""

    type: Literal["tool_done"] = "tool_done"
    call: str
    tool: str
    status: Literal["ok", "error", "denied"]
    summary: str
    content: str
    seconds: float = 0.0


class ApprovalAsked(EventBase):
    """``digest`` binds the answer to exactly this action. ``commands`` are the simple commands of a command
    line; ``keepable`` says that the person may allow exactly this for good; ``expires`` is when no answer
    becomes a no (seconds since the epoch)."""

    type: Literal["approval_asked"] = "approval_asked"
    approval: str
    call: str
    tool: str
    action: str
    reason: str
    digest: str
    axis: Axis | None = None
    commands: tuple[str, ...] = ()
    rule: str = ""
    keepable: bool = False
    expires: float = 0.0


class ApprovalSettled(EventBase):
    type: Literal["approval_settled"] = "approval_settled"
    approval: str
    decision: Literal["approved", "rejected", "expired"]
    reason: str = ""


class QuestionAsked(EventBase):
    """An agent asks the person something; ``options`` are answers that can be chosen. ``expires`` is when it
    goes on without an answer (seconds since the epoch)."""

    type: Literal["question_asked"] = "question_asked"
    question: str
    text: str
    options: tuple[str, ...] = ()
    expires: float = 0.0


class QuestionSettled(EventBase):
    """``answer`` is the person's, or why there is none."""

    type: Literal["question_settled"] = "question_settled"
    question: str
    status: Literal["answered", "declined", "expired"]
    answer: str = ""


class CheckpointMade(EventBase):
    """Made before the first change of a run, before each undo, redo and restore, and on demand."""

    type: Literal["checkpoint_made"] = "checkpoint_made"
    checkpoint: str
    reason: CheckpointReason
    name: str = ""
    files: int = 0
    notebooks: tuple[str, ...] = ()


class EditProposed(EventBase):
    type: Literal["edit_proposed"] = "edit_proposed"
    edit: Edit


class EditTried(EventBase):
    """The proposal was tried away from the user's state."""

    type: Literal["edit_tried"] = "edit_tried"
    edit: str
    trial: Trial


class EditDiagnosed(EventBase):
    """Language servers looked at the proposal and found what it would bring: the problems are new."""

    type: Literal["edit_diagnosed"] = "edit_diagnosed"
    edit: str
    diagnosis: Diagnosis


class EditSettled(EventBase):
    """Hunks were settled; ``hunks`` holds the status of every hunk of the edit.
    With status ``stale`` nothing was applied and ``detail`` says why."""

    type: Literal["edit_settled"] = "edit_settled"
    edit: str
    status: EditStatus
    hunks: dict[int, HunkStatus]
    detail: str = ""


class CellStarted(EventBase):
    """Live only: the kernel has begun with a cell that it was to run on somebody's order."""

    type: Literal["cell_started"] = "cell_started"
    notebook: str
    cell: str


class CellExecuted(EventBase):
    """A cell was run on somebody's order; ``error`` is ``Name: message`` when it failed."""

    type: Literal["cell_executed"] = "cell_executed"
    notebook: str
    cell: str
    ok: bool
    error: str = ""
    seconds: float = 0.0


class Restored(EventBase):
    """An undo, a redo or a restore is done. ``runs`` are the runs whose changes went away (undo,
    restore) or came back (redo); for ``others`` it is the other way round, as when a restore goes to a
    point where undone runs were in place. ``merged`` names what holds the person's changes beside the
    restored ones, ``conflicts`` what could not be merged and was left as it is."""

    type: Literal["restored"] = "restored"
    kind: Literal["undo", "redo", "restore"]
    checkpoint: str
    runs: tuple[str, ...]
    others: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


class CheckpointsChanged(EventBase):
    """Checkpoints were named or pruned: the list is to be read again. ``text`` is one sentence."""

    type: Literal["checkpoints_changed"] = "checkpoints_changed"
    text: str


class Verified(EventBase):
    """A notebook was run again in a throw-away kernel."""

    type: Literal["verified"] = "verified"
    report: Verification


class KernelChanged(EventBase):
    """The kernel of a notebook died, was restarted, or was ended while a run or a cell needed it.
    ``lost`` are the names of the variables it held when it was last looked at (at most 200)."""

    type: Literal["kernel_changed"] = "kernel_changed"
    state: Literal["died", "restarted", "ended"]
    notebook: str | None = None
    text: str
    lost: tuple[str, ...] = ()


class DataLevelChosen(EventBase):
    """From now on no more than this is sent of the notebook (None: of all that have no own level)."""

    type: Literal["data_level_chosen"] = "data_level_chosen"
    level: DataLevel
    notebook: str | None = None


class ModeChosen(EventBase):
    """Another mode holds in the workspace, as long as this process does."""

    type: Literal["mode_chosen"] = "mode_chosen"
    mode: Mode
    was: Mode


class Compacted(EventBase):
    """A model summarised the conversation's first ``turns`` turns, up to the entry ``until``: from now on
    ``text`` is sent in their place, where the data level lets in what stood in them (``level``). The turns
    themselves stay."""

    type: Literal["compacted"] = "compacted"
    until: str
    text: str
    level: DataLevel
    model: str
    turns: int


class MemoryChanged(EventBase):
    """Facts were kept, edited, confirmed or forgotten; ``waiting`` ones wait for the person. Of what is
    forgotten there is no ``text``, here or in earlier events of this kind."""

    type: Literal["memory_changed"] = "memory_changed"
    change: Literal["kept", "waiting", "edited", "confirmed", "forgotten"]
    memories: tuple[str, ...]
    scope: MemoryScope | None = None
    kind: MemoryKind | None = None
    text: str = ""


class ShareChanged(EventBase):
    """The session is shared with a person of the hub, as far as ``permission`` goes, or (None) no more.
    ``text`` says what the person sees and may do."""

    type: Literal["share_changed"] = "share_changed"
    guest: str
    permission: SharePermission | None
    text: str


class Commented(EventBase):
    """A guest of the session said something to people. No model is told."""

    type: Literal["commented"] = "commented"
    guest: str
    text: str


class Committed(EventBase):
    """The accepted changes of a run were committed to the person's repository."""

    type: Literal["committed"] = "committed"
    commit: str
    message: str
    files: tuple[str, ...] = ()


class Notice(EventBase):
    """Something the person should know: a fallback, a retry, a degraded mode."""

    type: Literal["notice"] = "notice"
    level: Literal["info", "warning", "error"]
    code: str
    text: str


class Fault(Value):
    """The call that ended a run: which model, in what way, and the HTTP status where there was one."""

    model: str
    kind: ProviderErrorKind
    status: int | None = None


class RunFinished(EventBase):
    """The end of every run, whatever happened; ``text`` is one sentence.
    ``cost`` is None as soon as one call's price is unknown; ``fault`` is the model call that failed, if it
    was one that ended the run."""

    type: Literal["run_finished"] = "run_finished"
    status: RunStatus
    text: str
    usage: Usage = Usage()
    cost: float | None = 0.0
    seconds: float = 0.0
    fault: Fault | None = None


Event = Annotated[
    SessionChanged
    | BranchChanged
    | RunStarted
    | IntentDecided
    | PhaseChanged
    | PlanChanged
    | AgentChanged
    | AgentSaid
    | Steered
    | ContextBuilt
    | TextDelta
    | ThinkingDelta
    | MessageDone
    | ToolCalled
    | ToolOutput
    | ToolDone
    | ApprovalAsked
    | ApprovalSettled
    | QuestionAsked
    | QuestionSettled
    | CheckpointMade
    | EditProposed
    | EditTried
    | EditDiagnosed
    | EditSettled
    | CellStarted
    | CellExecuted
    | Restored
    | CheckpointsChanged
    | Verified
    | KernelChanged
    | DataLevelChosen
    | ModeChosen
    | Compacted
    | MemoryChanged
    | ShareChanged
    | Commented
    | Committed
    | Notice
    | RunFinished,
    Field(discriminator="type"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)

LIVE_ONLY = frozenset({"text_delta", "thinking_delta", "tool_output", "cell_started"})
"""Types that are never stored."""
