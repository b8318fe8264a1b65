"""Commands: all that a front end may ask of the engine. Imperatives, one tagged union in one file, for the
reason that `events` gives."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.memories import MemoryKind, MemoryScope
from codemad_jupyter.protocol.merging import MergeChoice
from codemad_jupyter.protocol.permissions import Mode
from codemad_jupyter.protocol.plans import PlanTask
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.sharing import SharePermission

Edge = Literal["sidebar", "magic", "cli", "batch", "mcp", "guest", "test"]
Intent = Literal[
    "auto", "answer", "edit", "fix", "plan", "run", "explain", "test", "document", "review", "search", "team"
]


class Attachment(Value):
    """Something the person points at, by name: a cell, a file, a variable, another session (its id), or the
    outputs of a cell."""

    kind: Literal["cell", "file", "variable", "session", "output"]
    name: str


class Target(Value):
    """Where the person stands: a notebook, its live kernel, the active cell; each may be unknown."""

    notebook: str | None = None
    kernel: str | None = None
    cell: str | None = None


class NewSession(Value):
    """Open a fresh session and make it the current one of this workspace."""

    type: Literal["new_session"] = "new_session"
    title: str = ""


class RenameSession(Value):
    type: Literal["rename_session"] = "rename_session"
    session: str
    title: str


class ArrangeSession(Value):
    """Pin a session above the others, or hide it from the list; what is None stays as it is."""

    type: Literal["arrange_session"] = "arrange_session"
    session: str
    pinned: bool | None = None
    archived: bool | None = None


class ForkSession(Value):
    """Begin a new session with the conversation of this one up to ``entry`` or, where a run is named, up to
    its end (``before``: up to what came before it); without either, up to where it stands. Files stay as
    they are. The answer names the new session."""

    type: Literal["fork_session"] = "fork_session"
    session: str
    entry: str | None = None
    run: str | None = None
    before: bool = False
    title: str = ""


class MakeBranch(Value):
    """Begin a branch in the session, at a place named as for `ForkSession`, and stand on it. Files stay as
    they are, unless ``restore`` brings those of that place back."""

    type: Literal["make_branch"] = "make_branch"
    session: str
    name: str = ""
    entry: str | None = None
    run: str | None = None
    before: bool = False
    restore: bool = False


class SwitchBranch(Value):
    """Stand on a branch (its id). Files stay as they are, unless ``restore`` brings them back as the branch
    last had them; `BranchChanged` says which differ."""

    type: Literal["switch_branch"] = "switch_branch"
    session: str
    branch: str
    restore: bool = False


class NameBranch(Value):
    type: Literal["name_branch"] = "name_branch"
    session: str
    branch: str
    name: str


class MergeBranch(Value):
    """Take messages (entries) and edits of another branch, or of a branch of the session ``other``, over to
    where this session stands: messages as new entries, edits as new proposals for what is there now. A run
    of its own."""

    type: Literal["merge_branch"] = "merge_branch"
    session: str
    branch: str
    other: str = ""
    entries: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    target: Target = Target()
    edge: Edge = "sidebar"


class ImportSession(Value):
    """Read an exported session (the text of its JSON) as a new session. Nothing of it can be approved or
    accepted there; its edits can be merged into a session of one's own."""

    type: Literal["import_session"] = "import_session"
    text: str


class ChooseModel(Value):
    """Use this model (``provider/name``) for the session from now on."""

    type: Literal["choose_model"] = "choose_model"
    session: str
    model: str


class Prompt(Value):
    """Ask. ``text`` is at most 1,000,000 characters; a slash command at its beginning counts."""

    type: Literal["prompt"] = "prompt"
    session: str
    text: str
    target: Target = Target()
    attachments: tuple[Attachment, ...] = ()
    model: str | None = None
    intent: Intent = "auto"
    edge: Edge = "sidebar"

    @property
    def who(self) -> str:
        """On whose behalf it is done, for the audit log."""
        return self.edge


class GuestPrompt(Prompt):
    """What a guest of a shared session asks. No front end can send one: it is made of what the relay brings,
    with the name the hub vouches for."""

    guest: str
    edge: Edge = "guest"

    @property
    def who(self) -> str:
        return f"the guest {self.guest}"


class Cancel(Value):
    """Stop a run; without ``run``, whatever runs in the session, its cells included. Code is interrupted;
    with ``kill`` the kernel is ended where code of ours ignores that, and its variables are lost. With
    ``agent`` that agent of the run alone is stopped, with those that work for it."""

    type: Literal["cancel"] = "cancel"
    session: str
    run: str | None = None
    kill: bool = False
    agent: str | None = None


class Steer(Value):
    """Say something to a run that goes on, or to one of its agents: it is read before the next model call and
    is part of the conversation. Refused when the run, or the agent, is over; without ``run`` the run that
    goes on is meant."""

    type: Literal["steer"] = "steer"
    session: str
    text: str
    run: str | None = None
    agent: str = "main"


class Approve(Value):
    """Allow an action. ``digest`` is that of the action which was shown; with ``always`` exactly this action
    is allowed in this workspace from now on."""

    type: Literal["approve"] = "approve"
    session: str
    approval: str
    digest: str
    always: bool = False


class Reject(Value):
    type: Literal["reject"] = "reject"
    session: str
    approval: str
    reason: str = ""


class AnswerQuestion(Value):
    """Answer what an agent asked; None leaves it unanswered. It allows nothing."""

    type: Literal["answer_question"] = "answer_question"
    session: str
    question: str
    answer: str | None = None


class AcceptEdit(Value):
    """Apply the named hunks (None: all pending ones); ``execute`` also runs the touched code cell."""

    type: Literal["accept_edit"] = "accept_edit"
    session: str
    edit: str
    hunks: tuple[int, ...] | None = None
    execute: bool = False


class RejectEdit(Value):
    type: Literal["reject_edit"] = "reject_edit"
    session: str
    edit: str
    hunks: tuple[int, ...] | None = None


class TryEdit(Value):
    """Try a pending proposal again, away from the user's state; gives `EditTried`."""

    type: Literal["try_edit"] = "try_edit"
    session: str
    edit: str


class AcceptRun(Value):
    """Accept all pending edits of a run, in the order they were proposed; ``execute`` also runs the
    touched code cells, up to the first that fails. Stale ones are settled as such."""

    type: Literal["accept_run"] = "accept_run"
    session: str
    run: str
    execute: bool = False


class RejectRun(Value):
    """Reject all pending edits of a run."""

    type: Literal["reject_run"] = "reject_run"
    session: str
    run: str


class MakeCheckpoint(Value):
    """Save files and notebooks (None: the target's) now, under a name."""

    type: Literal["make_checkpoint"] = "make_checkpoint"
    session: str
    name: str = ""
    target: Target = Target()


class RestoreCheckpoint(Value):
    """Bring files, notebooks and conversation to what they were at the checkpoint; ``paths`` limits it to
    these files and notebooks. What the person changed since is merged, or kept and named as a conflict.
    A checkpoint is made before, so that `Redo` takes it back."""

    type: Literal["restore_checkpoint"] = "restore_checkpoint"
    session: str
    checkpoint: str
    paths: tuple[str, ...] | None = None


class NameCheckpoint(Value):
    """Name a checkpoint; an empty name takes the name away. Named ones are not pruned by age or size."""

    type: Literal["name_checkpoint"] = "name_checkpoint"
    session: str
    checkpoint: str
    name: str


class PruneCheckpoints(Value):
    """Forget checkpoints of the workspace that are older than ``days`` or, oldest first, beyond ``keep``
    in number or ``size`` bytes of documents; None is no limit. Named ones stay unless ``named``."""

    type: Literal["prune_checkpoints"] = "prune_checkpoints"
    session: str
    days: float | None = None
    keep: int | None = None
    size: int | None = None
    named: bool = False


class VerifyNotebook(Value):
    """Run the target's notebook again in a throw-away kernel; ``cells`` (ids) limits it to these and what
    they need. A run of its own: `RunStarted`, `Verified`, `RunFinished`; `Cancel` stops it."""

    type: Literal["verify_notebook"] = "verify_notebook"
    session: str
    target: Target
    cells: tuple[str, ...] = ()
    timeout: float | None = None
    edge: Edge = "sidebar"


class ResolveMerge(Value):
    """Write the notebook that git could not merge as ``choices`` say, by number of conflict. ``digest`` is
    that of the `MergeView` they were made from. A run of its own, that `Undo` takes back."""

    type: Literal["resolve_merge"] = "resolve_merge"
    session: str
    notebook: str
    digest: str
    choices: dict[int, MergeChoice] = Field(default_factory=dict)
    edge: Edge = "sidebar"


class MergeAgents(Value):
    """Propose what agents made in their worktrees, in this order: where two clash the first has the say.
    A run of its own, whose edits are settled like others and taken back by `Undo` as one."""

    type: Literal["merge_agents"] = "merge_agents"
    session: str
    agents: tuple[str, ...]
    target: Target = Target()
    edge: Edge = "sidebar"


class ChooseDataLevel(Value):
    """From now on send no more of this notebook's data (None: of any that has no level of its own)."""

    type: Literal["choose_data_level"] = "choose_data_level"
    session: str
    level: DataLevel
    notebook: str | None = None


class ChooseMode(Value):
    """Let this mode hold in the workspace from now on, until CodeMAD starts anew. A looser one is refused
    while a run goes on, beyond what the settings of the project allow, and from a kernel."""

    type: Literal["choose_mode"] = "choose_mode"
    session: str
    mode: Mode


class ShareSession(Value):
    """Let another person of the hub see the session, comment on it, or also ask in it with what is allowed
    here. What the person had before is replaced. Only from a tab."""

    type: Literal["share_session"] = "share_session"
    session: str
    guest: str = Field(min_length=1, max_length=200)
    permission: SharePermission = "read"


class UnshareSession(Value):
    """The person sees no more of the session."""

    type: Literal["unshare_session"] = "unshare_session"
    session: str
    guest: str = Field(min_length=1, max_length=200)


class RememberFact(Value):
    """Keep a fact. From a kernel, where code may have written it, a preference or a fact for every workspace
    waits until it is confirmed elsewhere. ``role`` names whose fact it is where the scope is a role."""

    type: Literal["remember_fact"] = "remember_fact"
    session: str
    text: str
    scope: MemoryScope = "project"
    kind: MemoryKind = "fact"
    role: str = ""
    edge: Edge = "sidebar"


class EditMemory(Value):
    """Change what is given of a fact. Whether it still waits stays as it was, but for a kernel as with
    `RememberFact`."""

    type: Literal["edit_memory"] = "edit_memory"
    session: str
    memory: str
    text: str | None = None
    kind: MemoryKind | None = None
    edge: Edge = "sidebar"


class ConfirmMemory(Value):
    """Keep a fact that waited."""

    type: Literal["confirm_memory"] = "confirm_memory"
    session: str
    memory: str


class ForgetMemory(Value):
    """Forget these facts for good, or with ``every`` all (of one scope)."""

    type: Literal["forget_memory"] = "forget_memory"
    session: str
    memories: tuple[str, ...] = ()
    every: bool = False
    scope: MemoryScope | None = None


class ChangePlan(Value):
    """Put these tasks in the place of the plan's: edited, in another order, fewer or more. How far a task is
    stays as it was. ``revision`` is that of the plan they were made from."""

    type: Literal["change_plan"] = "change_plan"
    session: str
    plan: str
    revision: int
    tasks: tuple[PlanTask, ...]
    goal: str | None = None


class ApprovePlan(Value):
    """Carry the plan out, task by task, in a run of its own; what is done already stays done."""

    type: Literal["approve_plan"] = "approve_plan"
    session: str
    plan: str
    revision: int
    target: Target = Target()
    edge: Edge = "sidebar"


class DropPlan(Value):
    """The plan is not to be carried out."""

    type: Literal["drop_plan"] = "drop_plan"
    session: str
    plan: str


class Undo(Value):
    """Bring files, notebook and conversation back to before ``run`` (None: the latest one not undone).

    Undoing an undo is `Redo`; both are checkpoints, so nothing is lost on the way.
    """

    type: Literal["undo"] = "undo"
    session: str
    run: str | None = None


class Redo(Value):
    type: Literal["redo"] = "redo"
    session: str


Command = Annotated[
    NewSession
    | RenameSession
    | ArrangeSession
    | ForkSession
    | MakeBranch
    | SwitchBranch
    | NameBranch
    | MergeBranch
    | ImportSession
    | ChooseModel
    | Prompt
    | Cancel
    | Steer
    | Approve
    | Reject
    | AnswerQuestion
    | AcceptEdit
    | RejectEdit
    | TryEdit
    | AcceptRun
    | RejectRun
    | MakeCheckpoint
    | RestoreCheckpoint
    | NameCheckpoint
    | PruneCheckpoints
    | VerifyNotebook
    | ChooseDataLevel
    | ChooseMode
    | ResolveMerge
    | MergeAgents
    | ShareSession
    | UnshareSession
    | RememberFact
    | EditMemory
    | ConfirmMemory
    | ForgetMemory
    | ChangePlan
    | ApprovePlan
    | DropPlan
    | Undo
    | Redo,
    Field(discriminator="type"),
]

COMMAND: TypeAdapter[Command] = TypeAdapter(Command)


class Ack(Value):
    """The answer to a command that was taken: which session and run it concerns, and the sequence
    number after which its events follow."""

    session: str
    run: str | None = None
    seq: int = 0
