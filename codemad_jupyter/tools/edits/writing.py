"""Writes a plan: every file beside its place first, then renamed; what fails midway is taken back."""

import contextlib
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from codemad_jupyter.notebooks.disk import create_bytes, read_bytes, replace_bytes
from codemad_jupyter.protocol.errors import CodemadError, StaleEdit
from codemad_jupyter.tools.edits.changes import Refused
from codemad_jupyter.tools.edits.file_change import FileChange

Undo = Callable[[], object]


def write(files: Sequence[FileChange]) -> None:
    """Make the files what the plan says, all or none. Raises `Refused`, the files being as they were."""
    undo: list[Undo] = []
    removed: list[Path] = []
    try:
        for file in files:
            _writable(file)
        for file in sorted(files, key=lambda file: file.after is None):
            _step(file, undo, removed)
    except (CodemadError, OSError) as error:
        for back in reversed(undo):
            back()
        what = error.message if isinstance(error, CodemadError) else f"{error.filename}: {error.strerror}"
        raise Refused(
            f"{what} Nothing was changed.", hint="Check the files and repeat.", cause="path"
        ) from error
    for path in removed:
        path.unlink()


def _writable(file: FileChange) -> None:
    """What is known to fail is refused before anything is written."""
    if file.before is not None and file.after is not None and not file.real.stat().st_mode & 0o222:
        raise Refused(f"{file.path} is read-only.", cause="path")
    folder = next(parent for parent in file.real.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise Refused(f"The folder of {file.path} cannot be written to.", cause="path")
    if file.before is not None and read_bytes(file.real, file.path) != file.before:
        raise StaleEdit(f"{file.path} was changed on disk meanwhile.")


def _step(file: FileChange, undo: list[Undo], removed: list[Path]) -> None:
    real, path, before, after = file.real, file.path, file.before, file.after
    if before is None and after is not None:
        for folder in reversed([folder for folder in real.parents if not folder.exists()]):
            folder.mkdir()
            undo.append(lambda folder=folder: _quietly(folder.rmdir))  # type: ignore[misc]
        create_bytes(real, path, after, mode=0o777 if file.executable else 0o666)
        undo.append(lambda: _quietly(real.unlink))
        if file.mode is not None:
            real.chmod(file.mode)
        _set_mode(file, undo)
    elif before is not None and after is not None:
        replace_bytes(real, path, after, expected=before)
        undo.append(lambda: replace_bytes(real, path, before, expected=after))
        _set_mode(file, undo)
    elif before is not None:
        aside = real.with_name(f".{real.name[:80]}.{secrets.token_hex(8)}.tmp")
        real.rename(aside)
        removed.append(aside)
        undo.append(lambda: aside.rename(real))


def _set_mode(file: FileChange, undo: list[Undo]) -> None:
    """Give whoever may read it the right to run it, or take that right from all."""
    mode = file.real.stat().st_mode & 0o7777
    if file.executable is not None and file.executable != bool(mode & 0o100):
        wanted = mode | (mode & 0o444) >> 2 if file.executable else mode & ~0o111
        file.real.chmod(wanted)
        undo.append(lambda: file.real.chmod(mode))


def _quietly(step: Callable[[], object]) -> None:
    with contextlib.suppress(OSError):
        step()
