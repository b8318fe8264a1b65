"""What the engine is given: the services and settings of one workspace, connected in ``app/build``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pluggy

from codemad_jupyter.config.levels import Levels
from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.context.budget import Shares
from codemad_jupyter.context.diagnostics.service import Diagnostics
from codemad_jupyter.context.gauge import TokenGauge
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.notebooks.ports import Ports
from codemad_jupyter.notebooks.trial import MEMORY, Method
from codemad_jupyter.orchestrator.loop import Limits
from codemad_jupyter.orchestrator.memories import Memories
from codemad_jupyter.store.store import Store
from codemad_jupyter.tools.mcp_tools import McpServers
from codemad_jupyter.tools.permissions import Policy
from codemad_jupyter.tools.proposals import new_cell_id
from codemad_jupyter.tools.tool import Finder, Registry


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything the orchestrator works with. Times are in seconds."""

    root: Path
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
    policy: Policy = "ask"
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
    finder: Finder | None = None
    mcp: McpServers | None = None
    """The servers of others whose tools are in the registry."""
