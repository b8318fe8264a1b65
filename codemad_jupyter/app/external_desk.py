"""What every edge does about agents of others: list them, approve exactly one definition, forget that, and
start one to see whether it answers."""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.app.plain_text import one_line
from codemad_jupyter.app.plugins import roles_of
from codemad_jupyter.config.agent_definitions import (
    AgentApprovals,
    agent_digest,
    defined_agents,
)
from codemad_jupyter.config.paths import data_dir
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.hooks import offers, plugin_manager
from codemad_jupyter.protocol.errors import Conflict, Denied, NotFound, UsageError
from codemad_jupyter.protocol.external_agents import AgentDefinition, ExternalAgentStatus
from codemad_jupyter.tools.external_agent import Errand, agent_confinement, run_errand
from codemad_jupyter.tools.external_client import OurSide
from codemad_jupyter.tools.external_events import Account
from codemad_jupyter.tools.gate import Answered, Gate, Question, Who
from codemad_jupyter.tools.jobs import Jobs
from codemad_jupyter.tools.permissions import Permissions
from codemad_jupyter.tools.sandbox.state import state as sandbox_state

LIST = "codemad agents external"


@dataclass(frozen=True)
class ExternalDesk:
    """The external agents of one workspace."""

    root: Path
    settings: Settings

    @property
    def _approvals(self) -> AgentApprovals:
        return AgentApprovals(data_dir(self.settings))

    def agents(self) -> tuple[ExternalAgentStatus, ...]:
        """How things stand with each; starts nothing."""
        return tuple(self._approvals.status(each, self.root) for each in self._defined())

    def status(self, name: str) -> ExternalAgentStatus:
        """How things stand with one. Raises `NotFound`."""
        return self._approvals.status(self._given(name), self.root)

    def approve(self, name: str, *, digest: str) -> ExternalAgentStatus:
        """Approve exactly this definition. Raises `UsageError` or `Conflict`."""
        given = self._given(name)
        if given.problem:
            said = f"The agent {name} cannot be used: {given.problem}."
            raise UsageError(said, hint=f"See {given.place}.")
        if agent_digest(given, self.root) != digest:
            said = f"The definition of the agent {name} is no longer the one that was shown."
            raise Conflict(said, hint=f"Look at it again: {LIST}")
        self._approvals.approve(given, self.root, digest=digest)
        return self.status(name)

    def revoke(self, name: str) -> ExternalAgentStatus:
        """Approve it no longer."""
        self._approvals.revoke(self._given(name), self.root)
        return self.status(name)

    async def greet(self, name: str) -> str:
        """Start an approved agent in an empty folder, up to where it would get its task; how it went."""
        given = self._given(name)
        if not self._approvals.holds(given, self.root):
            said = f"The agent {name} is not approved as it is defined now, so it was not started."
            raise Denied(said, hint=f"Look at it and approve it: {LIST} approve {name}")
        found = await sandbox_state(self.settings.sandbox)
        if found.strength == "none":
            said = f"There is no sandbox here ({'; '.join(found.reasons)}), so {name} was not started."
            raise Denied(said, hint="Give it a task: then you are asked about it.")
        hidden = (data_dir(self.settings),)
        with tempfile.TemporaryDirectory(prefix="codemad-agent-", dir=data_dir(self.settings)) as text:
            folder = await asyncio.to_thread(Path(text).resolve)
            confinement = agent_confinement(given, folder, hidden=hidden, environ=os.environ)
            errand = Errand(given=given, task="", folder=folder, confinement=confinement)
            await run_errand(errand, _nobody(name, folder))
        return f"{name} answers: it can be given a task with /agent {name} WHAT."

    def _defined(self) -> tuple[AgentDefinition, ...]:
        roles = roles_of(self.root, offers(plugin_manager(), "register_roles"))
        settings = self.settings
        return defined_agents(self.root, settings.agents, taken=roles.known, policy=settings.policy)

    def _given(self, name: str) -> AgentDefinition:
        found = next((each for each in self._defined() if each.name == name), None)
        if found is None:
            hint = "Define it in your settings ([agents.NAME]) or, in a folder that you trust, in its file."
            raise NotFound(f"There is no agent {name!r} here.", hint=hint)
        return found


def _nobody(name: str, folder: Path) -> OurSide:
    """A client that grants nothing: an agent without a task needs nothing."""

    async def granted() -> Permissions:
        return Permissions(mode="plan")

    async def ask(question: Question) -> Answered:
        return Answered("rejected")

    gate = Gate(
        granted=granted,
        ask=ask,
        record=lambda line: None,
        redact=str,
        hooks=plugin_manager(discover=False),
        who=Who(agent=name),
    )
    account = Account(name, lambda event: None, str)
    return OurSide(
        folder=folder, role=f"acp/{name}", network=False, gate=gate, jobs=Jobs(folder), account=account
    )


def external_text(agents: tuple[ExternalAgentStatus, ...]) -> str:
    """All of them, as a person reads it."""
    return "\n".join(map(agent_text, agents))


def agent_text(status: ExternalAgentStatus) -> str:
    """One agent: what would run, and what it would reach."""
    words = {
        "approved": "approved",
        "new": "not approved yet",
        "changed": "its definition changed since it was approved",
        "off": f"cannot be used: {status.detail}",
    }
    lines = [f"{one_line(status.name)} ({one_line(status.place)}): {words[status.state]}"]
    if status.state == "off":
        return lines[0]
    network = "the whole network, also servers of this machine" if status.network else "no network"
    lines.append(f"    runs {one_line(status.runs)}, for at most {status.seconds:g} seconds a task")
    lines.append("    in a sandbox: it sees a copy of the folder, programs, and of your home nothing else")
    if status.folders:
        lines.append(f"    but reads and writes {one_line(', '.join(status.folders))}")
    lines.append(f"    reaches {network}")
    if status.env:
        lines.append(f"    variables: {one_line(', '.join(status.env))}")
    return "\n".join(lines)
