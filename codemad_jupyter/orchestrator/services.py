"""What the engine is given: the services and settings of one workspace, connected in ``app/build``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pluggy

from codemad_jupyter.gateway.router import Router
from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.notebooks.ports import Ports
from codemad_jupyter.orchestrator.loop import Limits
from codemad_jupyter.store.store import Store
from codemad_jupyter.tools.permissions import Policy
from codemad_jupyter.tools.tool import Registry


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything the orchestrator works with. Times are in seconds."""

    root: Path
    store: Store
    router: Router
    ports: Ports
    checkpoints: Checkpoints
    registry: Registry
    hooks: pluggy.PluginManager
    redact: Callable[[str], str]
    policy: Policy = "ask"
    limits: Limits = field(default_factory=Limits)
    fallbacks: tuple[str, ...] = ()
    max_output: int = 8_192
    silence: float = 60.0
    patience: float = 600.0
    inspect_deadline: float = 0.5
    trial: bool = True
    trial_seconds: float = 10.0
    completion_model: str | None = None
    notices: tuple[str, ...] = ()
