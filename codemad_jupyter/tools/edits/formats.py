"""Which format a text is in, and its patches."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, get_args

from codemad_jupyter.tools.edits import search_replace, str_replace, unified, v4a
from codemad_jupyter.tools.edits.changes import FilePatch, malformed

Format = Literal["auto", "search_replace", "str_replace", "apply_patch", "unified_diff"]
FORMATS: tuple[Format, ...] = get_args(Format)
_BEGINS: dict[Format, Callable[[list[str]], int | None]] = {
    "apply_patch": v4a.begins,
    "search_replace": search_replace.begins,
    "unified_diff": unified.begins,
}
_EDGE = "\ufeff \t\r\n"
_FENCED = re.compile(r"(?ms)^[ \t]*```(?:json[c5]?)?[ \t]*\r?$(.*?)^[ \t]*```[ \t]*\r?$")
_PARSERS: dict[Format, Callable[[str], tuple[FilePatch, ...]]] = {
    "search_replace": search_replace.parse,
    "str_replace": str_replace.parse,
    "apply_patch": v4a.parse,
    "unified_diff": unified.parse,
}


def parse(text: str, form: Format = "auto") -> tuple[FilePatch, ...]:
    """The patches of a text, those of one file joined. Raises `Refused` when it is not in the format."""
    if form in ("auto", "apply_patch", "unified_diff"):
        text = _unwrapped(text)
    form = detect(text) if form == "auto" else form
    return _joined(_PARSERS[form](json_in(text) if form == "str_replace" else text))


def detect(text: str) -> Format:
    """The format a text is in: the one that begins first. Raises `Refused` when it is in none."""
    if text.lstrip(_EDGE).startswith(("{", "[")) and _value(json_in(text)) is not None:
        return "str_replace"
    lines = text.replace("\r\n", "\n").split("\n")
    starts = [(begins(lines), form) for form, begins in _BEGINS.items()]
    found = [(at, form) for at, form in starts if at is not None]
    if found:
        return min(found)[1]
    if json_in(text).startswith(("{", "[")):
        return "str_replace"
    raise malformed("This is no edit in a known format", hint=f"Known are {', '.join(FORMATS[1:])}.")


def json_in(text: str) -> str:
    """The JSON of a text: all of it, or what stands in its only fence that holds such."""
    bare = text.strip(_EDGE)
    if bare.startswith(("{", "[")):
        return bare
    found = [each.strip() for each in _FENCED.findall(text)]
    found = [each for each in found if each.startswith(("{", "["))]
    return found[0] if len(found) == 1 else text


def _value(text: str) -> Any:
    """The value of JSON that may hold edits, else None."""
    try:
        value = json.loads(text) if text.startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return None
    first = value[0] if isinstance(value, list) and value else value
    return value if isinstance(first, dict) else None


def _unwrapped(text: str) -> str:
    """The patch that is the only argument of a call written as JSON."""
    value = _value(json_in(text))
    if not isinstance(value, dict) or len(value) != 1:
        return text
    name, inner = next(iter(value.items()))
    if (
        name in ("command", "cmd")
        and isinstance(inner, list)
        and len(inner) == 2
        and inner[0] == "apply_patch"
    ):
        inner = inner[1]
    elif name not in ("patch", "input", "diff"):
        return text
    return inner if isinstance(inner, str) else text


def _joined(patches: tuple[FilePatch, ...]) -> tuple[FilePatch, ...]:
    """Neighbouring updates of one file as one, so that their edits are counted through."""
    joined: list[FilePatch] = []
    for patch in patches:
        last = joined[-1] if joined else None
        plain = patch.action == "update" and patch.in_turn and patch.move_to is None
        if last and plain and last.path == patch.path and last.action == "update" and last.in_turn:
            joined[-1] = replace(last, changes=last.changes + patch.changes)
        else:
            joined.append(patch)
    return tuple(joined)
