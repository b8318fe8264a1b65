"""The administrator's policy as a value, and what it says of one model, tool, program or host.

Every method that ends with ``refusal`` gives the reason, empty where the policy has nothing against it. Where
a policy is read from stands in ``config/policy``; each method is asked in one place, below all edges.
"""

import shlex
from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.permissions import Mode, Rule
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.sharing import LEAST_FIRST, SharePermission

BUILT_IN = "codemad"
"""The provider of the built-in assistant, which asks nobody: it is never refused."""
THROUGH = ("litellm",)
"""Providers that only pass on to the one named after them."""
BY_ADMINISTRATOR = "set by the administrator"

Family = Literal["providers", "models", "tools", "mcp", "agents", "hosts"]


class Lists(Value):
    """Patterns, in which ``*`` stands for any letters. None: there is no such list."""

    providers: tuple[str, ...] | None = Field(
        default=None, description="The part of a model's name before the slash."
    )
    models: tuple[str, ...] | None = Field(default=None, description="Whole names: provider/name.")
    tools: tuple[str, ...] | None = Field(default=None, description="What a model may call.")
    mcp: tuple[str, ...] | None = Field(
        default=None, description="MCP servers: address, or command with arguments."
    )
    agents: tuple[str, ...] | None = Field(
        default=None, description="Agents of others: command with arguments."
    )
    hosts: tuple[str, ...] | None = Field(
        default=None, description="Hosts that are reached; *.name for those below."
    )


class Policy(Value):
    """What holds for everybody on this machine. Without a ``place`` there is none."""

    place: str = ""
    contact: str = ""
    allow: Lists = Lists()
    deny: Lists = Lists()
    mode: Mode | None = None
    """The mode that lets most through."""
    data_level: DataLevel | None = None
    """The highest level."""
    depth: int | None = None
    """How many times a task may be handed down among agents."""
    allow_rules: bool = True
    """Whether rules that allow, and what was allowed for good, count where the person made them."""
    rules: tuple[Rule, ...] = ()
    sharing: SharePermission | Literal["none"] = "drive"
    """The most that sessions are shared for."""

    @property
    def by(self) -> str:
        """Who says so, in words."""
        contact = f"; ask {self.contact}" if self.contact else ""
        return f"{BY_ADMINISTRATOR} ({self.place}{contact})"

    def model_refusal(self, model: str) -> str:
        """Why this model (``provider/name``) may not be asked."""
        provider, _, rest = model.partition("/")
        if provider == BUILT_IN:
            return ""
        inner = (rest.partition("/")[0],) if provider in THROUGH else ()
        barred = self._barred("providers", provider, *inner) or self._barred(
            "models", model, *(rest,) * len(inner)
        )
        listed = self._listed("providers", provider) and self._listed("models", model)
        return "" if listed and not barred else f"the model {model} is not allowed, {self.by}"

    def provider_refusal(self, provider: str) -> str:
        """Why nothing of this provider may be asked."""
        free = provider == BUILT_IN or (
            self._listed("providers", provider) and not self._barred("providers", provider)
        )
        return "" if free else f"the provider {provider} is not allowed, {self.by}"

    def tool_refusal(self, tool: str, *, deed: bool = False) -> str:
        """Why a model may not call this tool. A ``deed`` follows from another tool or a click: no list
        of what is allowed needs to name it."""
        if self._barred("tools", tool) or not (deed or self._listed("tools", tool)):
            return f"{tool} is not allowed, {self.by}"
        return ""

    def server_refusal(self, *, command: str, args: tuple[str, ...], url: str) -> str:
        """Why this MCP server may not be used."""
        what = url or shlex.join((command, *args))
        if self._barred("mcp", what) or not self._listed("mcp", what):
            return f"this server is not allowed, {self.by}"
        return self.host_refusal(urlsplit(url).hostname or "") if url else ""

    def agent_refusal(self, *, command: str, args: tuple[str, ...], network: bool) -> str:
        """Why this agent of others may not be started. Its network cannot be held to hosts."""
        what = shlex.join((command, *args))
        if self._barred("agents", what) or not self._listed("agents", what):
            return f"this agent is not allowed, {self.by}"
        if network and self.limits_hosts and self.allow.agents is None:
            return f"it wants the network, whose hosts are {self.by}"
        return ""

    def shared_as(self, permission: SharePermission) -> SharePermission | None:
        """As what a session may be shared at most that is to be shared so; None: not at all."""
        if self.sharing == "none":
            return None
        return min(permission, self.sharing, key=LEAST_FIRST.index)

    def host_refusal(self, host: str) -> str:
        """Why this host may not be reached."""
        plain = host.rstrip(".")
        if self._barred("hosts", plain) or not self._listed("hosts", plain):
            return f"the host {plain} is not allowed, {self.by}"
        return ""

    @property
    def limits_hosts(self) -> bool:
        """Whether anything is said of hosts: then nothing may have a network that cannot be held to them."""
        return bool(self.deny.hosts) or self.allow.hosts is not None

    def _barred(self, family: Family, *names: str) -> bool:
        given = getattr(self.deny, family) or ()
        return any(_fits(name, pattern) for name in names for pattern in given)

    def _listed(self, family: Family, name: str) -> bool:
        given = getattr(self.allow, family)
        return given is None or any(_fits(name, pattern) for pattern in given)


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())


NO_POLICY = Policy()


class PolicyInfo(Value):
    """What a person is told of the policy. ``problem``: why it cannot be used, so that nothing but reading is
    possible; ``loose``: why it does not bind whoever runs CodeMAD."""

    place: str
    contact: str = ""
    problem: str = ""
    loose: str = ""
    said: tuple[str, ...] = ()


def closed(place: str, contact: str = "") -> Policy:
    """The policy in place of one that cannot be understood: nothing leaves, nothing is changed."""
    return Policy(
        place=place,
        contact=contact,
        allow=Lists(providers=(), mcp=(), agents=(), hosts=()),
        mode="plan",
        data_level="schema",
        depth=0,
        allow_rules=False,
        sharing="none",
    )
