"""Checkpoints of a session: made before the first change of a run, brought back by undo and redo.

A checkpoint holds the files (a git snapshot), the notebook documents, and the conversation head.
``touched`` in its record says what was changed afterwards, so that a restore brings back exactly that.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from codemad_jupyter.git.checkpoints import Snapshot
from codemad_jupyter.notebooks.inverse import inverse
from codemad_jupyter.notebooks.ports import NotebookPort
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import CodemadError, NotFound
from codemad_jupyter.protocol.events import CheckpointMade, Notice
from codemad_jupyter.store.checkpoints import CheckpointRecord
from codemad_jupyter.tools.proposals import new_id

Reason = Literal["run", "undo", "redo"]
Cells = dict[str, dict[str, str | None]]
"""By notebook path and cell id: the source we left there, None where the cell is gone."""
Files = dict[str, tuple[str, str]]
"""By path: the names of the snapshots before it was first touched and after it was last touched."""


@dataclass(frozen=True)
class Restoration:
    """What a restore brought back, and what it left alone because the person changed it."""

    files: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    def __add__(self, other: "Restoration") -> "Restoration":
        return Restoration(
            _union(self.files, other.files),
            _union(self.cells, other.cells),
            _union(self.conflicts, other.conflicts),
        )


def files_of(records: Iterable[CheckpointRecord]) -> tuple[str, ...]:
    """The files that were touched after these checkpoints."""
    return _union((), (path for record in records for path in record.touched.get("files", {})))


def notebooks_of(records: Iterable[CheckpointRecord]) -> tuple[str, ...]:
    """The notebooks that were touched after these checkpoints."""
    return _union((), (path for record in records for path in record.touched.get("cells", {})))


def _union(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


class Checkpointer:
    """Makes and restores the checkpoints of one session."""

    def __init__(self, services: Services, session: Session) -> None:
        self._services = services
        self._session = session
        self._lock = asyncio.Lock()
        self._ids: dict[str, str] | None = None

    async def before_change(self, run: str, notebooks: Iterable[str]) -> None:
        """The run's checkpoint, made now if it has none; documents not in it yet are added."""
        async with self._lock:
            record = await self._of_run(run)
            if record is None:
                await self.make("run", run=run, notebooks=notebooks, head=self._session.before(run))
                return
            missing = [path for path in notebooks if path not in record.notebooks]
            if missing:
                documents = {**record.notebooks, **await self._documents(missing)}
                await self._services.store.update_checkpoint(record.id, notebooks=documents)

    async def make(
        self,
        reason: Reason,
        *,
        run: str | None,
        notebooks: Iterable[str],
        head: str | None,
        include: Iterable[str] = (),
    ) -> CheckpointRecord:
        """A new checkpoint of files (``include``: though they are ignored), documents and head."""
        id = new_id("checkpoint")
        snapshot = await self._services.checkpoints.take(id, include=include)
        documents = await self._documents(notebooks)
        record = CheckpointRecord(
            id=id,
            session=self._session.id,
            run=run,
            reason=reason,
            at=time.time(),
            head=head,
            files=snapshot.model_dump(),
            notebooks=documents,
        )
        await self._services.store.save_checkpoint(record)
        if reason == "run" and run and self._ids is not None:
            self._ids[run] = id
        made = CheckpointMade(checkpoint=id, reason=reason, files=snapshot.files, notebooks=tuple(documents))
        self._session.bus.emit(made, run=run)
        if snapshot.kind == "none":
            text = f"Files are not covered by this checkpoint: {'; '.join(snapshot.skipped)}"
            self._session.bus.emit(Notice(level="warning", code="checkpoint", text=text), run=run)
        return record

    async def _documents(self, paths: Iterable[str]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for path in dict.fromkeys(paths):
            port = await self._port(path)
            found[path] = await port.snapshot(path)
        return found

    async def _port(self, path: str) -> NotebookPort:
        port = await self._services.ports.notebook(Target(notebook=path))
        if port is None:
            raise NotFound(f"The notebook {path} cannot be reached.", hint="Open it, then try again.")
        return port

    async def _of_run(self, run: str) -> CheckpointRecord | None:
        if self._ids is None:  # read once: records hold whole documents
            records = await self._services.store.checkpoints(self._session.id)
            self._ids = {r.run: r.id for r in records if r.run and r.reason == "run"}
        id = self._ids.get(run)
        return await self._services.store.checkpoint(id) if id else None

    async def _touch(self, record: CheckpointRecord, touched: dict[str, Any]) -> None:
        await self._services.store.update_checkpoint(record.id, touched=touched)

    async def touched_cell(self, run: str, path: str, cell: str, source: str | None) -> None:
        """Note that the run left this source in a cell (None: it deleted the cell)."""
        record = await self._of_run(run)
        if record is not None:
            cells: Cells = {k: dict(v) for k, v in record.touched.get("cells", {}).items()}
            cells.setdefault(path, {})[cell] = source
            await self._touch(record, {**record.touched, "cells": cells})

    @asynccontextmanager
    async def watching_files(self, run: str, *, include: Iterable[str] = ()) -> AsyncIterator[None]:
        """Note which files change inside the block as changes of the run; ``include`` names files
        that count although the repository ignores them."""
        include = tuple(include)
        before = await self._services.checkpoints.take(new_id("before"), include=include)
        try:
            yield
        finally:
            after = await self._services.checkpoints.take(new_id("after"), include=include)
            await self._touched_files(run, before, after)

    async def _touched_files(self, run: str, before: Snapshot, after: Snapshot) -> None:
        record = await self._of_run(run)
        changed = await self._services.checkpoints.changed(before, after)
        if record is not None:
            paths = [path for path in changed if path not in record.notebooks]
            await self._touch(record, await self._files(record.touched, paths, before, after))

    async def _files(
        self, touched: dict[str, Any], paths: Iterable[str], before: Snapshot, after: Snapshot
    ) -> dict[str, Any]:
        """``touched`` with the paths added: each is brought back to what it was before it was first
        touched, if it is still as it was left the last time."""
        files: Files = dict(touched.get("files", {}))
        for path in paths:
            first, _ = files.get(path, (before.name, ""))
            files[path] = (first, after.name)
        taken = {each.name: each.model_dump() for each in (before, after)}
        known: dict[str, Any] = {**touched.get("snapshots", {}), **taken}
        used = {name for pair in files.values() for name in pair}
        await self._services.checkpoints.drop(known.keys() - used)
        if not files:
            return touched
        kept = {name: snapshot for name, snapshot in known.items() if name in used}
        return {**touched, "files": files, "snapshots": kept}

    async def changed_runs(self) -> dict[str, CheckpointRecord]:
        """The checkpoints of runs that changed something and are not undone, oldest first."""
        runs = self._session.state.runs
        return {
            record.run: record
            for record in await self._services.store.checkpoints(self._session.id)
            if record.run and record.reason == "run" and record.touched and not runs[record.run].undone
        }

    async def restore(self, record: CheckpointRecord) -> Restoration:
        """Bring back what was touched since the checkpoint; leave alone what the person changed."""
        return await self._restore_files(record) + await self._restore_cells(record)

    async def _restore_files(self, record: CheckpointRecord) -> Restoration:
        snapshots = record.touched.get("snapshots", {})
        groups: dict[tuple[str, str], list[str]] = {}
        for path, (before, after) in record.touched.get("files", {}).items():
            groups.setdefault((before, after), []).append(path)
        total = Restoration()
        for (before, after), paths in groups.items():
            done = await self._services.checkpoints.restore(
                Snapshot.model_validate(snapshots[before]),
                tuple(paths),
                expect=Snapshot.model_validate(snapshots[after]),
            )
            conflicts = tuple(f"{path}: {done.reasons.get(path, 'changed')}" for path in done.conflicts)
            total += Restoration(files=done.restored, conflicts=conflicts)
        return total

    async def _restore_cells(self, record: CheckpointRecord) -> Restoration:
        total = Restoration()
        for path, cells in record.touched.get("cells", {}).items():
            try:
                total += await self._restore_notebook(path, record.notebooks[path], cells)
            except CodemadError as error:
                total += Restoration(conflicts=(f"{path}: {error}",))
        return total

    async def _restore_notebook(
        self, path: str, before: dict[str, Any], cells: dict[str, str | None]
    ) -> Restoration:
        port = await self._port(path)
        changes, conflicts = inverse(before, await port.snapshot(path), cells)
        await port.apply(path, changes)
        kept = {conflict.cell: conflict.reason for conflict in conflicts}
        return Restoration(
            cells=tuple(f"{path}#{cell}" for cell in cells if cell not in kept),
            conflicts=tuple(f"{path}#{cell}: {reason}" for cell, reason in kept.items()),
        )

    async def note_restored(self, record: CheckpointRecord, undone: list[CheckpointRecord]) -> None:
        """Record what an undo changed, so that it can be redone from ``record``."""
        cells: Cells = {}
        for each in undone:
            for path, ids in each.touched.get("cells", {}).items():
                now = await self._sources(path)
                cells.setdefault(path, {}).update({cell: now.get(cell) for cell in ids})
        touched: dict[str, Any] = {"cells": cells}
        paths = files_of(undone)
        if paths and record.files:
            after = await self._services.checkpoints.take(new_id("after"), include=paths)
            touched = await self._files(touched, paths, Snapshot.model_validate(record.files), after)
        await self._touch(record, touched)

    async def _sources(self, path: str) -> dict[str, str]:
        view = await (await self._port(path)).view(path)
        return {cell.id: cell.source for cell in view.cells}
