"""``codemad apply``: makes the edits of a text in a folder, all or none, and says what it did."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.tools.edits.cell_places import on_disk
from codemad_jupyter.tools.edits.changes import Refused
from codemad_jupyter.tools.edits.file_change import FileChange
from codemad_jupyter.tools.edits.formats import Format, parse
from codemad_jupyter.tools.edits.plan import plan
from codemad_jupyter.tools.edits.writing import write

MOST_BYTES = 20_000_000


@dataclass(frozen=True, kw_only=True)
class Patching:
    """What was asked for. ``source`` is a file, or ``-`` for standard input."""

    source: str
    form: Format = "auto"
    root: Path = Path()
    check: bool = False
    json: bool = False


def apply(patching: Patching) -> int:
    """Apply it; 0 when all is done, 1 when it is refused and nothing was written."""
    if not patching.root.is_dir():
        raise UsageError(f"{patching.root} is not a folder.", hint="Name one with --root.")
    data = _read(patching.source)
    try:
        text = _text(data)
        files = plan(patching.root, parse(text, patching.form))
        written = on_disk(patching.root, files)
        if not patching.check:
            write(written)
            _write_down(patching, files)
    except Refused as error:
        _tell_refusal(error, patching)
        return 1
    _tell(files, patching)
    return 0


def _write_down(patching: Patching, files: Sequence[FileChange]) -> None:
    """One line in the audit log of the folder; its configuration is not needed before."""
    from codemad_jupyter.app.permitting import write_down
    from codemad_jupyter.config.settings import load_settings

    root = patching.root.resolve()
    action = ", ".join(f"{file.action} {file.path}" for file in files)
    write_down(root, load_settings(root, lenient=True), "codemad apply", action)


def _read(source: str) -> bytes:
    try:
        if source != "-" and not Path(source).is_file():
            raise UsageError(f"There is no file {source}.", hint="Name a file, or - for standard input.")
        with sys.stdin.buffer if source == "-" else Path(source).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{source} cannot be read ({error.strerror}).", hint="Check the file.") from error
    if len(data) > MOST_BYTES:
        raise UsageError(f"{source} is larger than {MOST_BYTES} bytes.", hint="Split it.")
    return data


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Refused("The edits are not UTF-8 text.", hint="Save them as UTF-8.", cause="encoding") from None


def _tell(files: Sequence[FileChange], patching: Patching) -> None:
    shown = [file for file in files if file.moved_to is None]
    if patching.json:
        told = [_row(file) for file in shown]
        print(json.dumps(_answer(patching, applied=not patching.check, files=told)))
        return
    for file in shown:
        whence = f" (was {file.moved_from})" if file.moved_from else ""
        print(f"{'would be ' if patching.check else ''}{file.action}: {file.path}{whence}")


def _row(file: FileChange) -> dict[str, Any]:
    row = {"path": file.path, "action": file.action}
    return {**row, "from": file.moved_from} if file.moved_from else row


def _answer(patching: Patching, **told: Any) -> dict[str, Any]:
    """The JSON answer, which has the same names in every outcome."""
    empty = {"applied": False, "checked": patching.check, "files": [], "refused": [], "would_apply": []}
    return {**empty, **told}


def _tell_refusal(error: Refused, patching: Patching) -> None:
    if patching.json:
        refusals = [refusal.data() for refusal in error.refusals]
        own: dict[str, Any] = {
            "path": None,
            "edit": 0,
            "cause": error.cause,
            "lines": [],
            "message": str(error),
        }
        told = _answer(patching, refused=refusals or [own], would_apply=list(error.would_apply))
        print(json.dumps(told, ensure_ascii=True))
    print(f"codemad: {error}".encode("utf-8", "replace").decode(), file=sys.stderr)
