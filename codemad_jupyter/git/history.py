"""Reads what past commits said and which files they changed; nothing of a repository is run or changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.git.repo import Deadline, Git, find_root
from codemad_jupyter.git.trust import danger
from codemad_jupyter.protocol.errors import GitError

COMMITS = 2_000
SECONDS = 5.0
BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class History:
    """The newest commit, and the messages of the last ones with the paths that each changed."""

    head: str
    changes: tuple[tuple[str, tuple[str, ...]], ...] = ()


def read_history(root: Path, *, known: str = "") -> History | None:
    """The history of the folder, newest first, with paths below it; without changes where ``known`` is the
    newest commit. None where there is none, where it takes too long, or the repository is not harmless."""
    repository = find_root(root)
    if repository is None:
        return None
    deadline = Deadline(SECONDS)
    try:
        if danger(repository, deadline=deadline):
            return None
        git = Git(repository / ".git", repository)
        head = git.run("rev-parse", "--verify", "HEAD^{commit}", deadline=deadline).decode().strip()
        return History(head) if head == known else History(head, _changes(git, root, repository, deadline))
    except GitError:
        return None  # no commit yet, a damaged repository, or one too big: search goes without


def _changes(
    git: Git, root: Path, repository: Path, deadline: Deadline
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    inner = root.relative_to(repository).as_posix()
    shape = ("--no-merges", "--no-show-signature", "--no-notes", "--no-renames", "--name-only", "-z")
    which = (f"-n{COMMITS}", "--format=%x01%B%x02", "HEAD", "--", inner)
    text = git.run("log", *shape, *which, deadline=deadline, limit=BYTES).decode(errors="replace")
    return tuple(_read(text, "" if inner == "." else f"{inner}/"))


def _read(text: str, prefix: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for record in text.split("\x01")[1:]:
        message, _, names = record.partition("\x02")
        paths = (name.lstrip("\n") for name in names.split("\0"))
        yield message, tuple(path[len(prefix) :] for path in paths if path and path.startswith(prefix))
