"""Owns where the administrator's policy is found and how its file is read; what it does to settings stands in
`policy_layer`, what it says of models, tools and hosts in ``protocol/policy``.

One file holds for a machine. It lies where only an administrator writes; no variable can name another one in
its place. Only where there is none may a variable name a file, which can but tighten, like any policy.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from codemad_jupyter.config.fields import checked, matches
from codemad_jupyter.config.private_files import read_bounded
from codemad_jupyter.config.settings import TIGHTENING, Settings
from codemad_jupyter.config.toml_files import Given, Key, Layer, dotted, from_file, line_of, parse
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.protocol.policy import NO_POLICY, Lists, Policy, closed
from codemad_jupyter.protocol.sharing import SharePermission

SYSTEM_FILE = Path(r"C:\ProgramData\codemad\policy.toml" if os.name == "nt" else "/etc/codemad/policy.toml")
"""Never taken from the environment, which is the person's."""
VARIABLE = "CODEMAD_POLICY_FILE"
CAPPED = (
    *TIGHTENING,
    "sandbox",
    "agents_at_once",
    *(f"budgets.user.{what}" for what in ("cost", "tokens", "seconds")),
)
"""What ``[at_most]`` may name."""
DEPTH: Key = ("agents_depth",)
NEVER_LOCKED = ("permissions", "mcp", "agents", "hooks")
"""What a person has several of; the lists and rules of the policy speak of them."""
MEND = "Ask who looks after this machine to mend it"


class _File(Value):
    """The tables of a policy file."""

    contact: str = ""
    allow: Lists = Lists()
    deny: Lists = Lists()
    at_most: dict[str, Any] = Field(default_factory=dict)
    locked: dict[str, Any] = Field(default_factory=dict)
    allow_rules: bool = True
    sharing: SharePermission | Literal["none"] = "drive"
    permissions: tuple[Rule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Found:
    """The policy in force, and what it fixes of settings. ``problem``: why it is not the one in the file."""

    policy: Policy = NO_POLICY
    locked: Layer = field(default_factory=dict)
    most: Layer = field(default_factory=dict)
    loose: str = ""
    """Why it does not bind whoever runs this; empty where it does."""
    notices: tuple[str, ...] = ()
    problem: str = ""


def find_policy(*, system: Path = SYSTEM_FILE, environ: Mapping[str, str] | None = None) -> Found:
    """The policy of this machine, else the one that the environment names. A file that cannot be understood
    is replaced by the strictest policy there is."""
    named = (os.environ if environ is None else environ).get(VARIABLE, "")
    if _is_there(system):
        said = f"{VARIABLE} does not count: the policy is {system}."
        return _read(system, notices=(said,) if named and Path(named) != system else ())
    if not named:
        return Found()
    path = Path(named)
    if not path.is_absolute() or not _is_there(path):
        return _closed(path, f"{VARIABLE} names {named[:200]!r}, which is no file with a whole path.")
    return _read(path, loose=f"{VARIABLE} names it: who starts CodeMAD without that is free of it.")


def _is_there(path: Path) -> bool:
    """Anything of this name, also what may not be looked at."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _read(path: Path, *, loose: str = "", notices: tuple[str, ...] = ()) -> Found:
    try:
        data = read_bounded(path)
        if data is None:
            raise UsageError(f"{path} leads nowhere.")
        found = _understood(parse(data, path), path, data)
    except UsageError as error:
        return _closed(path, error.message, notices=notices)
    mine = writable(path)
    if mine:
        loose = f"{path} is no policy that binds you, for you can change {mine}: it counts as your own wish."
        notices = (*notices, f"{loose} It binds where file and folders belong to root alone.")
    return replace(found, loose=loose, notices=notices)


def _closed(path: Path, why: str, *, notices: tuple[str, ...] = ()) -> Found:
    said = f"The administrator's policy cannot be used: {why}"
    until = "Until then the built-in assistant answers, and nothing but reading is possible."
    place, shut = str(path), closed(str(path))
    caps: dict[Key, Any] = {("mode",): shut.mode, ("data_level",): shut.data_level}
    most = {key: Given(value, place, place) for key, value in caps.items()}
    return Found(policy=shut, most=most, notices=(*notices, f"{said} {MEND}. {until}"), problem=said)


def _understood(table: dict[str, Any], path: Path, data: bytes) -> Found:
    try:
        file = _File.model_validate(table)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        key = tuple(map(str, wrong["loc"]))
        line = line_of(data, key)
        where = f"{path}, line {line}" if line else str(path)
        raise UsageError(f"{dotted(key)} in {where} is wrong: {wrong['msg']}.") from None
    if any(rule.decide == "allow" for rule in file.permissions):
        raise UsageError(f"A rule in {path} allows something; a policy may only ask, deny or hide.")
    locked = _checked(_below(table, "locked", path, data), barred=NEVER_LOCKED)
    most = _below(table, "at_most", path, data)
    depth = most.pop(DEPTH, None)
    caps = _checked(most, only=CAPPED)
    if depth is not None and not (isinstance(depth.value, int) and 0 <= depth.value <= 5):
        raise UsageError(f"agents_depth in {depth.place} is no whole number from 0 to 5.")
    policy = Policy(
        place=str(path),
        contact=file.contact[:200],
        allow=file.allow,
        deny=file.deny,
        mode=_ceiling(("mode",), locked, caps),
        data_level=_ceiling(("data_level",), locked, caps),
        depth=depth.value if depth is not None else None,
        allow_rules=file.allow_rules,
        sharing=file.sharing,
        rules=tuple(rule.model_copy(update={"origin": str(path)}) for rule in file.permissions),
    )
    return Found(policy=policy, locked=locked, most=caps)


def _below(table: Mapping[str, Any], name: str, path: Path, data: bytes) -> Layer:
    """The values of one table, each with its line."""
    given = from_file({name: table.get(name) or {}}, path, data)
    return {key[1:]: value for key, value in given.items() if len(key) > 1}


def _checked(layer: Layer, *, only: tuple[str, ...] = (), barred: tuple[str, ...] = ()) -> Layer:
    found: Layer = {}
    for key, given in layer.items():
        value = checked(Settings, key, given.value, place=given.place, shown=repr(given.value)[:200])
        if key[0] in barred or (only and not any(matches(key, pattern) for pattern in only)):
            hint = (
                f"At most: {', '.join(only)}, agents_depth." if only else "Use the lists and [[permissions]]."
            )
            raise UsageError(f"{dotted(key)} in {given.place} cannot be set so. {hint}")
        found[key] = Given(value, given.origin, given.place)
    return found


def _ceiling(key: Key, locked: Layer, most: Layer) -> Any:
    """What nobody may choose more than, wherever it can be chosen besides the settings."""
    given = locked.get(key) or most.get(key)
    return given.value if given is not None else None


def writable(path: Path) -> str:
    """The file or folder by which whoever runs this could change the policy; empty where there is none. To
    root everything is writable, and root is the administrator."""
    if os.name == "nt" or sys.platform == "emscripten":
        return str(path) if os.access(path, os.W_OK) else ""
    me = os.geteuid()
    if me == 0:
        return ""
    real = path.resolve()
    for each in dict.fromkeys((path, real, *path.parents, *real.parents)):
        status = each.lstat() if each.is_symlink() else each.stat()
        sticky = each.is_dir() and status.st_mode & 0o1000 and status.st_uid != me
        if status.st_uid == me or (not each.is_symlink() and not sticky and os.access(each, os.W_OK)):
            return str(each)
    return ""
