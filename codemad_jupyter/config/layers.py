"""Owns how the settings are put together: one layer above another, key by key, each value with its origin.

The administrator's policy comes last (`policy_layer`).
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from codemad_jupyter.config import credentials as keys
from codemad_jupyter.config.fields import checked
from codemad_jupyter.config.paths import user_file
from codemad_jupyter.config.policy import MEND, Found, find_policy
from codemad_jupyter.config.policy_layer import enforce, holds
from codemad_jupyter.config.private_files import read_bounded
from codemad_jupyter.config.project import apply_project, used_providers
from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.config.settings import PREFIX, Ignored, Settings
from codemad_jupyter.config.toml_files import Given, Key, Layer, dotted, from_file, leaves, nested, parse
from codemad_jupyter.config.trust import VARIABLE
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.permissions import Rule

MODE: Key = ("mode",)
SAFEST: Mapping[Key, Any] = {
    ("model",): "codemad/offline",
    ("fallbacks",): (),
    ("completion_model",): None,
    ("data_level",): "schema",
    ("auto_commit",): "off",
    ("trial",): True,
    MODE: "ask",
}
"""What holds where the person's own file cannot be understood: nothing leaves the machine."""
RULES: Key = ("permissions",)
_UNTIL = "Until then the safest settings hold: the built-in assistant, no keys, names and types only."


@dataclass
class Combined:
    """The settings as they grow. ``lenient`` turns errors into notices."""

    lenient: bool
    redact: Redactor
    values: Layer = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    providers: frozenset[str] = frozenset()
    """Those whose models the person uses."""
    rules: list[Rule] = field(default_factory=list)
    """What may be done: rules of all layers count, for a rule that forbids wins wherever it stands."""
    broken: bool = False
    """Whether something in the person's own file cannot be understood."""

    def add(self, layer: Layer, *, own_file: bool = False) -> None:
        """Put a layer above, every value checked by itself."""
        for key, given in layer.items():
            try:
                if key == RULES:
                    self.take_rules(key, given)
                    continue
                for below, value in expanded(key, self.checked(key, given)):
                    self.values[below] = Given(value, given.origin, given.place)
            except UsageError as error:
                if not self.lenient:
                    raise
                self.refuse(key, given, str(error), "It was left out.")
                self.broken = self.broken or own_file
                if key in SAFEST:
                    self.values[key] = Given(SAFEST[key], "safest", "safest")

    def take_rules(self, key: Key, given: Given) -> None:
        """Add rules, each with where it comes from. Raises `UsageError`."""
        found: tuple[Rule, ...] = self.checked(key, given)
        self.rules += [rule.model_copy(update={"origin": given.place}) for rule in found]

    def checked(self, key: Key, given: Given) -> Any:
        """The value as its field takes it. Raises `UsageError`."""
        shown = self.redact(repr(given.value)[:200])
        return checked(Settings, key, given.value, place=given.place, shown=shown)

    def refuse(self, key: Key, given: Given, reason: str, outcome: str) -> None:
        """Leave a value out, and say why."""
        self.leave_out(key, given, reason)
        self.notices.append(f"{reason} {outcome}")

    def leave_out(self, key: Key, given: Given, reason: str) -> None:
        """Remember a value that does not count; what is said about it is said elsewhere."""
        shown = self.redact(str(given.value)[:200])
        self.ignored.append(Ignored(key=dotted(key), value=shown, origin=given.place, reason=reason))


def expanded(key: Key, value: Any) -> Iterator[tuple[Key, Any]]:
    """A checked value with its key; a table that was given whole, as in one variable, value by value."""
    table = _tables(value)
    if isinstance(table, Mapping):
        yield from leaves(table, key)
    else:
        yield key, value


def _tables(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: _tables(getattr(value, name)) for name in value.model_fields_set}
    if isinstance(value, Mapping):
        return {name: _tables(below) for name, below in value.items()}
    return value


def combine(root: Path | None, arguments: Mapping[str, Any], *, lenient: bool) -> Settings:
    """Defaults, below the person's file, below the project's limits, below environment and arguments."""
    combined = Combined(lenient, keys.redactor())
    combined.notices += _odd_trust()
    _add_user(combined)
    above = (_environment(), _flat(arguments))
    if root is not None:
        own = {**combined.values, **above[0], **above[1]}
        combined.providers = used_providers(own) or keys.keyed_providers()
        apply_project(combined, root)
    for layer in above:
        combined.add(layer)
    if combined.broken:
        safest = {key: Given(value, "safest", "safest") for key, value in SAFEST.items()}
        mode = combined.values.get(MODE)
        if mode is not None and mode.value in ("plan", "batch"):
            safest[MODE] = mode  # it lets less through than asking does
        combined.values.update(safest)
        combined.rules = [rule for rule in combined.rules if rule.decide != "allow"]
    found = _policy(lenient=lenient)
    enforce(combined, found)
    if combined.rules:
        origins = "; ".join(dict.fromkeys(rule.origin for rule in combined.rules))
        combined.values[RULES] = Given(tuple(combined.rules), origins, origins)
    settings = _made(combined)
    settings._origins = {dotted(key): given.origin for key, given in combined.values.items()}
    settings._policy, settings._holds = found.policy, dict(holds(found))
    if not combined.broken:
        kept = keys.all_keys(own_addresses=_own_addresses(settings))
        settings._credentials = kept
        combined.redact = keys.redactor(known=kept.values())
        combined.notices += kept.notices
    settings._notices = tuple(combined.redact(notice) for notice in combined.notices)
    settings._ignored = tuple(combined.ignored)
    settings._redactor = combined.redact
    return settings


def _policy(*, lenient: bool) -> Found:
    found = find_policy()
    if found.problem and not lenient:
        raise UsageError(found.problem, hint=f"{MEND}; codemad doctor says what still works.")
    return found


def _made(combined: Combined) -> Settings:
    """The settings. Values that make no sense together are left out, one after another."""
    while True:
        try:
            return Settings(**nested({key: given.value for key, given in combined.values.items()}))
        except ValidationError as error:
            place = tuple(map(str, error.errors(include_url=False)[0]["loc"]))
            wrong = [key for key in combined.values if key[: len(place)] == place[: len(key)]]
            said = f"The settings {', '.join(map(dotted, wrong))} make no sense together."
            if not combined.lenient or not wrong:
                raise UsageError(said, hint="Change one of them; codemad config list shows them.") from None
            for key in wrong:
                combined.refuse(key, combined.values.pop(key), said, "They were left out.")


def _add_user(combined: Combined) -> None:
    path = user_file()
    try:
        data = read_bounded(path)
        table = parse(data, path)
    except UsageError as error:
        if not combined.lenient:
            raise
        combined.broken = True
        combined.notices.append(f"{error} {_UNTIL}")
        return
    combined.add(from_file(table, path, data), own_file=True)
    if combined.broken:
        combined.notices.append(f"Mend what is named in {path}. {_UNTIL}")


def _environment() -> Layer:
    from pydantic_settings import BaseSettings, EnvSettingsSource

    class FromEnvironment(Settings, BaseSettings):  # type: ignore[misc]
        """The same fields, for the library that knows how variables are named."""

    source = EnvSettingsSource(
        FromEnvironment, env_prefix=PREFIX, env_ignore_empty=True, env_nested_delimiter="__"
    )
    source.config["enable_decoding"] = False
    found: Layer = {}
    for key, value in leaves(source()):
        name = PREFIX + "__".join(key).upper()
        found[key] = Given(value, name, name)
    return found


def _flat(arguments: Mapping[str, Any]) -> Layer:
    given = leaves({key: value for key, value in arguments.items() if value is not None})
    return {key: Given(value, "argument", "argument") for key, value in given}


def _odd_trust() -> list[str]:
    named = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
    odd = [part for part in named if not Path(part).is_absolute()]
    return [f"{VARIABLE} names {part!r}, which is no absolute path; it was ignored." for part in odd]


def _own_addresses(settings: Settings) -> frozenset[str]:
    """The providers whose address the person has chosen: there any key may be right."""
    end = "_base_url"
    named = [name for name in type(settings).model_fields if name.endswith(end) and getattr(settings, name)]
    return frozenset(name.removesuffix(end) for name in named)
