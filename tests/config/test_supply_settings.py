"""Tables of the settings about models: purposes, limits, budgets, addresses; from a file or a variable."""

import json
import re
from pathlib import Path

import pytest

from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.protocol.errors import UsageError

TABLES = """
resume = true
cache = "off"

[purposes.code]
model = "anthropic/claude-opus-5-5"
fallbacks = ["openai/gpt-6-sol"]
routing = "availability"

[purposes.complete]
model = "ollama/qwen3"

[limits.anthropic]
requests_per_minute = 50
concurrency = 4

[budgets.user]
cost = 20
days = 30

[provider_urls]
qwen = "https://dashscope.example/v1"
"""


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("CODEMAD_CONFIG", str(path))
    return path


def test_the_tables_reach_the_gateway(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user.write_text(TABLES)
    monkeypatch.setenv("GOOGLE_API_KEY", "canary-google-123456")
    settings = load_settings()
    config = GatewayConfig.model_validate(settings.gateway())
    assert config.purposes["code"].fallbacks == ("openai/gpt-6-sol",)
    assert config.purposes["complete"].routing == "explicit"
    assert (config.limits["anthropic"].concurrency, config.limits["anthropic"].tokens_per_minute) == (4, None)
    assert config.budgets.user is not None
    assert (config.budgets.user.cost, config.budgets.user.days, config.budgets.session) == (20, 30, None)
    assert (config.cache, config.resume) == ("off", True)
    assert config.provider_urls == {"qwen": "https://dashscope.example/v1"}
    assert config.keys["gemini"].get_secret_value() == "canary-google-123456"
    assert "canary" not in repr(settings)
    assert "canary" not in settings.redact("the key canary-google-123456")
    assert settings.origins["purposes.code.model"] == str(user)


def test_a_variable_holds_a_table_as_json(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEMAD_PURPOSES", json.dumps({"chat": {"model": "ollama/x"}}))
    monkeypatch.setenv("CODEMAD_BUDGETS", json.dumps({"session": {"tokens": 5000}}))
    settings = load_settings()
    assert settings.purposes["chat"].model == "ollama/x"
    assert settings.budgets.session is not None
    assert settings.origins["purposes.chat.model"] == "CODEMAD_PURPOSES"


@pytest.mark.parametrize(
    "text",
    [
        "[purposes.cooking]\nmodel = 'a/b'",
        "[purposes.code]\nmodle = 'a/b'",
        "[purposes.code]\nrouting = 'random'",
        "[limits.anthropic]\nconcurrency = 0",
        "[budgets.user]\ncost = -1",
        "[budgets.week]\ncost = 1",
        "[provider_urls]\nqwen = 'ftp://x'",
        "purposes = 'code'",
    ],
)
def test_what_cannot_be_used_names_the_key_and_the_allowed_form(user: Path, text: str) -> None:
    user.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_settings()
    assert str(user) in caught.value.message
    assert re.match(r"Allowed is:|Did you mean model\?|Known are: session, notebook, user", caught.value.hint)
    assert load_settings(lenient=True).notices
