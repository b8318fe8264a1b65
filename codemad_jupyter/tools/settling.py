"""What accepting file edits writes: verified against what stands there, then written, all or none.

Owns how an edit of a file (write, delete, move) becomes steps on disk. Checkpoints are taken by who calls.
"""

from collections.abc import Sequence
from pathlib import Path

from codemad_jupyter.notebooks.disk import read_bytes
from codemad_jupyter.protocol.edits import Edit, FileTarget, settled_text, text_hash
from codemad_jupyter.protocol.errors import NotFound, StaleEdit, ToolError
from codemad_jupyter.tools.edits.changes import Refused
from codemad_jupyter.tools.edits.file_change import FileChange
from codemad_jupyter.tools.edits.paths import located, through_link
from codemad_jupyter.tools.edits.writing import write

MOST_BYTES = 20_000_000
"""Bytes of a file that can be moved or deleted."""
MOST_SHOWN = 2_000_000
"""Bytes of a text file that are shown in an edit; of a larger one only a digest is."""
Settling = tuple[Edit, Edit]
"""An edit as it stands, and as it is to stand."""


def held(root: Path, path: str) -> str:
    """The text of a regular file, or a line with size and digest where it is no text that can be shown."""
    return _shown(_data(root, path))


def _data(root: Path, path: str) -> bytes:
    real = located(root, path)
    if through_link(root, path):
        raise Refused(f"{path} is a link.", hint="Name the file it leads to.", cause="path")
    if real.is_dir():
        raise Refused(f"{path} is a folder.", hint="Name the files in it one by one.", cause="path")
    if not real.exists():
        raise NotFound(f"There is no file {path}.", hint="list_files shows what there is.")
    if real.stat().st_size > MOST_BYTES:
        raise ToolError(f"{path} is larger than {MOST_BYTES} bytes.", hint="Move or delete it by hand.")
    return read_bytes(real, path)


def _shown(data: bytes) -> str:
    if len(data) <= MOST_SHOWN:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass  # told below as what it is
    return f"[{len(data)} bytes, SHA-256 {text_hash(data.decode('latin-1'))}]\n"


def touched(target: FileTarget) -> tuple[str, ...]:
    """The paths that accepting the edit may change."""
    return (target.path,) if target.to is None else (target.path, target.to)


def verify(root: Path, settlings: Sequence[Settling]) -> tuple[FileChange, ...]:
    """The steps that the edits lead to. Raises `StaleEdit` where a file is not as its edit expects it."""
    steps = [step for edit, wanted in settlings for step in _steps(root, edit, wanted)]
    paths = [step.real for step in steps]
    if len(set(paths)) < len(paths):
        raise Refused("Two edits change one file.", hint="Accept them one after the other.", cause="overlap")
    return tuple(steps)


def settle(steps: Sequence[FileChange]) -> None:
    """Make all the steps or none. Raises `StaleEdit` where a file changed meanwhile, `Refused` where one
    cannot be written; then every file is as it was."""
    try:
        write(steps)
    except Refused as error:
        if isinstance(error.__cause__, StaleEdit):
            raise StaleEdit(str(error), hint="Ask again.") from error
        raise


def _steps(root: Path, edit: Edit, wanted: Edit) -> tuple[FileChange, ...]:
    target = edit.target
    if not isinstance(target, FileTarget):
        raise TypeError("Only edits of files are written here.")
    begun = any(hunk.status == "accepted" for hunk in edit.hunks)
    path = target.to if target.op == "move" and target.to and begun else target.path
    if target.op == "write" and not target.exists and not begun:
        real = located(root, path, notebook=True)  # nobody has a new one open
        return (FileChange(path, real, None, settled_text(wanted).encode("utf-8")),)
    data = _data(root, path)
    if _shown(data) != settled_text(edit):
        raise StaleEdit(f"{path} changed since it was read.", hint="Ask again.")
    before, after = settled_text(edit), settled_text(wanted)
    made = data if before == after else after.encode("utf-8")
    real = located(root, path)
    if target.op == "delete":
        return (FileChange(path, real, data, None),)
    if target.op == "move" and target.to and not begun:
        to = FileChange(target.to, located(root, target.to), None, made, moved_from=path)
        to.mode = real.stat().st_mode & 0o7777
        return (FileChange(path, real, data, None, moved_to=target.to), to)
    return (FileChange(path, real, data, made),)
