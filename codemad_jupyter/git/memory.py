"""Remembers the latest snapshot of a workspace, so that the next one looks only at what has changed.

Git says by the times of the files in the private index which of them may have changed; what it does not
name has the content and the permission bits it had. That holds only while the index is the one we wrote,
and only for what the index has: everything else is looked at each time.
"""

import os
import re
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from codemad_jupyter.git.listing import Listing, Mark, mark_of
from codemad_jupyter.git.places import Place
from codemad_jupyter.git.repo import Deadline, Git

_TIMES = re.compile(
    rb"([^\0]+)\0  ctime: (\d+):(\d+)\n  mtime: (\d+):(\d+)\n  dev:.*\n  uid:.*\n  size: (\d+)\t.*\n"
)
SECOND = 1_000_000_000
YOUNG = 3 * SECOND
"""Git compares times by the second: what changed so many nanoseconds ago or less may change again
without git's notice."""


@dataclass(frozen=True)
class Known:
    """What is in the private index: all ``paths``, and the permission bits of those that certainly have
    not changed since; ``unsure`` are those that have changed though git may not see it. ``before`` is
    the latest listing, where it is remembered; ``settled`` says that what git ignores is as it was then;
    ``young`` have changed so shortly before the latest snapshot that they are to be looked at again."""

    paths: Set[str]
    modes: Mapping[str, int] = field(default_factory=dict)
    before: Listing | None = None
    tree: str = ""
    settled: bool = False
    unsure: frozenset[str] = frozenset()
    young: Mapping[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True)
class _Taken:
    index: Mark
    listing: Listing
    tree: str
    excludes: dict[Path, Mark] | None


@dataclass
class Memory:
    """The latest snapshot by the place it is kept in. Only for use while the lock is held."""

    _taken: dict[Git, _Taken] = field(default_factory=dict)
    _indexes: set[Path] = field(default_factory=set)
    since: int = 0
    """Nanoseconds; what changed later is young."""

    def forget(self) -> None:
        """Save everything anew the next time."""
        self._taken.clear()
        for index in self._indexes:
            index.unlink(missing_ok=True)

    def keep(self, place: Place, listing: Listing, tree: str) -> None:
        """Remember a snapshot whose files the private index has now."""
        if place.git.index is not None:
            young = {path: mark for path, mark in listing.young.items() if mark[-1] > self.since}
            listing = replace(listing, young=young)
            taken = _Taken(_mark(place.git.index), listing, tree, self._excludes(place, listing))
            self._taken[place.git] = taken

    def known(self, place: Place, deadline: Deadline) -> Known | None:
        """What can be relied on; None where the index is not the one that was written last."""
        self.since = time.time_ns() - YOUNG
        index = place.git.index
        if index is None:
            return None
        self._indexes.add(index)
        taken = self._taken.pop(place.git, None)
        if taken is None or not taken.index or _mark(index) != taken.index:
            return None
        pathspec = ("--", place.prefix) if place.prefix else ()
        found = names(
            place.git.run(
                "diff-files", "-z", "--name-only", "--ignore-submodules=all", *pathspec, deadline=deadline
            )
        )
        modes = taken.listing.files.copy()
        for name in found:
            path = place.outside(name)
            if path is not None:
                modes.pop(path, None)
        root = place.git.work_tree / place.prefix
        young = {path: mark for path, mark in taken.listing.young.items() if path in modes}
        unsure = frozenset(path for path, mark in young.items() if not same(root / path, mark))
        for path in unsure:
            del modes[path], young[path]
        excludes = taken.excludes
        settled = excludes is not None and all(_mark(file) == mark for file, mark in excludes.items())
        tree = "" if found else taken.tree
        paths = taken.listing.files.keys()
        return Known(paths, modes, taken.listing, tree, settled, unsure, young)

    def _excludes(self, place: Place, listing: Listing) -> dict[Path, Mark] | None:
        """The files by which git decides what is ignored; None where one of them has just changed."""
        top = place.git.work_tree
        root = top / place.prefix
        files = [root / name for name in listing.excludes]
        files += [folder / ".gitignore" for folder in root.parents if folder.is_relative_to(top)]
        files.append(place.git.git_dir / "info" / "exclude")
        home = os.environ.get("XDG_CONFIG_HOME") or Path(os.environ.get("HOME", "/")) / ".config"
        files.append(Path(home) / "git" / "ignore")
        marks = {file: _mark(file) for file in files}
        young = any(mark and mark[-1] > self.since for mark in marks.values())
        return None if young else marks


def names(output: bytes) -> list[str]:
    """Paths that git wrote with a zero byte after each."""
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def unsure(place: Place, young: Mapping[str, Mark], paths: Set[str], deadline: Deadline) -> frozenset[str]:
    """Which of the files that changed at about the time when the index was written by somebody else are
    not to the nanosecond as they were then."""
    suspects = young.keys() & paths
    if not suspects:
        return frozenset()
    pathspec = ("--", place.prefix) if place.prefix else ()
    output = place.git.run("ls-files", "-z", "--debug", *pathspec, deadline=deadline)
    certain = set()
    for name, *times in _TIMES.findall(output):
        path = place.outside(os.fsdecode(name))
        changed, written = (int(s) * SECOND + int(ns) for s, ns in (times[:2], times[2:4]))
        mark = young.get(path or "")
        if mark and mark[-1] % SECOND and (mark[2], written, changed) == (int(times[4]), *mark[3:]):
            certain.add(path)
    return frozenset(path for path in suspects if path not in certain)


def same(file: Path, mark: Mark) -> bool:
    """Whether a young file is still the same. Times in whole seconds cannot tell."""
    return _mark(file) == mark and mark[-1] % SECOND != 0


def _mark(file: Path) -> Mark:
    try:
        return mark_of(file.lstat())
    except OSError:
        return ()
