"""The one room that connects everything: settings and services go in, an engine comes out."""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any

from codemad_jupyter.app.activity_log import ActivityLog
from codemad_jupyter.app.embedders import local_model
from codemad_jupyter.app.finding import WorkspaceFinder
from codemad_jupyter.app.permitting import rights_of
from codemad_jupyter.app.plugins import Offers, gathered_offers, roles_of
from codemad_jupyter.app.relay_client import relay_problem
from codemad_jupyter.app.reranking import reranker_for
from codemad_jupyter.config.agent_definitions import AgentApprovals, ExternalAgents
from codemad_jupyter.config.allowed import AllowedActions
from codemad_jupyter.config.hook_definitions import defined_hooks
from codemad_jupyter.config.json_log import start_log
from codemad_jupyter.config.levels import Levels
from codemad_jupyter.config.masked_log import mask_logs
from codemad_jupyter.config.mcp_approvals import McpApprovals
from codemad_jupyter.config.mcp_definitions import defined
from codemad_jupyter.config.paths import data_dir, user_file, workspace_dir
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.config.shares import SharedSessions
from codemad_jupyter.config.trust import PROJECT_FILE, TrustedFolders
from codemad_jupyter.context.budget import Shares
from codemad_jupyter.context.diagnostics.service import Diagnostics
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.offline import OfflineProvider
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.hooks import Plugins, plugin_manager
from codemad_jupyter.notebooks.ports import Ports
from codemad_jupyter.orchestrator.engine import Engine
from codemad_jupyter.orchestrator.memories import Memories
from codemad_jupyter.orchestrator.modes import Limit, Modes
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.tally import Limits
from codemad_jupyter.protocol.permissions import STRICTEST_FIRST, Rule
from codemad_jupyter.store.audit import AuditLog
from codemad_jupyter.store.opening import open_store
from codemad_jupyter.store.spending import Spending
from codemad_jupyter.store.store import Store
from codemad_jupyter.store.user_memory import UserMemory
from codemad_jupyter.tools.catalog import BUILT_IN
from codemad_jupyter.tools.hook_scripts import ScriptHooks
from codemad_jupyter.tools.mcp_tools import McpServers
from codemad_jupyter.tools.memory import TOOLS as MEMORY_TOOLS
from codemad_jupyter.tools.permissions import stricter
from codemad_jupyter.tools.proposals import counted_cell_ids, new_cell_id
from codemad_jupyter.tools.sandbox.state import state as sandbox_state
from codemad_jupyter.tools.tool import Registry
from codemad_jupyter.tools.web.fetch import TOOLS as WEB_TOOLS

PATIENT = 30.0
"""Seconds a look at the kernel may take where answers are recorded or replayed."""

UNCHANGED = (
    "trial", "trial_method", "checkpoint_days", "checkpoint_size", "snapshots_kept", "auto_commit",
    "completion_model", "output_limit", "stop_grace", "ask_before_run", "agents_start", "agents_test",
    "agents_at_once",
)  # fmt: skip
"""The settings that the orchestrator takes under their own names."""


async def build_engine(
    root: Path, *, ports: Ports, settings: Settings, attended: bool = True, rules: tuple[Rule, ...] = ()
) -> Engine:
    """The engine of the workspace ``root``, started. Where it is not ``attended`` nobody can be asked;
    ``rules`` are those that the person gave on the way.

    Where the store cannot be had as it should be, the engine starts all the same and says so.
    """
    root = await asyncio.to_thread(root.resolve)
    mask_logs(settings.redact)
    await asyncio.to_thread(start_log, settings)
    folder = workspace_dir(root, settings=settings)
    store, notices = await open_store(folder, workspace=str(root), in_memory=settings.store == "memory")
    hooks, offered, scripts = await asyncio.to_thread(_plugged, root, settings)
    trusted = TrustedFolders()
    mcp = await asyncio.to_thread(_mcp_servers, root, settings)
    router = router_for(root, settings, offered.providers)
    engine = Engine(
        Services(
            root=root,
            data=folder,
            store=store,
            router=router,
            ports=ports,
            checkpoints=Checkpoints(root, folder),
            registry=_registry(offered, mcp, memory=settings.memory != "off", web=settings.web_fetch),
            hooks=hooks,
            redact=settings.redactor,
            trusted=trusted.advises,
            own_rules=user_file().parent,
            levels=Levels(folder, default=settings.data_level, policy=settings.policy),
            memories=_memories(store, settings),
            given=rights_of(settings, rules),
            modes=_modes(root, settings, attended=attended),
            allowed=AllowedActions(folder),
            shared=SharedSessions(folder, policy=settings.policy, problem=relay_problem(os.environ)),
            audit=AuditLog(folder, redact=settings.redact),
            limits=_limits(settings),
            trial_seconds=settings.trial_timeout,
            trial_memory=settings.trial_memory * 1_000_000,
            replay_factor=settings.trial_replay_factor,
            notices=(*notices, *settings.notices, *hooks.problems),
            shares=Shares.read(settings.context_shares),
            finder=WorkspaceFinder(root, settings, reranker=reranker_for(root, settings, router)),
            finder_of=partial(_finder_of, settings),
            roles=lambda: roles_of(root, offered.roles),
            commands=offered.commands,
            phases=offered.phases,
            scripts=scripts,
            sandbox=partial(sandbox_state, settings.sandbox),
            sandbox_wanted=settings.sandbox,
            hidden=(data_dir(settings),),
            mcp=mcp,
            external=_external_agents(root, settings),
            **_repeatable(root, settings, trusted),
            **{name: getattr(settings, name) for name in UNCHANGED},
        )
    )
    await engine.start()
    return engine


def _repeatable(root: Path, settings: Settings, trusted: TrustedFolders) -> dict[str, Any]:
    """The parts through which a request hangs on chance and on how quick this machine is; where answers are
    recorded or replayed it must not."""
    taped = settings.cassette_mode != "off"
    return {
        "diagnostics": Diagnostics(
            root, mode="off" if taped else settings.diagnostics, trusted=trusted.advises
        ),
        "inspect_deadline": max(settings.inspect_deadline, PATIENT if taped else 0),
        "compaction": "plain" if taped else settings.compaction,
        "cell_id": counted_cell_ids() if taped else new_cell_id,
    }


def _finder_of(settings: Settings, root: Path, place: Path) -> WorkspaceFinder:
    """Searches another folder; its index lies in a place of its own."""
    return WorkspaceFinder(root, settings.model_copy(update={"index_dir": place}))


def _modes(root: Path, settings: Settings, *, attended: bool) -> Modes:
    """The mode, and how far a person may go beyond it: not where nobody is there, and not beyond what the
    policy allows, or what the project's file or a file of settings that cannot be read has made of it."""
    origin, most = settings.origins["mode"], settings.policy.mode
    if not attended:
        return Modes(stricter(settings.mode, "batch"), limit=Limit("batch", "nobody can be asked here"))
    limits = []
    if most is not None:
        limits.append(Limit(most, settings.policy.by))
    if origin == "safest":
        limits.append(Limit(settings.mode, "your settings cannot be read"))
    if origin == str(root / PROJECT_FILE):
        limits.append(Limit(settings.mode, f"{PROJECT_FILE} of this folder says so"))
    tightest = min(limits, key=lambda each: STRICTEST_FIRST.index(each.mode), default=None)
    return Modes(settings.mode, limit=tightest)


def router_for(root: Path, settings: Settings, offered: dict[str, Any]) -> Router:
    """The models that these settings and packages offer."""
    return Router(
        GatewayConfig.model_validate(settings.gateway()),
        redact=settings.redact,
        offline=OfflineProvider(),
        extra=offered,
        ledger=Spending(data_dir(settings) / "spending"),
        root=root,
    )


def _memories(store: Store, settings: Settings) -> Memories:
    return Memories(
        store=store,
        user=UserMemory(data_dir(settings)),
        redact=settings.redact,
        mode=settings.memory,
        embedder=local_model(settings),
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        steps=settings.max_steps,
        tokens=settings.token_limit,
        cost=settings.cost_limit,
        seconds=settings.time_limit,
    )


def _mcp_servers(root: Path, settings: Settings) -> McpServers:
    given = defined(root, settings.mcp, policy=settings.policy)
    return McpServers(root, given, McpApprovals(data_dir(settings)))


def _external_agents(root: Path, settings: Settings) -> ExternalAgents:
    approvals = AgentApprovals(data_dir(settings))
    return ExternalAgents(root, settings.agents, approvals, policy=settings.policy)


def _plugged(root: Path, settings: Settings) -> tuple[Plugins, Offers, ScriptHooks | None]:
    """What packages offer, with the hook scripts as one more of them where there are any."""
    hooks = plugin_manager()
    offered, found = gathered_offers(hooks), defined_hooks(root, settings.hooks)
    hooks.register(ActivityLog())
    if not found:
        return hooks, offered, None
    hooks.problems += [
        f"The hook {each.name} ({each.place}) cannot run: {each.problem}." for each in found if each.problem
    ]
    scripts = ScriptHooks(root, found)
    hooks.register(scripts)
    return hooks, offered, scripts


def _registry(offered: Offers, mcp: McpServers, *, memory: bool, web: bool) -> Registry:
    registry = Registry(each for each in BUILT_IN if memory or each not in MEMORY_TOOLS)
    for tool in (*(WEB_TOOLS if web else ()), *offered.tools, *mcp.tools()):
        if tool.name not in registry:  # a stranger's tool never takes the place of another
            registry.add(tool)
    return registry
