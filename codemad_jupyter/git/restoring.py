"""Brings named paths back to a snapshot: only what is as expected, and nothing else. With merging, a
text that the person changed meanwhile keeps those changes where they do not touch the ones taken back.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from codemad_jupyter.git import files, lines
from codemad_jupyter.git.files import Changed, Found, blob_name, is_safe, look
from codemad_jupyter.git.folders import Folders
from codemad_jupyter.git.listing import parents
from codemad_jupyter.git.reading import Fetch
from codemad_jupyter.git.values import Entry, Restoration, Saved
from codemad_jupyter.protocol.errors import GitError

SYNCED = 200
"""A restore of more files leaves the time of writing to the system: waiting takes 10 ms a file."""
MERGED = 10_000_000
"""Files of more bytes are not merged."""
CHANGED = "has changed since"


def restore(
    root: Path,
    paths: Sequence[str],
    old: Saved,
    expected: Saved,
    *,
    fetch: Fetch,
    fetch_expected: Fetch | None = None,
) -> Restoration:
    """Bring the paths back to ``old`` where they still are as in ``expected``; with a function to fetch
    what was expected, texts that are not are merged. Removals come first, for a folder may have to make
    way for a file."""
    work = _Work(root, old, expected, fetch, fetch_expected)
    wanted = list(dict.fromkeys(paths))
    names = [path for path in wanted if not path.endswith("/")]
    folders = Folders(root, old, expected, [path for path in wanted if path.endswith("/")])
    folders.widen()
    work.plan(names)
    work.remove()
    folders.remove()
    work.write()
    folders.finish(work.made)
    done = {*work.restored, *folders.restored}
    reasons = work.reasons | folders.reasons
    return Restoration(
        restored=tuple(path for path in wanted if path in done),
        merged=tuple(work.merged),
        conflicts=tuple(path for path in wanted if path in reasons),
        reasons=reasons,
    )


def _at(saved: Saved, path: str) -> Entry | str | None:
    if path in saved.entries:
        return saved.entries[path]
    return "folder" if path in saved.holding or path in saved.modes else None


def _objection(path: str, found: Found, old: Saved, expected: Saved) -> str:
    wanted = _at(old, path)
    if not is_safe(path):
        return "is no path below the workspace"
    if wanted is None and not old.manifest.covers(path):
        return "was not saved in the checkpoint"
    if found.what == wanted:
        return ""
    before = _at(expected, path)
    if before is None and not expected.manifest.covers(path):
        return "was not looked at after the run"
    return "" if found.what == before else CHANGED


class _Work:
    """The files of one restore, and how each went."""

    def __init__(
        self, root: Path, old: Saved, expected: Saved, fetch: Fetch, fetch_expected: Fetch | None
    ) -> None:
        self.restored: list[str] = []
        self.merged: list[str] = []
        self.reasons: dict[str, str] = {}
        self._root, self._old, self._expected = root, old, expected
        self._fetch, self._fetch_expected = fetch, fetch_expected
        self._plan: list[tuple[str, Found]] = []
        self._merging: list[tuple[str, Found]] = []
        self._sync = True

    @property
    def made(self) -> set[str]:
        """The folders above what was written."""
        return {parent for path in self.restored for parent in parents(path)}

    def plan(self, paths: Sequence[str]) -> None:
        for path in paths:
            found = look(self._root, path) if is_safe(path) else Found("other")
            reason = _objection(path, found, self._old, self._expected)
            if reason == CHANGED and self._fetch_expected is not None:
                self._merging.append((path, found))
            elif reason:
                self.reasons[path] = reason
            elif found.what == _at(self._old, path):
                self.restored.append(path)
            else:
                self._plan.append((path, found))

    def remove(self) -> None:
        for path, found in self._plan:
            if path not in self._old.entries:
                self._try(path, found, self._delete)

    def write(self) -> None:
        self._sync = len(self._plan) + len(self._merging) <= SYNCED
        for path, found in self._plan:
            if path in self._old.entries:
                self._try(path, found, self._write)
        for path, found in self._merging:
            self._try(path, found, self._merge)

    def _try(self, path: str, found: Found, step: Callable[[str, Found], None]) -> None:
        try:
            step(path, found)
        except Changed:
            self.reasons[path] = CHANGED
        except (OSError, GitError) as error:
            self.reasons[path] = f"could not be restored: {error}"

    def _delete(self, path: str, found: Found) -> None:
        files.delete(self._root, path, before=found, keep=self._old.folders)
        self.restored.append(path)

    def _write(self, path: str, found: Found) -> None:
        entry = self._old.entries[path]
        if isinstance(found.what, Entry) and found.what._replace(mode=entry.mode) == entry:
            files.set_mode(self._root, path, entry.mode, before=found)
        else:
            if found.what == "folder":
                found = look(self._root, path)  # the removals before may have cleared it away
                if found.what is not None:
                    raise Changed
            self._put(path, entry, self._fetch(entry), found)
        self.restored.append(path)

    def _put(self, path: str, entry: Entry, data: bytes, found: Found) -> None:
        modes, sync = self._old.modes, self._sync
        files.write(self._root, path, entry, data, before=found, folders=modes, sync=sync)

    def _merge(self, path: str, found: Found) -> None:
        base, now, wanted = self._expected.entries.get(path), found.what, self._old.entries.get(path)
        if not (base and wanted and isinstance(now, Entry)) or base.link or wanted.link or now.link:
            self.reasons[path] = CHANGED
            return
        mode = now.mode if wanted.mode in (base.mode, now.mode) else wanted.mode
        if now.mode not in (base.mode, wanted.mode) and wanted.mode != base.mode:
            self.reasons[path] = "has other permission bits since"
            return
        data, reason = self._three(path, found, base, wanted)
        if reason:
            self.reasons[path] = reason
            return
        if blob_name(data) == now.blob:
            if mode != now.mode:
                files.set_mode(self._root, path, mode, before=found)
        else:
            self._put(path, Entry(mode, False, ""), data, found)
        self.merged.append(path)

    def _three(self, path: str, found: Found, base: Entry, wanted: Entry) -> tuple[bytes, str]:
        """The merged content, or why there is none."""
        if self._fetch_expected is None or found.mark[2] > MERGED:
            return b"", f"{CHANGED} and is too large to be merged"
        ours = files.read(self._root, path, before=found)
        if blob_name(ours) == base.blob:
            return self._fetch(wanted), ""
        texts = self._fetch_expected(base), ours, self._fetch(wanted)
        if not all(lines.is_text(text) for text in texts):
            return b"", f"{CHANGED} and is no text that can be merged"
        merged = lines.merge(*texts)
        if merged.conflicts:
            return b"", f"{CHANGED} in the same lines: {lines.ranges(merged.conflicts)}"
        return merged.text, ""
