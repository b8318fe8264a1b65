"""Whether a path fits a rule's pattern, decided on what the path leads to, and which paths give rights.

A path counts as it is written and as it is once links are resolved. A rule that forbids compares without
case and without what some file systems leave out; one that allows compares to the letter.
"""

import os
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

CONTROL = (
    "codemad.toml", ".codemad/**", "AGENTS.md", "CLAUDE.md", "GEMINI.md", ".cursorrules", ".mcp.json",
    "mcp.json", ".envrc",
    ".vscode/**", ".idea/**", ".claude/**", ".codex/**", ".cursor/**", ".gemini/**", ".jupyter/**",
    ".ipython/**", ".git/**", ".gitattributes", ".gitmodules", ".gitconfig", ".githooks/**", ".husky/**",
    ".pre-commit-config.yaml", ".github/**", ".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv",
    "sitecustomize.py", "usercustomize.py", "*.pth", "jupyter_*config.py", "jupyter_*config.json",
    "ipython_config.py", "jupyter_*config.d/**",
)  # fmt: skip
"""Files that steer assistants, editors, shells, interpreters or git: to write one is to give rights."""
PATHS = ("path", "to", "file", "notebook", "folder", "directory", "cwd", "paths", "files")
"""The arguments of tools that hold a path, or a list of them."""
_IGNORED = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


@dataclass(frozen=True)
class Place:
    """Where a path leads: as written and resolved, relative to the root with slashes or else absolute."""

    written: str
    real: str

    @property
    def outside(self) -> bool:
        """Does it lead out of the root, one way or the other?"""
        return self.written.startswith("/") or self.real.startswith("/")


def place_of(root: Path, path: str) -> Place:
    """Where the path leads; a NUL or a name that cannot be followed leads outside."""
    top = os.path.realpath(root)
    if "\0" in path or len(path) > 4_000:
        return Place("/", "/")
    given = os.path.expanduser(path.replace("\\", "/") if os.sep == "\\" else path)  # noqa: PTH111
    joined = os.path.join(top, given)  # noqa: PTH118 - Path would drop what is compared here
    try:
        real = os.path.realpath(joined)
    except (OSError, ValueError):
        real = "/"
    written = os.path.normpath(joined)
    root_written = os.path.abspath(root)  # noqa: PTH100 - links stay
    if os.path.isabs(given):  # noqa: PTH117
        written = _relative(root_written, written) if written.startswith(root_written) else written
    return Place(_relative(top, written), _relative(top, real))


def _relative(top: str, path: str) -> str:
    path = path.replace(os.sep, "/")
    top = top.replace(os.sep, "/").rstrip("/")
    if path == top:
        return "."
    return path[len(top) + 1 :] if path.startswith(f"{top}/") else path


def fits(pattern: str, place: Place, *, strict: bool) -> bool:
    """Whether the pattern is about this place. ``strict`` (what allows): both forms, to the letter."""
    pattern = os.path.expanduser(pattern)  # noqa: PTH111
    if strict:
        return all(_matches(pattern, each) for each in (place.written, place.real))
    return any(_matches(_folded(pattern), _folded(each)) for each in (place.written, place.real))


def gives_rights(root: Path, path: str) -> bool:
    """Is to write there to give rights?"""
    place = place_of(root, path)
    parts = [part for form in (place.written, place.real) for part in _tails(form)]
    return any(_matches(_folded(pattern), _folded(tail)) for pattern in CONTROL for tail in parts)


def _tails(path: str) -> list[str]:
    """The path below each of its folders: such a file counts in every one."""
    parts = path.split("/")
    return ["/".join(parts[at:]) for at in range(len(parts))]


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKC", _IGNORED.sub("", text)).casefold()
    return "/".join(part if part in (".", "..") else part.rstrip(". ") or part for part in text.split("/"))


def _matches(pattern: str, path: str) -> bool:
    if "/" not in pattern:  # a bare name counts at any depth, also as a folder
        return any(_compiled(pattern).fullmatch(part) for part in path.split("/"))
    if pattern.endswith("/**") and _compiled(pattern[:-3]).fullmatch(path):
        return True
    return _compiled(pattern.removeprefix("./")).fullmatch(path) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """``*`` and ``?`` stay within one name, ``**`` crosses folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts), re.DOTALL)
