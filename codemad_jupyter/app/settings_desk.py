"""What every edge does about settings: show them with where they come from, and change the person's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codemad_jupyter.config.fields import check_name, checked, description
from codemad_jupyter.config.layers import expanded
from codemad_jupyter.config.paths import user_file
from codemad_jupyter.config.policy import find_policy
from codemad_jupyter.config.policy_layer import SEE, info, refusal
from codemad_jupyter.config.private_files import read_bounded
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.config.toml_files import change, dotted, parse, read_key, read_value
from codemad_jupyter.protocol.configuring import IgnoredValue, SettingInfo, SettingsInfo
from codemad_jupyter.protocol.errors import SetByAdministrator, UsageError


def rows(settings: Settings) -> tuple[SettingInfo, ...]:
    """Every setting with its origin, and which values for it were ignored and why."""
    dump = settings.model_dump(mode="json")
    origins = settings.origins
    keys = [key for key in origins if not _is_table_of_others(key, origins)]
    return tuple(_row(settings, key, dump, origins[key]) for key in keys)


def _row(settings: Settings, key: str, dump: Mapping[str, Any], origin: str) -> SettingInfo:
    left = [each.model_dump(exclude={"key"}) for each in settings.ignored if each.key == key]
    value = _value(dump, key)  # a path, as an origin, is no secret: a folder's name may look random
    return SettingInfo(
        key=key,
        value=value if isinstance(getattr(settings, key, None), Path) else _masked(value, settings),
        origin=origin,
        description=description(Settings, read_key(key)),
        ignored=tuple(IgnoredValue(**each) for each in left),
        hold=settings.holds.get(key),
    )


def everything(settings: Settings) -> SettingsInfo:
    """All of it as one value."""
    return SettingsInfo(
        settings=rows(settings), own=_own(settings), notices=settings.notices, policy=info(find_policy())
    )


def _own(settings: Settings) -> dict[str, Any]:
    """What the person's file says and can be used; nothing where it is broken."""
    path = user_file()
    try:
        table = parse(read_bounded(path), path)
    except UsageError:
        return {}  # the settings' notices name it
    usable = {key: value for key, value in table.items() if key in Settings.model_fields}
    found: dict[str, Any] = json.loads(json.dumps(_masked(usable, settings), default=str))
    return found


def row(settings: Settings, key: str) -> SettingInfo:
    """One setting. Raises `UsageError` for an unknown one."""
    wanted = dotted(read_key(key))
    for each in rows(settings):
        if each.key == wanted:
            return each
    checked(Settings, read_key(key), None, place="the command line", shown="nothing")
    raise UsageError(f"{wanted} is not set.", hint=f"Set it: codemad config set {wanted} VALUE")


def chosen(settings: Settings, key: str) -> tuple[SettingInfo, ...]:
    """The setting of this name, or those below it where it is a table. Raises `UsageError`."""
    wanted = dotted(read_key(key))
    below = tuple(each for each in rows(settings) if each.key.startswith(f"{wanted}."))
    return below or (row(settings, key),)


def set_value(key: str, text: str) -> str:
    """Write one value into the person's file, and say so. Raises `UsageError` for what cannot be used."""
    return set_values({key: read_value(text)}, texts={key: text})


def set_values(values: Mapping[str, Any], *, texts: Mapping[str, str] | None = None) -> str:
    """Write values into the person's file, all checked before the first is written; None takes one out.
    Raises `SetByAdministrator` for what the policy refuses."""
    taken = {key: _taken(key, value, (texts or {}).get(key)) for key, value in values.items()}
    policy = find_policy()
    for key, value in taken.items():
        for steps, below in expanded(read_key(key), value) if value is not None else ():
            if why := refusal(policy, steps, below):
                raise SetByAdministrator(f"{dotted(steps)} stays as it is: {why}.", hint=SEE)
    path = user_file()
    changed = [key for key, value in taken.items() if change(path, read_key(key), value)]
    for key in taken.keys() - changed:
        check_name(Settings, read_key(key), place="what was given")
    return f"{path}: {', '.join(changed)} changed." if changed else f"{path}: nothing had to be changed."


def rows_text(found: Sequence[SettingInfo], settings: Settings, *, origins: bool) -> str:
    """The settings as lines, and under each what was ignored."""
    lines: list[str] = []
    for each in found:
        line = f"{each.key} = {json.dumps(each.value, ensure_ascii=False)}"
        line = f"{line:<48}  {each.origin}" if origins else line
        lines.append(f"{line}  [{each.hold.text}]" if origins and each.hold else line)
    known = {each.key for each in found}
    for left in settings.ignored:
        if origins or left.key not in known:
            lines.append(f"ignored: {left.key} = {left.value}  ({left.origin}: {left.reason})")
    return "\n".join(lines)


def _taken(key: str, value: Any, text: str | None) -> Any:
    """The value as it goes into the file: as TOML reads it, else the text itself where that is what fits."""
    steps = read_key(key)
    if value is None:
        return None
    shown = repr(value)[:200]
    try:
        checked(Settings, steps, value, place="what was given", shown=shown)
    except UsageError:
        if text is None or isinstance(value, str):
            raise
        checked(Settings, steps, text, place="what was given", shown=shown)
        return text
    return value


def _masked(value: Any, settings: Settings) -> Any:
    if isinstance(value, str):
        return settings.redact(value)
    if isinstance(value, list):
        return [_masked(each, settings) for each in value]
    if isinstance(value, dict):
        return {name: _masked(each, settings) for name, each in value.items()}
    return value


def _value(dump: Mapping[str, Any], key: str) -> Any:
    found: Any = dump
    for step in read_key(key):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _is_table_of_others(key: str, origins: Mapping[str, str]) -> bool:
    return any(other.startswith(f"{key}.") for other in origins)
