"""Branches of a person's repository: which there are, and making a new one where HEAD stands.

A new one changes no file; going over to another that exists would, and is left to the person.
"""

import asyncio
import re
from pathlib import Path

from codemad_jupyter.git.commits import GOING_ON, PATIENCE
from codemad_jupyter.git.refs import refs_in
from codemad_jupyter.git.repo import Deadline, Git
from codemad_jupyter.git.trust import harmless
from codemad_jupyter.protocol.errors import Conflict, GitError

_NAME = re.compile(r"[A-Za-z0-9][\w./+-]{0,199}")


async def branches(root: Path) -> tuple[str, dict[str, str]]:
    """The branch HEAD is on (empty for none), and the commits of all branches and tags by name."""

    def read() -> tuple[str, dict[str, str]]:
        repository = harmless(root.resolve(), deadline=Deadline(PATIENCE))
        return _current(repository), refs_in(repository / ".git")

    return await asyncio.to_thread(read)


def _current(repository: Path) -> str:
    head = (repository / ".git" / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else ""


async def make_branch(root: Path, name: str) -> tuple[str, str]:
    """Make a branch where HEAD stands and go over to it; the branch before it and the commit."""
    return await asyncio.to_thread(_make, root, name)


def _make(root: Path, name: str) -> tuple[str, str]:
    deadline = Deadline(PATIENCE)
    if not _NAME.fullmatch(name) or name.upper() in ("HEAD", "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD"):
        raise GitError(
            f"{name[:60]!r} is no name for a branch.", hint="Letters, digits, - . / and _ make one."
        )
    repository = harmless(root.resolve(), deadline=deadline)
    going = next((what for file, what in GOING_ON if (repository / ".git" / file).exists()), "")
    if going:
        raise GitError(f"No branch was made: {going} is going on.", hint="Finish it first.")
    git, ref = Git(repository / ".git", repository), f"refs/heads/{name}"
    git.run("check-ref-format", ref, deadline=deadline)
    if name in refs_in(repository / ".git"):
        raise Conflict(f"There is a branch {name} already.", hint="Choose another name.")
    head = git.run("rev-parse", "--verify", "HEAD^{commit}", deadline=deadline).decode().strip()
    before = _current(repository) or head[:12]
    git.run("update-ref", ref, head, "0" * 40, deadline=deadline)
    git.run("symbolic-ref", "HEAD", ref, deadline=deadline)
    return before, head
