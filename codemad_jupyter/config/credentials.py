"""Owns the keys of model providers as they are used: from the environment, else from where CodeMAD keeps
them (`key_store`), held so that no print shows them."""

import os
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from pydantic import SecretStr

from codemad_jupyter.config.access import current
from codemad_jupyter.config.key_shape import usable_key
from codemad_jupyter.config.key_store import KeyStore
from codemad_jupyter.config.providers import CARDS
from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.protocol.configuring import KeyPlace
from codemad_jupyter.protocol.errors import CodemadError, UsageError

_SECRET_NAME = re.compile(
    r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|COOKIE|DSN|CONNECTION_STRING|WEBHOOK(?:_URL)?)"
    r"(?:_\d+)?\Z"
)
_IN_ADDRESS = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")
SHORTEST_VALUE = 8
"""Characters; a shorter value would be found in innocent words."""


class Credentials:
    """The keys that are there, by provider. A `SecretStr` shows itself only when asked for its value."""

    def __init__(
        self,
        keys: Mapping[str, SecretStr] | None = None,
        *,
        places: Mapping[str, KeyPlace] | None = None,
        problems: Mapping[str, str] | None = None,
        hidden: Iterable[str] = (),
    ) -> None:
        self._keys = dict(keys or {})
        self._hidden = tuple(hidden)
        self._places = dict(places or {})
        self.problems = dict(problems or {})
        """Why the key of a provider is not used, or how it was changed before use."""

    def get(self, provider: str) -> SecretStr | None:
        """The provider's key."""
        return self._keys.get(provider)

    def place(self, provider: str) -> KeyPlace:
        """Where the key came from."""
        return self._places.get(provider, "none")

    def values(self) -> Iterator[str]:
        """The keys themselves, and what renews them: for what masks them, and nothing else."""
        yield from (key.get_secret_value() for key in self._keys.values())
        yield from self._hidden

    @property
    def notices(self) -> tuple[str, ...]:
        """The problems as sentences."""
        return tuple(self.problems.values())

    def __repr__(self) -> str:
        return f"Credentials({', '.join(f'{name}: {self.place(name)}' for name in sorted(self._keys))})"


def environment_keys(
    environ: Mapping[str, str] | None = None, *, own_addresses: Container[str] = ()
) -> Credentials:
    """The providers' keys of the environment; an empty variable counts as none. ``own_addresses`` are the
    providers that the person reaches elsewhere, where another owner's key may be right."""
    environ = os.environ if environ is None else environ
    keys: dict[str, SecretStr] = {}
    problems: dict[str, str] = {}
    for provider, card in CARDS.items():
        name = next((name for name in card.variables if environ.get(name, "").strip()), None)
        if name is None:
            continue
        try:
            key, _ = usable_key(provider, environ[name], any_owner=provider in own_addresses)
        except UsageError as error:
            problems[provider] = f"{name} is not used. {error}"
        else:
            keys[provider] = SecretStr(key)
    return Credentials(keys, places=dict.fromkeys(keys, "environment"), problems=problems)


def all_keys(environ: Mapping[str, str] | None = None, *, own_addresses: Container[str] = ()) -> Credentials:
    """The keys of the environment, and where it has none those that CodeMAD keeps."""
    told = environment_keys(environ, own_addresses=own_addresses)
    store = KeyStore(environ=environ)
    keys = {provider: key for provider in CARDS if (key := told.get(provider)) is not None}
    places: dict[str, KeyPlace] = dict.fromkeys(keys, "environment")
    problems, hidden = dict(told.problems), list[str]()
    for provider, place in store.places().items():
        if provider in keys or provider in problems:
            continue
        try:
            kept, secrets = current(store, provider, store.get(provider) or "")
        except CodemadError as error:
            problems[provider] = f"The key for {CARDS[provider].title} cannot be used. {error}"
            continue
        if kept:
            keys[provider], places[provider] = SecretStr(kept), place
            hidden += secrets
    return Credentials(keys, places=places, problems=problems, hidden=hidden)


def hub_token(environ: Mapping[str, str] | None = None) -> SecretStr | None:
    """The token by which this server of a JupyterHub is known to the hub's services."""
    token = (os.environ if environ is None else environ).get("JUPYTERHUB_API_TOKEN", "").strip()
    return SecretStr(token) if token else None


def keyed_providers(environ: Mapping[str, str] | None = None) -> frozenset[str]:
    """The providers that have a key, told without reading those that are kept."""
    told = environment_keys(environ)
    given = {provider for provider in CARDS if told.get(provider) is not None}
    return frozenset(given | set(KeyStore(environ=environ).places()))


def redactor(environ: Mapping[str, str] | None = None, *, known: Iterable[str] = ()) -> Redactor:
    """What masks every value of the environment whose name says that it is a secret, the providers'
    keys, the passwords in addresses that the environment holds, and the ``known`` ones."""
    return Redactor((*_secret_values(os.environ if environ is None else environ), *known))


def _secret_values(environ: Mapping[str, str]) -> Iterator[str]:
    keys = {name for card in CARDS.values() for name in card.variables}
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
