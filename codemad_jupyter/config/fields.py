"""Finds a setting by its key in the models, with tables below tables, and checks one value by itself."""

import difflib
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from codemad_jupyter.config.toml_files import Key, dotted, nested
from codemad_jupyter.protocol.errors import UsageError

SECRET = ("key", "token", "secret", "password")


def description(kind: type[BaseModel], key: Key) -> str:
    """What the field says of itself; of the nearest one above where it says nothing."""
    text = ""
    for field in _path(kind, key):
        text = (field.description if field is not None else None) or text
    return text


def known(kind: type[BaseModel], key: Key) -> bool:
    """Whether there can be such a setting."""
    return len(_path(kind, key)) == len(key) > 0


def check_name(kind: type[BaseModel], key: Key, *, place: str) -> None:
    """Raises `UsageError` where there can be no such setting."""
    if not known(kind, key):
        raise _unknown(kind, key, place)


def checked(kind: type[BaseModel], key: Key, value: Any, *, place: str, shown: str) -> Any:
    """The value as its field takes it. Raises `UsageError` that names ``place``; ``shown`` stands for the
    value there."""
    check_name(kind, key, place=place)
    try:
        found: Any = kind.model_validate(nested({key: value}))
    except ValidationError as error:
        if any(each["type"] == "extra_forbidden" for each in error.errors(include_url=False)):
            raise _unknown(kind, key, place) from None
        raise UsageError(
            f"The setting {dotted(key)} = {shown} from {place} cannot be used.",
            hint=f"Allowed is: {description(kind, key)}",
        ) from None
    for step in key:
        found = found[step] if isinstance(found, Mapping) else getattr(found, step)
    return found


def matches(key: Key, pattern: str) -> bool:
    """Whether the key is the one of the pattern, in which ``*`` stands for any one step."""
    steps = pattern.split(".")
    return len(steps) == len(key) and all(a in ("*", b) for a, b in zip(steps, key, strict=True))


def names_secret(key: Key) -> bool:
    """Whether the name speaks of a key or password, which do not belong into settings."""
    return any(word in key[-1].lower().replace("-", "_").split("_") for word in SECRET)


def _unknown(kind: type[BaseModel], key: Key, place: str) -> UsageError:
    at = len(_path(kind, key))
    level = next((model for step in range(at, -1, -1) if (model := _model(_at(kind, key[:step])))), kind)
    names = list(level.model_fields)
    near = difflib.get_close_matches(key[min(at, len(key) - 1)], names, n=1)
    hint = "codemad config list names them all." if level is kind else f"Known are: {', '.join(names)}."
    hint = f"Did you mean {near[0]}?" if near else hint
    if names_secret(key):
        hint = "Keys of providers do not belong into settings: see codemad keys --help."
    return UsageError(f"There is no setting {dotted(key)!r} (from {place}).", hint=hint)


def _at(kind: type[BaseModel], key: Key) -> Any:
    """What stands at a key that exists."""
    here: Any = kind
    for step in key:
        model = _model(here)
        here = model.model_fields[step].annotation if model is not None else _entries(here)
    return here


def _path(kind: type[BaseModel], key: Key) -> list[FieldInfo | None]:
    """The fields the key leads through, None for a name the person chose; shorter where it leads nowhere."""
    found: list[FieldInfo | None] = []
    here: Any = kind
    for step in key:
        model = _model(here)
        if model is not None:
            field = model.model_fields.get(step)
            if field is None:
                break
            found.append(field)
            here = field.annotation
        elif (below := _entries(here)) is not None:
            found.append(None)
            here = below
        else:
            break
    return found


def _options(annotation: Any) -> tuple[Any, ...]:
    union = get_origin(annotation) in (Union, types.UnionType)
    return get_args(annotation) if union else (annotation,)


def _model(annotation: Any) -> type[BaseModel] | None:
    options = _options(annotation)
    return next((each for each in options if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _entries(annotation: Any) -> Any:
    """What a table with free names holds; None for anything else."""
    for option in _options(annotation):
        if get_origin(option) in (dict, Mapping) and len(get_args(option)) == 2:
            return get_args(option)[1]
    return None
