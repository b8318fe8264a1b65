"""Reads a person's repository for a model: its state, differences, past commits, who wrote which line.

Nothing of it is changed and nothing it configures is run: one that could start programs is not read at all.
Revisions are turned into names of objects first, so that no word of a model is ever an option.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemad_jupyter.git.repo import Deadline, Git
from codemad_jupyter.git.trust import harmless
from codemad_jupyter.protocol.errors import GitError

SECONDS = 20.0
BYTES = 8 * 1024 * 1024
MOST_FILES = 300
MOST_COMMITS = 100
MOST_LINES = 400
LONGEST_DIFF = 6_000
"""Characters of the difference of one file."""
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--submodule=short")
_STATES = {"A": "added", "D": "deleted", "M": "changed", "T": "type changed", "U": "in conflict"}


@dataclass(frozen=True)
class Look:
    """A repository as it is looked at from a folder in it. Raises `GitError` where that is not safe."""

    git: Git
    inner: str
    """The folder below the top of the repository with a slash at its end; empty for the top itself."""
    deadline: Deadline

    def run(self, *arguments: str) -> str:
        """What git writes; names that are no UTF-8 are spelled out."""
        return self.git.run(*arguments, deadline=self.deadline, limit=BYTES).decode(
            "utf-8", "backslashreplace"
        )

    def commit(self, revision: str) -> str:
        """The name of the commit that a revision means."""
        if len(revision) > 200 or re.search(r"[\x00-\x20\x7f]", revision) or not revision.strip():
            raise GitError(f"{revision[:60]!r} is no revision.", hint="Name a branch, a tag or a commit.")
        known = "git_branches lists branches and tags, git_log commits."
        missing = GitError(f"There is no commit {revision!r} here.", hint=known)
        shape = ("rev-parse", "--verify", "--quiet", "--end-of-options")
        try:
            found = self.run(*shape, f"{revision}^{{commit}}").strip()
        except GitError:
            raise missing from None
        if not re.fullmatch("[0-9a-f]{40}", found):
            raise missing
        return found

    def below(self, name: str) -> str | None:
        """A path of git's as the folder knows it; None where it lies elsewhere."""
        return name.removeprefix(self.inner) if name.startswith(self.inner) else None

    def spec(self, path: str) -> str:
        """A path of the folder as git knows it."""
        return f"{self.inner}{path}" if path not in ("", ".") else self.inner or "."


def _look(root: Path) -> Look:
    root, deadline = root.resolve(), Deadline(SECONDS)
    repository = harmless(root, deadline=deadline)
    relative = root.relative_to(repository).as_posix()
    inner = "" if relative == "." else f"{relative}/"
    return Look(Git(repository / ".git", repository), inner, deadline)


async def status(root: Path) -> dict[str, Any]:
    """The branch and the files that differ from the last commit, those of the folder."""
    return await asyncio.to_thread(_status, root)


def _status(root: Path) -> dict[str, Any]:
    look = _look(root)
    text = look.run("status", "--porcelain=v1", "-z", "--branch", "--no-renames", "--", look.spec(""))
    head, *entries = text.split("\0")
    files = []
    for entry in entries:
        path = look.below(entry[3:]) if entry else None
        if path is not None:
            files.append({"path": path, "staged": _state(entry[0]), "unstaged": _state(entry[1])})
    more = {"more": len(files) - MOST_FILES} if len(files) > MOST_FILES else {}
    return {"branch": head.removeprefix("## "), "changes": files[:MOST_FILES], **more}


def _state(letter: str) -> str:
    return {" ": "", "?": "new"}.get(letter) or _STATES.get(letter, "")


async def diff(
    root: Path, *, path: str, base: str, to: str, may_read: Callable[[str], bool]
) -> dict[str, Any]:
    """What differs from one commit to another, or to the files as they are, for each file by itself."""
    return await asyncio.to_thread(_diff, root, path, base, to, may_read)


def _diff(root: Path, path: str, base: str, to: str, may_read: Callable[[str], bool]) -> dict[str, Any]:
    look = _look(root)
    sides = [look.commit(base), *([look.commit(to)] if to else [])]
    shape = ("diff", "-z", "--name-status", *_PLAIN)
    words = look.run(*shape, *sides, "--", look.spec(path)).split("\0")[:-1]
    found = [(state, look.below(name)) for state, name in zip(words[::2], words[1::2], strict=False)]
    files = [(state, name) for state, name in found if name is not None and may_read(name)]
    told: list[dict[str, Any]] = []
    for state, name in files[:MOST_FILES]:
        text = ""
        if len(told) < MOST_FILES // 10:
            text = look.run("diff", *_PLAIN, *sides, "--", look.spec(name))
        told.append({"path": name, "change": _STATES.get(state[:1], state), "diff": _body(text)})
    left = len(files) - len(told)
    return {"from": sides[0], "to": to and sides[1], "changes": told, **({"more": left} if left else {})}


def _body(text: str) -> str:
    """The hunks of a difference; what stands above them repeats the name."""
    start = text.find("\n@@ ")
    body = text[start + 1 :] if start >= 0 else text.partition("\n")[2]
    over = len(body) - LONGEST_DIFF
    return body if over <= 0 else f"{body[:LONGEST_DIFF]}\n[… {over} characters left out …]"


async def log(root: Path, *, path: str, start: str, most: int) -> list[dict[str, Any]]:
    """The commits that touched a path, newest first."""
    return await asyncio.to_thread(_log, root, path, start, most)


def _log(root: Path, path: str, start: str, most: int) -> list[dict[str, Any]]:
    look = _look(root)
    shape = ("--no-show-signature", "--no-notes", "--no-color", "--format=%x01%H%x02%an%x02%aI%x02%B")
    count = f"-n{min(max(most, 1), MOST_COMMITS)}"
    text = look.run("log", *shape, count, look.commit(start), "--", look.spec(path))
    return list(_commits(text))


def _commits(text: str) -> Iterator[dict[str, Any]]:
    for record in text.split("\x01")[1:]:
        name, author, when, message = (record.split("\x02", 3) + [""] * 3)[:4]
        subject, _, body = message.strip().partition("\n")
        told = {"commit": name[:12], "author": author, "when": when, "subject": subject}
        yield {**told, "body": body.strip()[:1_000]} if body.strip() else told


async def blame(root: Path, *, path: str, start: int, lines: int) -> list[dict[str, Any]]:
    """Who wrote the lines of a file last, and when."""
    return await asyncio.to_thread(_blame, root, path, start, lines)


def _blame(root: Path, path: str, start: int, lines: int) -> list[dict[str, Any]]:
    look = _look(root)
    first = max(start, 1)
    span = f"{first},{first + min(max(lines, 1), MOST_LINES) - 1}"
    text = look.run("blame", "--line-porcelain", "-L", span, "--", look.spec(path))
    found: list[dict[str, Any]] = []
    about: dict[str, str] = {}
    for line in text.split("\n"):
        if not line.startswith("\t"):
            key, _, value = line.partition(" ")
            about[key] = value
            if re.fullmatch(r"[0-9a-f]{40}", key):
                about = {"commit": key, "line": value.split(" ")[1]}
            continue
        unsaved = set(about["commit"]) == {"0"}
        found.append(
            {
                "line": int(about["line"]),
                "commit": "" if unsaved else about["commit"][:12],
                "author": "not committed" if unsaved else about.get("author", ""),
                "at": int(about.get("author-time", "0")),
                "text": line[1:],
            }
        )
    return found
