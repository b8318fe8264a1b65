"""What the engine is given: the services and settings of one workspace, connected in ``app/build``."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pluggy

from codemad_jupyter.config.agent_definitions import ExternalAgents
from codemad_jupyter.config.allowed import AllowedActions
from codemad_jupyter.config.levels import Levels
from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.config.shares import SharedSessions
from codemad_jupyter.context.budget import Shares
from codemad_jupyter.context.diagnostics.service import Diagnostics
from codemad_jupyter.context.gauge import TokenGauge
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.notebooks.ports import Ports
from codemad_jupyter.notebooks.trial import MEMORY, Method
from codemad_jupyter.orchestrator.memories import Memories
from codemad_jupyter.orchestrator.modes import Modes
from codemad_jupyter.orchestrator.roles import Roles, built_in
from codemad_jupyter.orchestrator.slash import BUILT_IN
from codemad_jupyter.orchestrator.tally import Limits
from codemad_jupyter.protocol.permissions import UNCONFINED, SandboxState
from codemad_jupyter.protocol.phases import ExtraPhase
from codemad_jupyter.protocol.slash import SlashCommand
from codemad_jupyter.store.audit import AuditLog
from codemad_jupyter.store.store import Store
from codemad_jupyter.tools.gate import Asker, Gate, Who
from codemad_jupyter.tools.hook_scripts import ScriptHooks
from codemad_jupyter.tools.mcp_tools import McpServers
from codemad_jupyter.tools.permissions import Permissions, stricter, visible
from codemad_jupyter.tools.proposals import new_cell_id
from codemad_jupyter.tools.reach import Finder
from codemad_jupyter.tools.sandbox.state import Wanted
from codemad_jupyter.tools.tool import Registry


async def no_sandbox() -> SandboxState:
    """Where nothing confines what runs."""
    return UNCONFINED


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything the orchestrator works with. Times are in seconds."""

    root: Path
    data: Path
    """Where our own data about the workspace is."""
    store: Store
    router: Router
    ports: Ports
    checkpoints: Checkpoints
    diagnostics: Diagnostics
    registry: Registry
    hooks: pluggy.PluginManager
    redact: Redactor
    levels: Levels
    memories: Memories
    trusted: Callable[[Path], bool] = field(default=lambda folder: False)
    """Whether the rules files of a folder may be shown to a model."""
    own_rules: Path | None = None
    """The folder of the person's own rules files."""
    given: Permissions = field(default_factory=Permissions)
    """The rules of the workspace; the mode of `modes` holds with them, sandbox and kept actions are looked up
    when something is decided."""
    modes: Modes = field(default_factory=Modes)
    allowed: AllowedActions
    shared: SharedSessions
    """Whom the person shares sessions with."""
    audit: AuditLog
    sandbox: Callable[[], Awaitable[SandboxState]] = no_sandbox
    limits: Limits = field(default_factory=Limits)
    patience: float = 600.0
    inspect_deadline: float = 0.5
    trial: bool = True
    trial_seconds: float = 10.0
    trial_memory: int = MEMORY
    trial_method: Method = "auto"
    replay_factor: float = 3.0
    checkpoint_days: float = 0.0
    checkpoint_size: int = 0
    snapshots_kept: int = 0
    auto_commit: Literal["off", "plain", "model"] = "off"
    completion_model: str | None = None
    notices: tuple[str, ...] = ()
    output_limit: int = 12_000
    stop_grace: float = 2.0
    ask_before_run: float = 60.0
    shares: Shares = field(default_factory=Shares)
    compaction: Literal["model", "plain"] = "model"
    gauge: TokenGauge = field(default_factory=TokenGauge)
    cell_id: Callable[[], str] = new_cell_id
    person_root: Path | None = None
    """The person's own folder, where ``root`` is that of an agent."""
    finder: Finder | None = None
    finder_of: Callable[[Path, Path], Finder] | None = None
    """Makes what searches another folder, with the folder its index goes to."""
    agents_start: tuple[str, ...] = ()
    """Commands that prepare the folder of an agent."""
    agents_test: str = ""
    agents_at_once: int = 3
    roles: Callable[[], Roles] = field(default=lambda: Roles({role.name: role for role in built_in()}))
    """Reads the roles there are now."""
    phases: tuple[ExtraPhase, ...] = ()
    """Steps that packages add to runs."""
    scripts: ScriptHooks | None = None
    """The hook scripts, which are among the hooks; they are to be closed."""
    commands: tuple[SlashCommand, ...] = BUILT_IN
    """What a prompt may begin with after a slash."""
    sandbox_wanted: Wanted = "auto"
    hidden: tuple[Path, ...] = ()
    """Folders of ours that commands must not see."""
    external: ExternalAgents | None = None
    """The agents of others that may be given a task."""
    mcp: McpServers | None = None
    """The servers of others whose tools are in the registry."""

    @property
    def home(self) -> Path:
        """The person's folder, whose rules hold and whose spending is counted."""
        return self.person_root or self.root

    @property
    def permissions(self) -> Permissions:
        """What holds in the workspace now."""
        return replace(self.given, mode=self.modes.now)

    async def granted(self, given: Permissions | None = None) -> Permissions:
        """What holds now, for the workspace or for an agent with rights of its own, whose mode a stricter one
        chosen meanwhile overrules. The sandbox is tried only in the mode that asks for it: no first word of
        an answer waits for that."""
        rights = given or self.permissions
        rights = replace(rights, mode=stricter(rights.mode, self.modes.now))
        kept = await asyncio.to_thread(self.allowed.digests)
        sandbox = await self.sandbox() if rights.mode == "auto_sandboxed" else rights.sandbox
        return replace(rights, sandbox=sandbox, kept=kept)

    def tools(self, given: Permissions | None = None) -> Registry:
        """The tools that a model sees."""
        rights = given or self.permissions
        return Registry(
            each for each in self.registry.tools if visible(each.name, each.reaches, each.risk, rights)
        )

    def gate(self, ask: Asker, who: Who, given: Permissions | None = None) -> Gate:
        """The gate in front of what is done for somebody."""
        return Gate(
            granted=lambda: self.granted(given),
            ask=ask,
            record=self.audit.record,
            redact=self.redact,
            hooks=self.hooks,
            who=who,
        )
