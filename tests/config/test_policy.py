"""The administrator's policy: where it is found, what it does to settings, and what it refuses by name."""

import os
import re
from pathlib import Path

import pytest

from codemad_jupyter.app.policy_desk import check
from codemad_jupyter.app.settings_desk import everything, rows, rows_text, set_values
from codemad_jupyter.config.agent_definitions import defined_agents
from codemad_jupyter.config.levels import Levels
from codemad_jupyter.config.mcp_definitions import defined
from codemad_jupyter.config.policy import VARIABLE, find_policy, writable
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.config.trust import TrustedFolders
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.offline import OfflineProvider
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.errors import SetByAdministrator, UsageError
from codemad_jupyter.protocol.external_agents import ExternalAgent
from codemad_jupyter.protocol.mcp import McpServer
from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.protocol.policy import Lists, Policy
from codemad_jupyter.tools.permissions import Action, Permissions, decide, visible

POLICY = """
contact = "help@example.org"
allow_rules = false
[allow]
providers = ["compatible", "anthropic", "ollama", "litellm"]
hosts = ["docs.example.org", "*.python.org", "127.0.0.1"]
[deny]
models = ["*/claude-opus*"]
tools = ["run_command", "files__*"]
mcp = ["npx *"]
[at_most]
mode = "ask"
data_level = "samples"
cost_limit = 2.0
sandbox = "auto"
agents_depth = 0
[at_most.budgets.user]
cost = 20.0
[locked]
web_fetch = false
[[permissions]]
decide = "deny"
path = "salaries/**"
"""

LOOSE = """
mode = "auto_edit"
cost_limit = 50.0
fallbacks = ["openai/gpt-6-sol", "anthropic/claude-sonnet-5"]
model = "anthropic/claude-opus-5"
sandbox = "off"
"""
WRITES = (
    {"web_fetch": True},
    {"mode": "auto_edit"},
    {"budgets": {"user": {"cost": 21.0}}},
    {"model": "openai/gpt-6-sol"},
)
HOSTS = {
    "docs.example.org": "ask",
    "www.python.org": "ask",
    "python.org": "deny",
    "evil.example": "deny",
    "docs.example.org.evil.example": "deny",
}


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    monkeypatch.setenv(VARIABLE, str(path))
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    return path


def in_force(path: Path) -> Policy:
    found = find_policy(system=path, environ={})
    assert not found.problem
    return found.policy


def test_no_variable_takes_the_place_of_the_file_of_the_machine(tmp_path: Path) -> None:
    system, mine = tmp_path / "system.toml", tmp_path / "mine.toml"
    system.write_text('[at_most]\nmode = "plan"\n')
    mine.write_text("")
    for named in (str(mine), "", "nonsense", str(tmp_path / "not there")):
        found = find_policy(system=system, environ={VARIABLE: named})
        assert found.policy.mode == "plan"
        assert found.policy.place == str(system)


def test_without_any_file_there_is_no_policy(tmp_path: Path) -> None:
    found = find_policy(system=tmp_path / "none", environ={})
    assert (found.policy, found.loose) == (Policy(), "")
    assert find_policy(system=tmp_path / "none" / "policy.toml", environ={}).policy == Policy()


def test_the_file_that_the_environment_names_is_said_to_bind_nobody(policy: Path) -> None:
    found = find_policy(system=policy.with_name("none"))
    assert VARIABLE in found.loose
    shown = everything(load_settings(lenient=True)).policy
    assert shown is not None
    assert shown.loose == found.loose
    assert (check().state, check().name) == ("warning", "policy")


@pytest.mark.parametrize(
    "text",
    [
        "[allow", "[denny]\nmodels = []", "[at_most]\nmode = 'never'", "[at_most]\nmodel = 'x/y'",
        "[locked]\nno_such_setting = 1", "[locked]\nmax_steps = 'many'", "[[permissions]]\ndecide = 'allow'",
        "[allow]\nproviders = 'anthropic'", "[locked.mcp.one]\ncommand = 'x'", "[at_most]\nagents_depth = 9",
    ],
)  # fmt: skip
def test_a_broken_policy_lets_nothing_through_and_says_where_it_is_broken(policy: Path, text: str) -> None:
    policy.write_text(text)
    with pytest.raises(UsageError, match=re.escape(str(policy))):
        load_settings()
    settings = load_settings(lenient=True, arguments={"mode": "auto_sandboxed"})
    assert (settings.mode, settings.data_level) == ("plan", "schema")
    assert settings.policy.model_refusal("anthropic/claude-sonnet-5")
    assert not settings.policy.model_refusal("codemad/offline")
    assert Permissions(mode="auto_sandboxed", policy=settings.policy).mode == "plan"
    assert any(str(policy) in notice for notice in settings.notices)
    assert check().state == "failed"


def test_a_file_that_cannot_be_had_is_no_way_out(policy: Path) -> None:
    policy.unlink()
    assert find_policy().problem
    policy.symlink_to(policy.with_name("nowhere"))
    assert find_policy(system=policy, environ={}).problem
    policy.unlink()
    policy.mkdir()
    assert find_policy(system=policy, environ={}).problem


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="to root everything is writable")
def test_a_file_that_the_person_may_change_is_announced_as_no_policy(policy: Path) -> None:
    found = find_policy(system=policy, environ={})
    assert "no policy that binds you" in found.loose
    assert found.notices
    assert found.policy.mode == "ask", "it still counts, as the person's own wish"


@pytest.mark.skipif(os.name == "nt", reason="about owners and modes")
def test_what_belongs_to_root_binds() -> None:
    assert not writable(Path("/etc/hostname" if Path("/etc/hostname").is_file() else "/etc/passwd"))


def test_nothing_below_loosens_what_is_set(
    policy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(LOOSE)
    monkeypatch.setenv("CODEMAD_WEB_FETCH", "true")
    monkeypatch.setenv("CODEMAD_MODE", "auto_sandboxed")
    monkeypatch.setenv("CODEMAD_BUDGETS", '{"user": {"cost": 500, "days": 1}}')
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", "https://elsewhere.example.com/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://elsewhere.example.com")
    settings = load_settings()
    assert (settings.mode, settings.cost_limit, settings.web_fetch) == ("ask", 2.0, False)
    assert (settings.model, settings.fallbacks) == (None, ("anthropic/claude-sonnet-5",))
    assert settings.budgets.user is not None
    assert (settings.sandbox, settings.budgets.user.cost, settings.budgets.user.days) == ("auto", 20.0, 1)
    assert (settings.compatible_base_url, settings.anthropic_base_url) == (None, "https://api.anthropic.com")
    assert settings.data_level == "samples", "the default is above the cap"
    assert [rule.path for rule in settings.permissions] == ["salaries/**"]
    named = {each.key for each in settings.ignored}
    assert {"mode", "cost_limit", "web_fetch", "model", "fallbacks", "sandbox", "budgets.user.cost"} <= named
    assert all("set by the administrator" in each.reason for each in settings.ignored)
    assert "help@example.org" in settings.ignored[0].reason


def test_what_is_stricter_stays_as_the_person_wants_it(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEMAD_MODE", "plan")
    monkeypatch.setenv("CODEMAD_COST_LIMIT", "0.5")
    monkeypatch.setenv("CODEMAD_SANDBOX", "strong")
    settings = load_settings()
    assert (settings.mode, settings.cost_limit, settings.sandbox) == ("plan", 0.5, "strong")
    assert settings.ignored == ()


def test_a_trusted_project_loosens_nothing_either(policy: Path, tmp_path: Path) -> None:
    root = tmp_path / "work"
    root.mkdir()
    (root / "codemad.toml").write_text('mode = "auto_sandboxed"\ncost_limit = 1.0\ndata_level = "images"\n')
    TrustedFolders().trust(root)
    settings = load_settings(root)
    assert (settings.mode, settings.cost_limit, settings.data_level) == ("ask", 1.0, "samples")


def test_an_argument_is_refused_with_a_code(policy: Path) -> None:
    for arguments in ({"mode": "auto_edit"}, {"model": "openai/gpt-6-sol"}, {"sandbox": "off"}):
        with pytest.raises(SetByAdministrator, match="set by the administrator") as raised:
            load_settings(arguments=arguments)
        assert raised.value.code == "set_by_administrator"
    assert load_settings(arguments={"mode": "plan"}).mode == "plan"


def test_locked_and_bounded_values_are_marked_and_cannot_be_written(policy: Path) -> None:
    settings = load_settings(lenient=True)
    marks = {each.key: each.hold for each in rows(settings) if each.hold is not None}
    assert {key for key, hold in marks.items() if hold.locked} == {"web_fetch"}
    assert {"mode", "data_level", "cost_limit", "sandbox", "budgets.user.cost"} <= set(marks)
    text = rows_text(rows(settings), settings, origins=True)
    assert re.search(r"web_fetch = false .*\[Locked: set by the administrator \(", text)
    for values in WRITES:
        with pytest.raises(SetByAdministrator):
            set_values({"max_steps": 3, **values})
    assert not (policy.parent / "config.toml").exists(), "nothing of it was written"
    set_values({"mode": "plan", "web_fetch": None})


def test_models_are_refused_by_name_in_every_chain(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEMAD_OPENAI_API_KEY", "sk-test-0123456789abcdefghij")
    config = GatewayConfig(**load_settings().gateway())
    router = Router(config, redact=str, offline=OfflineProvider())
    assert router.default_model() == "codemad/offline", "the key for OpenAI opens nothing"
    for model in ("openai/gpt-6-sol", "OpenAI/gpt-6-sol", "anthropic/claude-opus-5", "xai/grok-code-fast-1"):
        with pytest.raises(SetByAdministrator):
            router.provider_for(model)
    router.provider_for("anthropic/claude-sonnet-5", fallbacks=["openai/gpt-6-sol", "codemad/offline"])


async def test_refused_models_are_shown_as_locked(policy: Path) -> None:
    config = GatewayConfig(**load_settings().gateway())
    router = Router(config, redact=str, offline=OfflineProvider())
    models = {each.name: each for each in await router.models()}
    refused = {each.provider for each in models.values() if each.locked}
    assert {"openai", "anthropic"} <= refused
    assert models["codemad/offline"].ready
    assert not models["anthropic/claude-sonnet-5"].locked
    opus = next(each for name, each in models.items() if "claude-opus" in name)
    assert (opus.ready, opus.locked) == (False, True)
    assert "set by the administrator" in opus.why
    assert "openai" not in await router.check()
    await router.aclose()


def test_what_only_passes_on_is_no_way_around_a_denied_provider() -> None:
    denied = Policy(place="p", deny=Lists(providers=("openai",), models=("openai/*",)))
    assert denied.model_refusal("litellm/openai/gpt-6-sol")
    assert not denied.model_refusal("litellm/mistral/large")
    assert not Policy().model_refusal("litellm/openai/gpt-6-sol")


def acts(tool: str, given: Permissions, **more: object) -> str:
    found = {"risk": "execute", "axis": "shell", "root": Path("/w"), "arguments": {}, **more}
    return decide(Action(tool=tool, **found), given).outcome  # type: ignore[arg-type]


def test_the_gate_refuses_tools_hosts_and_loose_modes_whatever_the_rules_say(policy: Path) -> None:
    given = Permissions(
        mode="auto_sandboxed",
        rules=(Rule(decide="allow"), Rule(decide="allow", axis="control")),
        kept=frozenset({"x"}),
        policy=in_force(policy),
    )
    assert (given.mode, given.rules, given.kept) == ("ask", (), frozenset())
    assert acts("run_command", given, arguments={"command": "ls"}) == "deny"
    assert not visible("run_command", "shell", "execute", given)
    assert visible("read_file", "files", "read", given)
    for host, verdict in HOSTS.items():
        found = acts("fetch_page", given, axis="network", risk="network", arguments={"host": host})
        assert (host, found) == (host, verdict)
    assert acts("other", given, arguments={"command": "pip install x", "network": True}) == "deny"
    assert acts("files__write", given, axis="network", risk="network") == "deny"


def test_a_list_of_allowed_tools_needs_no_name_for_what_follows_from_them() -> None:
    given = Permissions(policy=Policy(place="p", allow=Lists(tools=("read_*", "replace_cell"))))
    assert acts("edit", given, axis="files", risk="write", arguments={"path": "a.py"}) == "allow"
    assert acts("run_code", given, axis="kernel_mutate") == "deny"
    assert not visible("run_code", "kernel_mutate", "execute", given)


def test_servers_and_agents_of_others_are_refused_by_what_would_run(policy: Path, tmp_path: Path) -> None:
    servers = {
        "files": McpServer(command="npx", args=("-y", "some-server")),
        "web": McpServer(url="https://mcp.evil.example/mcp"),
        "mine": McpServer(command="uvx", args=("good",)),
    }
    found = {each.name: each.problem for each in defined(tmp_path, servers, policy=in_force(policy))}
    assert "this server is not allowed, set by the administrator" in found["files"]
    assert "mcp.evil.example is not allowed" in found["web"]
    assert found["mine"] == ""
    own = {"online": ExternalAgent(command="sh", network=True), "local": ExternalAgent(command="sh")}
    agents = {each.name: each.problem for each in defined_agents(tmp_path, own, policy=in_force(policy))}
    assert "it wants the network" in agents["online"]
    assert agents["local"] == ""


def test_no_level_above_the_cap_is_chosen_or_read(policy: Path, tmp_path: Path) -> None:
    before = Levels(tmp_path, default="schema")
    before.choose("images", "n.ipynb")
    levels = Levels(tmp_path, default="images", policy=in_force(policy))
    assert (levels.of("n.ipynb"), levels.of(None)) == ("samples", "samples")
    with pytest.raises(SetByAdministrator, match="more than samples"):
        levels.choose("outputs", None)
    levels.choose("schema", None)
    assert levels.of(None) == "schema"
