"""Takes back what was changed after a checkpoint: files by git, cells through the notebook's port.

Three-way: where the person changed something meanwhile, both are kept if they are not the same lines,
and otherwise the person's stays and is named.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from codemad_jupyter.git.checkpoints import Snapshot
from codemad_jupyter.git.values import shown
from codemad_jupyter.notebooks.cells import cell_ids, source_of
from codemad_jupyter.notebooks.inverse import inverse
from codemad_jupyter.orchestrator.checkpointing import Cells, Checkpointer, files_of, notebooks_of, reach
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import Restored
from codemad_jupyter.store.checkpoints import CheckpointRecord
from codemad_jupyter.tools.proposals import new_id


@dataclass(frozen=True)
class Restoration:
    """What a restore brought back, merged, and left alone because the person changed it."""

    files: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    def __add__(self, other: "Restoration") -> "Restoration":
        return Restoration(
            _union(self.files, other.files),
            _union(self.cells, other.cells),
            _union(self.merged, other.merged),
            _union(self.conflicts, other.conflicts),
        )

    def told(
        self,
        kind: Literal["undo", "redo", "restore"],
        checkpoint: str,
        *,
        runs: tuple[str, ...],
        others: tuple[str, ...] = (),
    ) -> Restored:
        """The event that says it."""
        return Restored(
            kind=kind,
            checkpoint=checkpoint,
            runs=runs,
            others=others,
            files=self.files,
            cells=self.cells,
            merged=self.merged,
            conflicts=self.conflicts,
        )


def _union(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


@dataclass(frozen=True)
class Scope:
    """Which paths are meant: None is all, a folder means what is in it."""

    paths: tuple[str, ...] | None = None

    def __contains__(self, path: object) -> bool:
        if self.paths is None:
            return True
        text = str(path)
        return any(text == each or text.startswith(f"{each.rstrip('/')}/") for each in self.paths)


EVERYTHING = Scope()


async def take_back(
    services: Services, record: CheckpointRecord, *, scope: Scope = EVERYTHING
) -> Restoration:
    """Bring back what was touched since the checkpoint."""
    return await _files(services, record, scope) + await _cells(services, record, scope)


async def _files(services: Services, record: CheckpointRecord, scope: Scope) -> Restoration:
    snapshots = record.touched.get("snapshots", {})
    groups: dict[tuple[str, str], list[str]] = {}
    for path, (before, after) in record.touched.get("files", {}).items():
        if path in scope:
            groups.setdefault((before, after), []).append(path)
    total = Restoration()
    for (before, after), paths in groups.items():
        old, expected = (Snapshot.model_validate(snapshots[name]) for name in (before, after))
        total += await restore_files(services, paths, old=old, expected=expected)
    return total


async def restore_files(
    services: Services, paths: Iterable[str], *, old: Snapshot, expected: Snapshot
) -> Restoration:
    """Bring files from ``expected`` to ``old``, merging what is otherwise now."""
    done = await services.checkpoints.restore(old, tuple(paths), expect=expected, merge=True)
    conflicts = (f"{shown(path)}: {done.reasons.get(path, 'changed')}" for path in done.conflicts)
    return Restoration(
        files=tuple(shown(path) for path in (*done.restored, *done.merged)),
        merged=tuple(shown(path) for path in done.merged),
        conflicts=tuple(conflicts),
    )


async def _cells(services: Services, record: CheckpointRecord, scope: Scope) -> Restoration:
    touched = {path: cells for path, cells in record.touched.get("cells", {}).items() if path in scope}
    if not touched:
        return Restoration()
    documents = (await services.store.checkpoint(record.id)).notebooks
    moved = record.touched.get("moved", {})
    total = Restoration()
    for path, cells in touched.items():
        places = moved.get(path, ())
        total += await restore_cells(services, path, documents.get(path), cells, moved=places)
    return total


async def restore_cells(
    services: Services,
    path: str,
    before: dict[str, Any] | None,
    cells: Mapping[str, str | None],
    *,
    moved: Collection[str] | None,
) -> Restoration:
    """Bring cells back to what they were in the document ``before``; ``cells`` holds what we left."""
    if before is None:
        return Restoration(conflicts=(f"{path}: it was not saved in the checkpoint",))
    try:
        port = await reach(services, path)
        found = inverse(before, await port.snapshot(path), cells, moved=moved)
        await port.apply(path, found.changes)
    except CodemadError as error:
        return Restoration(conflicts=(f"{path}: {error}",))
    kept = {conflict.cell: conflict.reason for conflict in found.conflicts}
    return Restoration(
        cells=tuple(f"{path}#{cell}" for cell in cells if cell not in kept),
        merged=tuple(f"{path}#{cell}" for cell in found.merged),
        conflicts=tuple(f"{path}#{cell}: {reason}" for cell, reason in kept.items()),
    )


async def exactly(
    services: Services,
    target: CheckpointRecord,
    *,
    scope: Scope,
    besides: Collection[str],
    touched: Collection[tuple[str, str]],
) -> tuple[Restoration, tuple[str, ...], tuple[str, ...]]:
    """Bring also what only the person changed to what it was; what was added since stays unless it is
    named. ``besides`` are files, ``touched`` cells done already. What it did, and to which files and
    notebooks."""
    total, notebooks = Restoration(), []
    for path, document in (await services.store.checkpoint(target.id)).notebooks.items():
        if path in scope and await _reachable(services, path):
            total += await _whole_notebook(services, path, document, touched=touched)
            notebooks.append(path)
    if not target.files:
        return total, (), tuple(notebooks)
    old = Snapshot.model_validate(target.files)
    named = [path for path in scope.paths or () if not path.endswith("/")]
    now = await services.checkpoints.take(new_id("now"), include=named)
    changed = await services.checkpoints.changed(old, now)
    there = await services.checkpoints.holds(old, changed)
    paths = [
        path
        for path in changed
        if path in scope and path not in besides and path not in notebooks
        if path in there or path in named
    ]
    for path in [path for path in paths if path.endswith(".ipynb")]:
        saved = await saved_document(services, old, path)
        if saved is not None and await _reachable(services, path, live=True):
            total += await _whole_notebook(services, path, saved, touched=touched)
            notebooks.append(path)
            paths.remove(path)
    total += await restore_files(services, paths, old=old, expected=now)
    await services.checkpoints.drop([now.name], free=False)
    return total, tuple(paths), tuple(notebooks)


async def _reachable(services: Services, path: str, *, live: bool = False) -> bool:
    try:
        view = await (await reach(services, path)).view(path)
    except CodemadError:
        return False
    return view.live or not live


async def saved_document(services: Services, snapshot: Snapshot, path: str) -> dict[str, Any] | None:
    """The notebook that a snapshot has as a file; None where that is none that can be read."""
    data = await services.checkpoints.read(snapshot, path)
    try:
        document = json.loads(data or b"")
    except ValueError:
        return None
    return document if isinstance(document, dict) and isinstance(document.get("cells"), list) else None


async def _whole_notebook(
    services: Services, path: str, document: dict[str, Any], *, touched: Collection[tuple[str, str]]
) -> Restoration:
    """Every cell the document had, but for those that were merged; those the person added stay."""
    now = await (await reach(services, path)).snapshot(path)
    present = dict(zip(cell_ids(now), map(source_of, now["cells"]), strict=True))
    names = (name for name in cell_ids(document) if (path, name) not in touched)
    cells = {name: present.get(name) for name in names}
    differing = dict(zip(cell_ids(document), document["cells"], strict=True))
    done = await restore_cells(services, path, document, cells, moved=None)
    same = {f"{path}#{n}" for n, c in zip(cell_ids(now), now["cells"], strict=True) if differing.get(n) == c}
    return replace(done, cells=tuple(cell for cell in done.cells if cell not in same))


async def note_restored(
    services: Services,
    checkpointer: Checkpointer,
    safety: CheckpointRecord,
    undone: list[CheckpointRecord],
    *,
    scope: Scope = EVERYTHING,
    files: Iterable[str] = (),
    notebooks: Iterable[str] = (),
) -> None:
    """Record what a restore changed, so that it can be taken back from ``safety``; ``files`` and
    ``notebooks`` were brought back besides what the undone records name."""
    cells: Cells = {}
    for path in _union(notebooks_of(undone), notebooks):
        if path in scope and path in safety.notebooks:
            cells[path] = await _left(services, path, undone, safety, whole=path in notebooks)
    touched: dict[str, Any] = {"cells": cells}
    touched["took_back"] = [record.id for record in undone] if scope is EVERYTHING else []
    touched["moved"] = {**_moved(undone), **{path: [*cells.get(path, ())] for path in notebooks}}
    paths = [path for path in _union(files_of(undone), files) if path in scope]
    if paths and safety.files:
        plain = [path for path in paths if not path.endswith("/")]
        after = await services.checkpoints.take(new_id("after"), include=plain)
        before = Snapshot.model_validate(safety.files)
        touched = await checkpointer.with_files(touched, paths, before=before, after=after)
    await checkpointer.note(safety, touched)


async def _left(
    services: Services, path: str, undone: list[CheckpointRecord], safety: CheckpointRecord, *, whole: bool
) -> dict[str, str | None]:
    try:
        now = await (await reach(services, path)).snapshot(path)
    except CodemadError:
        return {}
    sources = dict(zip(cell_ids(now), map(source_of, now["cells"]), strict=True))
    names = _union((), (cell for record in undone for cell in record.touched.get("cells", {}).get(path, {})))
    if whole:
        names = _union(names, (*cell_ids(safety.notebooks[path]), *sources))
    return {name: sources.get(name) for name in names}


def _moved(records: Iterable[CheckpointRecord]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in records:
        for path, cells in record.touched.get("moved", {}).items():
            found[path] = [*_union(found.get(path, ()), cells)]
    return found
