"""A whole proposal against a folder: all is found, read and changed in memory before a byte is written.

Owns what a proposal leads to and which parts of it fail. Writing it is left to `writing`.
"""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codemad_jupyter.notebooks.disk import read_bytes
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.tools.edit_match import refused
from codemad_jupyter.tools.edits.cell_places import address, source_on_disk
from codemad_jupyter.tools.edits.changes import Cause, Change, FilePatch, Refusal, Refused
from codemad_jupyter.tools.edits.document import Document, Splice
from codemad_jupyter.tools.edits.encoding import Encoding, decoded
from codemad_jupyter.tools.edits.file_change import Address, FileChange
from codemad_jupyter.tools.edits.matching import splices
from codemad_jupyter.tools.edits.paths import located, other_case, through_link

MOST_BYTES = 20_000_000


@dataclass
class _Plan:
    root: Path
    sources: Mapping[Address, str] | None = None
    files: dict[Path, FileChange] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    landed: list[str] = field(default_factory=list)

    def state(self, path: str) -> FileChange:
        """The file or cell as it stands after what was planned so far."""
        cell = address(path)
        if cell is not None:
            return self._cell(path, cell)
        real = located(self.root, path)
        if real not in self.files:
            before = _read(real, path)
            self.files[real] = FileChange(path, real, before, before)
        return self.files[real]

    def _cell(self, path: str, cell: Address) -> FileChange:
        real = located(self.root, cell[0], notebook=True)
        place = real / f"#{cell[1]}"
        if place not in self.files:
            known = self.sources.get(cell) if self.sources is not None else None
            source = source_on_disk(real, *cell) if known is None else known
            data = source.encode("utf-8", "surrogatepass")
            self.files[place] = FileChange(path, place, data, data, cell=cell)
        return self.files[place]

    def refuse(self, path: str, error: Refused, edit: int = 0) -> None:
        """Remember why something cannot be done, and go on to see what else."""
        message = str(error) if path in error.message else f"{path}: {error}"
        self.refusals.append(
            Refusal(path=path, cause=error.cause, message=message, lines=error.lines, edit=edit)
        )


def plan(
    root: Path, patches: Sequence[FilePatch], *, sources: Mapping[Address, str] | None = None
) -> tuple[FileChange, ...]:
    """What the patches lead to. Raises one `Refused` that tells of all that fails.

    ``sources`` are cells as an open document has them; others are read from their files.
    """
    made = _Plan(root, sources)
    for patch in patches:
        try:
            _planned(made, patch)
        except Refused as error:
            made.refuse(patch.path, error)
    if made.refusals:
        several = len(made.refusals) + len(made.landed) > 1
        raise refused(made.refusals, made.landed, several=several)
    changed = [file for file in made.files.values() if _differs(file)]
    if not changed:
        raise Refused("Nothing would change.", cause="no_change")
    return tuple(changed)


def _differs(file: FileChange) -> bool:
    if file.before != file.after or file.moved_to:
        return True
    wanted = file.executable
    return (
        file.cell is None
        and file.after is not None
        and wanted is not None
        and wanted != _executable(file.real)
    )


def _executable(real: Path) -> bool:
    return bool(real.stat().st_mode & stat.S_IXUSR)


def _planned(made: _Plan, patch: FilePatch) -> None:
    if patch.action == "create":
        _create(made, patch)
    elif patch.action == "delete":
        _delete(made, patch)
    else:
        _update(made, patch)


def _create(made: _Plan, patch: FilePatch) -> None:
    if address(patch.path):
        hint = "Insert it with insert_cell; a patch changes or deletes cells that exist."
        raise Refused(f"{patch.path}: a patch cannot add a cell.", hint=hint, cause="unsupported")
    file = made.state(patch.path)
    if file.after is not None and (file.after or not patch.content):
        there = file.after == patch.content.encode("utf-8", "surrogatepass")
        cause: Cause = "already_applied" if there else "exists"
        told = "exists with this content already" if there else "exists already"
        raise Refused(f"{patch.path} {told}.", hint="Change it instead of creating it.", cause=cause)
    if file.before is None:
        _no_other_case(made.root, file.real, patch.path)
    file.after, file.executable = _encoded(Encoding(), patch.content, patch.path), patch.executable
    made.landed.append(f"{patch.path} (new)")


def _delete(made: _Plan, patch: FilePatch) -> None:
    file = _existing(made, patch)
    _no_link(made.root, patch.path)
    if patch.checked:
        text, _ = decoded(file.after or b"", patch.path)
        document = Document.parse(text)
        held = "".join(change.old for change in patch.changes)
        if document.texts != held.removesuffix("\n").split("\n") or any(c.new for c in patch.changes):
            hint = "Read it again: what would be lost must be what the diff deletes."
            raise Refused(f"{patch.path} holds something else.", hint=hint, cause="not_found")
    file.after = None
    made.landed.append(f"{patch.path} (deleted)")


def _update(made: _Plan, patch: FilePatch) -> None:
    file = _existing(made, patch)
    data = file.after or b""
    text, encoding = decoded(data, patch.path)
    failed = len(made.refusals)
    document = (_in_turn if patch.in_turn else _at_once)(made, file.path, Document.parse(text), patch.changes)
    if len(made.refusals) > failed:
        return
    data = _encoded(encoding, document.text, file.path) if patch.changes else data
    if patch.executable is not None:
        file.executable = patch.executable
        made.landed += [] if patch.changes else [f"{file.path} (mode)"]
    if patch.move_to is None:
        file.after = data
        return
    _move(made, file, patch.move_to, data)


def _encoded(encoding: Encoding, text: str, path: str) -> bytes:
    try:
        return encoding.encode(text, path)
    except UnicodeEncodeError:
        raise Refused(f"{path}: the new text is no valid Unicode.", cause="encoding") from None


def _move(made: _Plan, file: FileChange, path: str, data: bytes) -> None:
    if file.cell is not None or address(path):
        raise Refused(f"{file.path}: a cell is no file.", hint="Use move_cell.", cause="unsupported")
    _no_link(made.root, file.path)
    target = made.state(path)
    if target is file:
        raise Refused(f"{path} is where the file is already.", cause="no_change")
    if target.after is not None:
        raise Refused(f"{path} exists already.", hint="Move to another name.", cause="exists")
    _no_other_case(made.root, target.real, path, but=file.real)
    target.after, target.moved_from = data, file.path
    target.executable = file.executable
    target.unchanged_text = data == file.before
    if file.real.exists():
        target.mode = file.real.stat().st_mode & 0o7777
    file.after, file.moved_to, file.executable = None, path, None
    made.landed.append(f"{file.path} (moved to {path})")


def _existing(made: _Plan, patch: FilePatch) -> FileChange:
    file = made.state(patch.path)
    if file.after is None and patch.instead is not None and made.state(patch.instead).after is not None:
        hint = "Say 'rename from' and 'rename to' to move it, or name one file twice."
        raise Refused(
            f"There is no file {patch.path}, only {patch.instead}.", hint=hint, cause="missing_file"
        )
    if file.after is None:
        near = other_case(made.root, file.real)
        hint = f"There is {near}: names are told apart by case." if near else "Check the path."
        raise Refused(f"There is no file {patch.path}.", hint=hint, cause="missing_file")
    return file


def _in_turn(made: _Plan, path: str, document: Document, changes: Sequence[Change]) -> Document:
    for number, change in enumerate(changes, 1):
        try:
            document = document.spliced(splices(document, change, name=path))
            made.landed.append(f"{path}: edit {number}")
        except Refused as error:
            made.refuse(path, error, number)
    return document


def _at_once(made: _Plan, path: str, document: Document, changes: Sequence[Change]) -> Document:
    # Hunks of a diff all speak of the file as it was.
    found: list[Splice] = []
    final = None
    for number, change in enumerate(changes, 1):
        try:
            new = splices(document, change, name=path)
            _apart(found, new, path)
            found += new
            final = change.final_newline if change.final_newline is not None else final
            made.landed.append(f"{path}: edit {number}")
        except Refused as error:
            made.refuse(path, error, number)
    return document.spliced(found, final_newline=final)


def _apart(found: Sequence[Splice], new: Sequence[Splice], path: str) -> None:
    for a in new:
        for b in found:
            meet = a.lo < b.hi and b.lo < a.hi
            if meet or (a.lo == a.hi and b.lo < a.lo < b.hi) or (b.lo == b.hi and a.lo < b.lo < a.hi):
                line = max(a.lo, b.lo) + 1
                raise Refused(f"Two changes meet at line {line} of {path}.", cause="overlap", lines=(line,))


def _no_link(root: Path, path: str) -> None:
    if through_link(root, path):
        raise Refused(f"{path} is a link.", hint="Name the file it leads to.", cause="path")


def _no_other_case(root: Path, real: Path, path: str, *, but: Path | None = None) -> None:
    near = other_case(root, real)
    if near is not None and (but is None or real.with_name(near) != but):
        hint = "Many file systems take both for one file: choose another name."
        raise Refused(f"{path} differs from the file {near} by case alone.", hint=hint, cause="path")


def _read(real: Path, path: str) -> bytes | None:
    try:
        if not real.exists():
            return None
        size = real.stat().st_size
        if size > MOST_BYTES:
            raise Refused(f"{path} has {size} bytes, more than {MOST_BYTES}.", cause="unsupported")
        return read_bytes(real, path)
    except CodemadError as error:
        if isinstance(error, Refused):
            raise
        raise Refused(error.message, hint="Name a regular file.", cause="path") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}).", cause="path") from None
