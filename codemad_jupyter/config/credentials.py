"""Owns the keys of model providers: read from the environment, held so that no print shows them."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from pydantic import SecretStr

from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.protocol.base import Value

VARIABLES = {
    "anthropic": ("ANTHROPIC_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "compatible": ("CODEMAD_COMPATIBLE_KEY",),
    "litellm": ("CODEMAD_LITELLM_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "mistral": ("MISTRAL_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "qwen": ("DASHSCOPE_API_KEY", "QWEN_API_KEY"),
    "openrouter": ("OPENROUTER_API_KEY",),
    "azure": ("AZURE_OPENAI_API_KEY",),
    "bedrock": ("AWS_BEARER_TOKEN_BEDROCK",),
    "vertex": ("VERTEX_ACCESS_TOKEN",),
}
"""Where the key of each provider is looked for."""
OWN_KEYS = ("anthropic", "openai", "compatible", "litellm")
"""The providers whose key is a field of its own in the gateway's configuration; the others share a table."""

_SECRET_NAME = re.compile(
    r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|COOKIE|DSN|CONNECTION_STRING|WEBHOOK(?:_URL)?)"
    r"(?:_\d+)?\Z"
)
_IN_ADDRESS = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")
SHORTEST_VALUE = 8
"""Characters; a shorter value would be found in innocent words."""


class Credentials(Value):
    """The keys that are there. A `SecretStr` shows itself only when asked for its value."""

    anthropic: SecretStr | None = None
    openai: SecretStr | None = None
    compatible: SecretStr | None = None
    litellm: SecretStr | None = None
    gemini: SecretStr | None = None
    mistral: SecretStr | None = None
    xai: SecretStr | None = None
    cohere: SecretStr | None = None
    deepseek: SecretStr | None = None
    qwen: SecretStr | None = None
    openrouter: SecretStr | None = None
    azure: SecretStr | None = None
    bedrock: SecretStr | None = None
    vertex: SecretStr | None = None


def credentials(environ: Mapping[str, str] | None = None) -> Credentials:
    """The providers' keys of the environment; an empty variable counts as none."""
    environ = os.environ if environ is None else environ
    found: dict[str, SecretStr] = {}
    for provider, variables in VARIABLES.items():
        value = next((environ[name].strip() for name in variables if environ.get(name, "").strip()), "")
        if value:
            found[provider] = SecretStr(value)
    return Credentials(**found)


def redactor(environ: Mapping[str, str] | None = None) -> Redactor:
    """What masks every value of the environment whose name says that it is a secret, the providers'
    keys, and the passwords in addresses that the environment holds."""
    return Redactor(_secret_values(os.environ if environ is None else environ))


def _secret_values(environ: Mapping[str, str]) -> Iterator[str]:
    keys = {name for names in VARIABLES.values() for name in names}
    for name, value in environ.items():
        stripped = value.strip()
        if name in keys:
            yield stripped
        elif _SECRET_NAME.search(name.upper()) and len(stripped) >= SHORTEST_VALUE and not _is_path(stripped):
            yield from (value, stripped)
        for found in _IN_ADDRESS.findall(value) if "://" in value else ():
            yield from (password for password in (found, unquote(found)) if len(password) >= SHORTEST_VALUE)


def _is_path(value: str) -> bool:
    """Whether the variable only says where the secret lies."""
    return value.startswith(("/", "~/", "./")) and Path(value).expanduser().exists()


def redact(text: str) -> str:
    """The text without this process's secrets and without whatever looks like one."""
    return redactor()(text)
