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


def _union(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


class Checkpointer:
    """Makes and restores the checkpoints of one session."""

    def __init__(self, services: Services, session: Session) -> None:
        self._services = services
        self._session = session
        self._lock = asyncio.Lock()

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
        self, reason: Reason, *, run: str | None, notebooks: Iterable[str], head: str | None
    ) -> CheckpointRecord:
        """A new checkpoint of files, documents and conversation head."""
        id = new_id("checkpoint")
        snapshot = await self._services.checkpoints.take(id)
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
        records = await self._services.store.checkpoints(self._session.id)
        return next((r for r in records if r.run == run and r.reason == "run"), None)

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
    async def watching_files(self, run: str) -> AsyncIterator[None]:
        """Note which files change inside the block as changes of the run."""
        take = self._services.checkpoints.take
        before = await take(new_id("before"))
        try:
            yield
        finally:
            after = await take(new_id("after"))
            paths = await self._services.checkpoints.changed(before, after)
            await self._services.checkpoints.drop([before.name])
            await self._touched_files(run, paths, after)

    async def _touched_files(self, run: str, paths: Iterable[str], after: Snapshot) -> None:
        record = await self._of_run(run)
        paths = [path for path in paths if record is not None and path not in record.notebooks]
        if record is None or not paths:
            await self._services.checkpoints.drop([after.name])
            return
        old = record.touched.get("after")
        files = list(_union(record.touched.get("files", ()), paths))
        touched = {**record.touched, "files": files, "after": after.model_dump()}
        await self._touch(record, touched)
        if old:
            await self._services.checkpoints.drop([old["name"]])

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
        files, after = record.touched.get("files"), record.touched.get("after")
        if not files or not after or not record.files:
            return Restoration()
        done = await self._services.checkpoints.restore(
            Snapshot.model_validate(record.files), tuple(files), expect=Snapshot.model_validate(after)
        )
        return Restoration(files=done.restored, conflicts=done.conflicts)

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
        files = [path for each in undone for path in each.touched.get("files", ())]
        cells: Cells = {}
        for each in undone:
            for path, ids in each.touched.get("cells", {}).items():
                now = await self._sources(path)
                cells.setdefault(path, {}).update({cell: now.get(cell) for cell in ids})
        touched: dict[str, Any] = {"cells": cells}
        if files:
            after = await self._services.checkpoints.take(new_id("after"))
            touched |= {"files": list(dict.fromkeys(files)), "after": after.model_dump()}
        await self._touch(record, touched)

    async def _sources(self, path: str) -> dict[str, str]:
        view = await (await self._port(path)).view(path)
        return {cell.id: cell.source for cell in view.cells}
