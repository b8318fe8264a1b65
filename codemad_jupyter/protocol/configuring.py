"""What front ends are told of trust and of keys. No value here ever holds a key."""

from typing import Literal

from pydantic import Field, JsonValue

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.policy import PolicyInfo

TrustState = Literal["trusted", "changed", "untrusted"]
"""``changed``: the folder is trusted, but its settings are others than those the person saw."""
KeyPlace = Literal["environment", "hub", "keyring", "file", "memory", "none"]


class FolderTrust(Value):
    """Whether the person trusts a folder. ``found`` names what there is that counts only then, ``digest``
    stands for what its settings, roles and hooks hold now; ``by`` says who trusted it."""

    folder: str
    state: TrustState
    by: Literal["you", "environment", "nobody"] = "nobody"
    since: float | None = None
    found: tuple[str, ...] = ()
    digest: str = ""


class KeyInfo(Value):
    """Whether there is a key for a provider, and where. ``detail`` says what hinders its use."""

    provider: str
    title: str
    place: KeyPlace
    variable: str
    detail: str = ""


class KeyRing(Value):
    """All providers' keys, and where a new one would be kept."""

    keys: tuple[KeyInfo, ...]
    store: KeyPlace
    notice: str = ""


class IgnoredValue(Value):
    """A value that was given for a setting and does not count."""

    value: str
    origin: str
    reason: str


class SettingHold(Value):
    """What the administrator's policy says of a setting, for a person: ``locked``, or only bounded."""

    locked: bool
    text: str


class SettingInfo(Value):
    """A setting as it holds now. ``origin`` is ``default``, a file, a variable, ``argument``, or ``safest``
    where the person's own file is broken."""

    key: str
    value: JsonValue
    origin: str
    description: str
    ignored: tuple[IgnoredValue, ...] = ()
    hold: SettingHold | None = None


class SettingsInfo(Value):
    """All settings, what is to be said about them, and what stands in the person's own file."""

    settings: tuple[SettingInfo, ...]
    own: dict[str, JsonValue] = Field(default_factory=dict)
    notices: tuple[str, ...] = ()
    policy: PolicyInfo | None = None


class KeyTest(Value):
    """How a provider took the key."""

    provider: str
    ok: bool
    text: str
