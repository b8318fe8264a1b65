"""Owns how the settings are put together: one layer above another, each value with its origin."""

import difflib
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from codemad_jupyter.config import credentials as keys
from codemad_jupyter.config.paths import user_file
from codemad_jupyter.config.settings import PREFIX, PROJECT_FILE, TIGHTENING, Settings
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.privacy import DataLevel

LARGEST = 1_000_000
"""A settings file has at most so many bytes."""

Layer = dict[str, tuple[Any, str]]
"""By key: the value and its origin."""


def combine(root: Path | None, arguments: Mapping[str, Any], *, lenient: bool) -> Settings:
    """Defaults, below the person's file, below the project's limits, below environment and arguments."""
    notices: list[str] = []
    redact = keys.redactor()
    values: Layer = {}
    values.update(_usable(_user(lenient, notices), lenient, notices))
    if root is not None:
        _tighten(values, root, notices)
    given: Layer = {key: (value, "argument") for key, value in arguments.items() if value is not None}
    for layer in (_environment(), given):
        values.update(_usable(layer, lenient, notices))
    settings = Settings(**{key: value for key, (value, _) in values.items()})
    settings._origins = {key: origin for key, (_, origin) in values.items()}
    settings._notices = tuple(redact(notice) for notice in notices)
    settings._credentials = keys.credentials()
    settings._redactor = redact
    return settings


def _user(lenient: bool, notices: list[str]) -> Layer:
    path = user_file()
    try:
        return {key: (value, str(path)) for key, value in _read(path).items()}
    except UsageError as error:
        if not lenient:
            raise
        notices.append(f"{error} Until then the defaults hold.")
        return {}


def _environment() -> Layer:
    from pydantic_settings import BaseSettings, EnvSettingsSource

    class FromEnvironment(Settings, BaseSettings):  # type: ignore[misc]
        """The same fields, for the library that knows how variables are named."""

    source = EnvSettingsSource(FromEnvironment, env_prefix=PREFIX, env_ignore_empty=True)
    source.config["enable_decoding"] = False
    return {key: (value, f"{PREFIX}{key.upper()}") for key, value in source().items()}


def _usable(layer: Layer, lenient: bool, notices: list[str]) -> Layer:
    """The layer with every value checked by itself."""
    good: Layer = {}
    for key, (value, origin) in layer.items():
        try:
            good[key] = (_checked(key, value, origin), origin)
        except UsageError as error:
            if not lenient:
                raise
            notices.append(f"{error} It was left out.")
    return good


def _checked(key: str, value: Any, origin: str) -> Any:
    fields = Settings.model_fields
    if key not in fields:
        near = difflib.get_close_matches(key, fields, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(fields)}."
        raise UsageError(f"There is no setting {key!r} (from {origin}).", hint=hint)
    try:
        return getattr(Settings.model_validate({key: value}), key)
    except ValidationError:
        shown = keys.redact(repr(value)[:200])
        raise UsageError(
            f"The setting {key} = {shown} from {origin} cannot be used.",
            hint=f"Allowed is: {fields[key].description}",
        ) from None


def _tighten(values: Layer, root: Path, notices: list[str]) -> None:
    """Apply what the project's file may say. It never stops CodeMAD from starting."""
    path = root / PROJECT_FILE
    try:
        project = _read(path, follow_links=False)
    except UsageError as error:
        notices.append(f"{error} The file was ignored.")
        return
    barred = sorted(set(project) - set(TIGHTENING))
    if barred:
        notices.append(
            f"{path} sets {', '.join(barred)[:500]}; a project may only lower {', '.join(TIGHTENING)}."
            " The rest was ignored."
        )
    for key in TIGHTENING:
        if key in project:
            _lower(values, key, project[key], path, notices)


def _lower(values: Layer, key: str, asked: Any, path: Path, notices: list[str]) -> None:
    present = values[key][0] if key in values else Settings.model_fields[key].default
    try:
        lower = _checked(key, asked, str(path))
    except UsageError as error:
        notices.append(f"{error} It was ignored.")
        return
    if lower is None or (present is not None and _rank(lower) > _rank(present)):
        notices.append(f"{path} asks for {key} = {lower}, which is more than {present}; it was ignored.")
    else:
        values[key] = (lower, str(path))


def _rank(value: Any) -> Any:
    """What compares values of one setting: numbers themselves, data levels by how much they send."""
    levels = get_args(DataLevel)
    return levels.index(value) if value in levels else value


def _read(path: Path, *, follow_links: bool = True) -> dict[str, Any]:
    """The file's top level; empty where there is no file."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"The settings in {path} cannot be read: {error.strerror}.", hint=_MEND) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"{path} should hold settings, but is no regular file.", hint=_MEND)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(data) > LARGEST:
        raise UsageError(f"The settings in {path} are larger than {LARGEST} bytes.", hint=_MEND)
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"The settings in {path} are not valid TOML: {error}.", hint=_MEND) from None


_MEND = "Mend the file or move it away."
