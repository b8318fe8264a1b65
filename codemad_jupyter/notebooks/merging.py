"""A notebook with git's conflict markers as three documents, and their merge by choices. Pure.

nbdime finds out what merges by itself; what does not is a person's choice. Reading and writing the
file, and asking git for the three versions, are the business of others.
"""

import copy
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.cells import Notebook, cell_ids, has_ids, source_of, stores_lines
from codemad_jupyter.notebooks.outputs import outputs_text
from codemad_jupyter.protocol.errors import NotebookError, UsageError
from codemad_jupyter.protocol.merging import MergeChoice, MergeConflict, MergePart, MergeView

MARKER = re.compile(rb"^(<{7}|\|{7}|={7}|>{7})(?: ([^\n]*?))?\r?$")
ACTIONS: Mapping[MergeChoice, str] = {
    "ours": "local",
    "theirs": "remote",
    "both": "local_then_remote",
    "base": "base",
}
MOST_TEXT = 20_000
MOST_NAME = 200


class Sides(NamedTuple):
    """The bytes of the common ancestor (None where it is not known) and of both sides."""

    base: bytes | None
    ours: bytes
    theirs: bytes


class Decision(Protocol):
    """What is used of nbdime's decisions."""

    common_path: tuple[Any, ...]
    conflict: bool
    action: str
    local_diff: list[Any] | None
    remote_diff: list[Any] | None


class Merge(NamedTuple):
    """An ancestor, and nbdime's decisions about what the sides made of it."""

    base: Any
    decisions: list[Any]

    @property
    def open(self) -> list[Any]:
        """The decisions that a person has to take, in the order of the document."""
        return [each for each in self.decisions if each.conflict]


def marked(data: bytes) -> bool:
    """Does the file hold conflict markers?"""
    return any(MARKER.match(line) for line in data.split(b"\n") if line[:1] in b"<>")


def names(data: bytes) -> tuple[str, str]:
    """What the markers call ours and theirs, empty where they say nothing."""
    found: dict[bytes, str] = {}
    for line in data.split(b"\n"):
        match = MARKER.match(line) if line[:1] in (b"<", b">") else None
        if match is not None:
            label = (match.group(2) or b"").decode("utf-8", "replace").strip()
            found.setdefault(line[:1], label[:MOST_NAME])
    return found.get(b"<", ""), found.get(b">", "")


def sides_of(data: bytes, name: str) -> Sides:
    """The versions between the markers of a file. Raises `NotebookError` where they do not fit."""
    kept: dict[str, list[bytes]] = {"base": [], "ours": [], "theirs": []}
    side, has_base = "", False
    following = {
        b"<": ("", "ours"),
        b"|": ("ours", "base"),
        b"=": ("ours base", "theirs"),
        b">": ("theirs", ""),
    }
    for line in data.split(b"\n"):
        found = MARKER.match(line)
        if found is None:
            for each in (side,) if side else kept:
                kept[each].append(line)
            continue
        before, after = following[found.group(1)[:1]]
        if side not in (before.split() or [""]):
            raise NotebookError(f"The conflict markers of {name} do not fit together.", hint=BY_HAND)
        has_base, side = has_base or after == "base", after
    if side:
        raise NotebookError(f"The last conflict of {name} has no end.", hint=BY_HAND)
    base, ours, theirs = (b"\n".join(lines) for lines in kept.values())
    return Sides(base if has_base else None, ours, theirs)


BY_HAND = "Mend it in a text editor, or check out one side with git."


def merge(sides: Sides, name: str) -> Merge:
    """What becomes of the three versions. Raises `NotebookError` or `UsageError` (nbdime is missing)."""
    ours, theirs = document.parse(sides.ours, name), document.parse(sides.theirs, name)
    base = document.parse(sides.base, name) if sides.base is not None else common(ours, theirs)
    try:
        from nbdime.merging.notebooks import decide_notebook_merge
    except ImportError:
        raise UsageError(
            f"{name} holds a merge conflict; to resolve it nbdime is needed.",
            hint="Run: python -m pip install 'codemad-jupyter[merge]'",
        ) from None
    options = SimpleNamespace(
        merge_strategy="mergetool",
        input_strategy=None,
        output_strategy=None,
        ignore_transients=True,
        log_level="INFO",
    )
    nodes = [_joined(each) for each in (base, ours, theirs)]
    return Merge(nodes[0], list(decide_notebook_merge(*nodes, options)))


def common(ours: Notebook, theirs: Notebook) -> Notebook:
    """A document of the cells that both have, where no ancestor is known."""
    known = {_key(cell) for cell in theirs["cells"]}
    return {**ours, "cells": [cell for cell in ours["cells"] if _key(cell) in known]}


def conflicts(merged: Merge) -> tuple[MergeConflict, ...]:
    """The places where a choice is needed, numbered from 1."""
    return tuple(_conflict(at, each, merged.base) for at, each in enumerate(merged.open, 1))


def view(merged: Merge, name: str, data: bytes, *, from_git: bool, branch: str = "") -> MergeView:
    """What a person is shown; ``branch`` is the one that git calls HEAD."""
    ours, theirs = names(data)
    return MergeView(
        notebook=name,
        digest=hashlib.sha256(data).hexdigest(),
        origin="git" if from_git else "markers",
        conflicts=conflicts(merged),
        settled=len(merged.decisions) - len(merged.open),
        ours_name=branch if ours == "HEAD" and branch else ours,
        theirs_name=theirs,
    )


def resolved(merged: Merge, choices: Mapping[int, MergeChoice], sides: Sides, name: str) -> bytes:
    """The file that the choices lead to. Raises `UsageError` where a choice lacks or makes no sense."""
    from nbdime.merging.decisions import apply_decisions

    every = conflicts(merged)
    _check(every, choices, name)
    decisions = copy.deepcopy(merged.decisions)
    for each, decision in zip(every, (found for found in decisions if found.conflict), strict=True):
        decision.action, decision.conflict = ACTIONS[choices[each.number]], False
    made: Notebook = json.loads(json.dumps(apply_decisions(merged.base, decisions)))
    ours = document.parse(sides.ours, name)
    if has_ids(made):
        pairs = zip(made["cells"], cell_ids(made), strict=True)
        made["cells"] = [{**cell, "id": cell_id} for cell, cell_id in pairs]
    made = _split(made) if stores_lines(ours) else made
    ordered = {key: made[key] for key in [*ours, *made] if key in made}
    return document.render(ordered, document.style_of(sides.ours))


def _check(every: Iterable[MergeConflict], choices: Mapping[int, MergeChoice], name: str) -> None:
    known = {each.number: each for each in every}
    missing = [str(number) for number in known if number not in choices]
    if missing:
        raise UsageError(
            f"{name}: no choice for conflict {', '.join(missing)}.", hint="Choose ours, theirs, both or base."
        )
    for number, choice in choices.items():
        if number not in known:
            raise UsageError(f"{name} has no conflict {number}.", hint=f"It has {len(known)}.")
        if choice == "both" and not known[number].both:
            raise UsageError(
                f"Conflict {number} of {name} cannot keep both.", hint="Choose ours, theirs or base."
            )


def _conflict(number: int, decision: Decision, base: Any) -> MergeConflict:
    path = tuple(decision.common_path)
    ours, theirs = decision.local_diff or [], decision.remote_diff or []
    cell = base["cells"][path[1]] if len(path) > 1 and path[0] == "cells" else None
    touched = sorted({*_touched(ours), *_touched(theirs)}) if path == ("cells",) else []
    part = _part(path, ours + theirs)
    texts = [_shown(base, path, diff, touched, part) for diff in ([], ours, theirs)]
    inserts = [diff and all(op["op"] == "addrange" for op in diff) for diff in (ours, theirs)]
    return MergeConflict(
        number=number,
        cell=cell.get("id") if cell is not None else None,
        part=part,
        base=texts[0],
        ours=texts[1],
        theirs=texts[2],
        both=path == ("cells",) and all(inserts),
    )


def _part(path: tuple[Any, ...], diff: list[Any]) -> MergePart:
    if path[:1] != ("cells",):
        return "notebook"
    if len(path) == 1:
        return "cells"
    names = {path[2]} if len(path) > 2 else {op["key"] for op in diff}
    if names == {"outputs"}:
        return "outputs"
    return "source" if "source" in names else "metadata"


def _shown(base: Any, path: tuple[Any, ...], diff: list[Any], touched: list[int], part: MergePart) -> str:
    from nbdime.diff_format import op_patch
    from nbdime.patching import patch

    if path == ("cells",):
        return _cells(base["cells"], diff, touched)[:MOST_TEXT]
    depth = 2 if path[:1] == ("cells",) else 0
    value = base["cells"][path[1]] if depth else base
    for key in reversed(path[depth:]):
        diff = [op_patch(key, diff)] if diff else diff
    made = patch(value, diff)
    if part == "source":
        return str(made["source"])[:MOST_TEXT]
    if part == "outputs":
        return outputs_text(made.get("outputs", []))[:MOST_TEXT]
    shown = made["metadata"] if part == "metadata" else {k: v for k, v in made.items() if k != "cells"}
    return json.dumps(shown, indent=1, ensure_ascii=False)[:MOST_TEXT]


def _touched(diff: list[Any]) -> list[int]:
    """The places of the cells that a diff changes or removes."""
    spans = ((op["key"], op.get("length", 1)) for op in diff if op["op"] != "addrange")
    return [at for first, length in spans for at in range(first, first + length)]


def _cells(before: list[Any], diff: list[Any], touched: Iterable[int]) -> str:
    """The sources of what a side has in place of the touched cells, and of what it adds."""
    from nbdime.patching import patch

    changed = {op["key"]: patch(before[op["key"]], op["diff"]) for op in diff if op["op"] == "patch"}
    gone = set(_touched(diff)) - changed.keys()
    kept = [changed.get(at, before[at]) for at in touched if at not in gone]
    added = [cell for op in diff if op["op"] == "addrange" for cell in op["valuelist"]]
    return "\n\n".join(source_of(cell) for cell in (*added, *kept))


def _joined(nb: Notebook) -> Any:
    import nbformat
    from nbformat.v4.rwbase import rejoin_lines

    return rejoin_lines(nbformat.from_dict(nb))  # type: ignore[no-untyped-call]


def _split(nb: Notebook) -> Notebook:
    import nbformat
    from nbformat.v4.rwbase import split_lines

    made: Notebook = json.loads(json.dumps(split_lines(nbformat.from_dict(nb))))  # type: ignore[no-untyped-call]
    return made


def _key(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return (cell.get("id"), cell.get("cell_type"), source_of(cell))
