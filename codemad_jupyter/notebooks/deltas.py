"""How two states of a notebook differ, cell by cell, for a person to read."""

import difflib
import json
from collections.abc import Mapping
from typing import Any

from codemad_jupyter.notebooks.cells import Notebook, cell_ids, source_of
from codemad_jupyter.notebooks.provenance import KEY
from codemad_jupyter.protocol.checkpoints import PathDifference

MOST = 20_000
"""Characters of the longest diff of one cell."""


def differences(path: str, old: Notebook, new: Notebook) -> tuple[PathDifference, ...]:
    """The cells that were added, changed, moved or removed, in the order of the new document and
    with removed ones at their old place in it."""
    before = dict(zip(cell_ids(old), old["cells"], strict=True))
    after = dict(zip(cell_ids(new), new["cells"], strict=True))
    moved = _moved(list(before), list(after))
    found: list[PathDifference] = []
    for name in _order(list(before), list(after)):
        one, two = before.get(name), after.get(name)
        details = _details(one, two) if one is not None and two is not None else []
        diff = _diff(name, source_of(one or {}), source_of(two or {}))
        if one is None:
            found.append(_cell(path, name, "added", diff, _summary(two or {})))
        elif two is None:
            found.append(_cell(path, name, "removed", diff, _summary(one)))
        elif diff or details:
            details += ["moved"] if name in moved else []
            found.append(_cell(path, name, "changed", diff, "; ".join(details)))
        elif name in moved:
            found.append(_cell(path, name, "moved", "", f"now cell {list(after).index(name) + 1}"))
    changed = [key for key in sorted({*old, *new} - {"cells"}) if old.get(key) != new.get(key)]
    if changed:
        detail = f"of the notebook: {', '.join(changed)}"
        found.append(PathDifference(path=path, status="changed", detail=detail))
    return tuple(found)


def _cell(path: str, cell: str, status: Any, diff: str, detail: str) -> PathDifference:
    return PathDifference(path=path, cell=cell, status=status, diff=diff, detail=detail)


def _moved(old: list[str], new: list[str]) -> set[str]:
    """The fewest cells whose moving explains the other order."""
    kept = set(old) & set(new)
    one, two = [name for name in old if name in kept], [name for name in new if name in kept]
    if one == two:
        return set()
    blocks = difflib.SequenceMatcher(None, one, two, autojunk=False).get_matching_blocks()
    still = {name for block in blocks for name in one[block.a : block.a + block.size]}
    return kept - still


def _order(old: list[str], new: list[str]) -> list[str]:
    gone: dict[str | None, list[str]] = {}
    last: str | None = None
    kept = set(new)
    for name in old:
        if name in kept:
            last = name
        else:
            gone.setdefault(last, []).append(name)
    order = gone.get(None, [])
    for name in new:
        order = [*order, name, *gone.get(name, [])] if name in gone else order
        if name not in gone:
            order.append(name)
    return order


def _diff(name: str, old: str, new: str) -> str:
    if old == new:
        return ""
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), f"a/{name}", f"b/{name}", lineterm="", n=3
    )
    text = "\n".join(lines)
    return text if len(text) <= MOST else f"{text[:MOST]}\n… {len(text) - MOST} more characters"


def _details(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    found = []
    if old["cell_type"] != new["cell_type"]:
        found.append(f"type {old['cell_type']} → {new['cell_type']}")
    if old.get("outputs", []) != new.get("outputs", []):
        found.append(f"outputs {_outputs(old)} → {_outputs(new)}")
    if old.get("execution_count") != new.get("execution_count"):
        found.append(f"execution count {_count(old)} → {_count(new)}")
    one, two = old.get("metadata", {}), new.get("metadata", {})
    names = sorted(name for name in {*one, *two} if one.get(name) != two.get(name))
    if KEY in names:
        found.append("who made it")
        names.remove(KEY)
    if names:
        found.append(f"metadata: {', '.join(names)}")
    if old.get("attachments") != new.get("attachments"):
        found.append("attachments")
    return found


def _summary(cell: Mapping[str, Any]) -> str:
    return f"{cell.get('cell_type', 'code')} cell" + (
        f" with outputs {_outputs(cell)}" if cell.get("outputs") else ""
    )


def _outputs(cell: Mapping[str, Any]) -> str:
    outputs = cell.get("outputs") or []
    if not outputs:
        return "none"
    return f"{len(outputs)} ({len(json.dumps(outputs)):,} characters)"


def _count(cell: Mapping[str, Any]) -> str:
    count = cell.get("execution_count")
    return "none" if count is None else str(count)
