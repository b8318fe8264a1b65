"""Tools for the git repository of the workspace: they look at it, and make a branch or a commit of named
files when a person allows that. No hook of the repository is run."""

from pathlib import PurePosixPath
from typing import Any

from codemad_jupyter.git import branches as branching
from codemad_jupyter.git import looking
from codemad_jupyter.git.commits import commit
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.tools.files import UNTRUSTED, inside
from codemad_jupyter.tools.tool import ToolContext, tool

MOST_REFS = 200


def _place(context: ToolContext, path: str) -> str:
    """The path as it is written, once it is known to lead nowhere else."""
    if not path:
        return ""
    inside(context.root, path)
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise ToolError(f"{path} is no path below the workspace.", hint="Name it relative to the folder.")
    return "" if pure.as_posix() == "." else pure.as_posix()


def _differing(result: dict[str, Any]) -> str:
    count = len(result["changes"])
    return f"{counted(count, 'file')} {'differs' if count == 1 else 'differ'}"


@tool("read", account=_differing)
async def git_status(context: ToolContext) -> dict[str, Any]:
    """The branch, and the files of the workspace that differ from the last commit."""
    return await looking.status(context.root)


@tool("read", account=_differing)
async def git_diff(
    context: ToolContext, path: str = "", base: str = "HEAD", until: str = ""
) -> dict[str, Any]:
    """What differs from the commit ``base`` to the commit ``until``, or to the files as they are now when
    that is empty; of a file or folder when ``path`` is given. New files are in git_status."""
    place = _place(context, path)
    found = await looking.diff(context.root, path=place, base=base, to=until, may_read=context.may_read)
    return {"source": UNTRUSTED, **found}


@tool("read", account=lambda result: counted(len(result["commits"]), "commit"))
async def git_log(
    context: ToolContext, path: str = "", start: str = "HEAD", most: int = 20
) -> dict[str, Any]:
    """The last commits, newest first, that lead to ``start``; those that touched a file or folder when
    ``path`` is given. What one changed: git_diff with base="COMMIT^" and until="COMMIT"."""
    found = await looking.log(context.root, path=_place(context, path), start=start, most=most)
    return {"source": UNTRUSTED, "commits": found}


@tool("read", account=lambda result: counted(len(result["lines"]), "line"))
async def git_blame(context: ToolContext, path: str, start: int = 1, lines: int = 60) -> dict[str, Any]:
    """Who wrote the lines of a file last, in which commit and when."""
    found = await looking.blame(context.root, path=_place(context, path), start=start, lines=lines)
    return {"source": UNTRUSTED, "lines": found}


@tool("read", account=lambda result: result["current"] or "no branch")
async def git_branches(context: ToolContext) -> dict[str, Any]:
    """The branch that is checked out, and the names of branches and tags with their commits."""
    current, refs = await branching.branches(context.root)
    names = [{"name": name, "commit": at[:12]} for name, at in sorted(refs.items())]
    more = {"more": len(names) - MOST_REFS} if len(names) > MOST_REFS else {}
    return {"current": current, "refs": names[:MOST_REFS], **more}


@tool("execute", axis="files", reason="This makes a branch in your repository and goes over to it.")
async def git_branch(context: ToolContext, name: str) -> dict[str, Any]:
    """Make a new branch where HEAD stands and go over to it; files stay as they are. The person is asked."""
    before, commit_name = await branching.make_branch(context.root, name)
    return {"branch": name, "before": before, "at": commit_name[:12]}


@tool("execute", axis="files", reason="This makes a commit in your repository. No hook of it is run.")
async def git_commit(context: ToolContext, paths: list[str], message: str) -> dict[str, Any]:
    """Commit exactly these files, as they are on disk, to the branch checked out, if the person agrees.
    What they have staged stays staged; hooks are not run; a notebook is committed as it was last saved."""
    if not paths or not message.strip() or "\0" in message:
        raise ToolError("A commit needs paths and a message.", hint="git_status shows what differs.")
    for path in paths:
        if not context.may_read(path):
            raise ToolError(f"{path} may not be read here, so it is not committed.")
    made = await commit(context.root, [_place(context, path) for path in paths], message)
    told = {"commit": made.id[:12], "branch": made.branch, "files": list(made.files), "left": list(made.left)}
    return told if made.id else {**told, "next": "Nothing was committed: none of these files differs."}


TOOLS = (git_status, git_diff, git_log, git_blame, git_branches, git_branch, git_commit)
