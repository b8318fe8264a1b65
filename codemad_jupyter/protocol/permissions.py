"""Values of what an agent may do: the mode, the rules, and how well a sandbox confines."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from codemad_jupyter.protocol.base import Value

Mode = Literal["ask", "auto_edit", "auto_sandboxed", "batch", "plan"]
"""Who is asked before an effect: a person each time; edits apply by themselves; whatever a strong sandbox
confines runs by itself, too; nobody is there and rules alone decide; or nothing but reading is possible."""

STRICTEST_FIRST: tuple[Mode, ...] = ("plan", "batch", "ask", "auto_edit", "auto_sandboxed")

MODE_TEXTS: dict[Mode, str] = {
    "plan": "nothing but reading; a plan can be made",
    "batch": "nobody is asked: what no rule allows is refused",
    "ask": "you are asked about commands, code and each change",
    "auto_edit": "changes of files and cells apply by themselves; commands and code are asked about",
    "auto_sandboxed": "changes apply by themselves, and so does what a strong sandbox confines; the network,"
    " your own kernel and whatever gives rights are asked about",
}
"""What each mode lets through without a question, for a person."""

Risk = Literal["read", "write", "execute", "network"]

Axis = Literal[
    "files", "kernel_inspect", "kernel_run", "kernel_mutate", "shell", "network", "memory", "plan", "control"
]
"""What an action reaches. ``kernel_run`` is a kernel of our own, ``kernel_mutate`` the person's; ``plan`` is
the plan of the conversation; ``control`` is all by which rights are given: settings, hooks, definitions of
servers, trust, leaving the sandbox."""

Verdict = Literal["allow", "ask", "deny", "hide"]

ANY = "*"


class Rule(Value):
    """One rule. It holds for what fits all that it names; what is empty fits everything."""

    decide: Verdict = Field(description="allow, ask, deny or hide (the model does not see the tool).")
    tool: str = Field(default=ANY, description="The tool's name; * stands for any letters.")
    axis: Literal[
        "", "files", "kernel_inspect", "kernel_run", "kernel_mutate", "shell", "network", "memory", "control"
    ] = Field(default="", description="What the action reaches.")
    risk: Literal["", "read", "write", "execute", "network"] = Field(
        default="", description="read, write, execute or network."
    )
    role: str = Field(default="", description="The role of the agent; * stands for any letters.")
    command: tuple[str, ...] = Field(
        default=(), description='The first words of a command: ["git", "status"]; * stands for any one word.'
    )
    path: str = Field(
        default="", description="Files: a pattern such as secrets/** or *.pem, below the folder."
    )
    arguments: dict[str, str] = Field(
        default_factory=dict, description="Patterns of the tool's arguments, by name."
    )
    origin: str = Field(default="", description="Where the rule comes from; what stands here is not read.")

    @property
    def text(self) -> str:
        """The rule in a few words, for cards and the audit log."""
        parts = [f"tool {self.tool}"] if self.tool != ANY else []
        parts += [f"{name} {value}" for name in ("axis", "risk", "role") if (value := getattr(self, name))]
        parts += [f"command {' '.join(self.command)}"] if self.command else []
        parts += [f"path {self.path}"] if self.path else []
        parts += [f"{name} {pattern}" for name, pattern in self.arguments.items()]
        return f"{self.decide} {', '.join(parts) or 'everything'} ({self.origin or 'a rule'})"


class AllowedAction(Value):
    """An action that the person allowed for good in one workspace: exactly this one."""

    digest: str
    tool: str
    action: str
    at: float


class AuditLine(Value):
    """One effect, or one that was refused: who, what, who decided, how it ended."""

    at: float
    session: str = ""
    run: str = ""
    agent: str = ""
    who: str = ""
    """The edge it came from, or the person's tab."""
    tool: str
    axis: str = ""
    action: str = ""
    digest: str = ""
    decision: Literal["allowed", "approved", "rejected", "expired", "denied"]
    rule: str = ""
    outcome: str = ""
    seconds: float = 0.0


SandboxStrength = Literal["strong", "limited", "container", "none"]


class SandboxState(BaseModel):
    """What confines the commands of agents here, as its own test has found it."""

    model_config = ConfigDict(frozen=True)

    strength: SandboxStrength
    backend: str = ""
    """Name of the backend: bubblewrap, landlock, sandbox-exec; empty where there is none."""
    reasons: tuple[str, ...] = ()
    """Why it is not stronger, a sentence each, for the person who wants to change it."""


class ModeInfo(Value):
    """A mode one can choose; ``refused`` says why it cannot be chosen here."""

    name: Mode
    text: str
    refused: str = ""


class Standing(Value):
    """Who is asked now and what confines commands, with what could be chosen instead and what to do about a
    weak sandbox. ``settled`` is the mode of the settings."""

    mode: Mode
    settled: Mode
    modes: tuple[ModeInfo, ...]
    sandbox: SandboxState
    remedy: str = ""


UNCONFINED = SandboxState(strength="none")
