"""What a sign-in gave, kept in place of a key: how it is told apart from one, and kept from ending."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from codemad_jupyter.config.paths import data_dir
from codemad_jupyter.config.private_files import read_bounded, write_private
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import CodemadError, UsageError
from codemad_jupyter.protocol.supply import SignIn

if TYPE_CHECKING:
    from codemad_jupyter.config.key_store import KeyStore, Place

FILE = "sign-ins.json"
EARLY = 300.0
"""Seconds before its end at which an access is renewed."""


class Access(Value):
    """``sign_in`` says where it is renewed. ``until``: seconds since the epoch, None where nobody said."""

    sign_in: SignIn
    access_token: str
    refresh_token: str = ""
    until: float | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody may see."""
        return tuple(filter(None, (self.access_token, self.refresh_token)))

    @classmethod
    def read(cls, text: str) -> "Access | None":
        """The access that is kept as this text; None where it is an ordinary key."""
        if not text.startswith("{"):
            return None
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None


def keep_access(store: "KeyStore", provider: str, access: Access, *, place: "Place | None" = None) -> "Place":
    """Keep it where keys are, and note when it ends, so that nothing need be unlocked to know that."""
    kept = store.set(provider, access.model_dump_json(), place=place)
    write_private(_file(), json.dumps({**_ends(), provider: access.until}, sort_keys=True).encode())
    return kept


def current(store: "KeyStore", provider: str, text: str) -> tuple[str, tuple[str, ...]]:
    """The key to be sent, and all that must be masked. An access that ends soon is renewed first, over the
    network. Raises `CodemadError` when it has ended."""
    access = Access.read(text)
    if access is None:
        return text, ()
    if access.until is not None and access.until - EARLY < time.time():
        access = _renewed(store, provider, access, until=access.until)
    return access.access_token, access.secrets


def _renewed(store: "KeyStore", provider: str, access: Access, *, until: float) -> Access:
    from codemad_jupyter.config.sign_in import renewed

    try:
        fresh = renewed(provider, access)
    except CodemadError:
        other = Access.read(store.get(provider) or "")
        if other is not None and other != access:
            return other  # another process was quicker, and the old right to renew is used up
        if until > time.time():
            return access
        raise
    keep_access(store, provider, fresh, place=store.places().get(provider))
    return fresh


def ending() -> tuple[str, ...]:
    """The providers whose access is to be renewed by now."""
    limit = time.time() + EARLY
    return tuple(name for name, until in sorted(_ends().items()) if until is not None and until < limit)


def _ends() -> dict[str, float | None]:
    try:
        kept = json.loads(read_bounded(_file(), follow_links=False) or b"{}")
    except (UsageError, ValueError, RecursionError):
        return {}  # only the hint is lost: the access itself says when it ends
    known = kept.items() if isinstance(kept, dict) else ()
    return {str(name): until for name, until in known if until is None or isinstance(until, int | float)}


def _file() -> Path:
    return data_dir() / FILE
