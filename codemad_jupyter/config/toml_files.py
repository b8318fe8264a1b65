"""Reads settings from TOML with the line each stands on, and changes one without touching the rest."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemad_jupyter.config.private_files import MEND, SPACE, read_bounded, write_private
from codemad_jupyter.protocol.errors import StoreError, UsageError

Key = tuple[str, ...]
"""The steps to a value: ``("purposes", "code", "model")``."""


@dataclass(frozen=True)
class Given:
    """A value of a layer. ``place`` is its origin, for a file with the line."""

    value: Any
    origin: str
    place: str


Layer = dict[Key, Given]


def parse(data: bytes | None, path: Path) -> dict[str, Any]:
    """The tables of a file that holds these bytes; empty where there is no file."""
    try:
        return tomllib.loads((data or b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.", hint=MEND) from None


def leaves(table: Mapping[str, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every value that is no table, with its key; an empty table counts as a value."""
    for name, value in table.items():
        key = (*above, str(name))
        if isinstance(value, Mapping) and value:
            yield from leaves(value, key)
        else:
            yield key, value


def nested(values: Mapping[Key, Any]) -> dict[str, Any]:
    """The tables that hold these values."""
    tables: dict[str, Any] = {}
    for key, value in values.items():
        table = tables
        for step in key[:-1]:
            table = table.setdefault(step, {})
        table[key[-1]] = value
    return tables


def dotted(key: Key) -> str:
    """The key as it is written in TOML."""
    return ".".join(step if _is_bare(step) else f'"{step}"' for step in key)


def read_key(text: str) -> Key:
    """The key that is written so. Raises `UsageError`."""
    try:
        found = list(leaves(tomllib.loads(f"{text} = 0")))
    except tomllib.TOMLDecodeError:
        found = []
    if len(found) != 1 or "\n" in text:
        raise UsageError(f"{text[:200]!r} is no name of a setting.", hint="Names look like model or a.b.c.")
    return found[0][0]


def read_value(text: str) -> Any:
    """A value as it would stand in TOML; anything else is a text."""
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return table["value"] if list(table) == ["value"] else text


def line_of(data: bytes | None, key: Key) -> int | None:
    """The line, counted from 1, on which the key or the table around it stands; None where none is found."""
    table: Key = ()
    for number, line in enumerate((data or b"").decode(errors="replace").splitlines(), start=1):
        text = line.strip()
        if text.startswith("["):
            table = _written(text) or table
            if table == key:
                return number
            continue
        name, equals, _ = text.partition("=")
        written = _written(f"{name}= 0") if equals else None
        if written and (*table, *written) == key[: len(table) + len(written)]:
            return number
    return None


def _written(text: str) -> Key | None:
    try:
        table: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    key: list[str] = []
    while isinstance(table, dict | list) and table:
        if isinstance(table, list):
            table = table[0]
            continue
        name = next(iter(table))
        key.append(name)
        table = table[name]
    return tuple(key) or None


def from_file(table: Mapping[str, Any], path: Path, data: bytes | None) -> Layer:
    """The values of a settings file."""
    return {key: Given(value, str(path), _place(path, data, key)) for key, value in leaves(table)}


def _place(path: Path, data: bytes | None, key: Key) -> str:
    line = line_of(data, key)
    return f"{path}, line {line}" if line else str(path)


def change(path: Path, key: Key, value: Any) -> bool:
    """Set the key in the file, or with None take it out; comments and order stay. False: nothing changed."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    data = read_bounded(path)
    parse(data, path)  # the plain parser's message names the line
    try:
        document = tomlkit.parse((data or b"").decode())
        changed = _unset(document, key) if value is None else _set(document, key, value)
        text = tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError) as error:
        raise UsageError(f"{dotted(key)} cannot be changed in {path}: {error}.", hint=MEND) from None
    if changed:
        _write(path, text)
    return changed


def _set(document: Any, key: Key, value: Any) -> bool:
    import tomlkit

    table = document
    for step in key[:-1]:
        if step not in table:
            table[step] = tomlkit.table(is_super_table=step != key[-2])
        table = table[step]
    if key[-1] in table:
        present = table.unwrap()[key[-1]]
        if present == value and type(present) is type(value):
            return False
    table[key[-1]] = value
    return True


def _unset(document: Any, key: Key) -> bool:
    tables = [document]
    for step in key[:-1]:
        if not isinstance(tables[-1], dict) or step not in tables[-1]:
            return False
        tables.append(tables[-1][step])
    if not isinstance(tables[-1], dict) or key[-1] not in tables[-1]:
        return False
    del tables[-1][key[-1]]
    for table, step in zip(reversed(tables[:-1]), reversed(key[:-1]), strict=True):
        if not table[step]:  # no empty table is left behind
            del table[step]
    return True


def _write(path: Path, text: str) -> None:
    try:
        write_private(path.resolve(), text.encode())  # a link to the real file stays a link
    except OSError as error:
        said = f"The settings could not be written to {path}: {error.strerror}."
        raise StoreError(said, hint=SPACE) from error


def _is_bare(step: str) -> bool:
    return bool(step) and all(char.isascii() and (char.isalnum() or char in "-_") for char in step)
