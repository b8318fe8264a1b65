"""Makes the checkpoints of a session and notes what is changed after each.

A checkpoint holds the files (a git snapshot), the notebook documents, and the conversation head.
``touched`` in its record says what was changed afterwards, so that it can be taken back exactly; how
that is done stands in `restoring`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from codemad_jupyter.git.checkpoints import Snapshot
from codemad_jupyter.notebooks.inverse import rebased
from codemad_jupyter.notebooks.ports import NotebookPort
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.checkpoints import CheckpointReason
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import CellTarget
from codemad_jupyter.protocol.errors import CodemadError, NotFound
from codemad_jupyter.protocol.events import CheckpointMade, Notice
from codemad_jupyter.store.checkpoints import CheckpointRecord
from codemad_jupyter.tools.proposals import new_id

Cells = dict[str, dict[str, str | None]]
"""By notebook path and cell id: the source we left there, None where the cell is gone."""
Files = dict[str, tuple[str, str]]
"""By path: the names of the snapshots before it was first touched and after it was last touched."""


def files_of(records: Iterable[CheckpointRecord]) -> tuple[str, ...]:
    """The files that were touched after these checkpoints."""
    return tuple(dict.fromkeys(path for record in records for path in record.touched.get("files", {})))


def notebooks_of(records: Iterable[CheckpointRecord]) -> tuple[str, ...]:
    """The notebooks that were touched after these checkpoints."""
    return tuple(dict.fromkeys(path for record in records for path in record.touched.get("cells", {})))


async def reach(services: Services, path: str) -> NotebookPort:
    """The port that serves a notebook. Raises `NotFound`."""
    port = await services.ports.notebook(Target(notebook=path))
    if port is None:
        raise NotFound(f"The notebook {path} cannot be reached.", hint="Open it, then try again.")
    return port


class Checkpointer:
    """Makes the checkpoints of one session."""

    def __init__(self, services: Services, session: Session) -> None:
        self._services = services
        self._session = session
        self._lock = asyncio.Lock()
        self._noting = asyncio.Lock()
        """What a run changed is read, added to and written: one at a time, or one loses the other's."""
        self._ids: dict[str, str] | None = None

    async def before_change(self, run: str, notebooks: Iterable[str]) -> None:
        """The run's checkpoint, made now if it has none. Its documents are brought up to date with
        what the person did since the run's latest change."""
        async with self._lock:
            record = await self._of_run(run)
            if record is None:
                await self.make("run", run=run, notebooks=notebooks, head=self._session.before(run))
                return
            documents = await self._documents(notebooks)
            for path, now in documents.items():
                before = record.notebooks.get(path)
                if before is not None:
                    cells = record.touched.get("cells", {}).get(path, {})
                    moved = record.touched.get("moved", {}).get(path, ())
                    documents[path] = rebased(before, now, cells, moved=moved)
            if any(record.notebooks.get(path) != document for path, document in documents.items()):
                changed = {**record.notebooks, **documents}
                await self._services.store.update_checkpoint(record.id, notebooks=changed)

    async def make(
        self,
        reason: CheckpointReason,
        *,
        run: str | None,
        notebooks: Iterable[str],
        head: str | None,
        include: Iterable[str] = (),
        name: str = "",
    ) -> CheckpointRecord:
        """A new checkpoint of files (``include``: though they are ignored), documents and head."""
        id = new_id("checkpoint")
        included = tuple(path for path in include if not path.endswith("/"))
        snapshot = await self._services.checkpoints.take(id, include=included)
        documents = await self._documents(notebooks, lenient=reason != "run")
        record = CheckpointRecord(
            id=id,
            session=self._session.id,
            run=run,
            reason=reason,
            at=time.time(),
            head=head,
            name=name,
            files=snapshot.model_dump(),
            notebooks=documents,
        )
        await self._services.store.save_checkpoint(record)
        if reason == "run" and run and self._ids is not None:
            self._ids[run] = id
        self._tell(record, snapshot)
        return record

    def _tell(self, record: CheckpointRecord, snapshot: Snapshot) -> None:
        made = CheckpointMade.model_validate(
            {
                "checkpoint": record.id,
                "reason": record.reason,
                "name": record.name,
                "files": snapshot.files,
                "notebooks": tuple(record.notebooks),
            }
        )
        self._session.bus.emit(made, run=record.run)
        if snapshot.kind == "none":
            text = f"Files are not covered by this checkpoint: {'; '.join(snapshot.skipped)}"
            self._session.bus.emit(Notice(level="warning", code="checkpoint", text=text), run=record.run)

    async def reachable(self, notebook: str) -> None:
        """Raises what says why the notebook cannot be read."""
        await (await reach(self._services, notebook)).view(notebook)

    async def _documents(self, paths: Iterable[str], *, lenient: bool = False) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for path in dict.fromkeys(paths):
            try:
                found[path] = await (await reach(self._services, path)).snapshot(path)
            except CodemadError:
                if not lenient:  # what cannot be read now will be named as a conflict when it is restored
                    raise
        return found

    async def _of_run(self, run: str) -> CheckpointRecord | None:
        store = self._services.store
        if self._ids is None:
            records = await store.outline(self._session.id)
            self._ids = {r.run: r.id for r in records if r.run and r.reason == "run"}
        id = self._ids.get(run)
        try:
            return await store.checkpoint(id) if id else None
        except NotFound:  # pruned since
            del self._ids[run]
            return None

    async def note(self, record: CheckpointRecord, touched: dict[str, Any]) -> None:
        """Keep what was changed after the checkpoint."""
        await self._services.store.update_checkpoint(record.id, touched=touched)

    async def touched_cell(self, run: str, path: str, cell: str, source: str | None) -> None:
        """Note that the run left this source in a cell (None: it deleted the cell)."""
        async with self._noting:
            record = await self._of_run(run)
            if record is None:
                return
            cells: Cells = {k: dict(v) for k, v in record.touched.get("cells", {}).items()}
            cells.setdefault(path, {})[cell] = source
            touched: dict[str, Any] = {**record.touched, "cells": cells}
            if self._moves(run, path, cell):
                known = record.touched.get("moved", {})
                touched["moved"] = {**known, path: [*dict.fromkeys((*known.get(path, ()), cell))]}
            await self.note(record, touched)

    def _moves(self, run: str, path: str, cell: str) -> bool:
        """Whether the run means to put the cell elsewhere: only then is its place brought back."""
        state = self._session.state
        return any(
            isinstance(edit.target, CellTarget)
            and (edit.target.op, edit.target.notebook, edit.target.cell) == ("move", path, cell)
            and state.edit_runs[id] == run
            and edit.status != "rejected"
            for id, edit in state.edits.items()
        )

    @asynccontextmanager
    async def around(self, run: str) -> AsyncIterator[None]:
        """For what may change any file: the run's checkpoint before, and a look at what changed after."""
        await self.before_change(run, ())
        async with self.watching_files(run):
            yield

    @asynccontextmanager
    async def watching_files(self, run: str, *, include: Iterable[str] = ()) -> AsyncIterator[Snapshot]:
        """Note which files change inside the block as changes of the run; ``include`` names files
        that count although the repository ignores them. Gives the snapshot from before."""
        include = tuple(include)
        before = await self._services.checkpoints.take(new_id("before"), include=include)
        try:
            yield before
        finally:
            after = await self._services.checkpoints.take(new_id("after"), include=include)
            changed = await self._services.checkpoints.changed(before, after)
            await self.touched_files(run, changed, before=before, after=after)

    async def begin(self, run: str, noted: dict[str, Any] | None) -> None:
        """Note what is about to be changed, or (None) that it is known how that went; see `half_done`."""
        async with self._noting:
            record = await self._of_run(run)
            if record is not None and (noted or "begun" in record.touched):
                rest = {key: value for key, value in record.touched.items() if key != "begun"}
                await self.note(record, {**rest, "begun": noted} if noted else rest)

    async def touched_files(
        self, run: str, changed: Iterable[str], *, before: Snapshot, after: Snapshot
    ) -> None:
        """Note that the run changed these files between the two snapshots."""
        async with self._noting:
            record = await self._of_run(run)
            if record is None:
                await self._services.checkpoints.drop([before.name, after.name], free=False)
                return
            paths = [path for path in changed if path not in record.notebooks]
            await self.note(record, await self.with_files(record.touched, paths, before=before, after=after))

    async def with_files(
        self, touched: dict[str, Any], paths: Iterable[str], *, before: Snapshot, after: Snapshot
    ) -> dict[str, Any]:
        """``touched`` with the paths added: each is brought back to what it was before it was first
        touched, as far as it is still as it was left the last time."""
        files: Files = dict(touched.get("files", {}))
        for path in paths:
            first, _ = files.get(path, (before.name, ""))
            files[path] = (first, after.name)
        taken = {each.name: each.model_dump() for each in (before, after)}
        known: dict[str, Any] = {**touched.get("snapshots", {}), **taken}
        used = {name for pair in files.values() for name in pair}
        await self._services.checkpoints.drop(known.keys() - used, free=False)
        if not files:
            return touched
        kept = {name: snapshot for name, snapshot in known.items() if name in used}
        return {**touched, "files": files, "snapshots": kept}
