"""Owns what the rules of a folder leave out of the index; which files are looked at is left to `walking`."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILES = (".gitignore", ".codemadignore")


class Rules:
    """The ignore rules of a folder: those of git and `.codemadignore`, each folder's own for what is below.

    As with git, the rule that comes last wins and a deeper file comes after the ones above it; a file
    below an ignored folder cannot be taken back in.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._specs: dict[str, tuple[tuple[str, GitIgnoreSpec], ...]] = {}

    def below(self, folder: str) -> tuple[tuple[str, GitIgnoreSpec], ...]:
        """The rule files that count in a folder (POSIX path, "" for the root), outermost first."""
        known = self._specs.get(folder)
        if known is None:
            above = self.below(_parent(folder)) if folder else self._outermost()
            place = f"{self._root}/{folder}" if folder else f"{self._root}"
            own = (_spec(f"{place}/{name}") for name in IGNORE_FILES)
            known = (*above, *((folder, spec) for spec in own if spec is not None))
            self._specs[folder] = known
        return known

    def ignored(self, path: str, *, folder: bool) -> bool:
        """Whether a rule leaves this one path out; its parents are looked at by who walks."""
        verdict = False
        for base, spec in self.below(_parent(path)):
            inner = path[len(base) + 1 :] if base else path
            found = spec.check_file(f"{inner}/" if folder else inner).include
            verdict = verdict if found is None else found
        return verdict

    def _outermost(self) -> tuple[tuple[str, GitIgnoreSpec], ...]:
        spec = _spec(f"{self._root}/.git/info/exclude")
        return () if spec is None else (("", spec),)


def _spec(path: str) -> GitIgnoreSpec | None:
    """The rules of a file; none where it is no regular file, too large, or not to be read.

    Each folder is asked for some: a `Path` for each would take as long as all the rest of a walk.
    """
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size > 200_000:
            return None
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    from pathspec import GitIgnoreSpec

    written = [line for line in lines if line.strip() and not line.startswith("#")]
    try:
        return GitIgnoreSpec.from_lines(written) if written else None
    except (ValueError, re.error):
        return GitIgnoreSpec.from_lines(filter(_is_rule, written))


def _is_rule(line: str) -> bool:
    """Whether a line rules anything; one that is no pattern (`!`, `[z-a]`) does not, as with git."""
    from pathspec import GitIgnoreSpec

    try:
        return bool(GitIgnoreSpec.from_lines([line]).patterns)
    except (ValueError, re.error):
        return False


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
