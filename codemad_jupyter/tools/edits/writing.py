"""Writes a plan: every content beside its place first, then all renamed; what fails midway is taken back."""

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from codemad_jupyter.notebooks.disk import beside, read_bytes, sync_folder
from codemad_jupyter.protocol.errors import CodemadError, StaleEdit
from codemad_jupyter.tools.edits.changes import Refused
from codemad_jupyter.tools.edits.file_change import FileChange

Undo = Callable[[], object]


def write(files: Sequence[FileChange]) -> None:
    """Make the files what the plan says, all or none. Raises `Refused`, the files being as they were.

    New contents are on the disk, synced, before the first file is touched: what is left to do then are
    renames, so a full disk changes nothing and a crash has hardly any time to come in between.
    """
    undo: list[Undo] = []
    removed: list[Path] = []
    try:
        for file in files:
            _writable(file)
        staged = [(file, _staged(file, undo)) for file in files]
        for file, temporary in sorted(staged, key=lambda each: each[1] is None):
            _put(file, temporary, undo, removed)
    except (CodemadError, OSError) as error:
        for back in reversed(undo):
            back()
        what = error.message if isinstance(error, CodemadError) else f"{error.filename}: {error.strerror}"
        raise Refused(
            f"{what} Nothing was changed.", hint="Check the files and repeat.", cause="path"
        ) from error
    for path in removed:
        _quietly(path.unlink)
    for folder in {file.real.parent for file in files}:
        sync_folder(folder)


def _writable(file: FileChange) -> None:
    """What is known to fail is refused before anything is written."""
    if file.before is not None and file.after is not None and not file.real.stat().st_mode & 0o222:
        raise Refused(f"{file.path} is read-only.", cause="path")
    _in_place(file)
    folder = next(parent for parent in file.real.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise Refused(f"The folder of {file.path} cannot be written to.", cause="path")
    if file.before is not None and read_bytes(file.real, file.path) != file.before:
        raise StaleEdit(f"{file.path} was changed on disk meanwhile.")


def _in_place(file: FileChange) -> None:
    """The path was resolved when it was planned; a link that came into it since would lead elsewhere."""
    if os.path.realpath(file.real) != str(file.real):
        raise StaleEdit(f"The folder of {file.path} was replaced by a link meanwhile.")


def _staged(file: FileChange, undo: list[Undo]) -> Path | None:
    """A synced file beside its place that holds the new content; None where nothing is written."""
    if file.after is None:
        return None
    for folder in reversed([folder for folder in file.real.parents if not folder.exists()]):
        folder.mkdir()
        undo.append(lambda folder=folder: _quietly(folder.rmdir))  # type: ignore[misc]
    temporary = beside(file.real)
    undo.append(lambda: _quietly(temporary.unlink))
    mode = 0o600 if file.before is not None else 0o777 if file.executable else 0o666
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(file.after)
        stream.flush()
        _set_mode(stream.fileno(), file)
        os.fsync(stream.fileno())
    return temporary


def _put(file: FileChange, temporary: Path | None, undo: list[Undo], removed: list[Path]) -> None:
    """The rename that makes it so, if the file is still what it was."""
    real, before = file.real, file.before
    _in_place(file)
    if before is None and temporary is not None:
        try:
            _linked(temporary, real)  # a rename would put it over a file that came meanwhile
        except FileExistsError as error:
            raise StaleEdit(f"{file.path} exists by now.") from error
        undo.append(lambda: _quietly(real.unlink))
        _quietly(temporary.unlink)
        return
    if before is None:
        return
    if read_bytes(real, file.path) != before:
        raise StaleEdit(f"{file.path} was changed on disk meanwhile.")
    aside = beside(real)
    if temporary is None:
        real.rename(aside)
    else:
        undo.append(lambda: _quietly(aside.unlink))
        _linked(real, aside)
        temporary.replace(real)
    undo.append(lambda: aside.replace(real))
    removed.append(aside)


def _linked(real: Path, name: Path) -> None:
    """Another name for a file. Raises `FileExistsError`; where there are no links the file is copied."""
    try:
        os.link(real, name)
    except FileExistsError:
        raise
    except OSError:
        with real.open("rb") as source, name.open("xb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        shutil.copymode(real, name)


def _set_mode(handle: int, file: FileChange) -> None:
    """The mode of the file before, or of the one moved here; the right to run it where that is asked for."""
    mode = os.fstat(handle).st_mode & 0o7777
    if file.before is not None:
        mode = file.real.stat().st_mode & 0o7777
    elif file.mode is not None:
        mode = file.mode
    if file.executable is not None and file.executable != bool(mode & 0o100):
        mode = mode | (mode & 0o444) >> 2 if file.executable else mode & ~0o111
    os.fchmod(handle, mode)


def _quietly(step: Callable[[], object]) -> None:
    with contextlib.suppress(OSError):
        step()
