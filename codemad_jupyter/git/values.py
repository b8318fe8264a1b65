"""The values of checkpoints: a snapshot, what was saved beside its tree, and what a restore did."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from pydantic import Field

from codemad_jupyter.git.listing import Listing, parents
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import GitError


class Snapshot(Value):
    """A snapshot of the workspace's files. ``kind`` is ``ref`` where the person's repository holds it,
    ``own`` where a git folder of ours does, ``none`` where files are not covered. ``skipped`` says what
    was left out, each as ``path: reason``; for ``none`` it says why."""

    name: str
    kind: Literal["ref", "own", "none"]
    commit: str = ""
    repo: str = ""
    files: int = 0
    skipped: tuple[str, ...] = ()
    seconds: float = 0.0


class Restoration(Value):
    """``restored`` are the paths that now are as in the snapshot, ``merged`` those that the person had
    changed elsewhere and that now have both, ``conflicts`` those left alone; ``reasons`` says why, by
    path."""

    restored: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    reasons: dict[str, str] = Field(default_factory=dict)


class Entry(NamedTuple):
    """A file or a symbolic link: all its permission bits, and git's hash of its content."""

    mode: int
    link: bool
    blob: str


class Manifest(Value):
    """What git's tree does not say. Kept as the message of the snapshot's commit."""

    version: Literal[1] = 1
    prefix: str = ""
    plain: int = 0o644
    executable: int = 0o755
    modes: dict[str, int] = Field(default_factory=dict)
    bare: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    skipped: dict[str, str] = Field(default_factory=dict)
    included: tuple[str, ...] = ()
    folder: int | None = None
    folders: dict[str, int] = Field(default_factory=dict)

    def mode(self, path: str, executable: bool) -> int:
        """The permission bits the file had."""
        return self.modes.get(path, self.executable if executable else self.plain)

    def folder_modes(self, folders: Iterable[str]) -> dict[str, int]:
        """The permission bits of those of the folders that were looked at."""
        left_out = {*self.ignored, *(f"{name}/" for name in self.skipped)}
        return {
            name: self.folders.get(name, self.folder)
            for name in folders
            if self.folder is not None and not any(f"{part}/" in left_out for part in (name, *parents(name)))
        }

    def covers(self, path: str) -> bool:
        """Whether a path that is not in the tree did not exist, rather than was not looked at."""
        if path in self.included:
            return True
        above = parents(path)
        if any(name in self.skipped for name in (path, ".", *above)):
            return False
        return path not in self.ignored and not any(f"{name}/" in self.ignored for name in above)

    def text(self) -> bytes:
        """The manifest as a commit message."""
        return json.dumps(self.model_dump()).encode()


def manifest_of(listing: Listing, prefix: str, included: tuple[str, ...]) -> Manifest:
    """What has to be kept of a listing beside git's tree; usual permission bits are kept once."""
    counts: dict[bool, Counter[int]] = {False: Counter(), True: Counter()}
    for mode in listing.files.values():
        counts[bool(mode & 0o100)][mode] += 1
    plain, executable = (
        (counts[kind].most_common(1) or [(usual, 0)])[0][0] for kind, usual in ((False, 0o644), (True, 0o755))
    )
    usual_modes = {False: plain, True: executable}
    folder = (Counter(listing.folders.values()).most_common(1) or [(0o755, 0)])[0][0]
    odd = {path: mode for path, mode in listing.files.items() if mode != usual_modes[bool(mode & 0o100)]}
    return Manifest(
        prefix=prefix,
        plain=plain,
        executable=executable,
        modes=odd,
        bare=tuple(listing.bare),
        ignored=tuple(listing.ignored),
        skipped=listing.skipped,
        included=included,
        folder=folder,
        folders={path: mode for path, mode in listing.folders.items() if mode != folder},
    )


def read_manifest(commit: bytes) -> Manifest:
    """The manifest in a commit object."""
    try:
        data = json.loads(commit.partition(b"\n\n")[2])
        # Names that are no UTF-8 hold lone surrogates, which pydantic's own JSON reader refuses.
        return Manifest.model_validate(data)
    except ValueError as error:
        raise GitError(
            "The checkpoint was not made by this version of CodeMAD.", hint="Use a newer checkpoint."
        ) from error


class Saved(NamedTuple):
    """The content of a snapshot: entries by path, the manifest, and every folder it knows."""

    entries: Mapping[str, Entry]
    manifest: Manifest
    folders: frozenset[str]
    """All folders that existed, as far as they were looked at."""
    holding: frozenset[str]
    """The folders with an entry somewhere below."""
    modes: Mapping[str, int]
    """The permission bits of the folders that were looked at."""


def shown(path: str) -> str:
    """A path that can be printed, logged and sent: control characters, marks that turn the direction
    of text, and bytes that are no UTF-8 are escaped."""
    if path.isascii() and path.isprintable():
        return path
    return "".join(
        char
        if char.isprintable()
        else f"\\x{ord(char) - 0xDC00:02x}"
        if 0xDC80 <= ord(char) <= 0xDCFF
        else char.encode("unicode_escape", "backslashreplace").decode()
        for char in path
    )
