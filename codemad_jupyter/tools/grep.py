"""The tool that finds lines by a pattern: which files are looked at, and the process that looks.

Patterns are a model's own and may never come to an end, so they are tried in a process that can be stopped;
what that does stands in `grep_worker`.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from codemad_jupyter.context.walking import Limits, walk_files
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.files import UNTRUSTED, inside
from codemad_jupyter.tools.tool import ToolContext, tool

SECONDS = 20.0
MOST_HITS = 100
MOST_FILES = 50_000
WORKER = Path(__file__).with_name("grep_worker.py")
WIDEST = 4_000_000
"""Bytes that the worker may answer."""


def _account(result: dict[str, Any]) -> str:
    count = len(result["hits"])
    return "1 line" if count == 1 else f"{count}{'+' if result['more'] else ''} lines"


@tool("read", account=_account)
async def grep(
    context: ToolContext,
    pattern: str,
    glob: str = "*",
    folder: str = "",
    ignore_case: bool = False,
    literal: bool = False,
    around: int = 0,
) -> dict[str, Any]:
    """Find lines by a regular expression (Python's; literal=true: plain text) in the text files of the
    workspace, or of a folder of it, whose path or name matches a glob pattern such as *.py. In notebooks the
    sources of cells are looked at. Ignored files, secrets and binaries are left out. ``around`` gives lines
    before and after each hit."""
    top = await asyncio.to_thread(inside, context.root, folder or ".")
    if not top.is_dir():
        raise ToolError(f"There is no folder {folder}.", hint="folder is a folder below the workspace.")
    paths = await asyncio.to_thread(_wanted, context, glob, top)
    asked = {
        "root": str(context.root),
        "pattern": pattern,
        "literal": literal,
        "ignore_case": ignore_case,
        "around": min(max(around, 0), 5),
        "most": MOST_HITS,
        "paths": paths[:MOST_FILES],
    }
    found = await searched(asked)
    if "problem" in found:
        raise ToolError(f"{found['problem']}.", hint="literal=true looks for the text as it is.")
    result = {
        "source": UNTRUSTED,
        "hits": found["hits"],
        "files": min(len(paths), MOST_FILES),
        "more": found["more"],
    }
    advice = _advice(found, files=len(paths), ended=found["ended"])
    return {**result, "next": advice} if advice else result


def _wanted(context: ToolContext, glob: str, top: Path) -> list[str]:
    """The files to look at, as paths below the workspace."""
    root = context.root.resolve()
    prefix = "" if top == root else f"{top.relative_to(root).as_posix()}/"

    def fits(path: str) -> bool:
        named = fnmatch(path, glob) or fnmatch(PurePosixPath(path).name, glob)
        return path.startswith(prefix) and named and context.may_read(path)

    walked = (entry.path for entry in walk_files(root, limits=Limits(text=2_000_000)))
    return list(islice(filter(fits, walked), MOST_FILES + 1))


async def searched(asked: Mapping[str, Any], *, seconds: float = SECONDS) -> dict[str, Any]:
    """What the worker finds in the time it has; hits come a line each, so none is lost when it is over."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(WORKER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=WIDEST,
        env={},
    )
    assert process.stdin is not None  # noqa: S101 - it was asked for
    assert process.stdout is not None  # noqa: S101
    answer: dict[str, Any] = {"hits": [], "more": False, "ended": False}
    try:
        async with asyncio.timeout(seconds):
            process.stdin.write(json.dumps(asked).encode())
            process.stdin.close()
            while line := await process.stdout.readline():
                said = json.loads(line)
                if "path" in said:
                    answer["hits"].append(said)
                else:
                    answer |= said
    except TimeoutError:
        pass  # `ended` says so
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return answer


def _advice(found: dict[str, Any], *, files: int, ended: bool) -> str:
    if not ended:
        return f"It was stopped after {SECONDS:g} seconds: narrow glob or folder, or use a simpler pattern."
    if found["more"]:
        return f"There are more than {MOST_HITS} lines: narrow the pattern, glob or folder."
    if files > MOST_FILES:
        return f"Only {MOST_FILES:,} files were looked at: narrow glob or folder."
    if not files:
        return "No file matches glob; list_files shows what there is."
    return "" if found["hits"] else "Nothing fits. search_workspace finds by meaning."


TOOLS = (grep,)
