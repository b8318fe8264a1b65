"""Editing tools for files: exact replacements in one file, and patches over several. They only propose."""

import asyncio
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict

from codemad_jupyter.protocol.edits import Edit, FileTarget
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.protocol.kernels import NotebookView
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.tools.cells import delete_edit, found_in, source_edit
from codemad_jupyter.tools.cells import unchanged as seen_unchanged
from codemad_jupyter.tools.edit_match import replace_each
from codemad_jupyter.tools.edits.cell_places import addresses, missing_cell
from codemad_jupyter.tools.edits.changes import Change, Refused
from codemad_jupyter.tools.edits.file_change import FileChange
from codemad_jupyter.tools.edits.formats import parse
from codemad_jupyter.tools.edits.paths import located
from codemad_jupyter.tools.edits.plan import plan
from codemad_jupyter.tools.files import MAX_FILE, file_edit, read_text, unchanged
from codemad_jupyter.tools.proposals import told
from codemad_jupyter.tools.settling import held
from codemad_jupyter.tools.tool import ToolContext, tool

_VERBS = {True: "Change", False: "Create"}


class Replacement(BaseModel):
    """One of several replacements in a file."""

    model_config = ConfigDict(extra="forbid")

    old: str
    new: str
    replace_all: bool = False


def changes_of(edits: list[Replacement] | None, single: Replacement) -> list[Change]:
    """The several edits, or else the single one. Raises `ToolError` where both are given."""
    if edits and (single.old or single.new):
        raise ToolError("Both old/new and edits are given.", hint="Give one or the other.")
    return [Change(old=each.old, new=each.new, every=each.replace_all) for each in edits or [single]]


@tool("write")
async def edit_file(
    context: ToolContext,
    path: str,
    old: str = "",
    new: str = "",
    replace_all: bool = False,
    title: str = "",
    edits: list[Replacement] | None = None,
) -> dict[str, Any]:
    """Propose to replace ``old`` by ``new`` in a file, or several ``edits`` (all or none).

    ``old`` must stand there exactly once; in ``edits`` each one sees the result of those before it.
    """
    changes = changes_of(edits, Replacement(old=old, new=new, replace_all=replace_all))
    located(context.root, path)
    before = await asyncio.to_thread(read_text, context.root, path)
    unchanged(context, path, before)
    after = await asyncio.to_thread(replace_each, before, changes, name=path)
    target = FileTarget(path=PurePosixPath(path).as_posix())
    edit = file_edit(target, before, after, title or f"Change {path}")
    return told(await context.proposals.propose(edit))


@tool("write", account=lambda result: counted(len(result["edits"]), "file"))
async def apply_patch(context: ToolContext, patch: str, title: str = "") -> dict[str, Any]:
    """Propose a patch over one or more files: V4A (*** Begin Patch), unified diff, or SEARCH/REPLACE blocks.

    All of it lands or nothing is proposed. A path such as ``notebook.ipynb#cell-id`` names the source of
    one cell, which a patch can change or delete; cells are added by insert_cell.
    """
    patches = await asyncio.to_thread(parse, patch)
    views = {notebook: await _view(context, notebook) for notebook, _ in addresses(patches)}
    sources = {(notebook, cell.id): cell.source for notebook, view in views.items() for cell in view.cells}
    for notebook, cell in addresses(patches):
        if (notebook, cell) not in sources:
            raise missing_cell(notebook, cell, [each.id for each in views[notebook].cells])
    files = await asyncio.to_thread(lambda: plan(context.root, patches, sources=sources))
    edits = [
        _proposed(context, file, title)
        if file.cell is None
        else _cell_proposed(context, views[file.cell[0]], file, title)
        for file in files
        if file.moved_to is None
    ]
    return {"edits": [told(await context.proposals.propose(edit)) for edit in edits], "status": "proposed"}


async def _view(context: ToolContext, notebook: str) -> NotebookView:
    port, path = context.need_notebook()
    if _posix(notebook) != _posix(path):
        hint = f"The notebook of this conversation is {path}."
        raise Refused(f"{notebook} is not open here.", hint=hint, cause="notebook")
    return await port.view(path)


def _cell_proposed(context: ToolContext, view: NotebookView, file: FileChange, title: str) -> Edit:
    cell = found_in(view, file.cell[1] if file.cell else "")
    seen_unchanged(context, view, cell)
    if file.after is None:
        return delete_edit(view, cell, title)
    return source_edit(view, cell, file.after.decode("utf-8", "surrogatepass"), title)


def _proposed(context: ToolContext, file: FileChange, title: str) -> Edit:
    whence = file.moved_from or file.path
    if file.moved_from is None and file.before is not None and file.executable is not None:
        raise Refused(f"{file.path}: a mode cannot be proposed.", hint="Leave it out.", cause="unsupported")
    if file.moved_from is not None or file.after is None:
        before = held(context.root, whence)
    else:
        before = _text(file.before or b"", file.path)
    if file.before is not None or file.moved_from is not None:
        unchanged(context, whence, before)
    if file.after is None:
        target = FileTarget(path=_posix(file.path), op="delete")
        return file_edit(target, before, "", title or f"Delete {file.path}")
    after = before if file.unchanged_text else _text(file.after, file.path)
    if file.moved_from is not None:
        target = FileTarget(path=_posix(whence), op="move", to=_posix(file.path))
        return file_edit(target, before, after, title or f"Move {whence} to {file.path}")
    target = FileTarget(path=_posix(file.path), exists=file.before is not None)
    return file_edit(target, before, after, title or f"{_VERBS[target.exists]} {file.path}")


def _text(data: bytes, path: str) -> str:
    if len(data) > MAX_FILE:
        raise ToolError(f"{path} is larger than {MAX_FILE} bytes.", hint="Change it with code in a cell.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is not UTF-8 text.", hint="Change it with code in a cell.") from error


def _posix(path: str) -> str:
    return PurePosixPath(path).as_posix()


TOOLS = (edit_file, apply_patch)
