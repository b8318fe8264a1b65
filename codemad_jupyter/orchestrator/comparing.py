"""What differs between two checkpoints, or between one and now: files by line, notebooks by cell."""

import asyncio
from collections.abc import Sequence
from typing import Any

from codemad_jupyter.git.checkpoints import Snapshot
from codemad_jupyter.git.values import shown
from codemad_jupyter.notebooks.deltas import differences
from codemad_jupyter.orchestrator.checkpointing import reach
from codemad_jupyter.orchestrator.restoring import saved_document
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.protocol.checkpoints import CheckpointDiff, PathDifference
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.store.checkpoints import CheckpointRecord
from codemad_jupyter.tools.proposals import new_id

MOST = 2_000_000
"""Characters of all diffs of one comparison; what is beyond is named without its diff."""


async def compare(services: Services, old: str, new: str | None) -> CheckpointDiff:
    """What differs between two checkpoints, or between one and now: files by line, notebooks by cell."""
    one = await services.store.checkpoint(old)
    two = None if new is None else await services.store.checkpoint(new)
    before = Snapshot.model_validate(one.files) if one.files else None
    if two is not None:
        after = Snapshot.model_validate(two.files) if two.files else None
    else:
        after = await services.checkpoints.take(new_id("diff"))
    try:
        found = await _differences(services, (one, before), (two, after))
    finally:
        if two is None and after is not None:
            await services.checkpoints.drop([after.name], free=False)
    return _bounded(old, new, found)


Side = tuple[CheckpointRecord | None, Snapshot | None]


async def _differences(services: Services, old: Side, new: Side) -> list[PathDifference]:
    held = [*(old[0].notebooks if old[0] else ()), *(new[0].notebooks if new[0] else ())]
    files: Sequence[PathDifference] = ()
    paths: Sequence[str] = ()
    if old[1] is not None and new[1] is not None:
        files = await services.checkpoints.differences(old[1], new[1])
        paths = await services.checkpoints.changed(old[1], new[1])
    by_cell: dict[str, tuple[PathDifference, ...]] = {}
    for path in dict.fromkeys((*held, *(path for path in paths if path.endswith(".ipynb")))):
        left, right = await _document(services, old, path), await _document(services, new, path)
        if left is not None and right is not None:
            by_cell[shown(path)] = await asyncio.to_thread(differences, shown(path), left, right)
    rest = [file for file in files if file.path not in by_cell]
    return [*rest, *(each for path in sorted(by_cell) for each in by_cell[path])]


async def _document(services: Services, side: Side, path: str) -> dict[str, Any] | None:
    """The notebook as the side has it: the document, else the file."""
    record, snapshot = side
    if record is not None and path in record.notebooks:
        return record.notebooks[path]
    if record is None:
        try:
            return await (await reach(services, path)).snapshot(path)
        except CodemadError:
            return None
    return await saved_document(services, snapshot, path) if snapshot is not None else None


def _bounded(old: str, new: str | None, found: list[PathDifference]) -> CheckpointDiff:
    room, kept = MOST, []
    for each in found:
        room -= len(each.diff)
        if room < 0 and each.diff:
            each = each.model_copy(update={"diff": "", "detail": "not drawn: the diff is too long"})
        kept.append(each)
    return CheckpointDiff(old=old, new=new, differences=tuple(kept), truncated=room < 0)
