"""The one way git is run here: argument lists, an emptied environment, nothing of a folder executed.

Owns running git and the question whether a repository's own configuration would execute or convert
anything. What is done with it stands in `checkpoints`.
"""

import asyncio
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.protocol.errors import GitError

SETTINGS = {
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.excludesFile": os.devnull,
    "core.fileMode": "true",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.pager": "cat",
    "core.quotePath": "false",
    "core.symlinks": "true",
    "core.untrackedCache": "false",
    "commit.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
}
"""Given on every command line, so they win over what a repository says."""

IDENTITY = {
    "GIT_AUTHOR_NAME": "CodeMAD",
    "GIT_AUTHOR_EMAIL": "codemad@localhost",
    "GIT_COMMITTER_NAME": "CodeMAD",
    "GIT_COMMITTER_EMAIL": "codemad@localhost",
}

EXECUTING = (
    "filter.",
    "core.fsmonitor",
    "core.hookspath",
    "core.autocrlf",
    "core.eol",
    "core.worktree",
    "core.sparsecheckout",
    "core.splitindex",
    "extensions.",
    "include.",
    "includeif.",
    "index.",
)
"""Configuration (lower case) with which a folder would run programs at an add, convert bytes, or keep
its index in a form that can not be copied."""


@dataclass(frozen=True)
class Git:
    """Git on one git dir and work tree. ``cwd`` is the folder that paths are relative to."""

    git_dir: Path
    work_tree: Path
    cwd: Path
    index: Path | None = None
    deadline: float = 30.0

    async def run(self, *arguments: str, stdin: bytes = b"", ok: tuple[int, ...] = (0,)) -> bytes:
        """The output of one git command; raises `GitError` with git's own words."""
        where = ("--git-dir", str(self.git_dir), "--work-tree", str(self.work_tree))
        extra = {"GIT_INDEX_FILE": str(self.index)} if self.index else {}
        return await run_git(
            *where, *arguments, cwd=self.cwd, stdin=stdin, ok=ok, extra=extra, deadline=self.deadline
        )


def program() -> str:
    """The path of git; raises `GitError` when there is none."""
    found = shutil.which("git")
    if found is None:
        raise GitError("git is not installed.", hint="Install git, so that files can be checkpointed.")
    return found


def environment(extra: dict[str, str]) -> dict[str, str]:
    """What git gets to see of the environment: no GIT_* but ours, no configuration but the repository's."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    fixed = {
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
    return {**kept, **fixed, **IDENTITY, **extra}


async def run_git(
    *arguments: str,
    cwd: Path,
    stdin: bytes = b"",
    ok: tuple[int, ...] = (0,),
    extra: dict[str, str] | None = None,
    deadline: float = 30.0,
) -> bytes:
    """Run git with our settings and environment, off the event loop."""
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = [program(), *settings, *arguments]
    return await asyncio.to_thread(_run, command, cwd, stdin, ok, environment(extra or {}), deadline)


def _run(
    command: list[str], cwd: Path, stdin: bytes, ok: tuple[int, ...], env: dict[str, str], deadline: float
) -> bytes:
    name = next((part for part in command[1:] if part[0] != "-" and "=" not in part), "git")
    try:
        done = subprocess.run(
            command, cwd=cwd, input=stdin, env=env, capture_output=True, timeout=deadline, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {name} took longer than {deadline:.0f} s in {cwd}.") from error
    except OSError as error:
        raise GitError(f"git could not be run in {cwd}: {error}.") from error
    if done.returncode not in ok:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise GitError(f"git failed in {cwd}: {said[:500]}")
    return done.stdout


@dataclass(frozen=True)
class Repository:
    """A repository around a folder. ``plain`` says that nothing in it executes or converts."""

    git_dir: Path
    top: Path
    objects: Path
    plain: bool


async def find_repository(folder: Path) -> Repository | None:
    """The repository that the folder lies in, or None. Asks git only for paths and configuration."""
    try:
        out = await run_git(
            "rev-parse", "--absolute-git-dir", "--show-toplevel", "--git-path", "objects", cwd=folder
        )
    except GitError:
        program()  # no git at all is worth an error; no repository, or not our repository, is an answer
        return None
    lines = out.decode("utf-8", "surrogateescape").splitlines()
    if len(lines) != 3:
        return None
    git_dir, top, objects = Path(lines[0]), Path(lines[1]), (folder / lines[2]).resolve()
    git = Git(git_dir, top, folder)
    return Repository(git_dir, top, objects, await _plain(git))


async def _plain(git: Git) -> bool:
    names = await git.run("config", "--local", "--list", "--name-only", "-z", "--no-includes", ok=(0, 1))
    keys = [name.lower() for name in names.decode("utf-8", "replace").split("\0")]
    if any(key.startswith(EXECUTING) for key in keys):
        return False
    if (git.git_dir / "info" / "attributes").exists():
        return False
    listed = await git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--full-name")
    above = (git.cwd, *git.cwd.parents)
    return not any(path.endswith(b".gitattributes") for path in listed.split(b"\0")) and not any(
        (folder / ".gitattributes").exists() for folder in above if folder.is_relative_to(git.work_tree)
    )
