"""What a run is equipped with for what it is about: the tools it may call and the guide it is given."""

import importlib.resources
from dataclasses import dataclass, replace

from codemad_jupyter.orchestrator.role_files import Role
from codemad_jupyter.protocol.commands import Intent
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.permissions import Mode
from codemad_jupyter.tools.permissions import Permissions, stricter, visible
from codemad_jupyter.tools.plan import TOOLS as PLAN_TOOLS
from codemad_jupyter.tools.tool import Registry

_GUIDES: dict[Intent, str] = {
    "plan": "plan",
    "review": "review",
    "test": "test",
    "document": "document",
}
CARRY_OUT = "carry_out"


@dataclass(frozen=True)
class Equipment:
    """Tools, what may be done with them, and instructions after those that all runs begin with."""

    tools: Registry
    rights: Permissions
    guide: str = ""


def equipped(
    registry: Registry, intent: Intent, *, rights: Permissions, carries_out: bool = False
) -> Equipment:
    """For a run of this intent, or for one that carries out a plan."""
    if intent == "plan":
        rights = replace(rights, mode="plan")
    tools = allowed_in(registry, rights.mode)
    if rights.mode != "plan" and not carries_out:
        tools = tools.only(lambda tool: tool not in PLAN_TOOLS)
    name = CARRY_OUT if carries_out else _GUIDES.get(intent, "")
    return Equipment(tools, rights, guide_text(name) if name else "")


def equipped_as(role: Role, registry: Registry, *, rights: Permissions, brief: str = "") -> Equipment:
    """As the role says, within the tools there are. Its mode and rules can only take away. Raises
    `UsageError` for a tool that does not exist."""
    rules = (*rights.rules, *role.rules)
    rights = replace(rights, mode=stricter(rights.mode, role.mode), role=role.name, rules=rules)
    tools = allowed_in(registry, rights.mode).only(
        lambda tool: tool not in PLAN_TOOLS and visible(tool.name, tool.reaches, tool.risk, rights)
    )
    if role.tools == "read":
        tools = tools.only(lambda tool: tool.risk == "read")
    elif role.tools != "all":
        wanted = frozenset(role.tools)
        unknown = missing_tools(role, registry)
        if unknown:
            raise UsageError(
                f"The role {role.name} wants a tool {unknown[0]}, which there is not.",
                hint=f"Tools: {', '.join(spec.name for spec in registry.specs)}.",
            )
        tools = tools.only(lambda tool: tool.name in wanted)
    return Equipment(tools, rights, "\n\n".join(filter(None, [role.prompt, brief])))


def missing_tools(role: Role, registry: Registry) -> tuple[str, ...]:
    """The tools a role names that do not exist."""
    return () if isinstance(role.tools, str) else tuple(name for name in role.tools if name not in registry)


def allowed_in(registry: Registry, mode: Mode) -> Registry:
    """In mode plan a run can read, and lay out its plan; nothing else is even there to be called."""
    if mode != "plan":
        return registry
    return registry.only(lambda tool: tool.risk == "read" or tool in PLAN_TOOLS)


def guide_text(name: str) -> str:
    """One of the prompts beside this module."""
    return importlib.resources.files(__package__).joinpath(f"prompts/{name}.md").read_text(encoding="utf-8")
