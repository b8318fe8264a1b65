"""Owns what the administrator's policy does to the settings: it is the last layer, and can only tighten.

Which models, tools and hosts are refused when they are used stands in ``protocol/policy``; here the settings
that name them are cleared, so that what is shown is what holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from codemad_jupyter.config.policy import Found
from codemad_jupyter.config.project import MODELS, lesser, present
from codemad_jupyter.config.toml_files import Given, Key, dotted
from codemad_jupyter.protocol.configuring import SettingHold
from codemad_jupyter.protocol.errors import SetByAdministrator
from codemad_jupyter.protocol.policy import Policy, PolicyInfo

if TYPE_CHECKING:
    from codemad_jupyter.config.layers import Combined

ADDRESSES = ("_base_url", "_url")
"""How the names of settings end that hold an address a model is asked at."""
OF_LIBRARIES = {
    "anthropic_base_url": ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
    "openai_base_url": ("OPENAI_BASE_URL", "https://api.openai.com/v1"),
}
"""Variables by which a provider's library is sent elsewhere, and where it is at home."""
SEE = "See what holds: codemad config --show-origin"


def enforce(combined: Combined, found: Found) -> None:
    """Put the policy above all layers. Raises `SetByAdministrator` for a refused argument, unless lenient."""
    barred: list[str] = []
    for key, given in list(combined.values.items()):
        why = refusal(found, key, given.value)
        if not why:
            continue
        if given.origin == "argument" and not combined.lenient:
            raise SetByAdministrator(f"{dotted(key)} = {given.value}: {why}.", hint=SEE)
        combined.leave_out(key, given, why)
        barred.append(dotted(key))
        _tightened(combined, found, key, given)
    for key, given in found.most.items():
        if key not in combined.values and lesser(key, given.value, present(combined, key)):
            combined.values[key] = given
    for name, (variable, home) in OF_LIBRARIES.items():
        why = _address_refusal(found.policy, (name,), os.environ.get(variable))
        if why and (name,) not in combined.values:
            combined.values[name,] = Given(home, found.policy.place, found.policy.place)
            combined.notices.append(f"{variable} does not count: {why}.")
    combined.values.update(found.locked)
    combined.rules += found.policy.rules
    combined.notices += found.notices
    if barred:
        said = f"{', '.join(barred)[:500]} cannot be as you set it: {found.policy.by}."
        combined.notices.append(f"{said} {SEE}")


def refusal(found: Found, key: Key, value: Any) -> str:
    """Why a setting cannot have this value; empty where it can."""
    policy = found.policy
    locked, most = found.locked.get(key), found.most.get(key)
    if locked is not None:
        return "" if value == locked.value else f"it is {_written(locked.value)}, {policy.by}"
    if most is not None and lesser(key, most.value, value):
        return f"it is at most {_written(most.value)}, {policy.by}"
    if key[-1] in MODELS:
        return next(filter(None, map(policy.model_refusal, _names(value))), "")
    return _address_refusal(policy, key, value)


def _address_refusal(policy: Policy, key: Key, value: Any) -> str:
    is_address = key[-1].endswith(ADDRESSES) or key[0] == "provider_urls"
    if not is_address or not policy.limits_hosts or not isinstance(value, str):
        return ""
    return policy.host_refusal(urlsplit(value).hostname or "")


def _tightened(combined: Combined, found: Found, key: Key, given: Given) -> None:
    """Leave what the policy lets through: the cap, the models that are allowed, or nothing."""
    kept = tuple(name for name in _names(given.value) if not found.policy.model_refusal(name))
    if key in found.most:
        combined.values[key] = found.most[key]
    elif key[-1] in MODELS and not isinstance(given.value, str) and kept:
        combined.values[key] = Given(kept, given.origin, given.place)
    else:
        del combined.values[key]


def _names(value: Any) -> tuple[str, ...]:
    return (
        (value,)
        if isinstance(value, str)
        else tuple(map(str, value or ()))
        if isinstance(value, tuple)
        else ()
    )


def _written(value: Any) -> str:
    """As it stands in the file."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def holds(found: Found) -> Iterator[tuple[str, SettingHold]]:
    """The settings that the policy speaks of, with what a person reads there."""
    by = found.policy.by
    for key, given in found.most.items():
        yield dotted(key), SettingHold(locked=False, text=f"At most {_written(given.value)}: {by}.")
    for key in found.locked:
        yield dotted(key), SettingHold(locked=True, text=f"Locked: {by}.")


def info(found: Found) -> PolicyInfo | None:
    """What a person is told of the policy; None where there is none."""
    policy = found.policy
    if not policy.place:
        return None
    return PolicyInfo(
        place=policy.place,
        contact=policy.contact,
        problem=found.problem,
        loose=found.loose,
        said=tuple(_lines(found)),
    )


def _lines(found: Found) -> Iterator[str]:
    policy = found.policy
    for family in type(policy.allow).model_fields:
        allowed, denied = getattr(policy.allow, family), getattr(policy.deny, family)
        if allowed is not None:
            yield f"{family}: only {', '.join(allowed) or 'none'}"
        if denied:
            yield f"{family}: never {', '.join(denied)}"
    for key, given in found.most.items():
        yield f"{dotted(key)}: at most {_written(given.value)}"
    for key, given in found.locked.items():
        yield f"{dotted(key)} = {_written(given.value)}"
    if policy.depth is not None:
        yield f"agents hand tasks down {policy.depth} times at most"
    if not policy.allow_rules:
        yield "rules that allow do not count"
    if policy.sharing != "drive":
        yield f"sessions are shared with others for {policy.sharing} at most"
    yield from (rule.text for rule in policy.rules)
