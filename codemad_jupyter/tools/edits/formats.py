"""Which format a text is in, and its patches."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, get_args

from codemad_jupyter.tools.edits import search_replace, str_replace, unified, v4a
from codemad_jupyter.tools.edits.changes import FilePatch, malformed

Format = Literal["auto", "search_replace", "str_replace", "apply_patch", "unified_diff"]
FORMATS: tuple[Format, ...] = get_args(Format)
_PARSERS: dict[Format, Callable[[str], tuple[FilePatch, ...]]] = {
    "search_replace": search_replace.parse,
    "str_replace": str_replace.parse,
    "apply_patch": v4a.parse,
    "unified_diff": unified.parse,
}


def parse(text: str, form: Format = "auto") -> tuple[FilePatch, ...]:
    """The patches of a text, those of one file joined. Raises `Refused` when it is not in the format."""
    return _joined(_PARSERS[detect(text) if form == "auto" else form](_unfenced(text)))


def detect(text: str) -> Format:
    """The format a text is in. Raises `Refused` when it is in none."""
    bare = _unfenced(text).lstrip("\ufeff \t\r\n")
    if bare.startswith(("{", "[")):
        return "str_replace"
    if v4a.found_in(text):
        return "apply_patch"
    if search_replace.found_in(text):
        return "search_replace"
    if unified.found_in(text):
        return "unified_diff"
    raise malformed("This is no edit in a known format", hint=f"Known are {', '.join(FORMATS[1:])}.")


def _unfenced(text: str) -> str:
    """The text inside a fence that is all there is."""
    lines = text.strip().split("\n")
    if len(lines) > 2 and lines[0].startswith("```") and lines[-1].strip() == "```":
        inner = lines[1:-1]
        if inner[0].lstrip().startswith(("{", "[")):
            return "\n".join(inner)
    return text


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
