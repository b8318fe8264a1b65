"""What differs between two snapshots, drawn for a person: a bounded unified diff, or a sentence where
lines do not say it (links, permission bits, binary content, folders)."""

from typing import Literal

from codemad_jupyter.git import lines
from codemad_jupyter.git.reading import Fetch, differing
from codemad_jupyter.git.values import Entry, Saved, shown
from codemad_jupyter.protocol.checkpoints import PathDifference

PER_FILE = 20_000
IN_ALL = 200_000
READ = 5_000_000
"""Larger files are not read for a diff."""
MOST = 5_000
"""So many paths at most are drawn; the last one says how many there are."""


def differences(old: Saved, new: Saved, *, fetch_old: Fetch, fetch_new: Fetch) -> tuple[PathDifference, ...]:
    """One value for each path that differs, in the order of paths. Diffs are cut at `PER_FILE` bytes
    each and left out after `IN_ALL`; ``detail`` says so."""
    paths = differing(old, new)
    room = IN_ALL
    found: list[PathDifference] = []
    for path in paths[:MOST]:
        if path.endswith("/"):
            found.append(_folder(path, old, new))
            continue
        before, after = old.entries.get(path), new.entries.get(path)
        details = [*_details(before, after), *_uncovered(path, before, after, old, new)]
        diff = ""
        if _lines_differ(before, after):
            left = fetch_old(before) if before and not before.link else b""
            right = fetch_new(after) if after and not after.link else b""
            diff = _draw(path, left, right, min(PER_FILE, room), details)
            room -= len(diff.encode())
        found.append(_difference(path, before, after, diff, details))
    if len(paths) > MOST:
        found[-1] = found[-1].model_copy(update={"detail": f"and {len(paths) - MOST} more paths differ"})
    return tuple(found)


def _difference(
    path: str, before: Entry | None, after: Entry | None, diff: str, details: list[str]
) -> PathDifference:
    status: Literal["added", "changed", "removed"] = "added" if before is None else "changed"
    if after is None:
        status = "removed"
    return PathDifference(path=shown(path), status=status, diff=diff, detail="; ".join(details))


def _folder(path: str, old: Saved, new: Saved) -> PathDifference:
    name = path[:-1]
    before, after = old.modes.get(name), new.modes.get(name)
    if before is None:
        return PathDifference(path=shown(path), status="added", detail="a folder without files")
    if after is None:
        return PathDifference(path=shown(path), status="removed", detail="a folder without files")
    return PathDifference(path=shown(path), status="changed", detail=_modes(before, after))


def _modes(before: int, after: int) -> str:
    return f"permission bits {before:04o} became {after:04o}"


def _details(before: Entry | None, after: Entry | None) -> list[str]:
    if before and after and before.link != after.link:
        return ["a link became a file" if before.link else "a file became a link"]
    if (before or after) and all(entry is None or entry.link for entry in (before, after)):
        return ["a symbolic link" if not (before and after) else "the link's target changed"]
    return [_modes(before.mode, after.mode)] if before and after and before.mode != after.mode else []


def _uncovered(path: str, before: Entry | None, after: Entry | None, old: Saved, new: Saved) -> list[str]:
    if before is None and not old.manifest.covers(path):
        return ["the older checkpoint did not cover it"]
    if after is None and not new.manifest.covers(path):
        return ["the newer checkpoint did not cover it"]
    return []


def _lines_differ(before: Entry | None, after: Entry | None) -> bool:
    return (before and (before.link, before.blob)) != (after and (after.link, after.blob))


def _draw(path: str, left: bytes, right: bytes, room: int, details: list[str]) -> str:
    if not (lines.is_text(left) and lines.is_text(right)):
        details.append(f"binary, {len(left)} bytes became {len(right)}")
        return ""
    if max(len(left), len(right)) > READ:
        details.append(f"too large to compare, {len(left)} bytes became {len(right)}")
        return ""
    diff, cut = lines.unified(left, right, shown(path), limit=room)
    if cut:
        details.append("the diff is cut")
    return diff
