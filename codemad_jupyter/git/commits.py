"""Commits named files of the workspace to the person's branch, and nothing else.

The tree is HEAD's with these files put in; what the person has staged stays staged, no hook runs, no
signature is made. Refused wherever the repository is not plain or something is going on in it.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from codemad_jupyter.git.files import is_safe
from codemad_jupyter.git.repo import Deadline, Git, find_root
from codemad_jupyter.git.trust import changing, danger
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import GitError

PATIENCE = 20.0
GOING_ON = (
    ("MERGE_HEAD", "a merge"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("BISECT_LOG", "a bisection"),
)


class Commit(Value):
    """A commit that was made; ``left`` says which files are not in it, each as ``path: reason``.
    Without ``id`` nothing was to be committed."""

    id: str = ""
    branch: str = ""
    files: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


async def commit(root: Path, paths: Iterable[str], message: str, *, patience: float = PATIENCE) -> Commit:
    """Commit these files as they are on disk. Raises `GitError`, which says why there is no commit."""
    wanted = tuple(dict.fromkeys(paths))
    return await asyncio.to_thread(_commit, root, wanted, message, Deadline(patience))


def _commit(root: Path, paths: tuple[str, ...], message: str, deadline: Deadline) -> Commit:
    root = root.resolve()
    repository, branch = _checked(root, deadline)
    git = Git(repository / ".git", repository)
    head = git.run("rev-parse", "--verify", "HEAD^{commit}", deadline=deadline).decode().strip()
    names = {f"{_prefix(root, repository)}{path}": path for path in paths}
    reasons = _objections(git, root, names, deadline)
    usable = [name for name, path in names.items() if path not in reasons]
    attributes = (folder / ".gitattributes" for name in usable for folder in (repository / name).parents)
    inside = (file for file in dict.fromkeys(attributes) if file.is_relative_to(repository))
    conversions = changing(file for file in inside if os.path.lexists(file))
    if conversions:
        raise GitError(f"{conversions}, so nothing was committed.", hint="Commit it yourself.")
    left = tuple(f"{path}: {reason}" for path, reason in reasons.items())
    if not usable:
        return Commit(branch=branch, left=left)
    tree, entries = _tree(git, head, usable, deadline)
    if tree == git.run("rev-parse", f"{head}^{{tree}}", deadline=deadline).decode().strip():
        return Commit(branch=branch, left=left)
    made = _write(git, tree, head, message, deadline)
    git.run("update-ref", "-m", f"commit: {message.splitlines()[0]}", "HEAD", made, head, deadline=deadline)
    git.run("update-index", "-z", "--index-info", data=entries, deadline=deadline)
    return Commit(id=made, branch=branch, files=tuple(names[name] for name in usable), left=left)


def _checked(root: Path, deadline: Deadline) -> tuple[Path, str]:
    """The repository and the branch. Raises `GitError` where no commit may be made."""
    repository = find_root(root)
    if repository is None:
        raise GitError(
            "Nothing was committed: the folder is in no git repository.", hint="git init makes one."
        )
    reason = danger(repository, deadline=deadline)
    if reason:
        raise GitError(f"Nothing was committed: {reason}.", hint="Commit it yourself.")
    going = next((what for name, what in GOING_ON if (repository / ".git" / name).exists()), "")
    if going:
        raise GitError(f"Nothing was committed: {going} is going on.", hint="Finish it, then commit.")
    if (repository / ".git" / "index.lock").exists():
        raise GitError("Nothing was committed: another git is at work here.", hint="Commit it yourself.")
    head = (repository / ".git" / "HEAD").read_text(errors="replace").strip()
    if not head.startswith("ref: refs/heads/"):
        raise GitError("Nothing was committed: HEAD is on no branch.", hint="git switch to a branch first.")
    return repository, head.removeprefix("ref: refs/heads/")


def _prefix(root: Path, repository: Path) -> str:
    inner = root.relative_to(repository).as_posix()
    return "" if inner == "." else f"{inner}/"


def _objections(git: Git, root: Path, names: dict[str, str], deadline: Deadline) -> dict[str, str]:
    """Why a file is left out, by path."""
    reasons: dict[str, str] = {}
    spec = ("--", *names)
    staged = git.run("diff-index", "--cached", "--name-only", "-z", "HEAD", *spec, deadline=deadline)
    tracked = set(_split(git.run("ls-files", "-z", *spec, deadline=deadline)))
    for name in _split(staged):
        if name in names:
            reasons[names[name]] = "you have staged a change of it"
    ignored = _ignored(git, [name for name in names if name not in tracked], deadline)
    for name, path in names.items():
        if not is_safe(path):
            reasons[path] = "it is no path below the workspace"
        elif name in ignored:
            reasons[path] = "it is ignored"
        elif _strange(root / path, git.work_tree):
            reasons[path] = "it is no plain file of this repository"
    return reasons


def _ignored(git: Git, names: list[str], deadline: Deadline) -> set[str]:
    if not names:
        return set()
    options = ("-z", "--others", "--ignored", "--exclude-standard")
    return set(_split(git.run("ls-files", *options, "--", *names, deadline=deadline)))


def _strange(file: Path, repository: Path) -> bool:
    """A link, a folder, or below a link or another repository."""
    if os.path.lexists(file) and (file.is_symlink() or not file.is_file()):
        return True
    above = [folder for folder in file.parents if folder.is_relative_to(repository) and folder != repository]
    return any(folder.is_symlink() or os.path.lexists(folder / ".git") for folder in above)


def _tree(git: Git, head: str, names: list[str], deadline: Deadline) -> tuple[str, bytes]:
    """HEAD's tree with the files in it, made in an index of its own; and their lines for an index."""
    with tempfile.TemporaryDirectory(prefix="codemad-") as folder:
        own = Git(git.git_dir, git.work_tree, index=Path(folder) / "index")
        own.run("read-tree", head, deadline=deadline)
        data = b"".join(os.fsencode(name) + b"\0" for name in names)
        own.run("update-index", "-z", "--add", "--remove", "--stdin", data=data, deadline=deadline)
        tree = own.run("write-tree", deadline=deadline).decode().strip()
        listed = own.run("ls-files", "-z", "--stage", "--", *names, deadline=deadline)
    there = {line.partition(b"\t")[2] for line in listed.split(b"\0") if line}
    gone = [os.fsencode(name) for name in names if os.fsencode(name) not in there]
    removed = b"".join(b"0 " + b"0" * 40 + b"\t" + name + b"\0" for name in gone)
    return tree, listed + removed


def _write(git: Git, tree: str, parent: str, message: str, deadline: Deadline) -> str:
    """A commit object written by hand: the author is the person, which git could only be told by its
    environment."""
    now = time.time()
    minutes = (time.localtime(now).tm_gmtoff or 0) // 60
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    who = f"{_person(git, deadline)} {int(now)} {zone}"
    body = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{message.rstrip()}\n"
    data = body.encode("utf-8", "replace")
    return (
        git.run("hash-object", "-t", "commit", "-w", "--stdin", data=data, deadline=deadline).decode().strip()
    )


def _person(git: Git, deadline: Deadline) -> str:
    """Name and address as the person has them in the repository or at home; ours where there are none."""
    home = Path.home()
    configured = os.environ.get("XDG_CONFIG_HOME") or str(home / ".config")
    files = (git.git_dir / "config", home / ".gitconfig", Path(configured) / "git" / "config")
    found = {"user.name": "CodeMAD", "user.email": "codemad@localhost"}
    for key in found:
        for file in files:
            value = _value(git, file, key, deadline)
            if value:
                found[key] = value
                break
    return f"{found['user.name']} <{found['user.email']}>"


def _value(git: Git, file: Path, key: str, deadline: Deadline) -> str:
    if not file.is_file():
        return ""
    try:
        text = git.run("config", "--file", str(file), "--no-includes", "--get", key, deadline=deadline)
    except GitError:  # it does not say
        return ""
    return "".join(sign for sign in text.decode(errors="replace").strip() if sign not in "<>\n\0")


def _split(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]
