"""The string replacement format: one JSON object, or a list of them, each for one file."""

import json
from typing import Any

from codemad_jupyter.tools.edits.changes import Change, FilePatch, malformed

_NAMES = {
    **dict.fromkeys(("old", "old_str", "oldString"), "old_string"),
    **dict.fromkeys(("new", "new_str", "newString"), "new_string"),
    "replaceAll": "replace_all",
}
_PATHS = ("path", "file_path", "filePath")
_EDIT = {"old_string": str, "new_string": str, "replace_all": bool}


def parse(text: str) -> tuple[FilePatch, ...]:
    """``{path, old_string, new_string, replace_all}`` or ``{path, edits: [...]}``."""
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise malformed(
            f"This is no JSON ({error})", hint="Escape line ends and quotes in strings."
        ) from None
    values = value if isinstance(value, list) else [value]
    if not values:
        raise malformed("There is no edit in the list")
    return tuple(map(_patch, values))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names all differ: of two texts under one name, none can be told to be meant."""
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number]))
        raise malformed(f"An object has {twice!r} twice")
    return value


def _patch(value: Any) -> FilePatch:
    if not isinstance(value, dict):
        raise malformed("An edit is a JSON object")
    value = dict(value)
    paths = [value.pop(name) for name in _PATHS if name in value]
    if len(paths) != 1 or not isinstance(paths[0], str):
        raise malformed('The object has no "path"' if not paths else '"path" is not one text')
    path = paths[0]
    command = value.pop("command", "str_replace")
    if command == "create" and set(value) == {"file_text"} and isinstance(value["file_text"], str):
        return FilePatch(path=path, action="create", content=value["file_text"])
    if command != "str_replace":
        raise malformed(f'The command {command!r} is not "str_replace"')
    edits = value.pop("edits", None)
    if edits is not None and value:
        raise malformed(
            f'Beside "edits" there is {", ".join(map(repr, value))}', hint="Give one or the other."
        )
    if edits is not None and (not isinstance(edits, list) or not edits):
        raise malformed('"edits" is a list of at least one edit')
    changes = tuple(_change(edit) for edit in ([value] if edits is None else edits))
    if len(changes) == 1 and not changes[0].old:
        return FilePatch(path=path, action="create", content=changes[0].new)
    return FilePatch(path=path, changes=changes)


def _change(value: Any) -> Change:
    if not isinstance(value, dict):
        raise malformed("An edit is a JSON object")
    named = {_NAMES.get(name, name): each for name, each in value.items()}
    if len(named) < len(value):
        raise malformed("An edit gives one text under two names")
    if named.get("replace_all", False) is None:
        named["replace_all"] = False
    for name, each in named.items():
        if name not in _EDIT:
            raise malformed(f"An edit has no {name!r}", hint=f"It has {', '.join(_EDIT)}.")
        if not isinstance(each, _EDIT[name]):
            raise malformed(f'"{name}" is not a {_EDIT[name].__name__}')
    for name in ("old_string", "new_string"):
        if name not in named:
            raise malformed(f'An edit has no "{name}"')
    return Change(old=named["old_string"], new=named["new_string"], every=named.get("replace_all", False))
