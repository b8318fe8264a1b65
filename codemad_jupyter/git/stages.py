"""The three versions of a file that git could not merge, as its index holds them."""

import asyncio
from pathlib import Path

from codemad_jupyter.git.repo import Deadline, Git, find_root

PATIENCE = 10.0


async def stages(root: Path, path: str) -> tuple[bytes | None, bytes, bytes] | None:
    """Ancestor (None where both sides added the file), ours and theirs; None where the index holds no
    two sides of ``path`` (POSIX, relative to ``root``). Raises `GitError`."""
    return await asyncio.to_thread(_stages, root, path)


async def branch(root: Path, path: str) -> str:
    """The branch that is checked out where the file lies; empty where there is none, as in a rebase."""
    return await asyncio.to_thread(_branch, root, path)


def _branch(root: Path, path: str) -> str:
    repository = find_root((root.resolve() / path).parent)
    head = repository / ".git" / "HEAD" if repository is not None else None
    if head is None or not head.is_file():
        return ""
    with head.open("rb") as content:
        told = content.read(1000).decode("utf-8", "replace").strip()
    return told.removeprefix("ref: refs/heads/") if told.startswith("ref: refs/heads/") else ""


def _stages(root: Path, path: str) -> tuple[bytes | None, bytes, bytes] | None:
    place = root.resolve() / path
    repository = find_root(place.parent)  # a workspace may hold many repositories
    if repository is None or not (repository / ".git").is_dir():
        return None
    git, deadline = Git(repository / ".git", repository), Deadline(PATIENCE)
    name = place.relative_to(repository).as_posix()
    listed = git.run("ls-files", "--unmerged", "-z", "--", name, deadline=deadline)
    found: dict[str, str] = {}
    for entry in listed.decode("utf-8", "surrogateescape").split("\0"):
        head, _, file = entry.partition("\t")
        if file == name:
            _, blob, stage = head.split()
            found[stage] = blob
    if "2" not in found or "3" not in found:
        return None
    base, ours, theirs = (
        git.run("cat-file", "blob", found[stage], deadline=deadline) if stage in found else None
        for stage in "123"
    )
    return (base, ours or b"", theirs or b"")
