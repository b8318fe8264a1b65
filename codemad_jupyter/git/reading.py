"""Reads snapshots: their entries, what differs between two, and the content of entries."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from codemad_jupyter.git.files import blob_name
from codemad_jupyter.git.listing import parents
from codemad_jupyter.git.repo import Deadline, Git, pipes
from codemad_jupyter.git.values import Entry, Saved, read_manifest
from codemad_jupyter.protocol.errors import GitError

PATIENCE = 60.0
"""Seconds that reading and restoring may take."""

Fetch = Callable[[Entry], bytes]


@functools.lru_cache(maxsize=16)
def saved(git_dir: Path, work_tree: Path, commit: str) -> Saved:
    """The content of a snapshot's commit. A commit never changes, so the latest ones are kept."""
    git, deadline = Git(git_dir, work_tree), Deadline(PATIENCE)
    manifest = read_manifest(git.run("cat-file", "commit", commit, deadline=deadline))
    pathspec = ("--", f"{manifest.prefix}/") if manifest.prefix else ()
    start = f"{manifest.prefix}/" if manifest.prefix else ""
    entries: dict[str, Entry] = {}
    output = git.run("ls-tree", "-r", "-z", "--full-tree", commit, *pathspec, deadline=deadline)
    for line in filter(None, output.split(b"\0")):
        head, _, name = line.partition(b"\t")
        kind, _, blob = head.decode().split(" ")
        path = os.fsdecode(name).removeprefix(start)
        if kind == "120000":
            entries[path] = Entry(0o777, True, blob)
        elif kind != "160000":
            entries[path] = Entry(manifest.mode(path, kind == "100755"), False, blob)
    holding = frozenset(parent for path in entries for parent in parents(path))
    ignored = (name[:-1] for name in manifest.ignored if name.endswith("/"))
    folders = holding | {*manifest.bare, *manifest.skipped, *ignored}
    modes = manifest.folder_modes(holding | {*manifest.bare})
    return Saved(entries, manifest, folders, holding, modes)


def differing(old: Saved, new: Saved) -> tuple[str, ...]:
    """The paths that were added, changed or removed between the two. A path with a slash at its end is
    a folder: one without files that came or went, or one whose permission bits changed."""
    paths = old.entries.keys() | new.entries.keys()
    changed = [path for path in paths if old.entries.get(path) != new.entries.get(path)]
    gone = {*old.manifest.bare} - new.folders
    come = {*new.manifest.bare} - old.folders
    modes = {name for name in old.modes.keys() & new.modes.keys() if old.modes[name] != new.modes[name]}
    return tuple(sorted((*changed, *(f"{name}/" for name in gone | come | modes))))


@contextmanager
def fetching(git: Git, deadline: Deadline) -> Iterator[Fetch]:
    """A function that gives the content of an entry; every content is checked against its name."""
    with git.start("cat-file", "--batch", deadline=deadline) as process:
        stdin, stdout, _ = pipes(process)

        def fetch(entry: Entry) -> bytes:
            deadline.check()
            stdin.write(f"{entry.blob}\n".encode())
            stdin.flush()
            head = stdout.readline().split()
            data = b""
            if len(head) == 3 and head[1] == b"blob":
                data = stdout.read(int(head[2]) + 1)[:-1]
            if blob_name(data) != entry.blob:
                deadline.check()
                raise GitError(
                    f"The checkpoint lacks the content {entry.blob[:12]}; git in {git.work_tree} has"
                    " cleared it away or it is damaged.",
                    hint="Files named in the message were left as they are.",
                )
            return data

        yield fetch
