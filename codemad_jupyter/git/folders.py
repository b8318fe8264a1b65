"""Brings folders back that hold no file (git does not know them), and the permission bits of folders."""

import errno
import stat
from collections.abc import Collection, Sequence
from pathlib import Path

from codemad_jupyter.git import files
from codemad_jupyter.git.files import is_safe, look
from codemad_jupyter.git.values import Saved


class Folders:
    """The folders of one restore, named with a slash at the end, and how each went."""

    def __init__(self, root: Path, old: Saved, expected: Saved, paths: Sequence[str]) -> None:
        self.restored: list[str] = []
        self.reasons: dict[str, str] = {}
        self._root, self._old = root, old
        self._waiting: list[str] = []
        for path in paths:
            reason = self._objection(path[:-1], expected)
            if reason:
                self.reasons[path] = reason
            else:
                self._waiting.append(path[:-1])

    def _objection(self, name: str, expected: Saved) -> str:
        if not is_safe(name):
            return "is no path below the workspace"
        wanted, now, before = self._old.modes.get(name), _mode(self._root, name), expected.modes.get(name)
        if wanted is None and (name in self._old.folders or not self._old.manifest.covers(name)):
            return "was not saved in the checkpoint"
        if now in (wanted, before) or (now is None and before is not None):
            return ""
        return "has changed since"

    def widen(self) -> None:
        """Let the owner write again where that was so: files may have to go in."""
        for name in self._waiting:
            mode = self._old.modes.get(name)
            if mode is not None and mode & 0o300 == 0o300 and _mode(self._root, name) is not None:
                self._try(name, mode)

    def remove(self) -> None:
        """Remove what was not there, from below; a folder that holds something stays."""
        for name in sorted(self._waiting, reverse=True):
            if name not in self._old.modes:
                try:
                    if _mode(self._root, name) is not None:
                        files.remove_folder(self._root, name)
                except OSError as error:
                    full = error.errno in (errno.ENOTEMPTY, errno.EEXIST)
                    self.reasons[f"{name}/"] = "is not empty" if full else f"could not be removed: {error}"
                else:
                    self.restored.append(f"{name}/")

    def finish(self, made: Collection[str]) -> None:
        """Make what is missing, and set the permission bits, those of new folders too, from below."""
        for name in self._waiting:
            if name in self._old.modes and _mode(self._root, name) is None:
                try:
                    files.make_folder(self._root, name, self._old.modes)
                except OSError as error:
                    self.reasons[f"{name}/"] = f"could not be made: {error}"
        named = [name for name in self._waiting if name in self._old.modes]
        narrow = [name for name in made if self._old.modes.get(name, 0o700) & 0o700 != 0o700]
        for name in sorted({*named, *narrow}, reverse=True):
            if f"{name}/" not in self.reasons:
                self._try(name, self._old.modes[name])
        self.restored += [f"{name}/" for name in named if f"{name}/" not in self.reasons]

    def _try(self, name: str, mode: int) -> None:
        try:
            if _mode(self._root, name) != mode:
                files.set_mode(self._root, name, mode, before=look(self._root, name))
        except (OSError, files.Changed) as error:
            self.reasons[f"{name}/"] = f"could not get its permission bits: {error}"


def _mode(root: Path, name: str) -> int | None:
    """The permission bits of a folder; None where there is none."""
    found = look(root, name)
    return stat.S_IMODE(found.mark[1]) if found.what == "folder" else None
