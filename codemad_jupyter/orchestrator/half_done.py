"""An accepted edit whose process ends while it is made. What is about to change is noted in the checkpoint of
its run, and struck out once the store knows how it went; the next process looks at what is noted still.

What was made whole by then counts as accepted and can be undone; anything else is taken back, and the edit
waits as it did. Either is said.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from codemad_jupyter.git import files
from codemad_jupyter.git.files import blob_name
from codemad_jupyter.git.values import Entry, Snapshot
from codemad_jupyter.notebooks.disk import left_beside
from codemad_jupyter.orchestrator.acting import applied_line
from codemad_jupyter.orchestrator.checkpointing import Checkpointer, reach
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import EditSettled, Notice
from codemad_jupyter.protocol.kernels import NotebookView
from codemad_jupyter.store.checkpoints import CheckpointRecord
from codemad_jupyter.tools.edits.file_change import FileChange
from codemad_jupyter.tools.proposals import new_id

HALF_DONE = "half_done"
"""The code of the notices that say what became of such an edit."""


class Begun(Value):
    """What is about to change: files by path with git's names of their contents before and after (None: there
    is none), folders that have to be made; or cells of a notebook with what is to be left in them (None: they
    go), and how they stood."""

    settled: EditSettled
    by_itself: bool
    before: Snapshot | None = None
    files: dict[str, tuple[str | None, str | None]] = Field(default_factory=dict)
    folders: tuple[str, ...] = ()
    notebook: str = ""
    cells: dict[str, str | None] = Field(default_factory=dict)
    stood: str = ""

    def noted(self) -> dict[str, Any]:
        """As it is kept in the record of a checkpoint."""
        return self.model_dump(mode="json")


def of_files(
    settled: EditSettled, steps: Sequence[FileChange], before: Snapshot, *, root: Path, by_itself: bool
) -> Begun:
    """An edit of files, before the first of these steps."""
    top = root.resolve()
    names = {step.real.relative_to(top).as_posix(): step for step in steps}
    above = {folder for step in steps if step.after is not None for folder in step.real.parents}
    missing = sorted(folder.relative_to(top).as_posix() for folder in above if not folder.exists())
    changes = {name: (_blob(step.before), _blob(step.after)) for name, step in names.items()}
    return Begun(settled=settled, by_itself=by_itself, before=before, files=changes, folders=tuple(missing))


def of_cells(
    settled: EditSettled, view: NotebookView, cells: dict[str, str | None], *, by_itself: bool
) -> Begun:
    """An edit of cells of the notebook, which stands as in the view."""
    stood = _standing(view, cells)
    return Begun(settled=settled, by_itself=by_itself, notebook=view.path, cells=cells, stood=stood)


async def recover(
    services: Services, session: Session, checkpointer: Checkpointer, record: CheckpointRecord
) -> None:
    """Look at what a process left that ended while it made the edit that is noted in the record. Whatever is
    found, the engine starts."""
    run = record.run or ""
    try:
        begun = Begun.model_validate(record.touched["begun"])
        if begun.notebook:
            whole = await _cells_are_there(services, begun)
        else:
            whole = await asyncio.to_thread(_cleared_up, services.root.resolve(), begun)
        if whole:
            await _note_changes(services, checkpointer, begun, run)
        _tell(services, session, begun, run, whole=whole)
    except (CodemadError, OSError, ValueError) as error:
        text = f"A process ended while it applied an edit, and what it left could not be looked at: {error}"
        session.bus.emit(Notice(level="error", code=HALF_DONE, text=text), run=run)
    await session.bus.saved()
    await checkpointer.begin(run, None)


def _tell(services: Services, session: Session, begun: Begun, run: str, *, whole: bool) -> None:
    """Say what became of the edit, unless the process that ended had said it already."""
    edit = session.state.edits.get(begun.settled.edit)
    if edit is None or {hunk.id: hunk.status for hunk in edit.hunks} == dict(begun.settled.hunks):
        return
    if whole:
        session.bus.emit(begun.settled, run=run)
        services.audit.record(applied_line(session.id, run, edit, by_itself=begun.by_itself))
    said = "was applied whole, and can be undone" if whole else "was not applied, and waits for you again"
    text = f"The process ended while “{edit.title}” was applied. Looked at now: it {said}."
    session.bus.emit(Notice(level="warning", code=HALF_DONE, text=text), run=run)


async def _note_changes(services: Services, checkpointer: Checkpointer, begun: Begun, run: str) -> None:
    """What the process that ended did not come to note."""
    for cell, source in begun.cells.items():
        await checkpointer.touched_cell(run, begun.notebook, cell, source)
    if begun.before is not None:
        after = await services.checkpoints.take(new_id("after"), include=begun.files)
        changed = await services.checkpoints.changed(begun.before, after)
        made = [path for path in changed if path in begun.files]  # the person may have gone on meanwhile
        await checkpointer.touched_files(run, made, before=begun.before, after=after)


async def _cells_are_there(services: Services, begun: Begun) -> bool:
    """Whether the notebook has the cells as they were to be."""
    try:
        port = await reach(services, begun.notebook)
        view = await port.view(begun.notebook)
        await asyncio.to_thread(_clear_beside, services.root.resolve() / begun.notebook)
    except CodemadError:
        return False  # it is gone by now, or cannot be read: nothing of it can be taken for done
    now = {cell.id: cell.source for cell in view.cells}
    as_wanted = all(now.get(cell) == source for cell, source in begun.cells.items())
    return as_wanted and _standing(view, begun.cells) != begun.stood


def _standing(view: NotebookView, cells: Iterable[str]) -> str:
    """Where these cells are and what they hold."""
    order = [cell.id for cell in view.cells]
    named = {cell.id: cell for cell in view.cells}
    after = dict(zip(order, ["", *order], strict=False))
    found = [(id, named[id].cell_type, named[id].source, after[id]) for id in cells if id in named]
    return json.dumps(sorted(found))


def _cleared_up(root: Path, begun: Begun) -> bool:
    """Whether the files are as they were to be; what is half of that is taken back first, and what the
    process that ended left beside them goes."""
    found = {path: _now(root, path) for path in begun.files}
    whole = all(found[path] == after for path, (_, after) in begun.files.items())
    for path, (before, after) in begun.files.items():
        if not whole and before is not None and found[path] is None:
            _put_back(root / path, before)
        elif not whole and before is None and found[path] == after:
            (root / path).unlink()  # what is moved here is still there
        if whole or before is None or _now(root, path) is not None:
            _clear_beside(root / path)
    for folder in reversed(begun.folders):
        if (root / folder).is_dir() and not any((root / folder).iterdir()):
            (root / folder).rmdir()
    return whole


def _now(root: Path, path: str) -> str | None:
    """Git's name of the content; empty where something else than a file is in the way."""
    what = files.look(root, path).what
    if isinstance(what, Entry) and not what.link:
        return what.blob
    return None if what is None else ""


def _put_back(real: Path, blob: str) -> None:
    """A file that was set aside to be removed, if it is still what it was."""
    for aside in _beside(real):
        if blob_name(aside.read_bytes()) == blob:
            aside.rename(real)
            return


def _clear_beside(real: Path) -> None:
    for path in _beside(real):
        path.unlink()


def _beside(real: Path) -> Iterator[Path]:
    return (path for path in left_beside(real) if path.is_file() and not path.is_symlink())


def _blob(content: bytes | None) -> str | None:
    return None if content is None else blob_name(content)
