"""The folder of one agent, and what works there: its edits apply at once and there alone, its commands and
its kernel run in the sandbox and write nowhere else. All it does passes the gate, as the person's runs do.

What the sandbox confines in here needs nobody's yes. The rules of the person hold as they do at home; what
they once allowed for good was allowed for their folder, not for this one.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codemad_jupyter.gateway.choosing import Choice
from codemad_jupyter.git.registry import Worktree
from codemad_jupyter.git.worktrees import Worktrees
from codemad_jupyter.notebooks.files import FileNotebooks
from codemad_jupyter.notebooks.headless import kernel_of
from codemad_jupyter.notebooks.ports import KernelPort
from codemad_jupyter.orchestrator.acting import actions
from codemad_jupyter.orchestrator.agent_kernel import AgentKernel
from codemad_jupyter.orchestrator.asking import Asking, Prepared
from codemad_jupyter.orchestrator.cell_changes import cell_changes
from codemad_jupyter.orchestrator.equipment import Equipment, equipped_as
from codemad_jupyter.orchestrator.modes import Modes
from codemad_jupyter.orchestrator.role_files import Role
from codemad_jupyter.orchestrator.role_runs import BRIEF, Crew
from codemad_jupyter.orchestrator.rules_here import permissions_here
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import CellTarget, Edit, FileTarget
from codemad_jupyter.protocol.errors import CodemadError, ToolError
from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.messages import ToolCallPart
from codemad_jupyter.protocol.permissions import Mode
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.supply import Purpose
from codemad_jupyter.tools.delegate import TOOLS as DELEGATE_TOOLS
from codemad_jupyter.tools.diagnostics import TOOLS as DIAGNOSTIC_TOOLS
from codemad_jupyter.tools.executor import Executor
from codemad_jupyter.tools.gate import Asker, Gate, Who
from codemad_jupyter.tools.jobs import Commands, Jobs
from codemad_jupyter.tools.kernel import run_code
from codemad_jupyter.tools.memory import TOOLS as MEMORY_TOOLS
from codemad_jupyter.tools.permissions import Permissions
from codemad_jupyter.tools.project.vcs import git_branch, git_commit
from codemad_jupyter.tools.proposals import new_id
from codemad_jupyter.tools.reach import Finder, Proposals, WorksInTeam
from codemad_jupyter.tools.settling import settle, verify
from codemad_jupyter.tools.shell import run_command
from codemad_jupyter.tools.tool import Registry, Tool, ToolContext

GUIDE = (
    "You work in a folder of your own: a copy of the person's files as they are now. What you change there"
    " applies at once, and nobody else sees it until a person has looked at it. Commands and code run in a"
    " sandbox that writes in this folder alone and has no network. Run the tests before you report."
)
PATIENCE = 900.0
"""Seconds that tests, or what prepares a folder, may take."""
OUTPUT = 8_000
CONFINED_MODE: Mode = "auto_sandboxed"
"""What a sandbox confines runs by itself in an agent's folder."""
_log = logging.getLogger(__name__)

NOT_HERE = (*DELEGATE_TOOLS, *MEMORY_TOOLS, *DIAGNOSTIC_TOOLS, git_branch, git_commit)
"""Tools that reach what is the person's, not the agent's; and those that would leave the branch of the folder
or commit to it, for what is brought back is how the files differ in the end. Looking at git is as at home."""


@asynccontextmanager
async def _untouched() -> AsyncIterator[None]:
    """Nothing is around a command in here: there is nothing of the person's to bring back."""
    yield


@dataclass(frozen=True)
class AppliedHere:
    """Proposals that apply at once, in the agent's folder."""

    root: Path
    files: FileNotebooks
    gate: Gate
    role: str

    async def propose(self, edit: Edit) -> Edit:
        """Apply it. Raises `Denied` where a rule forbids it, or a person who was asked."""
        lines = [await self.gate.admit(each) for each in actions(self.root, edit, role=self.role)]
        wanted = edit.settle([hunk.id for hunk in edit.hunks], "accepted")
        match edit.target:
            case FileTarget():
                await asyncio.to_thread(lambda: settle(verify(self.root, [(edit, wanted)])))
            case CellTarget(notebook=notebook):
                document = await self.files.snapshot(notebook)
                await self.files.apply(notebook, cell_changes(edit, wanted, edit.target, document))
        for line in lines:
            self.gate.ended(line, "done")
        return wanted

    def pending_insert(self, cell: str) -> Edit | None:
        """None: all that was proposed is there."""
        return None

    def withdraw(self, edit: Edit) -> None:
        """Nothing ever waits here."""


class OwnFolder:
    """A worktree with an agent at work in it. ``ask`` puts a question to the person."""

    def __init__(self, services: Services, worktrees: Worktrees, worktree: Worktree, *, ask: Asker) -> None:
        self.worktree = worktree
        self.folder = worktrees.folder(worktree)
        self._worktrees = worktrees
        self._ask = ask
        self._finder: Finder | None = None
        self.files = FileNotebooks(self.folder, kernel=self._kernel_for)
        self.kernel: AgentKernel | None = None
        self.services = replace(
            services,
            root=self.folder,
            person_root=services.root,
            given=permissions_here(services.given, services.root),
            modes=Modes(CONFINED_MODE),
        )
        self.jobs = Jobs(self.folder, wanted=services.sandbox_wanted, hidden=services.hidden)

    @classmethod
    async def make(
        cls, services: Services, worktrees: Worktrees, name: str, *, ask: Asker, **about: str
    ) -> "OwnFolder":
        """A new one, registered as ours. Raises what `Worktrees.make` does."""
        made = await worktrees.make(name, **about)
        try:
            made = await worktrees.occupy(made, work=True)
        except BaseException:  # stopped right now: nobody would ever know of it
            await asyncio.shield(worktrees.remove(made))
            raise
        return cls(services, worktrees, made, ask=ask)

    async def rest(self) -> None:
        """End all that runs in it, until somebody works here again."""
        ending: list[Awaitable[None]] = [self.jobs.close()]
        if self.kernel is not None:
            ending.append(self.kernel.close())
        for failure in await asyncio.gather(*ending, return_exceptions=True):
            if isinstance(failure, Exception):
                _log.warning("what ran for the agent %s did not end well: %s", self.worktree.id, failure)

    async def close(self) -> None:
        """End all that runs in it; the folder stays, nobody's."""
        await self.rest()
        if self._finder is not None:
            await self._finder.close()
            self._finder = None
        self.worktree = await self._worktrees.occupy(self.worktree, work=False)

    async def remove_if_empty(self) -> bool:
        """Remove it where nothing would be lost with it."""
        standing = await self._worktrees.look(self.worktree)
        if standing.changed or standing.besides or standing.trouble:
            return False
        await self._worktrees.remove(self.worktree)
        return True

    def equip(self, role: Role, *, more: Iterable[Tool] = ()) -> Equipment:
        """The tools of a role, rooted here."""
        offered = self.services.tools().only(lambda tool: tool not in NOT_HERE)
        here = (replace(tool, axis="kernel_run") if tool == run_code else tool for tool in offered.tools)
        rights = self.services.permissions
        equipment = equipped_as(role, Registry([*here, *more]), rights=rights, brief=f"{BRIEF}\n\n{GUIDE}")
        if role.mode in ("plan", "batch"):
            return equipment
        return replace(equipment, rights=replace(equipment.rights, mode=rights.mode))

    async def crew(
        self, crew: Crew, role: Role, *, who: Who, team: WorksInTeam | None = None, more: Iterable[Tool] = ()
    ) -> Crew:
        """What a role works with that does its task here."""
        equipment = self.equip(role, more=more)
        target = await self._target(crew.prompt.target)
        gate = self.gate(who, equipment.rights)

        def executor(
            prepared: Prepared, equipment: Equipment, proposals: Proposals, emit: Callable[[Event], object]
        ) -> Executor:
            context = self._context(proposals, target, announce=emit, team=team)
            return self._executor(context, equipment, emit, gate=gate, level=prepared.level)

        def asking(choice: Choice, purpose: Purpose, equipment: Equipment) -> Asking:
            outer = crew.asking(choice, purpose, equipment)
            notebook = self.files if target.notebook else None
            return replace(outer, services=self.services, kernel=None, notebook=notebook, news=lambda: "")

        return replace(
            crew,
            services=replace(self.services, limits=crew.services.limits),
            prompt=crew.prompt.model_copy(update={"target": target}),
            proposals=AppliedHere(self.folder, self.files, gate, role.name),
            equip=lambda role, looks: equipment,
            asking=asking,
            executor=executor,
        )

    async def run(self, command: str, *, who: Who, emit: Callable[[Event], object]) -> dict[str, Any]:
        """Run a command as the agent would; what `run_command` answers. Nothing of it goes to a model. Raises
        `ToolError` where it was refused or could not be run."""
        rights = self.services.permissions
        gate = self.gate(who, rights)
        context = self._context(AppliedHere(self.folder, self.files, gate, ""), Target(), announce=emit)
        equipment = Equipment(Registry([run_command]), rights)
        executor = self._executor(
            replace(context, output_limit=OUTPUT), equipment, emit, gate=gate, level="outputs"
        )
        arguments = {"command": command, "timeout": PATIENCE}
        result = await executor.call(ToolCallPart(id=new_id("call"), name="run_command", arguments=arguments))
        if result.is_error:
            raise ToolError(result.content)
        found: dict[str, Any] = json.loads(result.content)
        return found

    def _context(
        self,
        proposals: Proposals,
        target: Target,
        *,
        announce: Callable[[Event], object],
        team: WorksInTeam | None = None,
    ) -> ToolContext:
        services = self.services
        return ToolContext(
            root=self.folder,
            target=target,
            kernel=self.kernel,
            notebook=self.files if target.notebook else None,
            proposals=proposals,
            inspect_deadline=services.inspect_deadline,
            output_limit=services.output_limit,
            cell_id=services.cell_id,
            finder=self._searches(),
            commands=Commands(self.jobs, _untouched),
            team=team,
            announce=announce,
        )

    def _executor(
        self,
        context: ToolContext,
        equipment: Equipment,
        emit: Callable[[Event], object],
        *,
        gate: Gate,
        level: DataLevel,
    ) -> Executor:
        return Executor(
            equipment.tools,
            context=context,
            gate=gate,
            emit=emit,
            redact=self.services.redact,
            restore=self.services.redact.restored,
            level=level,
            role=equipment.rights.role,
        )

    def gate(self, who: Who, rights: Permissions) -> Gate:
        """The gate for what is done in here; what was allowed for good was allowed elsewhere."""

        async def granted() -> Permissions:
            return replace(await self.services.granted(rights), kept=frozenset())

        gate = self.services.gate(self._ask, who, rights)
        return replace(gate, granted=granted)

    async def _target(self, target: Target) -> Target:
        """The person's notebook as it is here, and the kernel for it."""
        name, path = "python3", target.notebook
        if path is not None:
            try:
                name = kernel_of(await self.files.snapshot(path))
            except (CodemadError, OSError):
                path = None  # it was never saved, or is not covered
        if self.kernel is None:
            self.kernel = AgentKernel(self.folder, name=name, hidden=self.services.hidden)
        return Target(notebook=path, cell=target.cell if path else None)

    async def _kernel_for(self, path: str) -> KernelPort | None:
        return self.kernel

    def _searches(self) -> Finder | None:
        if self._finder is None and self.services.finder_of is not None:
            self._finder = self.services.finder_of(self.folder, self._worktrees.beside(self.worktree))
        return self._finder
