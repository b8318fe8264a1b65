"""Edits: proposed changes to a file or a cell, made of hunks that a person settles one by one.

An edit keeps the text it was made from (``before``) and the text it leads to (``after``).
The text that ought to be there now follows from which hunks are accepted
(`settled_text`); anything else found there means the edit is stale.
"""

import difflib
import hashlib
import itertools
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.diagnostics import Diagnosis

HunkStatus = Literal["pending", "accepted", "rejected"]
EditStatus = Literal["pending", "accepted", "rejected", "partial", "stale"]
CellType = Literal["code", "markdown", "raw"]
CellOp = Literal["insert", "replace", "delete", "move", "retype", "split", "merge", "clear"]
FileOp = Literal["write", "delete", "move"]
TrialStatus = Literal["passed", "failed", "skipped"]


class Hunk(Value):
    """Lines ``old`` at 0-based line ``start`` of ``before`` become ``new``; line endings are kept."""

    id: int
    start: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    status: HunkStatus = "pending"


class FileTarget(Value):
    """A file; ``path`` is POSIX, relative to the workspace root. ``exists`` is false for a new file.

    ``move`` gives the file the path ``to`` (its content may change by the same edit); deleting and
    moving without a change of content are one hunk.
    """

    type: Literal["file"] = "file"
    path: str
    exists: bool = True
    op: FileOp = "write"
    to: str | None = None


class CellTarget(Value):
    """A cell of a notebook, by nbformat id (for ``insert``: the id the new cell will get).

    ``anchor`` is the id of the cell to insert at or move to; None means the start
    (``position="before"``) or the end (``position="after"``) of the notebook.

    ``split`` leaves the last of ``pieces`` in the cell, with its outputs, as JupyterLab does, and puts the
    others above it, in new cells with the ids ``others``. ``merge`` puts the sources of ``others`` (the
    cells right below, in order) into the cell and deletes them. ``clear`` removes outputs and execution
    count. Each is one hunk.
    """

    type: Literal["cell"] = "cell"
    notebook: str
    op: CellOp
    cell: str
    cell_type: CellType = "code"
    anchor: str | None = None
    position: Literal["before", "after"] = "after"
    others: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()


EditTarget = Annotated[FileTarget | CellTarget, Field(discriminator="type")]


class CellChange(Value):
    """One step on a notebook document, the only thing a NotebookPort has to be able to do.

    ``insert`` adds cell ``cell`` with ``source`` (or the full nbformat cell ``content``) at the
    anchor; ``replace`` sets the source; ``put`` replaces the whole cell by ``content`` (outputs and
    metadata included); ``delete``, ``move``, ``retype`` as named; ``clear`` removes outputs and
    execution count. ``expect`` is the source that must stand in the cell now; another one makes the
    change stale. None expects nothing. ``provenance``, where given with ``insert``, ``replace`` or
    ``retype``, becomes ``metadata.codemad`` of the cell: session, run, model and time (seconds since
    the epoch).
    """

    op: Literal["insert", "replace", "put", "delete", "move", "retype", "clear"]
    cell: str
    cell_type: CellType = "code"
    source: str = ""
    content: dict[str, Any] | None = None
    anchor: str | None = None
    position: Literal["before", "after"] = "after"
    expect: str | None = None
    provenance: dict[str, Any] | None = None


class NameState(Value):
    """A name of the kernel as a trial found it. ``dtypes`` has one text per column of a table (at most
    40), or one for an array; ``digest`` is a hash of the content, empty where none can be had safely."""

    name: str
    type: str
    shape: tuple[int, ...] | None = None
    dtypes: tuple[str, ...] = ()
    digest: str = ""


class NameChange(Value):
    """A name that stands for something else after the code. ``in_place`` says that the same object was
    changed, so whoever else holds it sees the change; ``certain`` is false where only part was compared."""

    before: NameState
    after: NameState
    in_place: bool = False
    certain: bool = True


class Receipt(Value):
    """What the code does to the names of the kernel. ``truncated`` says that not all could be compared."""

    added: tuple[NameState, ...] = ()
    changed: tuple[NameChange, ...] = ()
    deleted: tuple[str, ...] = ()
    truncated: bool = False


class Trial(Value):
    """What happened when the code was tried away from the user's state.

    ``fork`` is a copy of the live kernel; ``replay`` a fresh kernel in which the cells ``replayed`` (ids)
    ran first. ``outputs`` are nbformat outputs as plain dicts, bounded in size.
    """

    status: TrialStatus
    method: Literal["fork", "replay", "syntax", "none"]
    detail: str = ""
    seconds: float = 0.0
    outputs: tuple[dict[str, Any], ...] = ()
    receipt: Receipt | None = None
    replayed: tuple[str, ...] = ()


class Edit(Value):
    """A proposed change. Inserting, deleting, moving and retyping a cell is one hunk."""

    id: str
    target: EditTarget
    title: str
    before: str = ""
    after: str = ""
    hunks: tuple[Hunk, ...] = ()
    trial: Trial | None = None
    diagnosis: Diagnosis | None = None

    @property
    def place(self) -> tuple[str, str | None]:
        """The path of the file, or that of the notebook and the id of the cell."""
        target = self.target
        return (target.path, None) if isinstance(target, FileTarget) else (target.notebook, target.cell)

    @property
    def status(self) -> EditStatus:
        """Pending while one hunk is; else accepted, rejected, or partial."""
        seen = {hunk.status for hunk in self.hunks}
        if "pending" in seen:
            return "pending"
        if len(seen) == 1:
            return "accepted" if "accepted" in seen else "rejected"
        return "partial"

    def settle(self, hunks: Iterable[int], status: HunkStatus) -> "Edit":
        """A copy in which the named hunks have the status."""
        named = set(hunks)
        settled = tuple(h.model_copy(update={"status": status}) if h.id in named else h for h in self.hunks)
        return self.model_copy(update={"hunks": settled})


def text_hash(text: str) -> str:
    """SHA-256 (hex) of the UTF-8 text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def make_hunks(before: str, after: str) -> tuple[Hunk, ...]:
    """The hunks that turn one text into the other, by lines, without context."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    ids = itertools.count()
    return tuple(
        Hunk(id=next(ids), start=i1, old=tuple(old[i1:i2]), new=tuple(new[j1:j2]))
        for tag, i1, i2, j1, j2 in codes
        if tag != "equal"
    )


def whole_hunk(before: str, after: str) -> tuple[Hunk, ...]:
    """One hunk for a change that can only be taken as a whole."""
    old, new = tuple(before.splitlines(keepends=True)), tuple(after.splitlines(keepends=True))
    return (Hunk(id=0, start=0, old=old, new=new),)


def settled_text(edit: Edit) -> str:
    """``before`` with the accepted hunks applied: what ought to stand in the document now."""
    lines = edit.before.splitlines(keepends=True)
    for hunk in sorted(edit.hunks, key=lambda h: h.start, reverse=True):
        if hunk.status == "accepted":
            lines[hunk.start : hunk.start + len(hunk.old)] = hunk.new
    return "".join(lines)


def unified(edit: Edit, *, context: int = 3) -> str:
    """The edit as a unified diff, for terminals and logs."""
    name = edit.target.path if isinstance(edit.target, FileTarget) else f"cell {edit.target.cell}"
    lines = difflib.unified_diff(
        edit.before.splitlines(), edit.after.splitlines(), f"a/{name}", f"b/{name}", lineterm="", n=context
    )
    return "\n".join(lines)
