"""Editing tools for files: exact replacements in one file, and patches over several. They only propose."""

import asyncio
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict

from codemad_jupyter.protocol.edits import Edit, FileTarget, make_hunks, text_hash, whole_hunk
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.edit_match import replace_each
from codemad_jupyter.tools.edits.changes import Change, Refused
from codemad_jupyter.tools.edits.formats import parse
from codemad_jupyter.tools.edits.plan import FileChange, plan
from codemad_jupyter.tools.files import MAX_FILE, read_text
from codemad_jupyter.tools.proposals import new_id, told
from codemad_jupyter.tools.tool import ToolContext, tool


class Replacement(BaseModel):
    """One of several replacements in a file."""

    model_config = ConfigDict(extra="forbid")

    old: str
    new: str
    replace_all: bool = False


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
    if path.endswith(".ipynb"):
        raise ToolError(f"{path} is a notebook.", hint="Change it by cell: replace_cell, insert_cell.")
    if edits and (old or new):
        raise ToolError("Both old/new and edits are given.", hint="Give one or the other.")
    wanted = edits or [Replacement(old=old, new=new, replace_all=replace_all)]
    before = await asyncio.to_thread(read_text, context.root, path)
    _unchanged(context, path, before)
    changes = [Change(old=each.old, new=each.new, every=each.replace_all) for each in wanted]
    after = await asyncio.to_thread(replace_each, before, changes, name=path)
    edit = _edit(path, before, after, exists=True, title=title)
    return told(await context.proposals.propose(edit))


@tool("write", account=lambda result: f"{len(result['edits'])} files")
async def apply_patch(context: ToolContext, patch: str, title: str = "") -> dict[str, Any]:
    """Propose a patch over one or more files: V4A (*** Begin Patch), unified diff, or SEARCH/REPLACE blocks.

    All of it lands or nothing is proposed. Cells of notebooks are changed by the cell tools.
    """
    files = await asyncio.to_thread(lambda: plan(context.root, parse(patch)))
    edits = [_proposed(context, file, title) for file in files]
    return {"edits": [told(await context.proposals.propose(edit)) for edit in edits], "status": "proposed"}


def _proposed(context: ToolContext, file: FileChange, title: str) -> Edit:
    if file.after is None or file.moved_from is not None:
        raise Refused(
            f"{file.path}: delete and rename are not proposed yet.",
            hint="Nothing of this patch was proposed. Send it without them.",
            cause="unsupported",
        )
    if max(len(file.before or b""), len(file.after)) > MAX_FILE:
        raise ToolError(
            f"{file.path} is larger than {MAX_FILE} bytes.", hint="Change it with code in a cell."
        )
    try:
        before, after = (file.before or b"").decode(), file.after.decode()
    except UnicodeDecodeError as error:
        raise ToolError(f"{file.path} is not UTF-8 text.", hint="Change it with code in a cell.") from error
    if file.before is not None:
        _unchanged(context, file.path, before)
    return _edit(file.path, before, after, exists=file.before is not None, title=title)


def _unchanged(context: ToolContext, path: str, text: str) -> None:
    if context.seen.get(path, text_hash(text)) != text_hash(text):
        raise ToolError(f"{path} changed since you read it.", hint="Read it again first.")


def _edit(path: str, before: str, after: str, *, exists: bool, title: str) -> Edit:
    return Edit(
        id=new_id("edit"),
        target=FileTarget(path=PurePosixPath(path).as_posix(), exists=exists),
        title=title or (f"Change {path}" if exists else f"Create {path}"),
        before=before,
        after=after,
        hunks=make_hunks(before, after) if exists else whole_hunk("", after),
    )


TOOLS = (edit_file, apply_patch)
