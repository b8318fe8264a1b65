"""Takes a snapshot: finds a place for it, brings that place's index up to date, writes the commit."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codemad_jupyter.git.files import is_safe
from codemad_jupyter.git.listing import Bounds, Fresh, Limits, Listing, add, parents, walk
from codemad_jupyter.git.memory import YOUNG, Known, Memory, names, unsure
from codemad_jupyter.git.places import Place, own_place, ref_place
from codemad_jupyter.git.repo import Deadline, GitTimeout, find_root
from codemad_jupyter.git.trust import changing, danger
from codemad_jupyter.git.values import Snapshot, manifest_of, shown
from codemad_jupyter.protocol.errors import GitError

REFS = "refs/codemad/checkpoints/"
SHOWN = 200
"""So many skipped paths at most are named in a snapshot; its manifest has them all."""


@dataclass(frozen=True)
class Workspace:
    """The folder, where our data about it is, how much of it is looked at, and whether the repository
    there is left alone although it is plain."""

    root: Path
    data: Path
    max_files: int
    max_bytes: int
    apart: bool = False


def take(
    workspace: Workspace, name: str, include: Sequence[str], memory: Memory, deadline: Deadline
) -> Snapshot:
    """A snapshot of what is there now. Only while the lock is held."""
    try:
        place, listing, tree = _take(workspace, include, memory, deadline)
        commit = _commit(place, name, listing, tree, include, deadline)
    except GitTimeout:
        raise
    except GitError:
        # The private index may name objects that the person's git has cleared away: begin anew.
        memory.forget()
        place, listing, tree = _take(workspace, include, memory, deadline)
        commit = _commit(place, name, listing, tree, include, deadline)
    skipped = [f"{shown(path)}: {reason}" for path, reason in sorted(listing.skipped.items())]
    if len(skipped) > SHOWN:
        skipped = [*skipped[:SHOWN], f"and {len(skipped) - SHOWN} more"]
    return Snapshot(
        name=name,
        kind=place.kind,
        commit=commit,
        repo=str(place.git.git_dir),
        files=len(listing.files),
        skipped=tuple(skipped),
    )


def _take(
    workspace: Workspace, include: Sequence[str], memory: Memory, deadline: Deadline
) -> tuple[Place, Listing, str]:
    place, listing, known = _choose(workspace, include, memory, deadline)
    tree = _write(place, listing, known, deadline)
    memory.keep(place, listing, tree)
    return place, listing, tree


def _commit(
    place: Place, name: str, listing: Listing, tree: str, include: Sequence[str], deadline: Deadline
) -> str:
    manifest = manifest_of(listing, place.prefix, tuple(include))
    commit = place.git.run("commit-tree", tree, data=manifest.text(), deadline=deadline).decode().strip()
    place.git.run("update-ref", f"{REFS}{name}", commit, deadline=deadline)
    return commit


def _choose(
    workspace: Workspace, include: Sequence[str], memory: Memory, deadline: Deadline
) -> tuple[Place, Listing, Known]:
    root, repository = workspace.root, find_root(workspace.root)
    if repository is not None and not workspace.apart and not danger(repository, deadline=deadline):
        place = ref_place(root, repository, workspace.data)
        found = _list(workspace, place, include, memory, deadline)
        if found is not None and not _conversions(root, repository, found[0]):
            return place, *found
    for top in (repository or root, root):
        place = own_place(root, repository, workspace.data, top=top, deadline=deadline)
        found = _list(workspace, place, include, memory, deadline)
        if found is not None:
            return place, *found
    raise GitError(
        f"{root} is left out by its own .gitignore.", hint="Remove the line that matches everything."
    )


def _conversions(root: Path, repository: Path, listing: Listing) -> str:
    above = [folder / ".gitattributes" for folder in root.parents if folder.is_relative_to(repository)]
    here = [root / path for path in listing.attributes]
    return changing(file for file in dict.fromkeys((*above, *here)) if os.path.lexists(file))


def _list(
    workspace: Workspace, place: Place, include: Sequence[str], memory: Memory, deadline: Deadline
) -> tuple[Listing, Known] | None:
    """What is in the workspace, and what of it git has in the private index already; None where the
    workspace lies in an ignored folder of the place."""
    found = memory.known(place, deadline)
    known, since = (found, memory.since) if found else _unknown(place, memory.since, deadline)
    own = workspace.data.relative_to(workspace.root).as_posix() if _inside(workspace) else ""
    limits = Limits(own, workspace.max_files, workspace.max_bytes, since)
    listing, bounds = _again(workspace.root, place, known, limits, deadline)
    if listing is None:
        ignored = _ignored(place, deadline)
        if ignored is None:
            return None
        bounds = replace(bounds, ignored=ignored, before=None)
        listing = walk(workspace.root, bounds, deadline=deadline)
    for path in include:
        if is_safe(path):
            add(workspace.root, path, bounds, listing)
    if found is None:
        known = replace(known, unsure=unsure(place, listing.young, known.paths, deadline))
    listing.young.update((path, mark) for path, mark in known.young.items() if path in listing.files)
    # An attribute file that git knows but that is gone from the folder still has its effect.
    gone = (path for path in known.paths - listing.files.keys() if path.endswith(".gitattributes"))
    return None if place.kind == "ref" and any(gone) else (listing, known)


def _unknown(place: Place, since: int, deadline: Deadline) -> tuple[Known, int]:
    """What is in an index that somebody else wrote, and since when its files may deceive git."""
    known = Known(_tracked(place, deadline))
    index = place.git.index
    if index is None or not index.exists():
        return known, since
    return known, min(since, index.stat().st_mtime_ns - YOUNG)


def _again(
    root: Path, place: Place, known: Known, limits: Limits, deadline: Deadline
) -> tuple[Listing | None, Bounds]:
    """The same without asking git for all that it ignores; no listing where that may be different."""
    before = known.before or Listing()
    touched = {path.rpartition("/")[0] for path in before.files.keys() - known.modes.keys()}
    bounds = Bounds({*before.ignored}, known.paths, limits, known.modes, before, touched)
    if known.before is None or not known.settled:
        return None, bounds
    try:
        listing = walk(root, bounds, deadline=deadline)
    except Fresh:
        return None, bounds
    if listing.fresh and _any_ignored(place, listing.fresh, deadline):
        return None, bounds
    return listing, bounds


def _any_ignored(place: Place, paths: Sequence[str], deadline: Deadline) -> bool:
    inside = [place.inside(path) for path in paths]
    if any(path.endswith("/.gitignore") or path == ".gitignore" for path in inside):
        return True  # it decides about others
    plain = _lines([f"./{path}" for path in inside])  # a colon at the start would have a meaning
    options = ("-z", "--stdin", "--no-index")
    return bool(place.git.run("check-ignore", *options, data=plain, deadline=deadline, accept=1))


def _inside(workspace: Workspace) -> bool:
    return workspace.data.is_relative_to(workspace.root)


def _ignored(place: Place, deadline: Deadline) -> frozenset[str] | None:
    """What git ignores below the workspace; None where that is all of it."""
    pathspec = ("--", place.prefix) if place.prefix else ()
    options = ("-z", "--others", "--ignored", "--exclude-standard", "--directory")
    found = names(place.git.run("ls-files", *options, *pathspec, deadline=deadline))
    # Git also names folders in which just now nothing but ignored files is: these have others below.
    above = {f"{parent}/" for name in found for parent in parents(name.rstrip("/"))}
    ignored = [name for name in found if name not in above]
    if place.prefix and any(f"{place.prefix}/".startswith(name) for name in ignored if name.endswith("/")):
        return None
    return frozenset(path for name in ignored if (path := place.outside(name)) is not None)


def _tracked(place: Place, deadline: Deadline) -> frozenset[str]:
    """The files of the private index below the workspace; the index is emptied where a flag in it
    would keep git from looking at a file."""
    index = place.git.index
    if index is None or not index.exists():
        return frozenset()
    pathspec = ("--", place.prefix) if place.prefix else ()
    try:
        lines = names(place.git.run("ls-files", "-z", "-v", "--stage", *pathspec, deadline=deadline))
    except GitTimeout:
        raise
    except GitError:
        lines = ["S"]  # it cannot be read
    if any(line[0] == "S" or line[0].islower() for line in lines):
        index.unlink()
        return frozenset()
    paths: set[str] = set()
    for line in lines:
        head, _, name = line.partition("\t")
        path = place.outside(name)
        if path is not None and head.split(" ")[1] != "160000":
            paths.add(path)
    return frozenset(paths)


def _write(place: Place, listing: Listing, known: Known, deadline: Deadline) -> str:
    git = place.git
    gone = [place.inside(path) for path in (known.paths - listing.files.keys()) | known.unsure]
    if known.before is None:
        gone += _elsewhere(place, deadline)
    if gone:
        git.run("update-index", "-z", "--force-remove", "--stdin", data=_lines(gone), deadline=deadline)
    new = [place.inside(path) for path in listing.files.keys() - known.modes.keys()]
    if new:
        options = ("-z", "--add", "--replace", "--stdin")
        git.run("update-index", *options, data=_lines(new), deadline=deadline)
    if known.tree and not gone and not new:
        return known.tree
    return git.run("write-tree", deadline=deadline).decode().strip()


def _elsewhere(place: Place, deadline: Deadline) -> list[str]:
    """Files in conflict that are not in the workspace: with them git writes no tree."""
    if place.git.index is None or not place.git.index.exists():
        return []
    lines = names(place.git.run("ls-files", "-z", "--unmerged", deadline=deadline))
    found = dict.fromkeys(line.partition("\t")[2] for line in lines)
    return [name for name in found if place.outside(name) is None]


def _lines(paths: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
