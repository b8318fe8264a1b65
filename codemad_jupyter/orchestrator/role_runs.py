"""A role at work on one task: its own context, its own tools and limits; what comes back is a short report,
the edits it proposed, and what it used. Who asks for it, and how many at once, is for others to say."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from codemad_jupyter.gateway.choosing import Choice
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.orchestrator.asking import Asking, Prepared, prepare
from codemad_jupyter.orchestrator.compacting import Measured, within
from codemad_jupyter.orchestrator.equipment import Equipment, equipped_as
from codemad_jupyter.orchestrator.loop import run_loop
from codemad_jupyter.orchestrator.role_files import Role
from codemad_jupyter.orchestrator.roll import STOPPED, Mark, Roll
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Conversation
from codemad_jupyter.orchestrator.tally import Limits, Share, Tally
from codemad_jupyter.protocol.agents import AgentState
from codemad_jupyter.protocol.commands import Prompt
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.events import Event, RunStatus
from codemad_jupyter.protocol.messages import Message, Usage
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.supply import Purpose
from codemad_jupyter.tools.data_levels import allows
from codemad_jupyter.tools.delegate import TOOLS as DELEGATE_TOOLS
from codemad_jupyter.tools.executor import Executor, bounded
from codemad_jupyter.tools.reach import Proposals

REPORT = 6_000
"""Characters of a report that go back."""
BRIEF = (
    "You work on one task for somebody else, who sees nothing but your last message. Let it be a report by "
    "itself: the answer first, then what it rests on, with names of files, lines, cells and variables, and "
    "what you could not find out. At most 300 words."
)
_INNER = frozenset({"text_delta", "thinking_delta", "message_done"})
"""What a role says to itself is not part of the conversation."""


@dataclass(frozen=True, kw_only=True)
class RoleResult:
    """What came of a task. ``text`` is the report, or why there is none."""

    role: str
    text: str
    status: RunStatus
    edits: tuple[Edit, ...] = ()
    usage: Usage = field(default_factory=Usage)
    cost: float | None = 0.0
    steps: int = 0


class Collected:
    """The proposals of a run, and a list of those that one role made."""

    def __init__(self, inner: Proposals) -> None:
        self._inner = inner
        self._own: dict[str, Edit] = {}

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What stands of them."""
        return tuple(self._own.values())

    async def propose(self, edit: Edit) -> Edit:
        """As the run does."""
        proposed = await self._inner.propose(edit)
        self._own[proposed.id] = proposed
        return proposed

    def pending_insert(self, cell: str) -> Edit | None:
        """As the run does."""
        return self._inner.pending_insert(cell)

    def withdraw(self, edit: Edit) -> None:
        """As the run does."""
        self._own.pop(edit.id, None)
        self._inner.withdraw(edit)


@dataclass(frozen=True, kw_only=True)
class Crew:
    """What a run lends to the roles that work for it. What they use counts in its ``tally``."""

    services: Services
    prompt: Prompt
    choice: Choice
    level: DataLevel
    tally: Tally
    proposals: Proposals
    emit: Callable[[Event], object]
    roll: Roll
    equip: Callable[[Role, bool], Equipment]
    asking: Callable[[Choice, Purpose, Equipment], Asking]
    executor: Callable[[Prepared, Equipment, Proposals, Callable[[Event], object]], Executor]


async def run_role(role: Role, task: str, *, crew: Crew, mark: Mark, looks: bool = False) -> RoleResult:
    """Let the role do the task as the agent of this ``mark``; one that ``looks`` can do nothing else.

    A failure of the model, a limit, and that a person stopped it are in the result. Raises `UsageError` for a
    role that names a tool or a model which does not exist."""
    try:
        found = await mark.attend(_worked(role, task, crew=crew, mark=mark, looks=looks))
    except BaseException as error:
        stopped = isinstance(error, asyncio.CancelledError)
        mark.ends("stopped" if stopped else "failed", "Stopped." if stopped else str(error))
        raise
    result = found or RoleResult(role=role.name, text=STOPPED, status="cancelled")
    states: dict[RunStatus, AgentState] = {"done": "done", "cancelled": "stopped"}
    mark.ends(states.get(result.status, "failed"), result.text)
    return result


async def _worked(role: Role, task: str, *, crew: Crew, mark: Mark, looks: bool) -> RoleResult:
    services = crew.services
    equipment = crew.equip(role, looks)
    prompt = crew.prompt.model_copy(update={"text": task, "attachments": ()})
    choice = choice_of(role, crew.choice)
    mark.works(model=choice.model)
    asking = crew.asking(choice, role.purpose, equipment)
    prepared = await prepare(prompt, Conversation([Message.user(task)]), asking)
    if not allows(crew.level, prepared.level):
        raise UsageError(
            f"The role {role.name} would see more data than this conversation may ({choice.model}).",
            hint="Give it another model.",
        )
    proposals = Collected(crew.proposals)
    told: list[str] = []

    def emit(event: Event) -> None:
        if event.type not in _INNER:
            crew.emit(event.model_copy(update={"agent": mark.name}))

    async def keep(message: Message) -> None:
        if message.role == "assistant" and message.text.strip():
            told.append(message.text.strip())

    own = Share(whole=crew.tally, most=services.limits, heard=lambda share: _tell(share, mark))
    try:
        outcome = await run_loop(
            prepared.request,
            Measured(prepared.provider, services.gauge),
            run_calls=crew.executor(prepared, equipment, proposals, emit).run,
            fit=lambda request: _fitted(request, prepared.room),
            emit=emit,
            keep=keep,
            tally=own,
            limits=tightest(limits_of(role), services.limits.left(crew.tally)),
            steering=mark.steering,
        )
    finally:
        crew.tally.steps += own.steps
    done = outcome.status == "done" and told
    return RoleResult(
        role=role.name,
        text=bounded(told[-1], REPORT) if done else outcome.text,
        status=outcome.status,
        edits=proposals.edits,
        usage=own.usage,
        cost=own.cost,
        steps=own.steps,
    )


def _tell(share: Tally, mark: Mark) -> None:
    mark.used(share.usage.input_tokens + share.usage.output_tokens, share.cost, share.steps)


def equipped_by(services: Services) -> Callable[[Role, bool], Equipment]:
    """How roles are equipped that work for a run on the person's own files."""

    def equip(role: Role, looks: bool) -> Equipment:
        rights = replace(services.permissions, mode="plan") if looks else services.permissions
        tools = services.tools().only(lambda tool: tool not in DELEGATE_TOOLS)
        return equipped_as(role, tools, rights=rights, brief=BRIEF)

    return equip


def choice_of(role: Role, run: Choice) -> Choice:
    """The role's own model, else that of the run; with the role's fallbacks, else the run's."""
    if role.model is None and not role.fallbacks:
        return run
    return Choice(
        model=role.model or run.model,
        fallbacks=role.fallbacks or run.fallbacks,
        reason=f"set for the role {role.name}",
    )


def limits_of(role: Role) -> Limits:
    """What the role itself may use for a task."""
    return Limits(steps=role.steps, tokens=role.tokens, cost=role.cost, seconds=role.seconds)


def tightest(one: Limits, other: Limits) -> Limits:
    """The lower limit of each kind."""

    def lower(first: float | None, second: float | None) -> float | None:
        known = [each for each in (first, second) if each is not None]
        return min(known) if known else None

    tokens = lower(one.tokens, other.tokens)
    return Limits(
        steps=min(one.steps, other.steps),
        tokens=None if tokens is None else int(tokens),
        cost=lower(one.cost, other.cost),
        seconds=lower(one.seconds, other.seconds),
    )


def _fitted(request: Request, room: int) -> Request:
    return within(request, room)[0]
