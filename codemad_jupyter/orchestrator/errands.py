"""A task for an agent of somebody else's, as a run of the person's session: a worktree of its own, a gate of
its own, and what it has changed there put before the person as proposals, however it was changed."""

import asyncio
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from codemad_jupyter.orchestrator.approvals import Approvals
from codemad_jupyter.orchestrator.bringing_in import propose_work, worktrees_of
from codemad_jupyter.orchestrator.own_folder import OwnFolder
from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.roll import STOPPED, Mark, Roll
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.orchestrator.steering import Steering
from codemad_jupyter.protocol.commands import Edge
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import Event, Notice
from codemad_jupyter.protocol.external_agents import AgentDefinition
from codemad_jupyter.protocol.messages import Message, TextPart
from codemad_jupyter.tools.executor import bounded
from codemad_jupyter.tools.external_agent import Errand, agent_confinement, run_errand
from codemad_jupyter.tools.external_client import OurSide
from codemad_jupyter.tools.external_events import Account
from codemad_jupyter.tools.gate import Answered, Gate, Question, Who
from codemad_jupyter.tools.permissions import Action, decide, for_stranger

REPORT = 6_000
"""Characters of an agent's last words that go into the conversation."""
START = "external_agent"
"""What rules call the start of an agent."""
_REACH = {
    True: "It reaches the whole network, as it must to ask its model.",
    False: "It reaches no network.",
}


@dataclass(frozen=True)
class ErrandRun:
    """One such run."""

    services: Services
    session: Session
    reviewer: Reviewer
    approvals: Approvals
    given: AgentDefinition
    task: str
    run: str
    edge: Edge
    roll: Roll
    """On which it stands under its name, to be stopped and told something."""

    async def work(self, emit: Callable[[Event], object]) -> str:
        """Do it all; the sentence with which the run ends. Raises `CodemadError`."""
        name = self.given.name
        mark = self.roll.enter(name, self.task)
        self.roll.main.steering = mark.steering  # what is said to the run is said to it
        try:
            text = await mark.attend(self._done(mark, emit))
        except asyncio.CancelledError:
            mark.ends("stopped", "Stopped by you.")
            raise
        except CodemadError as error:
            mark.ends("failed", str(error))
            raise
        except Exception as error:
            mark.ends("failed", type(error).__name__)
            raise
        if text is None:
            mark.ends("stopped", STOPPED)
            return f"{name} was stopped."
        return text

    async def _done(self, mark: Mark, emit: Callable[[Event], object]) -> str:
        await self._admitted()
        return await self._in_folder(mark, emit)

    async def _admitted(self) -> None:
        """The person approved the definition and gave it the task: it starts, but for what rules say, and
        where no sandbox holds it. Raises `Denied`."""
        services, agent = self.services, self.given.agent
        role = f"acp/{self.given.name}"
        rights = for_stranger(services.permissions, role)
        gate = services.gate(self._ask, self._who, rights)
        action = Action(
            tool=START,
            risk="network" if agent.network else "execute",
            axis="network" if agent.network else "kernel_run",
            arguments={"agent": self.given.name, "runs": [self.given.program, *agent.args]},
            root=services.root,
            role=role,
        )
        sandbox = await services.sandbox()
        bare = sandbox.strength == "none"
        reason = f"This starts the agent {self.given.name}. {_REACH[agent.network]}"
        if bare:
            reason += f" Nothing confines it here: {'; '.join(sandbox.reasons)}."
        habit = decide(action, await gate.granted()).habit
        line = await gate.admit(action, reason=reason, proposes=habit and not bare)
        gate.ended(line, "begun")

    async def _in_folder(self, mark: Mark, emit: Callable[[Event], object]) -> str:
        worktrees, given = worktrees_of(self.services), self.given
        folder = await OwnFolder.make(
            self.services,
            worktrees,
            f"{given.name}-{secrets.token_hex(3)}",
            ask=self._ask,
            task=self.task[:200],
            agent=given.name,
            session=self.session.id,
            run=self.run,
        )
        mark.lives(folder.worktree.id)
        account = self._account(mark, emit)
        try:
            stopped = await self._sent(folder, account, mark)
        except BaseException:
            if await asyncio.shield(_left(folder, account)):
                emit(_kept(folder.worktree.id))
            raise
        kept = await asyncio.shield(_left(folder, account))
        return await self._ended(folder, account, mark, stopped=stopped, kept=kept)

    async def _sent(self, folder: OwnFolder, account: Account, mark: Mark) -> str:
        """Let the agent work; why it stopped early."""
        services, given = self.services, self.given
        confinement = await asyncio.to_thread(
            agent_confinement, given, folder.folder, hidden=services.hidden, environ=os.environ
        )
        errand = Errand(
            given=given,
            task=self.task,
            folder=folder.folder,
            confinement=confinement,
            wanted=services.sandbox_wanted,
            said=lambda: heard(mark.steering),
        )
        ours = OurSide(
            folder=folder.folder,
            role=f"acp/{given.name}",
            network=given.agent.network,
            gate=self._gate(folder),
            jobs=folder.jobs,
            account=account,
        )
        mark.works(model=f"acp/{given.name}")
        return await run_errand(errand, ours)

    async def _ended(
        self, folder: OwnFolder, account: Account, mark: Mark, *, stopped: str, kept: bool
    ) -> str:
        name = self.given.name
        words = bounded(account.last, REPORT).strip() or "(It said nothing.)"
        message = Message(role="assistant", parts=(TextPart(text=words),))
        await self.session.append(message, run=self.run)
        early = f" It stopped early: {stopped}." if stopped else ""
        mark.used(account.tokens, account.cost, account.steps)
        mark.ends("done", words)
        if not kept:
            return f"{name} changed nothing.{early}"
        told = await propose_work(self.services, self.session, self.reviewer, [folder.worktree], run=self.run)
        return f"{told}{early} Its folder is kept until you drop it: codemad agents drop {folder.worktree.id}"

    def _account(self, mark: Mark, emit: Callable[[Event], object]) -> Account:
        """What it tells, under its name."""

        def say(event: Event) -> None:
            emit(event.model_copy(update={"agent": mark.name}))
            mark.used(account.tokens, account.cost, account.steps)

        account = Account(mark.name, say, self.services.redact)
        return account

    def _gate(self, folder: OwnFolder) -> Gate:
        rights = for_stranger(folder.services.permissions, f"acp/{self.given.name}")
        return folder.gate(self._who, rights)

    @property
    def _who(self) -> Who:
        return Who(session=self.session.id, run=self.run, agent=self.given.name, edge=self.edge)

    async def _ask(self, question: Question) -> Answered:
        if self.services.permissions.mode == "batch":
            return Answered("expired", "nobody can be asked here")
        reason = f"{question.reason} The agent {self.given.name} asks, for its own folder."
        return await self.approvals.ask(replace(question, reason=reason), run=self.run)


def heard(steering: Steering) -> str:
    """What the person said meanwhile. Where there is nothing it hears no more: its work is done."""
    return "" if steering.ended() else "\n\n".join(each.text for each in steering.take())


async def _left(folder: OwnFolder, account: Account) -> bool:
    """Let go of the folder; is something in it that would be lost?"""
    account.end()
    await folder.close()
    return not await folder.remove_if_empty()


def _kept(worktree: str) -> Notice:
    said = f"What it had changed is kept. Look at it: codemad agents diff {worktree}"
    return Notice(level="info", code="agent_kept", text=said)
