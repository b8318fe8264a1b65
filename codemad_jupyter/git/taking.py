"""Takes a snapshot: finds a place for it, brings that place's index up to date, writes the commit."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.git.files import is_safe
from codemad_jupyter.git.listing import Bounds, Listing, add, walk
from codemad_jupyter.git.places import Place, own_place, ref_place
from codemad_jupyter.git.repo import Deadline, GitTimeout, find_root
from codemad_jupyter.git.trust import changing, danger
from codemad_jupyter.git.values import Snapshot, manifest_of
from codemad_jupyter.protocol.errors import GitError

REFS = "refs/codemad/checkpoints/"
SHOWN = 200
"""So many skipped paths at most are named in a snapshot; its manifest has them all."""


@dataclass(frozen=True)
class Workspace:
    """The folder, where our data about it is, and how much of it is looked at."""

    root: Path
    data: Path
    max_files: int
    max_bytes: int


def take(workspace: Workspace, name: str, include: Sequence[str], deadline: Deadline) -> Snapshot:
    """A snapshot of what is there now. Only while the lock is held."""
    place, listing = _choose(workspace, include, deadline)
    try:
        tree = _write(place, listing, deadline)
    except GitTimeout:
        raise
    except GitError:
        # The private index may name objects that the person's git has cleared away: begin anew.
        if place.git.index is not None:
            place.git.index.unlink(missing_ok=True)
        place, listing = _choose(workspace, include, deadline)
        tree = _write(place, listing, deadline)
    manifest = manifest_of(listing, place.prefix, tuple(include))
    commit = place.git.run("commit-tree", tree, data=manifest.text(), deadline=deadline).decode().strip()
    place.git.run("update-ref", f"{REFS}{name}", commit, deadline=deadline)
    skipped = [f"{path}: {reason}" for path, reason in sorted(listing.skipped.items())]
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


def _choose(workspace: Workspace, include: Sequence[str], deadline: Deadline) -> tuple[Place, Listing]:
    root, repository = workspace.root, find_root(workspace.root)
    if repository is not None and not danger(repository, deadline=deadline):
        place = ref_place(root, repository, workspace.data)
        listing = _list(workspace, place, include, deadline)
        if listing is not None and not _conversions(root, repository, listing):
            return place, listing
    for top in (repository or root, root):
        place = own_place(root, repository, workspace.data, top=top, deadline=deadline)
        listing = _list(workspace, place, include, deadline)
        if listing is not None:
            return place, listing
    raise GitError(
        f"{root} is left out by its own .gitignore.", hint="Remove the line that matches everything."
    )


def _conversions(root: Path, repository: Path, listing: Listing) -> str:
    above = [folder / ".gitattributes" for folder in root.parents if folder.is_relative_to(repository)]
    here = [root / path for path in listing.attributes]
    return changing(file for file in dict.fromkeys((*above, *here)) if os.path.lexists(file))


def _list(workspace: Workspace, place: Place, include: Sequence[str], deadline: Deadline) -> Listing | None:
    """What is in the workspace; None where it lies in an ignored folder of the place."""
    tracked = _tracked(place, deadline)
    pathspec = ("--", place.prefix) if place.prefix else ()
    options = ("-z", "--others", "--ignored", "--exclude-standard", "--directory")
    found = _names(place.git.run("ls-files", *options, *pathspec, deadline=deadline))
    if place.prefix and any(f"{place.prefix}/".startswith(path) for path in found if path.endswith("/")):
        return None
    ignored = frozenset(path for name in found if (path := place.outside(name)) is not None)
    bounds = Bounds(ignored, tracked, workspace.data, workspace.max_files, workspace.max_bytes)
    listing = walk(workspace.root, bounds, deadline=deadline)
    for path in include:
        if is_safe(path):
            add(workspace.root, path, bounds, listing)
    # An attribute file that git knows but that is gone from the folder still has its effect.
    gone = (path for path in tracked - listing.files.keys() if path.rpartition("/")[2] == ".gitattributes")
    if place.kind == "ref" and any(gone):
        return None
    return listing


def _tracked(place: Place, deadline: Deadline) -> frozenset[str]:
    """The files of the private index below the workspace; the index is emptied where a flag in it
    would keep git from looking at a file."""
    index = place.git.index
    if index is None or not index.exists():
        return frozenset()
    pathspec = ("--", place.prefix) if place.prefix else ()
    try:
        lines = _names(place.git.run("ls-files", "-z", "-v", "--stage", *pathspec, deadline=deadline))
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


def _write(place: Place, listing: Listing, deadline: Deadline) -> str:
    git = place.git
    index = git.index
    known = _tracked(place, deadline)
    outside = (
        [
            line.partition("\t")[2]
            for line in _names(git.run("ls-files", "-z", "--unmerged", deadline=deadline))
        ]
        if index is not None and index.exists()
        else []
    )
    gone = [place.inside(path) for path in known - listing.files.keys()]
    gone += [name for name in dict.fromkeys(outside) if place.outside(name) is None]
    if gone:
        git.run("update-index", "-z", "--force-remove", "--stdin", data=_lines(gone), deadline=deadline)
    if listing.files:
        names = [place.inside(path) for path in listing.files]
        options = ("-z", "--add", "--replace", "--stdin")
        git.run("update-index", *options, data=_lines(names), deadline=deadline)
    return git.run("write-tree", deadline=deadline).decode().strip()


def _names(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _lines(names: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(name) + b"\0" for name in names)
