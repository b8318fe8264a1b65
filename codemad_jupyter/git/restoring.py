"""Reads snapshots, and brings named paths back to one: only what is as expected, and nothing else."""

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from codemad_jupyter.git import files
from codemad_jupyter.git.files import Changed, Found, blob_name, is_safe, look
from codemad_jupyter.git.listing import parents
from codemad_jupyter.git.repo import Deadline, Git, pipes
from codemad_jupyter.git.values import Entry, Restoration, Saved, read_manifest
from codemad_jupyter.protocol.errors import GitError

PATIENCE = 60.0
"""Seconds that reading and restoring may take."""

SYNCED = 200
"""A restore of more files leaves the time of writing to the system: waiting takes 10 ms a file."""

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
    return Saved(entries, manifest, folders, holding)


def differing(old: Saved, new: Saved) -> tuple[str, ...]:
    """The paths that were added, changed or removed between the two."""
    paths = old.entries.keys() | new.entries.keys()
    return tuple(sorted(path for path in paths if old.entries.get(path) != new.entries.get(path)))


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


def restore(root: Path, paths: Sequence[str], old: Saved, expected: Saved, *, fetch: Fetch) -> Restoration:
    """Bring the paths back to ``old`` where they still are as in ``expected``. Removals come first,
    for a folder may have to make way for a file."""
    work = _Work(root, old, fetch)
    plan: list[tuple[str, Found]] = []
    for path in dict.fromkeys(paths):
        found = look(root, path) if is_safe(path) else Found("other")
        wanted = _at(old, path)
        reason = _objection(path, found, wanted, old, expected)
        if reason:
            work.reasons[path] = reason
        elif found.what == wanted:
            work.restored.append(path)
        else:
            plan.append((path, found))
    work.sync = len(plan) <= SYNCED
    for path, found in sorted(plan, key=lambda item: item[0] in old.entries):
        work.bring_back(path, found)
    return Restoration(
        restored=tuple(path for path in dict.fromkeys(paths) if path in set(work.restored)),
        conflicts=tuple(path for path in dict.fromkeys(paths) if path in work.reasons),
        reasons=work.reasons,
    )


def _at(saved: Saved, path: str) -> Entry | str | None:
    if path in saved.entries:
        return saved.entries[path]
    return "folder" if path in saved.holding else None


def _objection(path: str, found: Found, wanted: Entry | str | None, old: Saved, expected: Saved) -> str:
    if not is_safe(path):
        return "is no path below the workspace"
    if wanted is None and not old.manifest.covers(path):
        return "was not saved in the checkpoint"
    if found.what == wanted:
        return ""
    before = _at(expected, path)
    if before is None and not expected.manifest.covers(path):
        return "was not looked at after the run"
    return "" if found.what == before else "has changed since"


class _Work:
    """The changes of one restore, and how each went."""

    def __init__(self, root: Path, old: Saved, fetch: Fetch) -> None:
        self.restored: list[str] = []
        self.reasons: dict[str, str] = {}
        self.sync = True
        self._root = root
        self._old = old
        self._fetch = fetch

    def bring_back(self, path: str, found: Found) -> None:
        try:
            self._change(path, found)
        except Changed:
            self.reasons[path] = "has changed since"
        except (OSError, GitError) as error:
            self.reasons[path] = f"could not be restored: {error}"
        else:
            self.restored.append(path)

    def _change(self, path: str, found: Found) -> None:
        entry = self._old.entries.get(path)
        if entry is None:
            files.delete(self._root, path, before=found, keep=self._old.folders)
            return
        if isinstance(found.what, Entry) and found.what._replace(mode=entry.mode) == entry:
            files.set_mode(self._root, path, entry.mode, before=found)
            return
        if found.what == "folder":
            found = look(self._root, path)  # the removals before may have cleared it away
            if found.what is not None:
                raise Changed
        files.write(self._root, path, entry, self._fetch(entry), before=found, sync=self.sync)
