"""The receipt of a trial: which names came, went and changed, by rebinding or in place.

Runs inside a trial (Python 3.9 or newer, standard library alone). What was there before is asked of
someone who still has it: the `trial_keeper`, or a `Notes` made before the code ran.
"""

from __future__ import annotations

import sys
import types
import weakref
from typing import Any

from codemad_jupyter.notebooks.probe_safe import Clock, cut, module_of, type_name
from codemad_jupyter.notebooks.trial_pages import hash_ranges, touched_ranges
from codemad_jupyter.notebooks.trial_reach import candidates
from codemad_jupyter.notebooks.trial_values import FULL_BYTES, Walk

MOST_NAMES = 200
MOST_COLUMN_TYPES = 40
RECEIPT_SECONDS = 2.0


def public_names(shell: Any) -> list[str]:
    """The user's names, without what IPython put there."""
    hidden, space = shell.user_ns_hidden, shell.user_ns
    return [
        name
        for name, value in list(space.items())
        if type(name) is str and not name.startswith("_") and not (name in hidden and hidden[name] is value)
    ]


class Snapshot:
    """Which objects the names stood for before the code ran, and which of them it can touch."""

    def __init__(self, shell: Any, codes: list[Any]) -> None:
        space = shell.user_ns
        names = public_names(shell)
        self.shell, self.space = shell, space
        self.ids = {name: id(space[name]) for name in names}
        self.held = [hold(space[name]) for name in names]
        self.chosen, self.complete = candidates(codes, names, space)


def hold(value: Any) -> Any:
    """Keep the value, so that its identity is not given to another. A counted reference would keep an
    array from being resized."""
    if type(value).__name__ == "ndarray" and module_of(type(value)) == "numpy":
        return weakref.ref(value)
    return value


def look(value: Any, clock: Clock) -> dict[str, Any]:
    """Signature and buffers of a value."""
    walk = Walk(clock, content=False)
    try:
        walk.take(value)
    except Exception:
        walk.sure, walk.late = False, True
    return {
        "signature": walk.hasher.hexdigest(),
        "buffers": walk.buffers,
        "sure": walk.sure,
        "late": walk.late,
    }


def full_state(name: str, value: Any, clock: Clock) -> dict[str, Any]:
    """A NameState with the hash of the content; of very much content, of a sample."""
    size = sum(length for _, length in look(value, clock)["buffers"])
    walk = Walk(clock, content=True, full=size <= FULL_BYTES)
    try:
        walk.take(value)
        digest = walk.digest()
    except Exception:
        digest = ""
    try:
        return state_of(name, value, digest)
    except Exception:
        return {"name": name, "type": "object"}


def serve(space: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Answer about the names as they are here; ``seconds`` of the request limits the time."""
    clock, kind, names = Clock(float(request["seconds"])), request["kind"], request["names"]
    present = [name for name in names if name in space]
    if kind == "look":
        return {name: look(space[name], clock) for name in present}
    if kind == "state":
        return {name: full_state(name, space[name], clock) for name in present}
    return {name: hash_ranges(names[name], clock) for name in names}


class Notes:
    """What is asked about before, written down before the code ran: for a process that is no copy."""

    paged = False

    def __init__(self, snapshot: Snapshot, seconds: float) -> None:
        asked = {"names": snapshot.chosen, "seconds": seconds}
        self.kept = {kind: serve(snapshot.space, {**asked, "kind": kind}) for kind in ("look", "state")}

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """As `serve` would have answered then."""
        kept = self.kept[request["kind"]]
        return {name: kept[name] for name in request["names"] if name in kept}


def receipt(snapshot: Snapshot, before: Any, seconds: float = RECEIPT_SECONDS) -> dict[str, Any]:
    """The Receipt as plain data. ``before`` has ``ask`` and ``paged``: whether written pages tell."""
    clock, space = Clock(seconds), snapshot.space
    now = public_names(snapshot.shell)
    added = [name for name in now if name not in snapshot.ids]
    deleted = [name for name in snapshot.ids if name not in space]
    both = [name for name in now if name in snapshot.ids]
    rebound = [name for name in both if id(space[name]) != snapshot.ids[name]]
    same = [name for name in snapshot.chosen if name in space and id(space[name]) == snapshot.ids[name]]
    same = [name for name in same if type(space[name]) is not types.ModuleType]
    mutated, complete = changed_in_place(same, space, before, clock)
    changes = [*rebound, *mutated][:MOST_NAMES]
    asked = {"kind": "state", "names": changes, "seconds": max(seconds * (1 - clock.spent()), 0.05)}
    earlier = before.ask(asked)
    changed = []
    for name in changes:
        change = compared(name, earlier.get(name), full_state(name, space[name], clock), name in mutated)
        if change is not None:
            changed.append(change)
    return {
        "added": [full_state(name, space[name], clock) for name in added[:MOST_NAMES]],
        "changed": changed,
        "deleted": deleted[:MOST_NAMES],
        "truncated": not complete
        or not snapshot.complete
        or clock.spent() >= 1
        or max(len(added), len(deleted), len(rebound) + len(mutated)) > MOST_NAMES,
    }


def compared(
    name: str, earlier: dict[str, Any] | None, later: dict[str, Any], in_place: bool
) -> dict[str, Any] | None:
    """The NameChange; None where the name stands for the same content as before."""
    if earlier is None:
        earlier = {"name": name, "type": later["type"]}
    certain = True
    if earlier == later and later.get("digest"):
        if not later["digest"].startswith("sample-"):
            return None
        certain = in_place  # written pages differ for sure, rebound samples may hide a difference
    return {"before": earlier, "after": later, "in_place": in_place, "certain": certain}


def changed_in_place(
    names: list[str], space: dict[str, Any], before: Any, clock: Clock
) -> tuple[list[str], bool]:
    """The names whose object is the same and holds something else; was all compared?"""
    asked = {"kind": "look", "names": names, "seconds": clock.seconds / 3}
    earlier = before.ask(asked)
    found: list[str] = []
    doubtful: dict[str, Any] = {}
    complete = True
    for name in names:
        then, now = earlier.get(name), look(space[name], clock)
        if then is None or then["late"] or now["late"]:
            complete = False
        elif then["signature"] != now["signature"]:
            found.append(name)
        elif now["buffers"]:
            doubtful[name] = now["buffers"]
    if before.paged:
        more, whole = by_pages(doubtful, before, clock)
        return [name for name in names if name in found or name in more], complete and whole
    asked = {"kind": "state", "names": list(doubtful), "seconds": clock.seconds}
    for name, state in before.ask(asked).items():
        later = full_state(name, space[name], clock)
        if state.get("digest") != later.get("digest"):
            found.append(name)
        complete = complete and bool(later.get("digest")) and not later["digest"].startswith("sample-")
    return found, complete


def by_pages(doubtful: dict[str, list[tuple[int, int]]], before: Any, clock: Clock) -> tuple[set[str], bool]:
    """Names whose buffers were written with something else, as far as the pages of memory tell."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    complete = True
    for name, buffers in doubtful.items():
        touched = touched_ranges(buffers)
        if touched is None:
            touched = buffers
        if touched:
            ranges[name] = touched
    if not ranges:
        return set(), complete
    left = max(clock.seconds * (1 - clock.spent()), 0.05)
    then = before.ask({"kind": "ranges", "names": ranges, "seconds": left})
    changed = set()
    for name, parts in ranges.items():
        now = hash_ranges(parts, clock)
        complete = complete and bool(now) and bool(then.get(name))
        if now and then.get(name) and now != then[name]:
            changed.add(name)
    return changed, complete


def state_of(name: str, value: Any, digest: str) -> dict[str, Any]:
    """A NameState as plain data."""
    state: dict[str, Any] = {"name": name, "type": type_name(type(value)), "digest": digest}
    root = module_of(type(value)).partition(".")[0]
    kind = type(value).__name__
    if type(value) in (list, tuple, dict, set, frozenset, str, bytes, bytearray):
        state["shape"] = [len(value)]
    elif root in ("numpy", "pandas", "polars", "pyarrow") and root in sys.modules:
        shape = getattr(value, "shape", None)
        if type(shape) is tuple:
            state["shape"] = [int(size) for size in shape]
        if kind in ("DataFrame", "Table", "RecordBatch"):
            types_of = value.schema.types if root == "pyarrow" else list(value.dtypes[:MOST_COLUMN_TYPES])
            state["dtypes"] = [cut(str(item), 60) for item in types_of[:MOST_COLUMN_TYPES]]
        elif kind in ("Series", "ndarray", "Index", "RangeIndex", "DatetimeIndex"):
            state["dtypes"] = [cut(str(value.dtype), 60)]
    return state
