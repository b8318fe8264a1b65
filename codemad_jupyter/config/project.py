"""Owns what a project's own settings file may do: nothing before the person trusts the folder, and then
only tighten limits and choose among the models the person uses anyway."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from codemad_jupyter.config.fields import matches
from codemad_jupyter.config.private_files import read_bounded
from codemad_jupyter.config.settings import CHOOSING, PROJECT_FILE, TIGHTENING, Settings
from codemad_jupyter.config.toml_files import Given, Key, dotted, from_file, parse
from codemad_jupyter.config.trust import TrustedFolders
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.permissions import STRICTEST_FIRST
from codemad_jupyter.protocol.privacy import DataLevel

if TYPE_CHECKING:
    from codemad_jupyter.config.layers import Combined

BUILT_IN = "codemad"
MODELS = ("model", "fallbacks", "completion_model")
"""The settings that name models, wherever they stand."""
STRICTEST: DataLevel = "schema"
ORDERS: dict[str, tuple[str, ...]] = {
    "data_level": get_args(DataLevel),
    "memory": ("off", "ask", "on"),
    "mode": STRICTEST_FIRST,
    "sandbox": ("strong", "auto", "container", "off"),
}
"""The words of a setting, the one first that lets least through."""
RULES: Key = ("permissions",)
ELSEWHERE = ("mcp", "agents", "hooks")
"""Definitions of programs, which are read where they are approved (`mcp_definitions` and its likes)."""
TRUST = "Look at it, then run: codemad trust"


def apply_project(combined: Combined, root: Path) -> None:
    """Apply what the project's file may say. It never stops CodeMAD from starting."""
    path = root / PROJECT_FILE
    folders = TrustedFolders()
    try:
        data = read_bounded(path, follow_links=False)
    except UsageError as error:
        combined.notices.append(f"{error} The file was ignored.")
        if folders.advises(root):
            _strictest(combined, path)
            _reading_alone(combined, path)
        return
    if data is None:
        return
    if not folders.steers(root, data):
        state = folders.look(root).state
        why = "you do not trust the folder"
        if state == "changed":
            why = "it has changed since you trusted the folder"
        combined.notices.append(f"{path} does not count: {why}. {TRUST} {root}")
        return
    try:
        table = parse(data, path)
    except UsageError as error:
        combined.notices.append(f"{error} The file was ignored.")
        _strictest(combined, path)
        _reading_alone(combined, path)
        return
    _apply(combined, from_file(table, path, data), path)


def _apply(combined: Combined, layer: dict[Key, Given], path: Path) -> None:
    layer = {key: given for key, given in layer.items() if len(key) < 3 or key[0] not in ELSEWHERE}
    tight = {key for key in layer if any(matches(key, pattern) for pattern in TIGHTENING)}
    chosen = {key for key in layer if any(matches(key, pattern) for pattern in CHOOSING)}
    barred = sorted(dotted(key) for key in layer if key not in tight | chosen | {RULES})
    if barred:
        combined.notices.append(
            f"{path} sets {', '.join(barred)[:500]}; a project may only lower {', '.join(TIGHTENING)}"
            f" and choose {', '.join(CHOOSING)}. The rest was ignored."
        )
    for key, given in layer.items():
        if key in tight:
            _lower(combined, key, given)
        elif key == RULES:
            _restrict(combined, given)
        elif key in chosen:
            _choose(combined, key, given)
        else:
            combined.leave_out(key, given, "a project may not set this")


def _restrict(combined: Combined, given: Given) -> None:
    """Take the rules that ask, deny or hide; one that allows is the person's to write."""
    before = len(combined.rules)
    try:
        combined.take_rules(RULES, given)
    except UsageError as error:
        combined.refuse(RULES, given, str(error), "It was ignored.")
        _reading_alone(combined, Path(given.origin))
        return
    allowing = [rule for rule in combined.rules[before:] if rule.decide == "allow"]
    for rule in allowing:
        combined.rules.remove(rule)
    if allowing:
        said = f"{given.place} has {len(allowing)} rules that allow something; a project may only restrict."
        combined.refuse(RULES, given, said, "They were ignored.")


def _strictest(combined: Combined, path: Path) -> None:
    """A trusted file that cannot be understood may have wanted to send less: the least is sent."""
    combined.values[("data_level",)] = Given(STRICTEST, str(path), str(path))
    combined.notices.append(
        f"Until {path} is mended, names and types alone are sent (data_level = {STRICTEST})."
    )


def _reading_alone(combined: Combined, path: Path) -> None:
    """It may have wanted to forbid something, too."""
    combined.values[("mode",)] = Given("plan", str(path), str(path))
    combined.notices.append(f"Until {path} is mended, nothing but reading is possible (mode = plan).")


def _lower(combined: Combined, key: Key, given: Given) -> None:
    now = present(combined, key)
    try:
        lower = combined.checked(key, given)
    except UsageError as error:
        combined.refuse(key, given, str(error), "It was ignored.")
        if key == ("data_level",):
            _strictest(combined, Path(given.origin))
        return
    if lower is None or lesser(key, now, lower):
        said = f"{given.place} asks for {dotted(key)} = {lower}, which is more than {now};"
        combined.refuse(key, given, said, "it was ignored.")
    else:
        combined.values[key] = Given(lower, given.origin, given.place)


def _choose(combined: Combined, key: Key, given: Given) -> None:
    """Models of providers the person uses: another one would get data, or cost money, unasked."""
    try:
        value = combined.checked(key, given)
    except UsageError as error:
        combined.refuse(key, given, str(error), "It was ignored.")
        return
    named: list[str] = []
    if key[-1] in MODELS:
        named = [value] if isinstance(value, str) else list(value or ())
    usable = combined.providers | {BUILT_IN}
    foreign = [name for name in named if name.partition("/")[0] not in usable]
    if foreign:
        names = ", ".join(foreign)[:200]
        said = f"{given.place} chooses {names}, but your own settings use no such provider;"
        combined.refuse(key, given, said, "it was ignored.")
    else:
        combined.values[key] = Given(value, given.origin, given.place)


def used_providers(values: Mapping[Key, Given]) -> frozenset[str]:
    """The providers of the models that the person's own settings name."""
    found: set[str] = set()
    for key, given in values.items():
        if key[-1] in MODELS:
            value = given.value
            named = value.split(",") if isinstance(value, str) else value  # as a variable holds a list
            found |= {str(name).strip().partition("/")[0] for name in named or ()}
    return frozenset(found)


def present(combined: Combined, key: Key) -> Any:
    """What holds so far."""
    if key in combined.values:
        return combined.values[key].value
    field = Settings.model_fields.get(key[0]) if len(key) == 1 else None
    return field.get_default(call_default_factory=True) if field is not None else None


def lesser(key: Key, one: Any, other: Any) -> bool:
    """Whether ``one`` lets less through than ``other``; None is no limit."""
    if one is None or other is None:
        return one is not None
    return bool(_rank(key, one) < _rank(key, other))


def _rank(key: Key, value: Any) -> Any:
    """What compares values of one setting: numbers themselves, words by how much they allow."""
    order = ORDERS.get(key[-1])
    return order.index(value) if order else value
