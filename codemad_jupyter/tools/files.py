"""File tools: list, read, search, and propose changes. Paths never leave the workspace."""

import asyncio
import itertools
import os
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from codemad_jupyter.context.search import search, walk
from codemad_jupyter.notebooks.disk import create_bytes, replace_bytes
from codemad_jupyter.protocol.edits import Edit, FileTarget, make_hunks, text_hash, whole_hunk
from codemad_jupyter.protocol.errors import NotFound, ToolError
from codemad_jupyter.tools.proposals import new_id, told
from codemad_jupyter.tools.tool import ToolContext, tool

MAX_FILE = 2_000_000
"""Bytes of a text file that can be read or edited."""
MAX_LISTED = 500


def inside(root: Path, path: str) -> Path:
    """The path below the root, links resolved; raises `ToolError` when it leads out."""
    if "\0" in path:
        raise ToolError("A path cannot hold a NUL character.")
    found = Path(os.path.realpath(root / path))
    top = Path(os.path.realpath(root))
    if found != top and top not in found.parents:
        raise ToolError(f"{path} is outside the workspace.", hint="Use a path below the workspace folder.")
    if ".git" in found.relative_to(top).parts:
        raise ToolError(f"{path} belongs to git itself.", hint="Files in .git cannot be read or changed.")
    return found


def read_text(root: Path, path: str) -> str:
    """The text of a file, bytes kept one to one (line ends included)."""
    found = inside(root, path)
    if not found.exists():
        raise NotFound(f"There is no file {path}.", hint="list_files shows what there is.")
    if not found.is_file():
        raise ToolError(f"{path} is not a regular file.")
    if found.stat().st_size > MAX_FILE:
        raise ToolError(f"{path} is larger than {MAX_FILE} bytes.", hint="Read it with code in a cell.")
    try:
        return found.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is not UTF-8 text.", hint="Open it with code in a cell.") from error


def write_text(root: Path, path: str, text: str, *, expected: str | None) -> None:
    """Put text into a file that holds ``expected`` (None: that does not exist yet), whole or not at all.

    Raises `StaleEdit` when it holds something else by then.
    """
    real = inside(root, path)
    data = text.encode("utf-8")
    if expected is not None:
        replace_bytes(real, path, data, expected=expected.encode("utf-8"))
        return
    real.parent.mkdir(parents=True, exist_ok=True)
    create_bytes(real, path, data)


@tool("read", account=lambda result: f"{len(result['files'])} files")
async def list_files(context: ToolContext, pattern: str = "*") -> dict[str, Any]:
    """List files of the workspace whose path or name matches a glob pattern such as *.csv."""

    def matching() -> list[str]:
        found = (p for p in walk(context.root) if fnmatch(p, pattern) or fnmatch(Path(p).name, pattern))
        return list(itertools.islice(found, MAX_LISTED + 1))

    paths = await asyncio.to_thread(matching)
    return {"files": paths[:MAX_LISTED], "more": len(paths) > MAX_LISTED}


@tool("read")
async def read_file(context: ToolContext, path: str, start: int = 1, lines: int = 400) -> str:
    """Read a text file of the workspace: ``lines`` lines from the 1-based line ``start``."""
    text = await asyncio.to_thread(read_text, context.root, path)
    context.seen[path] = text_hash(text)
    every = text.splitlines(keepends=True)
    first = max(start, 1) - 1
    part = "".join(every[first : first + max(lines, 1)])
    rest = len(every) - first - lines
    return part + (f"[… {rest} more lines …]" if rest > 0 else "")


@tool("read", account=lambda hits: f"{len(hits)} places")
async def search_workspace(context: ToolContext, query: str) -> list[dict[str, Any]]:
    """Find where words, a name or a phrase stand in the files and notebooks of the workspace."""
    hits = await asyncio.to_thread(search, context.root, query, limit=20)
    return [
        {"path": hit.path, "line": hit.start_line, "text": hit.text, "cell": hit.cell, "symbol": hit.symbol}
        for hit in hits
    ]


@tool("write")
async def write_file(context: ToolContext, path: str, content: str, title: str = "") -> dict[str, Any]:
    """Propose a new file, or new content for a whole file."""
    if path.endswith(".ipynb"):
        raise ToolError(f"{path} is a notebook.", hint="Change it by cell: replace_cell, insert_cell.")
    found = inside(context.root, path)
    exists = found.exists()
    before = await asyncio.to_thread(read_text, context.root, path) if exists else ""
    if before == content and exists:
        raise ToolError(f"{path} has this content already.", hint="Nothing to do.")
    edit = Edit(
        id=new_id("edit"),
        target=FileTarget(path=PurePosixPath(path).as_posix(), exists=exists),
        title=title or (f"Rewrite {path}" if exists else f"Create {path}"),
        before=before,
        after=content,
        hunks=make_hunks(before, content) if exists else whole_hunk("", content),
    )
    return told(await context.proposals.propose(edit))


TOOLS = (list_files, read_file, search_workspace, write_file)
