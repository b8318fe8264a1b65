"""Owns the settings: what can be set, and how defaults, the person's file, the project's file, the
environment and arguments come together. Each value remembers where it came from.

A project's file is written by whoever wrote the project: it counts once the person trusts the folder, and may
then tighten limits and choose among the person's models, nothing else. All settings stand in this one file,
long as it is: each is a line or two, and whoever looks for one looks here.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, field_validator

from codemad_jupyter.config.credentials import Credentials, hub_token
from codemad_jupyter.config.operating_settings import OperatingSettings
from codemad_jupyter.config.providers import CARDS
from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.config.trust import PROJECT_FILE as PROJECT_FILE
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.configuring import SettingHold
from codemad_jupyter.protocol.external_agents import ExternalAgent
from codemad_jupyter.protocol.hook_scripts import HookScript
from codemad_jupyter.protocol.mcp import McpServer
from codemad_jupyter.protocol.permissions import Mode, Rule
from codemad_jupyter.protocol.policy import NO_POLICY, Policy
from codemad_jupyter.protocol.privacy import DataLevel

PREFIX = "CODEMAD_"

TIGHTENING = (
    "max_output_tokens",
    "max_steps",
    "cost_limit",
    "token_limit",
    "time_limit",
    "data_level",
    "memory",
    "mode",
    *(
        f"budgets.{whose}.{what}"
        for whose in ("session", "notebook")
        for what in ("cost", "tokens", "seconds")
    ),
)
"""What a trusted project's file may set, and only to less than would hold without it (``*``: any name)."""

CHOOSING = (
    "purposes.*.model",
    "purposes.*.fallbacks",
    "purposes.*.routing",
    "agents_start",
    "agents_test",
)
"""What a trusted project's file may choose: models of providers that the person uses anyway, and commands for
the sandbox of an agent."""


class Ignored(Value):
    """A value that does not count, and why."""

    key: str
    value: str
    origin: str
    reason: str


OWN_KEYS = ("anthropic", "openai", "compatible", "litellm")
"""The providers whose key is a field of its own in the gateway's configuration; the others share a table."""


class Settings(OperatingSettings):
    """All settings. Times are in seconds, costs in US dollars; None means: not set, or no limit."""

    max_steps: int = Field(
        25, ge=1, le=1000, description="Model calls one run may make: a whole number, 1 to 1000."
    )
    cost_limit: float | None = Field(None, ge=0, description="What one run may cost: US dollars, 0 or more.")
    token_limit: int | None = Field(
        None, ge=1, description="Tokens one run may use: a whole number, 1 or more."
    )
    time_limit: float | None = Field(None, gt=0, description="How long one run may take: seconds, above 0.")
    data_dir: Path | None = Field(None, description="Where sessions and checkpoints go: a folder's path.")
    trial: bool = Field(True, description="Whether proposed code is tried before it is shown: true or false.")
    trial_timeout: float = Field(
        10.0, gt=0, le=600, description="How long a trial may take: seconds, up to 600."
    )
    inspect_deadline: float = Field(
        0.5, gt=0, le=30, description="How long a look at the kernel's variables may take: seconds, up to 30."
    )
    checkpoint_days: float = Field(
        30.0, ge=0, le=36500, description="After how many days unnamed checkpoints go: days, 0 keeps them."
    )
    checkpoint_size: int = Field(
        1_000_000_000,
        ge=0,
        description="What the notebooks of unnamed checkpoints may take: bytes, 0 is no limit.",
    )
    auto_commit: Literal["off", "plain", "model"] = Field(
        "off", description="Whether accepted changes are committed to git: off, plain or model."
    )

    trial_method: Literal["auto", "fork", "replay"] = Field(
        "auto",
        description="How code is tried: fork (a copy of the kernel), replay (the cells it needs, in a fresh "
        "process), auto (fork, else replay).",
    )
    trial_memory: int = Field(
        4000, ge=100, le=1_000_000, description="What a trial may take: megabytes, 100 or more."
    )
    trial_replay_factor: float = Field(
        3.0, ge=1, le=100, description="How many times trial_timeout a replay may take: a number, 1 to 100."
    )

    output_limit: int = Field(
        12_000,
        ge=8_000,
        le=24_000,
        description="Characters of outputs in one answer of a tool: a whole number, 8000 to 24000.",
    )
    repair: Literal["none", "suggest", "repair"] = Field(
        "none",
        description="What is done about a failing cell of codemad run and papermill: none, suggest (ask the "
        "model and write it down), repair (also apply what did well when it was tried).",
    )
    repair_budget: float | None = Field(
        None, ge=0, description="What all repairs of one notebook may cost: US dollars, 0 or more."
    )
    repair_tokens: int | None = Field(
        None, ge=1, description="The tokens all repairs of one notebook may take: a whole number, 1 or more."
    )
    run_report: Literal["none", "html", "json"] = Field(
        "none", description="The report written beside the output of such a run: none, html or json."
    )
    ask_before_run: float = Field(
        60.0,
        ge=0,
        description="A cell that took this long before runs only when you say so: seconds, 0 for never."
        " Cells tagged slow, expensive or ask-before-run always ask.",
    )
    stop_grace: float = Field(
        2.0,
        gt=0,
        le=60,
        description="What stopped code may take before the kernel is ended: seconds, up to 60.",
    )

    context_shares: str = Field(
        "5/15/30/40/10",
        description="How the model's window is shared among instructions, project, history, task and reserve:"
        " five percentages with slashes that make 100, the last one 5 or more.",
    )
    compaction: Literal["model", "plain"] = Field(
        "model", description="Who shortens long conversations: model (it writes a summary) or plain (a rule)."
    )

    memory: Literal["on", "ask", "off"] = Field(
        "on",
        description="Whether facts are remembered between conversations: on, ask (all that a model notes"
        " waits for you) or off.",
    )

    data_level: DataLevel = Field(
        "outputs",
        description="How much data is sent to models: schema, statistics, samples, outputs or images.",
    )

    index: bool = Field(
        True, description="Whether the folder is indexed in the background for search: true or false."
    )
    index_dir: Path | None = Field(None, description="Where indexes of folders go: a folder's path.")
    embedding_model: Path | None = Field(
        None,
        description="A model on this machine that search reads meaning with: the path of its folder. Without"
        " one, purposes.embed.model has the folder's texts sent to a provider for that, secrets masked.",
    )
    rerank: bool = Field(
        False,
        description="Whether a model puts what search found first in order (purposes.rerank.model, else the"
        " default model; it is sent the query and a few lines of 20 places): true or false.",
    )

    diagnostics: Literal["auto", "off"] = Field(
        "auto",
        description="Whether language servers look at proposed changes: auto (those that are installed) or"
        " off.",
    )

    sandbox: Literal["auto", "strong", "container", "off"] = Field(
        "auto",
        description="What assistants' commands run in: auto (the best sandbox of this machine), strong (only"
        " one without known holes), container (this machine is a box made for it) or off (each one asks).",
    )
    mode: Mode = Field(
        "ask",
        description="Who is asked before an effect: ask (you, each time), auto_edit (changes of files and"
        " cells apply by themselves), auto_sandboxed (what a strong sandbox confines runs by itself, too),"
        " batch (nobody: rules alone decide) or plan (nothing but reading).",
    )
    permissions: tuple[Rule, ...] = Field(
        (),
        description="Rules, tables [[permissions]] with decide = allow, ask, deny or hide, and any of tool,"
        " axis, risk, role, command (its first words), path (a pattern), arguments. Deny wins over ask, ask"
        " over allow. A project's file may add what asks, denies or hides.",
    )
    mcp: dict[str, McpServer] = Field(
        default_factory=dict,
        description="Servers of the Model Context Protocol, tables [mcp.NAME] with command, args and env"
        " (NAME to pass a variable on, NAME=value to set one), or url and bearer_env (the variable with its"
        " token), and timeout (seconds). Each starts only once approved: codemad mcp approve NAME.",
    )
    agents: dict[str, ExternalAgent] = Field(
        default_factory=dict,
        description="Agents of others that speak the Agent Client Protocol, tables [agents.NAME] with"
        " command, args and env (NAME to pass a variable on, NAME=value to set one), folders (of your home,"
        " as ~/.config/NAME), network and seconds. Each starts once approved: codemad agents external.",
    )
    hooks: dict[str, HookScript] = Field(
        default_factory=dict,
        description="Programs that hear of what happens, tables [hooks.NAME] with on (a list of before_tool,"
        " after_tool, on_session_start, on_review, on_event), command, args, env, tool (a pattern), seconds,"
        " closed (true: its failure refuses, too). They get JSON and refuse with exit code 2.",
    )

    agents_start: tuple[str, ...] = Field(
        (),
        description="Commands that prepare the folder of an agent of a team before it begins, in its sandbox"
        " and without the network: a list.",
    )
    agents_at_once: int = Field(
        3, ge=1, le=6, description="How many agents of a team work side by side: a whole number, 1 to 6."
    )
    agents_test: str = Field(
        "",
        description="The command that runs the tests by which a team's candidates are judged; empty: found"
        " from the project (pytest, npm test, make test).",
    )

    web_fetch: bool = Field(
        False,
        description="Whether a model may ask to fetch pages of the web: true or false. Each address is asked"
        " about, unless a rule allows its host.",
    )

    store: Literal["file", "memory"] = Field(
        "file",
        description="Where sessions are kept: file (in data_dir) or memory (they end with the process, and"
        " nothing of them is written).",
    )
    snapshots_kept: int = Field(
        7,
        ge=0,
        le=365,
        description="How many daily snapshots of the sessions are kept: a whole number, 0 for none.",
    )

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)
    _notices: tuple[str, ...] = PrivateAttr(default=())
    _ignored: tuple[Ignored, ...] = PrivateAttr(default=())
    _policy: Policy = PrivateAttr(default=NO_POLICY)
    _holds: dict[str, SettingHold] = PrivateAttr(default_factory=dict)
    _credentials: Credentials = PrivateAttr(default_factory=Credentials)
    _redactor: Redactor = PrivateAttr(default_factory=Redactor)

    @field_validator("context_shares")
    @classmethod
    def _shares(cls, value: str) -> str:
        numbers = [float(part) for part in value.split("/")]
        if len(numbers) != 5 or min(numbers) < 0 or numbers[-1] < 5 or abs(sum(numbers) - 100) > 0.01:
            raise ValueError("not five percentages that make 100")
        return value

    @field_validator("permissions", "agents_start", mode="before")
    @classmethod
    def _rules(cls, value: Any) -> Any:
        """A variable of the environment holds the list as JSON."""
        return json.loads(value) if isinstance(value, str) else value

    @field_validator("mcp", "agents", "hooks", mode="before")
    @classmethod
    def _table_of_programs(cls, value: Any) -> Any:
        return cls._table(value)

    @field_validator("data_dir", "index_dir", "embedding_model")
    @classmethod
    def _home(cls, value: Path | None) -> Path | None:
        return value if value is None else value.expanduser()

    @property
    def origins(self) -> dict[str, str]:
        """Where each value came from: ``default``, a file, a variable, ``argument``, or ``safest`` where a
        file is broken. Values in tables have a key with dots."""
        plain = {name: self._origins.get(name, "default") for name in type(self).model_fields}
        return {**plain, **self._origins}

    @property
    def ignored(self) -> tuple[Ignored, ...]:
        """The single values that were given and do not count."""
        return self._ignored

    @property
    def notices(self) -> tuple[str, ...]:
        """What was ignored, and why."""
        return self._notices

    @property
    def policy(self) -> Policy:
        """What the administrator allows; it has been applied to the values here."""
        return self._policy

    @property
    def holds(self) -> dict[str, SettingHold]:
        """The settings that the administrator locked or bounded, by their key with dots."""
        return self._holds

    @property
    def credentials(self) -> Credentials:
        """The providers' keys, with where each came from."""
        return self._credentials

    def redact(self, text: str) -> str:
        """The text without secrets: to be called on all that is stored, logged or sent."""
        return self._redactor(text)

    @property
    def redactor(self) -> Redactor:
        """What masks, and brings back what was found in documents."""
        return self._redactor

    def gateway(self) -> dict[str, Any]:
        """The fields of the gateway's configuration, keys included."""
        held = {name: self._credentials.get(name) for name in CARDS}
        own = {f"{name}_api_key": held.pop(name) for name in OWN_KEYS}
        if self.compatible_sign_in == "hub":
            own["compatible_api_key"] = hub_token()
        keys = {**own, "keys": {name: key for name, key in held.items() if key is not None}}
        same = (
            "fallbacks", "anthropic_base_url", "openai_base_url", "openai_api", "compatible_base_url",
            "compatible_models", "litellm_base_url", "timeout", "connect_timeout", "total_timeout",
            "retry_cap", "max_output_tokens", "prices", "purposes", "limits", "budgets", "provider_urls",
            "cache", "resume", "cassette", "cassette_mode", "cassette_pace",
        )  # fmt: skip
        renamed = {"default_model": self.model, "ollama_base_url": self.ollama_url}
        return {**keys, **{name: getattr(self, name) for name in same}, **renamed, "policy": self._policy}


def load_settings(
    root: Path | None = None, *, arguments: Mapping[str, Any] | None = None, lenient: bool = False
) -> Settings:
    """The settings for the workspace ``root``. A value that cannot be used is a `UsageError` which
    names the key, its origin and the allowed form; where ``lenient`` it is a notice instead, and the
    value is left out."""
    from codemad_jupyter.config.layers import combine

    return combine(root, arguments or {}, lenient=lenient)
