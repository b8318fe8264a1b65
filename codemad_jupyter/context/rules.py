"""The standing instructions to assistants: the person's own, and those of the workspace from its root down
to the folder of the file at hand. What is deeper comes later and is cut last.

The texts are advice to the model: permissions never depend on them. Whether a folder's advice may be read at
all is for the caller to say.
"""

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

NAMES = ("AGENTS.md", "CLAUDE.md", ".cursorrules")
MAX_RULES = 32_000
"""Characters taken from all rules files together."""
MOST_FOLDERS = 32
"""How deep below the root rules are looked for."""
CUT = "\n[… cut to fit …]"

Trusted = Callable[[Path], bool]


@dataclass(frozen=True)
class Rule:
    """The text of one rules file. ``name`` is its path in the workspace, or where the person's own lies."""

    name: str
    text: str
    cut: bool = False


def read_rules(root: Path, *, at: str | None = None, own: Path | None = None, trusted: Trusted) -> list[Rule]:
    """The rules that hold for the file ``at`` (a path in the workspace), general ones first.

    The person's ``own`` folder always counts, the workspace where ``trusted``. A repository below the root
    is somebody else's work: it counts only when that folder is trusted itself.
    """
    found: list[Rule] = []
    if own is not None:
        found += _in_folder(own, f"{own.name}/")
    root = root.resolve()
    if trusted(root):
        for folder in folders(root, at):
            if folder != root and os.path.lexists(folder / ".git") and not trusted(folder):
                break
            found += _in_folder(folder, _prefix(folder, root))
    return fitted(distinct(found), limit=MAX_RULES)


def present(root: Path) -> tuple[str, ...]:
    """The names of the rules files that lie in this folder itself."""
    return tuple(rule.name for rule in _in_folder(root.resolve(), ""))


def folders(root: Path, at: str | None) -> list[Path]:
    """The folders from the root down to that of the file; the root alone for a file that lies elsewhere."""
    try:
        bottom = (root / PurePosixPath(at)).resolve().parent if at else root
    except (OSError, ValueError, RuntimeError):
        return [root]
    if not bottom.is_relative_to(root):
        return [root]
    steps = bottom.relative_to(root).parts[:MOST_FOLDERS]
    return [root.joinpath(*steps[:depth]) for depth in range(len(steps) + 1)]


def distinct(rules: Sequence[Rule]) -> list[Rule]:
    """The rules without those that repeat another's text, as where one file is kept under two names."""
    deepest = {rule.text.strip(): rule for rule in rules}
    return [rule for rule in rules if deepest[rule.text.strip()] is rule]


def fitted(rules: Sequence[Rule], *, limit: int) -> list[Rule]:
    """The rules with the more general ones cut, or left without text, where all are longer than the limit."""
    kept: list[Rule] = []
    for rule in reversed(rules):
        whole = len(rule.text) <= limit
        kept.append(rule if whole else replace(rule, text=rule.text[: max(limit, 0)] + CUT, cut=True))
        limit -= min(len(rule.text), max(limit, 0))
    return kept[::-1]


def _prefix(folder: Path, root: Path) -> str:
    return "" if folder == root else f"{folder.relative_to(root).as_posix()}/"


def _in_folder(folder: Path, prefix: str) -> list[Rule]:
    texts = ((name, _text(folder / name)) for name in NAMES)
    return [Rule(f"{prefix}{name}", text) for name, text in texts if text.strip()]


def _text(path: Path) -> str:
    """What a regular file says, at most a little more than may be used; links are not followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return ""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return ""
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        return file.read(MAX_RULES + 1)
