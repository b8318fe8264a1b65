"""Snapshots as files that can be carried elsewhere, git's bundles; and forgetting all of them at once.

One bundle for each place where snapshots lie (`places`). All of it runs git: for a worker thread.
"""

import re
from pathlib import Path

from codemad_jupyter.git.places import kept_places, own_place
from codemad_jupyter.git.repo import Deadline, Git, find_root
from codemad_jupyter.git.taking import REFS

PATIENCE = 600.0
"""Seconds for all that is kept of a folder, which may be large."""
OWN, REPOSITORY = "checkpoints-own.bundle", "checkpoints-repository.bundle"
_LINE = re.compile(rf"([0-9a-f]{{40}}) ({re.escape(REFS)}[A-Za-z0-9_-]{{1,100}})")


def snapshot_refs(root: Path, data_dir: Path) -> dict[str, int]:
    """How many snapshots lie in each git folder, by its path."""
    deadline = Deadline(PATIENCE)
    counts = {str(git.git_dir): len(_refs(git, deadline)) for git in kept_places(root, _data(data_dir))}
    return {path: count for path, count in counts.items() if count}


def bundle(root: Path, data_dir: Path, folder: Path) -> dict[str, str]:
    """Write what is kept of the folder ``root`` into bundles in ``folder``; by the name of each, the git
    folder it was made from."""
    deadline, data, made = Deadline(PATIENCE), _data(data_dir), {}
    for git in kept_places(root, data):
        if _refs(git, deadline):
            name = OWN if git.git_dir.parent == data else REPOSITORY
            git.run("bundle", "create", "--quiet", str(folder / name), f"--glob={REFS}*", deadline=deadline)
            made[name] = str(git.git_dir)
    return made


def unbundle(root: Path, data_dir: Path, file: Path) -> tuple[str, int]:
    """Bring the snapshots of a bundle back; the git folder they are in now, and how many there are. Empty and
    0 where they lay in a repository that is not there."""
    deadline, data, repository = Deadline(PATIENCE), _data(data_dir), find_root(root)
    if file.name == OWN:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        git = own_place(root, repository, data, top=root, deadline=deadline).git
    elif repository is not None and (repository / ".git").is_dir():
        git = Git(repository / ".git", repository)
    else:
        return "", 0
    said = git.run("bundle", "unbundle", str(file), deadline=deadline).decode(errors="replace")
    found = [match.groups() for match in map(_LINE.fullmatch, said.splitlines()) if match]
    orders = "".join(f"update {ref} {commit}\n" for commit, ref in found)
    git.run("update-ref", "--stdin", data=orders.encode(), deadline=deadline)
    return str(git.git_dir), len(found)


def forget_all(root: Path, data_dir: Path) -> int:
    """Take the private refs out of a person's repository; how many. A git folder of our own goes with the
    folder it lies in."""
    deadline, data, gone = Deadline(PATIENCE), _data(data_dir), 0
    for git in kept_places(root, data):
        refs = _refs(git, deadline)
        if refs and git.git_dir.parent != data:
            orders = "".join(f"delete {ref}\n" for ref in refs)
            git.run("update-ref", "--stdin", data=orders.encode(), deadline=deadline)
            gone += len(refs)
    return gone


def _refs(git: Git, deadline: Deadline) -> list[str]:
    return git.run("for-each-ref", "--format=%(refname)", REFS, deadline=deadline).decode().split()


def _data(data_dir: Path) -> Path:
    return data_dir.absolute() / "checkpoints"
