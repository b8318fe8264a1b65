"""Decides whether a person's repository may hold our checkpoints, or whether a git folder of our own
must: it must wherever the repository could start programs or change bytes on their way in.

Everything unknown counts as a danger; a git folder of our own is merely slower at first.
"""

import functools
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from codemad_jupyter.git.repo import Deadline, Git, find_root
from codemad_jupyter.protocol.errors import GitError

_HARMLESS = re.compile(
    r"""
    core\.(logallrefupdates|ignorecase|precomposeunicode)
    | (user|color|init|pull|push|rebase|fetch|gui|branch)\..*
    | remote\..*\.(url|pushurl|fetch|prune|tagopt|gh-resolved)
    | submodule\..*\.(url|active|branch)
    """,
    re.VERBOSE | re.DOTALL,
)
_VALUES = {
    "core.repositoryformatversion": ("0",),
    "core.filemode": ("true",),
    "core.bare": ("false",),
    "core.symlinks": ("true",),
}
_CHANGING = frozenset({"text", "eol", "crlf", "filter", "ident", "working-tree-encoding"})


def danger(root: Path, *, deadline: Deadline) -> str:
    """Why the repository at ``root`` may not hold our checkpoints; empty where it may."""
    git_dir = root / ".git"
    try:
        if not stat.S_ISDIR(git_dir.lstat().st_mode):
            return "its .git is no folder"
        if any(place.lstat().st_uid != os.geteuid() for place in (root, git_dir)):
            return "it belongs to another user"
        for name in ("objects", "refs"):
            if not stat.S_ISDIR((git_dir / name).lstat().st_mode):
                return f"its {name} are no folder"
        for name in ("HEAD", "config"):
            if not stat.S_ISREG((git_dir / name).lstat().st_mode):
                return f"its {name} is no file"
    except OSError as error:
        return f"it is not complete ({error.strerror})"
    for name in ("commondir", "info/attributes", "info/grafts", "shallow.lock"):
        if os.path.lexists(git_dir / name):
            return f"it has {name}"
    try:
        configuration = (git_dir / "config").read_bytes()
    except OSError as error:
        return f"its configuration cannot be read ({error.strerror})"
    deadline.check()
    return _configuration(git_dir, configuration)


def harmless(root: Path, *, deadline: Deadline) -> Path:
    """The repository that the folder is in. Raises `GitError` where there is none, or where it could
    start programs."""
    repository = find_root(root)
    if repository is None:
        raise GitError("The folder is in no git repository.", hint="git init makes one.")
    reason = danger(repository, deadline=deadline)
    if reason:
        hint = "run_command can run git in the sandbox, where that does no harm."
        raise GitError(f"The repository is left alone, for it could start programs: {reason}.", hint=hint)
    return repository


@functools.lru_cache(maxsize=16)
def _configuration(git_dir: Path, content: bytes) -> str:
    git, deadline = Git(git_dir, git_dir), Deadline(10)
    try:
        options = ("--file", "-", "--no-includes", "--list", "-z")
        text = git.run("config", *options, data=content, deadline=deadline)
    except GitError as error:
        return f"its configuration cannot be read ({error.message})"
    for item in text.decode(errors="surrogateescape").split("\0")[:-1]:
        key, _, value = item.partition("\n")
        if key in _VALUES:
            if value.lower() not in _VALUES[key]:
                return f"its configuration sets {key} to {value[:40]!r}"
        elif not _HARMLESS.fullmatch(key):
            return f"its configuration sets {key[:80]!r}"
    return ""


def changing(files: Iterable[Path]) -> str:
    """The first of these attribute files that changes bytes on their way into git; empty for none."""
    for file in files:
        try:
            if not stat.S_ISREG(file.lstat().st_mode) or file.stat().st_size > 1_000_000:
                return f"{file.name} is no ordinary file"
            lines = file.read_bytes().decode(errors="surrogateescape").splitlines()
        except OSError as error:
            return f"{file.name} cannot be read ({error.strerror})"
        if any(_changes(line) for line in lines):
            return f"{file.name} names conversions"
    return ""


def _changes(line: str) -> bool:
    words = line.split()
    if not words or words[0].startswith("#"):
        return False
    if words[0].startswith("[attr]"):
        return True
    return any(
        word.lstrip("-!").partition("=")[0] in _CHANGING for word in words[1:] if not _switched_off(word)
    )


def _switched_off(word: str) -> bool:
    return word[0] in "-!" and word[1:] in _CHANGING
