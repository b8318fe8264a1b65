"""Owns which external agents are defined for a workspace: by the person's settings, by a trusted project, and
those that are known here and installed on this machine.

Nothing here starts anything. What a project defines counts once the folder is trusted as it stands; whether
an agent may start is decided by the person for exactly its definition (`AgentApprovals`).
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from codemad_jupyter.config.approvals import Approvals, key_of
from codemad_jupyter.config.foreign_programs import executed, names_of, odd_variable, program_of
from codemad_jupyter.config.private_files import read_bounded
from codemad_jupyter.config.toml_files import parse
from codemad_jupyter.config.trust import PROJECT_FILE, TrustedFolders
from codemad_jupyter.protocol.errors import Denied, UsageError
from codemad_jupyter.protocol.external_agents import AgentDefinition, ExternalAgent, ExternalAgentStatus
from codemad_jupyter.protocol.policy import NO_POLICY, Policy

FOLDER = "agent-approvals"
MOST = 40
"""Agents that one file may define."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")
_ASKS = '{"bash":"ask","webfetch":"ask"}'
PRESETS: Mapping[str, ExternalAgent] = {
    "opencode": ExternalAgent(
        command="opencode",
        args=("acp",),
        env=("OPENCODE_DISABLE_AUTOUPDATE=1", f"OPENCODE_PERMISSION={_ASKS}"),
        folders=(
            "~/.config/opencode", "~/.local/share/opencode", "~/.local/state/opencode", "~/.cache/opencode",
        ),
        network=True,
    ),
    "claude-code": ExternalAgent(
        command="claude-agent-acp",
        env=(
            "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_BASE_URL",
            "ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
        ),
        folders=("~/.claude",),
        network=True,
    ),
    "codex": ExternalAgent(
        command="codex-acp",
        env=("OPENAI_API_KEY", "CODEX_API_KEY", "INITIAL_AGENT_MODE=workspace-write"),
        confined_env=("INITIAL_AGENT_MODE=agent-full-access",),
        folders=("~/.codex",),
        network=True,
    ),
    "gemini": ExternalAgent(
        command="gemini",
        args=("--acp",),
        env=(
            "GEMINI_API_KEY", "GEMINI_MODEL", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL",
            "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "GOOGLE_GENAI_USE_VERTEXAI",
        ),
        confined_env=("GEMINI_SANDBOX=false",),
        folders=("~/.gemini",),
        network=True,
    ),
}  # fmt: skip
"""Agents that are known here. They are found on PATH, never fetched."""
_HOW = {
    "opencode": ("npm install -g opencode-ai", "opencode auth login"),
    "claude-agent-acp": (
        "npm install -g @agentclientprotocol/claude-agent-acp",
        "claude-agent-acp --cli auth login",
    ),
    "codex-acp": ("npm install -g @agentclientprotocol/codex-acp", "codex-acp cli login"),
    "gemini": ("npm install -g @google/gemini-cli", "gemini"),
}
"""How a person installs a known program, and signs in to it."""


def defined_agents(
    root: Path,
    own: Mapping[str, ExternalAgent],
    *,
    taken: Collection[str] = (),
    environ: Mapping[str, str] | None = None,
    policy: Policy = NO_POLICY,
) -> tuple[AgentDefinition, ...]:
    """All agents: the person's own, those known here, the project's. Of two with one name the second cannot
    be used, none whose name is ``taken`` by a role, and none that the ``policy`` refuses."""
    environ = os.environ if environ is None else environ
    given = [
        *(AgentDefinition(name=n, agent=a, origin="own", place="your settings") for n, a in own.items()),
        *(
            AgentDefinition(name=n, agent=a, origin="preset", place="known to CodeMAD")
            for n, a in PRESETS.items()
            if n not in own
        ),
        *_of_project(root),
    ]
    found: list[AgentDefinition] = []
    names: dict[str, str] = {}
    for each in given:
        agent = each.agent
        said = each.problem or _problem(each)
        said = said or policy.agent_refusal(command=agent.command, args=agent.args, network=agent.network)
        if each.name in names:
            said = f"there is an agent of this name already ({names[each.name]})"
        elif each.name in taken:
            said = "there is a role of this name"
        install, sign_in = _HOW.get(Path(agent.command).name, ("", ""))
        program = "" if said else program_of(agent.command, root, environ)
        if not said and not program:
            said = f"there is no program {agent.command} on this machine"
            said += f" (install it: {install})" if install else ""
        found.append(each.model_copy(update={"problem": said, "program": program, "sign_in": sign_in}))
        names.setdefault(each.name, each.place)
    return tuple(found)


def _of_project(root: Path) -> Iterator[AgentDefinition]:
    path = root / PROJECT_FILE
    try:
        data = read_bounded(path, follow_links=False)
        if data is None or not TrustedFolders().steers(root, data):
            return
        table = parse(data, path).get("agents")
    except UsageError:
        return  # what cannot be read defines nothing
    for name, given in list(table.items())[:MOST] if isinstance(table, dict) else ():
        agent, said = ExternalAgent(), "its definition cannot be understood"
        with contextlib.suppress(ValidationError):
            agent, said = ExternalAgent.model_validate(given), ""
        if agent.folders:
            said = "a project's agent gets no folders of your home"
        yield AgentDefinition(
            name=str(name)[:40], agent=agent, origin="project", place=str(path), problem=said
        )


def _problem(given: AgentDefinition) -> str:
    """Why the definition cannot be used; empty where it can."""
    agent = given.agent
    if not _NAME.fullmatch(given.name):
        return "its name may have small letters, digits and -, up to 24"
    if not agent.command or any("\0" in part for part in (agent.command, *agent.args)):
        return "it needs a command, without a NUL character"
    for name in names_of((*agent.env, *agent.confined_env)):
        if said := odd_variable(name):
            return said
    for folder in agent.folders:
        parts = Path(folder).parts
        if len(parts) < 2 or parts[0] != "~" or ".." in parts:
            return f"{folder[:80]!r} is no folder below your home (~/NAME)"
    return ""


def agent_digest(given: AgentDefinition, root: Path) -> str:
    """SHA-256 (hex) of what would be started, with the content of the project's files in it."""
    agent = given.agent
    said = {
        **agent.model_dump(mode="json", exclude={"seconds"}),
        "program": os.path.realpath(given.program),
        "files": executed((given.program, *agent.args), root),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


class AgentApprovals:
    """The person's approvals of external agents."""

    def __init__(self, folder: Path | None = None) -> None:
        self._kept = Approvals(FOLDER, folder)

    def holds(self, given: AgentDefinition, root: Path) -> bool:
        """Is exactly this definition approved, as it stands now?"""
        return not given.problem and self._kept.of(_key(given, root), agent_digest(given, root)) is not None

    def approve(self, given: AgentDefinition, root: Path, *, digest: str) -> None:
        """Keep the approval of the definition with this digest. Raises `StoreError`."""
        self._kept.approve(_key(given, root), digest)

    def revoke(self, given: AgentDefinition, root: Path) -> None:
        """Forget it."""
        self._kept.revoke(_key(given, root))

    def status(self, given: AgentDefinition, root: Path) -> ExternalAgentStatus:
        """How things stand with an agent; looks at files alone."""
        agent = given.agent
        known = self._kept.known(_key(given, root))
        held = self.holds(given, root)
        state = "off" if given.problem else "approved" if held else "changed" if known else "new"
        return ExternalAgentStatus.model_validate(
            {
                "name": given.name,
                "origin": given.origin,
                "place": given.place,
                "runs": " ".join(map(repr, (given.program or agent.command, *agent.args))),
                "env": tuple(dict.fromkeys(names_of((*agent.env, *agent.confined_env)))),
                "folders": agent.folders,
                "network": agent.network,
                "seconds": agent.seconds,
                "digest": "" if given.problem else agent_digest(given, root),
                "state": state,
                "detail": given.problem,
            }
        )


class ExternalAgents:
    """The external agents of one workspace, looked up anew each time."""

    def __init__(
        self,
        root: Path,
        own: Mapping[str, ExternalAgent],
        approvals: AgentApprovals,
        *,
        policy: Policy = NO_POLICY,
    ) -> None:
        self._root = root
        self._policy = policy
        self._own = own
        self._approvals = approvals

    def every(self, taken: Collection[str]) -> tuple[AgentDefinition, ...]:
        """All that are defined; ``taken`` are the names of roles."""
        return defined_agents(self._root, self._own, taken=taken, policy=self._policy)

    def approved(self, name: str, taken: Collection[str]) -> AgentDefinition | None:
        """The agent of this name, if there is one. Raises `Denied` for one that may not start."""
        given = next((each for each in self.every(taken) if each.name == name), None)
        if given is None:
            return None
        if given.problem:
            said = f"The agent {name} cannot be used: {given.problem}."
            raise Denied(said, hint="See: codemad agents external")
        if not self._approvals.holds(given, self._root):
            said = f"The agent {name} is not approved as it is defined now, so it was not started."
            hint = f"Look at it in a terminal and approve it: codemad agents external approve {name}"
            raise Denied(said, hint=hint)
        return given


def _key(given: AgentDefinition, root: Path) -> str:
    return key_of(given.name, root, project=given.origin == "project")
