"""Owns the keys of model providers: read from the environment, held so that no print shows them."""

import os
from collections.abc import Mapping

from pydantic import SecretStr

from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.protocol.base import Value

VARIABLES = {
    "anthropic": ("ANTHROPIC_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "compatible": ("CODEMAD_COMPATIBLE_KEY",),
    "litellm": ("CODEMAD_LITELLM_KEY",),
}
"""Where the key of each provider is looked for."""

_SECRET_ENDINGS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS")


class Credentials(Value):
    """The keys that are there. A `SecretStr` shows itself only when asked for its value."""

    anthropic: SecretStr | None = None
    openai: SecretStr | None = None
    compatible: SecretStr | None = None
    litellm: SecretStr | None = None


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
    """What masks every value of the environment whose name says that it is a secret."""
    environ = os.environ if environ is None else environ
    values = (value for name, value in environ.items() if name.upper().endswith(_SECRET_ENDINGS))
    return Redactor(part for value in values for part in (value, value.strip()))


def redact(text: str) -> str:
    """The text without this process's secrets and without whatever looks like one."""
    return redactor()(text)
